//! Two images that live through the same history: one with the original tools, one under nodeshim.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nodeshim::attribution::{FoundBy, Origin};
use nodeshim::backend::iptables::{self, Family};
use nodeshim::backend::rulesets::{Undone, wanted};
use nodeshim::config::{Backend, Config};
use nodeshim::escape::Escaped;
use nodeshim::firewall::definitions::Definitions;
use nodeshim::firewall::firewalld::store;
use nodeshim::intent::Intent;
use nodeshim::journal::{Appender, Event, is_kept, keep_replaced, timestamp};
use nodeshim::request::{Call as ToolCall, Env, run};
use nodeshim::root::Root;
use nodeshim::rpmdb::{Installed, Package};
use nodeshim::settle::{Facts, SettleOptions, settle};
use nodeshim::state::State;
use nodeshim::tool::Tool;

use super::history::{
    Call, INSTANCES, PACKAGES, TARGETS, VENDOR_SCRIPT, VENDOR_UNITS, ZONES, own_script, own_unit,
};
use super::original::systemctl;

pub const UNITS: &str = "usr/lib/systemd/system";
pub const PRESETS: &str = "etc/systemd/system-preset";
pub const METADATA: &str = "usr/share/ovirt-node/plugins.d";
pub const UNIT: &str = "[Unit]\nDescription=x\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n\
                         [Install]\nWantedBy=multi-user.target\n";
/// A target to boot into.
pub const TARGET: &str = "[Unit]\nDescription=x\nRequires=multi-user.target\nAfter=multi-user.target\n";
/// The definition of a service.
pub const WEB: &str = "<service><port protocol=\"tcp\" port=\"8080\"/></service>";

pub const SCRIPTS: &str = "etc/rc.d/init.d";
/// An init script, whose levels are [`VENDOR_LEVELS`].
pub const SCRIPT: &str = "#!/bin/sh\n# chkconfig: 345 50 50\n# description: x\n";
/// In which run levels init scripts are started unless somebody asks for others.
pub const VENDOR_LEVELS: [usize; 3] = [3, 4, 5];

/// Every unit that may be there.
pub fn all_units() -> Vec<&'static str> {
    let own = PACKAGES.iter().map(|package| own_unit(package));
    VENDOR_UNITS.into_iter().chain(INSTANCES).chain(own).collect()
}

/// What a machine would be after a boot: unit states as `systemctl is-enabled` words them, and entries
/// of zones, `ZONE ENTRY`.
#[derive(Debug, PartialEq, Eq)]
pub struct Effect {
    pub target: String,
    /// `SCRIPT LEVEL` for each run level that starts an init script.
    pub levels: BTreeSet<String>,
    pub units: BTreeMap<&'static str, String>,
    pub open: BTreeSet<String>,
}

/// What the services of an image stand for.
const SERVICES: [(&str, &str); 2] = [("ssh", "22/tcp"), ("web", "8080/tcp")];

impl Effect {
    /// The same as far as a backend can say it: iptables knows ports, of the default zone.
    pub fn seen_by(self, backend: Backend) -> Effect {
        if backend != Backend::Iptables {
            return self;
        }
        let port = |entry: &str| {
            let entry = entry.strip_prefix("public ")?;
            let service = SERVICES.iter().find(|(name, _)| *name == entry);
            Some(format!("public {}", service.map_or(entry, |(_, port)| port)))
        };
        Effect {
            open: self.open.iter().filter_map(|entry| port(entry)).collect(),
            ..self
        }
    }
}

/// Lays an image out; both twins begin with the same.
pub fn lay_out(root: &Path) {
    for directory in [
        UNITS,
        PRESETS,
        METADATA,
        "usr/lib/systemd/system-preset",
        "etc/systemd/system",
        "var/tmp",
    ] {
        fs::create_dir_all(root.join(directory)).expect("a directory");
    }
    for kind in ["zones", "services", "policies", "ipsets", "helpers", "icmptypes"] {
        fs::create_dir_all(root.join("usr/lib/firewalld").join(kind)).expect("a directory");
    }
    symlink("usr/lib", root.join("lib")).expect("a link");
    let put = |path: String, text: &str| fs::write(root.join(path), text).expect("a file");
    for unit in VENDOR_UNITS.into_iter().chain(["w@.service"]) {
        put(format!("{UNITS}/{unit}"), UNIT);
    }
    put("etc/inittab".into(), "id:3:initdefault:\n");
    for level in 0..7 {
        fs::create_dir_all(root.join(format!("etc/rc.d/rc{level}.d"))).expect("a directory");
        symlink(format!("rc.d/rc{level}.d"), root.join(format!("etc/rc{level}.d"))).expect("a link");
        let kind = if VENDOR_LEVELS.contains(&level) { "S" } else { "K" };
        let link = root.join(format!("etc/rc.d/rc{level}.d/{kind}50{VENDOR_SCRIPT}"));
        symlink(format!("../init.d/{VENDOR_SCRIPT}"), link).expect("a link");
    }
    fs::create_dir_all(root.join(SCRIPTS)).expect("a directory");
    symlink("rc.d/init.d", root.join("etc/init.d")).expect("a link");
    put(format!("{SCRIPTS}/{VENDOR_SCRIPT}"), SCRIPT);
    for target in TARGETS {
        let text = if target == TARGETS[0] {
            "[Unit]\nDescription=x\n"
        } else {
            TARGET
        };
        put(format!("{UNITS}/{target}"), text);
    }
    symlink(TARGETS[0], root.join(UNITS).join("default.target")).expect("a link");
    put("usr/lib/systemd/system-preset/90-image.preset".into(), "enable v0.service\n");
    put("usr/lib/systemd/system-preset/99-default.preset".into(), "disable *\n");
    put("usr/lib/firewalld/services/ssh.xml".into(), &WEB.replace("8080", "22"));
    put("usr/lib/firewalld/services/web.xml".into(), WEB);
    for zone in ZONES {
        put(format!("usr/lib/firewalld/zones/{zone}.xml"), "<zone><service name=\"ssh\"/></zone>");
    }
    // The original does not start without these.
    for zone in ["block", "drop", "trusted"] {
        put(format!("usr/lib/firewalld/zones/{zone}.xml"), "<zone></zone>");
    }
    fs::create_dir_all(root.join("etc/firewalld")).expect("a directory");
    for name in ["services", "protocols"] {
        let _ = fs::copy(Path::new("/etc").join(name), root.join("etc").join(name));
    }
    systemctl(root, &["preset-all"]);
}

/// The init scripts that are there.
pub fn scripts(root: &Path) -> Vec<&'static str> {
    let all = PACKAGES.iter().map(|package| own_script(package)).chain([VENDOR_SCRIPT]);
    all.filter(|script| root.join(SCRIPTS).join(script).exists()).collect()
}

/// `SCRIPT LEVEL` for each start link of a script that is there.
fn started_in(root: &Path) -> BTreeSet<String> {
    let mut started = BTreeSet::new();
    for level in 0..7 {
        for entry in fs::read_dir(root.join(format!("etc/rc.d/rc{level}.d"))).expect("a directory") {
            let name = entry.expect("an entry").file_name().into_string().expect("text");
            let script = name.strip_prefix('S').and_then(|rest| rest.get(2..)).unwrap_or_default();
            if scripts(root).contains(&script) {
                started.insert(format!("{script} {level}"));
            }
        }
    }
    started
}

/// The units that presets of nodeshim's own say something of.
pub fn own_presets(root: &Path) -> BTreeSet<String> {
    let mut units = BTreeSet::new();
    for entry in fs::read_dir(root.join(PRESETS)).into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).expect("a preset");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            if let [template, instances @ ..] = words.as_slice() {
                let of = |instance: &&str| template.replace("@.", &format!("@{instance}."));
                units.extend(instances.iter().map(of));
                units.insert((*template).to_owned());
            }
        }
    }
    units
}

pub fn default_target(root: &Path) -> String {
    systemctl(root, &["get-default"]).1.trim().to_owned()
}

/// The states of the units whose files are there.
pub fn unit_states(root: &Path) -> BTreeMap<&'static str, String> {
    let template = |unit: &str| unit.split_once('@').map(|(name, _)| format!("{name}@.service"));
    let is_there = |unit: &&str| {
        let file = template(unit).unwrap_or_else(|| (*unit).to_owned());
        root.join(UNITS).join(file).exists()
    };
    let units: Vec<&'static str> = all_units().into_iter().filter(is_there).collect();
    let (_, printed) = systemctl(root, &[&["is-enabled"], units.as_slice()].concat());
    let states = printed.lines().map(str::to_owned);
    units.into_iter().zip(states).collect()
}

/// What the zones' files open.
pub fn open_in_zones(root: &Root) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for zone in ZONES {
        let Ok(Some(found)) = store::load_zone(root, zone) else {
            continue;
        };
        open.extend(found.traffic.ports.iter().flat_map(|port| each_port(zone, &port.port, &port.protocol)));
        for service in &found.traffic.services {
            match service.starts_with("nodeshim-") {
                true => open.extend(own_service(root, zone, service)),
                false => _ = open.insert(format!("{zone} {service}")),
            }
        }
    }
    open
}

/// What a service of nodeshim's own lets through.
fn own_service(root: &Root, zone: &str, service: &str) -> Vec<String> {
    let text = root.read_text(format!("/etc/firewalld/services/{service}.xml")).unwrap_or_default();
    let value = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let entries = text.lines().filter_map(|line| {
        if line.contains("<port") {
            return Some(each_port(zone, &value(line, "port")?, &value(line, "protocol")?));
        }
        let included = value(line, "service").filter(|_| line.contains("<include"))?;
        Some(vec![format!("{zone} {included}")])
    });
    entries.flatten().collect()
}

/// `ZONE PORT/PROTOCOL` for each port of a range.
pub fn each_port(zone: &str, range: &str, protocol: &str) -> Vec<String> {
    let (low, high) = range.split_once('-').unwrap_or((range, range));
    let ports = low.parse::<u16>().expect("a port")..=high.parse().expect("a port");
    ports.map(|port| format!("{zone} {port}/{protocol}")).collect()
}

/// The image under nodeshim.
pub struct Shimmed {
    pub root: PathBuf,
    backend: Backend,
}

impl Shimmed {
    pub fn new(root: PathBuf, backend: Backend) -> Shimmed {
        lay_out(&root);
        fs::create_dir_all(root.join("etc/nodeshim")).expect("a directory");
        let text = format!("[firewall]\nbackend = \"{}\"\n", backend.word());
        fs::write(root.join("etc/nodeshim/nodeshim.toml"), text).expect("a configuration");
        for program in ["nft", "firewalld"] {
            fs::create_dir_all(root.join("usr/sbin")).expect("a directory");
            fs::write(root.join("usr/sbin").join(program), "").expect("a program");
        }
        Shimmed { root, backend }
    }

    /// Carries a call out as the shim does, and records it.
    pub fn call(&self, call: &Call, origin: &Origin) {
        let (name, words) = call.words();
        let tool = Tool::from_argv0(name.as_ref()).expect("a tool");
        let root = Root::open(&self.root).expect("the root").keeping(is_kept);
        let (config, _) = Config::load(&root).expect("the configuration");
        let env = Env::default();
        let args: Vec<_> = words.iter().map(std::ffi::OsString::from).collect();
        let mut journal = Appender::open(&root).expect("the journal");
        root.forget_changes();
        let reply = run(tool, &ToolCall::new(&root, &config, &env, name), &args);
        let changes = root.take_changes();
        keep_replaced(&root).expect("what was replaced");
        let mut event = Event {
            id: 0,
            time: timestamp(Some("0")),
            tool,
            argv: std::iter::once(name.to_owned()).chain(words).map(Escaped::new).collect(),
            exit: reply.exit,
            verdict: Default::default(),
            message: String::new(),
            warnings: Vec::new(),
            origin: origin.clone(),
            replayed: None,
            intents: reply.intents,
            held: Vec::new(),
            changes,
        };
        journal.append(&mut event).expect("an event");
    }

    pub fn settle(&self, installed: &BTreeMap<&'static str, usize>) {
        let root = Root::open(&self.root).expect("the root");
        let package = |(name, version): (&&str, &usize)| Package {
            name: (*name).to_owned(),
            epoch: None,
            version: version.to_string(),
            release: "1".into(),
            arch: "noarch".into(),
        };
        let facts = Facts {
            installed: installed.iter().map(package).collect::<Installed>(),
            config: Config::load(&root).expect("the configuration").0,
            policy: None,
        };
        settle(&root, &facts, &SettleOptions::keeping()).expect("it settles");
    }

    fn state(&self) -> State {
        State::load(&Root::open(&self.root).expect("the root")).expect("the state")
    }

    /// Applies the image's presets with the real systemctl, as a first boot may, and looks.
    pub fn effect_after_presets(&self) -> Effect {
        // The original's preset-all takes masks of instances away; what was masked is looked at before.
        let before = unit_states(&self.root).into_iter().filter(|(_, state)| state.starts_with("masked"));
        let before: Vec<_> = before.collect();
        systemctl(&self.root, &["preset-all"]);
        let mut units = unit_states(&self.root);
        units.extend(before);
        let root = Root::open(&self.root).expect("the root");
        let open = match self.backend {
            Backend::Firewalld => open_in_zones(&root),
            Backend::Iptables => self.open_in_iptables(),
            Backend::Nftables | Backend::Auto => self.open_in_ruleset(&root),
        };
        Effect {
            target: default_target(&self.root),
            levels: started_in(&self.root),
            units,
            open,
        }
    }

    /// What the nftables ruleset opens: what everybody asked for, and what the zones' own files say.
    fn open_in_ruleset(&self, root: &Root) -> BTreeSet<String> {
        let wanted =
            wanted(root, &self.state(), &Undone::default(), &Definitions::new(root)).expect("the zones");
        let of_plugins = wanted.rulesets.values().flat_map(|ruleset| &ruleset.zones);
        let of_image = wanted.node.zones.iter().map(|(zone, found)| (zone, &found.rules));
        let mut open = BTreeSet::new();
        for (zone, rules) in of_plugins.chain(of_image) {
            for (protocol, ranges) in &rules.ports {
                let ranges = ranges.iter().map(ToString::to_string);
                open.extend(ranges.flat_map(|range: String| each_port(zone, &range, protocol)));
            }
            open.extend(rules.services.keys().map(|service| format!("{zone} {service}")));
        }
        // Of a zone that nobody asked for anything in, and that has no file of its own, nothing is written.
        open.extend(ZONES.iter().map(|zone| format!("{zone} ssh")));
        open
    }

    /// A whole rule file of the iptables services.
    pub fn iptables_rules(&self, family: Family) -> String {
        let root = Root::open(&self.root).expect("the root");
        let definitions = Definitions::new(&root);
        let wanted = wanted(&root, &self.state(), &Undone::default(), &definitions).expect("the zones");
        iptables::Firewall::build(&wanted, &definitions).whole(family)
    }

    /// The ports that a whole rule file of the iptables services lets in.
    fn open_in_iptables(&self) -> BTreeSet<String> {
        let rules = self.iptables_rules(Family::Ipv4);
        let accepted = rules.lines().filter(|line| line.ends_with("-j ACCEPT"));
        let ports = accepted.filter_map(|line| {
            let word_after = |option: &str| {
                let mut words = line.split_whitespace().skip_while(|word| *word != option);
                words.nth(1).map(str::to_owned)
            };
            let ranges = word_after("--dport").or_else(|| word_after("--dports"))?.replace(':', "-");
            Some((word_after("-p")?, ranges))
        });
        let each = |(protocol, ranges): (String, String)| {
            let ports = ranges.split(',').map(|range| each_port("public", range, &protocol));
            ports.flatten().collect::<Vec<String>>()
        };
        ports.flat_map(each).collect()
    }

    /// Units that are to be started at the first boot though nothing else does.
    pub fn starts(&self) -> BTreeSet<String> {
        let state = self.state();
        let deferred = state.plugins.values().flat_map(|plugin| &plugin.deferred);
        let unit = |intent: &Intent| match intent {
            Intent::Defer { unit, .. } => Some(unit.clone()),
            _ => None,
        };
        deferred.filter_map(|want| unit(&want.intent)).collect()
    }
}

/// Who asks in a package's scriptlet.
pub fn scriptlet(package: &str, version: usize, kind: &str, arg: u32) -> Origin {
    Origin {
        found_by: FoundBy::RpmPlugin,
        nevra: Some(format!("{package}-{version}-1.noarch")),
        scriptlet: Some(kind.to_owned()),
        arg: Some(arg),
        ..Origin::default()
    }
}

/// The builder.
pub fn builder() -> Origin {
    Origin {
        found_by: FoundBy::Builder,
        ..Origin::default()
    }
}

/// The metadata file that declares these.
pub fn metadata(declared: &[Call]) -> String {
    let mut text = "schema = 1\n".to_owned();
    for call in declared {
        match call {
            Call::Unit { unit, .. } => text += &format!("[units]\nenable = [\"{unit}\"]\n"),
            Call::Firewall { value, .. } => text += &format!("[firewall]\nports = [\"{value}\"]\n"),
            _ => {}
        }
    }
    text
}

/// What a package's payload brings, in an image.
pub fn unpack(root: &Path, package: &str, declared: &[Call]) {
    fs::write(root.join(UNITS).join(own_unit(package)), UNIT).expect("a unit");
    fs::write(root.join(SCRIPTS).join(own_script(package)), SCRIPT).expect("an init script");
    if declared.is_empty() {
        return;
    }
    let text = metadata(declared);
    fs::write(root.join(METADATA).join(format!("{package}.toml")), text).expect("metadata");
}

/// Takes it away.
pub fn remove(root: &Path, package: &str) {
    let _ = fs::remove_file(root.join(UNITS).join(own_unit(package)));
    let _ = fs::remove_file(root.join(SCRIPTS).join(own_script(package)));
    let _ = fs::remove_file(root.join(METADATA).join(format!("{package}.toml")));
}
