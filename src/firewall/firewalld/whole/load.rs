//! Loading everything, as firewalld does when it starts (`core/fw.py`), and all that it would
//! refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Whole;
use super::policy::Order;
use crate::firewall::firewalld::Conf;
use crate::firewall::firewalld::code::{Checked, Code, Fault};
use crate::firewall::firewalld::direct::{self, Direct};
use crate::firewall::firewalld::encoding::read_xml;
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::kind::Kind;
use crate::firewall::firewalld::lockdown;
use crate::firewall::firewalld::policy::Policy;
use crate::firewall::firewalld::rich::{Element, Rule};
use crate::firewall::firewalld::zone::Zone;

/// In which order kinds are loaded.
const ORDER: [Kind; 6] = [
    Kind::Ipset,
    Kind::Icmptype,
    Kind::Helper,
    Kind::Service,
    Kind::Zone,
    Kind::Policy,
];

/// In which order they are checked with each other (`full_check_config`).
const CHECK_ORDER: [Kind; 6] = [
    Kind::Ipset,
    Kind::Helper,
    Kind::Icmptype,
    Kind::Service,
    Kind::Zone,
    Kind::Policy,
];

/// What came of loading.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Lines for the log.
    pub log: Vec<String>,
    /// Local objects that are passed over, where the generation does that.
    pub passed_over: Vec<(Kind, String)>,
    /// What keeps everything from being loaded, where the generation stops for it.
    pub fault: Option<Fault>,
}

/// A file that firewalld would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileFault {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub fault: Fault,
}

/// Loads every object. Since 1.2 the first that is wrong stops it, before such an object is passed
/// over.
pub(crate) fn load(whole: Whole) -> Load {
    let mut load = Load::default();
    for file in reading_order(whole, ORDER, whole.has(Feature::WrongFileRefuses)) {
        let mut lines = Vec::new();
        let read = file.read(whole, &mut lines);
        load.log.extend(lines.iter().map(|line| format!("WARNING: {line}")));
        match read {
            Ok(()) => {
                if !file.overridden
                    && let Some(fault) = whole.not_added(file.kind, &file.name)
                {
                    load.log.push(file.failed_to_load(whole, &format!(" {fault}")));
                    load.passed_over.push((file.kind, file.name));
                }
            }
            Err(fault) if whole.has(Feature::WrongFileRefuses) => {
                load.fault = Some(fault.in_file());
                return load;
            }
            Err(fault) => {
                let why = match fault.code {
                    Code::UnknownError => String::new(),
                    _ => format!(" {fault}"),
                };
                load.log.push(file.failed_to_load(whole, &why));
                load.passed_over.extend((!file.overridden).then_some((file.kind, file.name)));
            }
        }
    }
    load
}

/// A file that is read at the start.
struct File {
    kind: Kind,
    name: String,
    /// It is shipped, and a local one replaces it.
    overridden: bool,
}

impl File {
    fn read(&self, whole: Whole, log: &mut Vec<String>) -> Checked<()> {
        match self.overridden {
            true => whole.read_text(self.kind, &self.name, &self.text(whole)?, log),
            false => whole.read_named(self.kind, &self.name, log),
        }
    }

    fn check(&self, whole: Whole) -> Checked<()> {
        whole.object_text(self.kind, &self.name, &self.text(whole)?)
    }

    fn text(&self, whole: Whole) -> Checked<String> {
        match self.overridden {
            true => Ok(whole.tree.shipped_text(self.kind, &self.name).ok().flatten().unwrap_or_default()),
            false => whole.text(self.kind, &self.name),
        }
    }

    fn failed_to_load(&self, whole: Whole, why: &str) -> String {
        let path = match self.overridden {
            true => whole.tree.shipped(self.kind, &self.name),
            false => whole.tree.find(self.kind, &self.name).unwrap_or_default(),
        };
        format!("ERROR: Failed to load {} file '{}':{why}", self.kind.word(), path.display())
    }
}

/// `--check-config` before 1.1, and what it logs: it checks each file right after reading it, with what it read
/// before, and `firewalld.conf` is read after all others (`check_config` of `core/io/functions.py`, 0.9.11).
pub(crate) fn check_files(whole: Whole, log: &mut Vec<String>) -> Checked<()> {
    let mut zones = BTreeMap::new();
    for file in reading_order(whole, CHECK_ORDER, false) {
        if file.name.contains('/') {
            continue;
        }
        let mut lines = Vec::new();
        let so_far = Whole {
            read_so_far: Some(&zones),
            ..whole
        };
        let checked = file.read(so_far, &mut lines).and_then(|()| file.check(so_far));
        log.extend(lines.iter().map(|line| format!("WARNING: {line}")));
        checked.map_err(|fault| {
            let detail = match fault.detail.as_str() {
                "" => format!("'{}.xml': ", file.name),
                detail => format!("'{}.xml': {detail}", file.name),
            };
            fault.code.about(detail)
        })?;
        if file.kind == Kind::Zone {
            let zone = Zone::parse(&file.text(whole)?, whole.grammar)?;
            zones.insert(file.name, zone);
        }
    }
    whole.other_files()?;
    let conf = Conf::load(whole.tree).unwrap_or_default();
    conf.check(whole.grammar).map_err(|fault| in_file_named("firewalld.conf", &whole, fault))
}

/// What `--check-config` logs since 1.1: it reads every file a second time (`check_on_disk_config` of
/// `core/io/functions.py`), up to the first that is wrong.
pub(crate) fn check_log(whole: Whole) -> Vec<String> {
    let mut log = Vec::new();
    for file in reading_order(whole, CHECK_ORDER, false) {
        let is_part = file.name.contains('/');
        if is_part && !whole.has(Feature::CheckEntersDirectories) {
            continue;
        }
        if file.read(whole, &mut log).is_err() {
            break;
        }
    }
    log.into_iter().map(|line| format!("WARNING: {line}")).collect()
}

/// The files in the order in which they are read: everything that is shipped first, as 1.2 and later start
/// (`_start_load_stock_config`), or what is shipped of each kind.
fn reading_order(whole: Whole, order: [Kind; 6], shipped_first: bool) -> Vec<File> {
    let kinds = order.into_iter().map(|kind| files(whole, kind));
    if !shipped_first {
        return kinds.flat_map(|(shipped, local)| shipped.into_iter().chain(local)).collect();
    }
    let (shipped, local): (Vec<_>, Vec<_>) = kinds.unzip();
    shipped.into_iter().chain(local).flatten().collect()
}

/// The shipped files of a kind, and the local ones.
fn files(whole: Whole, kind: Kind) -> (Vec<File>, Vec<File>) {
    let local = whole.tree.local_names(kind).unwrap_or_default();
    let mut shipped = whole.tree.shipped_names(kind).unwrap_or_default();
    shipped.retain(|name| !name.contains('/'));
    let sorted = |names: &BTreeSet<String>, is_overridden: &dyn Fn(&str) -> bool| {
        let mut names: Vec<&String> = names.iter().collect();
        names.sort_by_cached_key(|name| format!("{name}.xml"));
        let file = |name: &String| File {
            kind,
            name: name.clone(),
            overridden: is_overridden(name),
        };
        names.into_iter().map(file).collect()
    };
    (sorted(&shipped, &|name| local.contains(name)), sorted(&local, &|_| false))
}

impl Whole<'_, '_> {
    /// Reads an object after a look at its name. A part of a zone is named after its directory, and
    /// looked at when it is read.
    fn read_named(&self, kind: Kind, name: &str, log: &mut Vec<String>) -> Checked<()> {
        if name.contains('/') {
            self.read_logged(kind, name, log)?;
            return self.new_name(kind, name);
        }
        self.characters(kind, name)?;
        self.file_name(kind, name)?;
        self.read_logged(kind, name, log)
    }

    /// What keeps a policy from being loaded before 1.1, where its parts are added one by one to what runs:
    /// FirewallPolicy.copy_permanent_to_runtime() of 0.9.11.
    fn not_added(&self, kind: Kind, name: &str) -> Option<Fault> {
        if kind != Kind::Policy || self.has(Feature::WholeChecked) {
            return None;
        }
        let policy = Policy::parse(&self.text(kind, name).ok()?, self.grammar).ok()?;
        self.policy(name, &policy, Order::Added).err()
    }

    /// Since 1.1 zones and policies of one name are found later.
    fn file_name(&self, kind: Kind, name: &str) -> Checked<()> {
        match self.name(kind, name) {
            Err(fault) if fault.code == Code::NameConflict => Ok(()),
            checked => checked,
        }
    }

    /// Reads and checks every object with all others, and the files that hold no objects, as
    /// `--check-config` does after everything was loaded.
    ///
    /// # Errors
    /// The first fault.
    pub fn everything(&self) -> Checked<()> {
        if !self.has(Feature::WholeChecked) {
            return check_files(*self, &mut Vec::new());
        }
        let conf = Conf::load(self.tree).unwrap_or_default();
        conf.check(self.grammar).map_err(|fault| in_file_named("firewalld.conf", self, fault))?;
        for kind in CHECK_ORDER {
            for name in self.tree.names(kind).unwrap_or_default() {
                if !name.contains('/') || self.has(Feature::CheckEntersDirectories) {
                    self.read_named(kind, &name, &mut Vec::new())?;
                    self.object(kind, &name)?;
                }
            }
        }
        self.other_files()
    }

    /// `direct.xml`, and where there is a lockdown its whitelist.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn other_files(&self) -> Checked<()> {
        self.direct_file()?;
        self.whitelist()
    }

    fn direct_file(&self) -> Checked<()> {
        self.other_file(direct::FILE, |text| Direct::parse(text).and_then(|direct| direct.check()))
    }

    fn whitelist(&self) -> Checked<()> {
        match self.has(Feature::Lockdown) {
            true => self.other_file(lockdown::FILE, lockdown::Whitelist::check),
            false => Ok(()),
        }
    }

    fn other_file(&self, name: &str, check: impl Fn(&str) -> Checked<()>) -> Checked<()> {
        match read_xml(self.tree.root, self.tree.file(name)) {
            Ok(text) => check(&text).map_err(|fault| in_file_named(name, self, fault)),
            Err(_) => Ok(()),
        }
    }

    /// What rich rules and sources name must exist when they are applied: in the default zone, and
    /// in zones and policies that are active. Where rules are checked before, that was found there.
    ///
    /// # Errors
    /// `INVALID_SERVICE`, `INVALID_IPSET`
    pub fn applied(&self, kind: Kind, name: &str, default_zone: &str) -> Checked<()> {
        let text = self.text(kind, name)?;
        let (rules, sources) = match kind {
            Kind::Zone => {
                let zone = Zone::parse(&text, self.grammar)?;
                if !zone.is_active() && name != default_zone {
                    return Ok(());
                }
                (zone.traffic.rules, zone.sources)
            }
            Kind::Policy => {
                let policy = Policy::parse(&text, self.grammar)?;
                if !policy.is_active() {
                    return Ok(());
                }
                (policy.traffic.rules, Vec::new())
            }
            _ => return Ok(()),
        };
        // 0.9 leaves out a source that it cannot apply (observed with 0.9.11).
        let sources = sources.iter().filter(|_| self.has(Feature::WholeChecked));
        for ipset in sources.filter_map(|source| source.strip_prefix("ipset:")) {
            if !self.tree.exists(Kind::Ipset, ipset) {
                return Err(Code::InvalidIpset.about(ipset));
            }
        }
        rules.iter().try_for_each(|rule| self.applied_rule(rule))
    }

    fn applied_rule(&self, rule: &Rule) -> Checked<()> {
        let ends = [rule.source.as_ref(), rule.destination.as_ref()];
        let mut ipsets = ends.into_iter().flatten().filter_map(|end| end.ipset.as_ref());
        if let Some(ipset) = ipsets.find(|ipset| !self.tree.exists(Kind::Ipset, ipset)) {
            return Err(Code::InvalidIpset.about(ipset));
        }
        match &rule.element {
            Some(Element::Service { name }) if !self.tree.exists(Kind::Service, name) => {
                Err(Code::InvalidService.about(name))
            }
            _ => Ok(()),
        }
    }

    /// Everything that is looked at when a running daemon reloads.
    ///
    /// # Errors
    /// The first fault.
    pub fn reload(&self, default_zone: &str) -> Checked<()> {
        if self.has(Feature::WrongFileRefuses) {
            if let Some(fault) = load(*self).fault {
                return Err(fault);
            }
            for kind in CHECK_ORDER {
                for name in self.tree.local_names(kind).unwrap_or_default() {
                    self.object(kind, &name)?;
                }
            }
        }
        for kind in [Kind::Zone, Kind::Policy] {
            for name in self.tree.names(kind).unwrap_or_default() {
                // What was passed over is not applied.
                if self.read_named(kind, &name, &mut Vec::new()).is_ok() {
                    self.applied(kind, &name, default_zone)?;
                }
            }
        }
        // A direct file that cannot be read is logged and passed over.
        match Direct::parse(&read_xml(self.tree.root, self.tree.file(direct::FILE)).unwrap_or_default()) {
            Ok(direct) => {
                direct.check().map_err(|fault| fault.code.about(format!("Direct: {}", fault.detail)))
            }
            Err(_) => Ok(()),
        }
    }
}

/// A fault of a file that holds no object: its message names the file.
fn in_file_named(name: &str, whole: &Whole, fault: Fault) -> Fault {
    fault.code.about(format!("'{}': {}", whole.tree.file(name).display(), fault.detail))
}

/// Every file that firewalld would refuse or pass over.
pub(crate) fn refusals(whole: Whole) -> Vec<FileFault> {
    let default_zone = Conf::load(whole.tree).unwrap_or_default().default_zone(whole.tree);
    let mut found = Vec::new();
    for kind in CHECK_ORDER {
        for name in whole.tree.names(kind).unwrap_or_default() {
            let checked = whole
                .read_named(kind, &name, &mut Vec::new())
                .and_then(|()| whole.object(kind, &name))
                .and_then(|()| whole.applied(kind, &name, &default_zone));
            if let Err(fault) = checked {
                let path = whole.tree.find(kind, &name).unwrap_or_default();
                found.push(FileFault { path, fault });
            }
        }
    }
    let conf = Conf::load(whole.tree).unwrap_or_default();
    let files = [
        ("firewalld.conf", conf.check(whole.grammar)),
        (direct::FILE, whole.direct_file()),
        (lockdown::FILE, whole.whitelist()),
    ];
    for (name, checked) in files {
        if let Err(fault) = checked {
            let path = whole.tree.file(name);
            found.push(FileFault { path, fault });
        }
    }
    found
}
