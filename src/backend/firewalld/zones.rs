//! The zones of an image while a plan for them is made.

use std::collections::{BTreeMap, BTreeSet};

use super::services::PREFIX;
use crate::error::{Result, if_exists};
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::entry::{Matching, add, has, remove};
use crate::firewall::firewalld::kind::Kind;
use crate::firewall::firewalld::rich::Rule;
use crate::firewall::firewalld::store;
use crate::firewall::firewalld::{Grammar, Tree, Zone};
use crate::firewall::items::entry_of;
use crate::intent::{FirewallItem, Intent};
use crate::plan::{Content, DesiredFile, Note, words};
use crate::root::Root;
use crate::state::{ActiveIntent, ZoneEntry};

/// The zones that were looked at so far.
pub(super) struct Zones {
    zones: BTreeMap<String, Slot>,
}

struct Slot {
    before: Zone,
    now: Zone,
    because: BTreeSet<u64>,
    plugins: BTreeSet<String>,
}

/// What became of an entry.
pub(super) enum Placing {
    /// It was put in.
    Done,
    /// The zone has it already.
    WasThere,
    /// It could not be; why.
    Refused(String),
}

impl Zones {
    /// Loads the zones that have local files. One that firewalld could not read is left alone.
    pub(super) fn load(root: &Root, notes: &mut Vec<Note>) -> Result<Zones> {
        let mut zones = Zones {
            zones: BTreeMap::new(),
        };
        for name in store::local_names(root, Kind::Zone)? {
            // A part of a split zone is no zone of its own.
            if name.contains('/') {
                continue;
            }
            match store::load_zone(root, &name) {
                Ok(Some(zone)) => zones.insert(&name, zone),
                Ok(None) => {}
                Err(error) => notes.push(Note::new(None, error.to_string(), &[])),
            }
        }
        Ok(zones)
    }

    fn insert(&mut self, name: &str, zone: Zone) {
        let slot = Slot {
            now: zone.clone(),
            before: zone,
            because: BTreeSet::new(),
            plugins: BTreeSet::new(),
        };
        self.zones.insert(name.to_owned(), slot);
    }

    /// The zone, loaded if need be; a shipped zone is copied whole, since a local file replaces it.
    fn zone(&mut self, root: &Root, name: &str) -> Result<Option<&mut Slot>> {
        if !self.zones.contains_key(name)
            && let Ok(Some(zone)) = store::load_zone(root, name)
        {
            self.insert(name, zone);
        }
        Ok(self.zones.get_mut(name))
    }

    /// Takes out everything that settling has put in before: what is still wanted comes back.
    pub(super) fn clear_ours(&mut self, placed: &BTreeSet<ZoneEntry>, names: &Grammar) {
        for slot in self.zones.values_mut() {
            slot.now.traffic.services.retain(|service| !service.starts_with(PREFIX));
        }
        for ZoneEntry { zone, opening } in placed {
            if let (Some(slot), Some(entry)) = (self.zones.get_mut(zone), entry_of(opening, names)) {
                remove(&mut slot.now, &entry, Matching::Meaning, names);
            }
        }
    }

    /// Takes out what a plugin that is gone had added.
    pub(super) fn withdraw(
        &mut self,
        zone: &str,
        opening: &FirewallItem,
        names: &Grammar,
        (plugin, events): (&str, &[u64]),
    ) {
        if let Some(slot) = self.zones.get_mut(zone)
            && let Some(entry) = entry_of(opening, names)
            && has(&mut slot.now, &entry, Matching::Meaning, names)
        {
            remove(&mut slot.now, &entry, Matching::Meaning, names);
            slot.justify(plugin, events);
        }
    }

    /// Adds a plugin's own service; false if there is no such zone.
    pub(super) fn add_service(
        &mut self,
        root: &Root,
        zone: &str,
        service: &str,
        plugin: &str,
        events: &[u64],
    ) -> Result<bool> {
        let Some(slot) = self.zone(root, zone)? else {
            return Ok(false);
        };
        slot.now.traffic.services.push(service.to_owned());
        slot.justify(plugin, events);
        Ok(true)
    }

    /// Puts an entry into a zone.
    pub(super) fn place(
        &mut self,
        root: &Root,
        zone: &str,
        item: &FirewallItem,
        names: &Grammar,
        (plugin, events): (&str, &[u64]),
    ) -> Result<Placing> {
        if let Some(reason) = self.refusal(root, zone, item, names) {
            return Ok(Placing::Refused(reason));
        }
        let Some(slot) = self.zone(root, zone)? else {
            return Ok(Placing::Refused(format!("zone {zone} does not exist: nothing is changed in it")));
        };
        let Some(entry) = entry_of(item, names) else {
            let what = words::entry(item);
            return Ok(Placing::Refused(format!("zone {zone} cannot express {what}")));
        };
        if has(&mut slot.now, &entry, Matching::Meaning, names) {
            return Ok(Placing::WasThere);
        }
        add(&mut slot.now, &entry, Matching::Meaning, names);
        slot.justify(plugin, events);
        Ok(Placing::Done)
    }

    /// Why firewalld would refuse the entry, if it would.
    fn refusal(&self, root: &Root, zone: &str, entry: &FirewallItem, names: &Grammar) -> Option<String> {
        let elsewhere = |bound: &dyn Fn(&Zone) -> bool| {
            let other = self.zones.iter().find(|(name, slot)| *name != zone && bound(&slot.now));
            other.map(|(name, _)| name.clone())
        };
        match entry {
            FirewallItem::Interface { interface, .. } => {
                elsewhere(&|zone| zone.interfaces.contains(interface))
                    .map(|other| format!("interface {interface} belongs to zone {other} already"))
            }
            FirewallItem::Source { source } => match source.strip_prefix("ipset:") {
                Some(set) if !store::exists(root, Kind::Ipset, set) => {
                    Some(format!("ipset {set} does not exist"))
                }
                _ => elsewhere(&|zone| zone.sources.contains(source))
                    .map(|other| format!("source {source} belongs to zone {other} already")),
            },
            FirewallItem::BlockIcmp { icmp_type } => (!store::exists(root, Kind::Icmptype, icmp_type))
                .then(|| format!("ICMP type {icmp_type} is not known to firewalld")),
            FirewallItem::RichRule { rule } => {
                Rule::parse(rule, names).err().map(|fault| format!("rich rule {rule}: {fault}"))
            }
            _ => None,
        }
    }

    /// Takes out lines that name services which are in no file, present or planned: of ours, and
    /// of plugins that are gone.
    pub(super) fn drop_missing_services(
        &mut self,
        definitions: &Definitions,
        withdrawn: &[(&str, &ActiveIntent)],
        planned: &[DesiredFile],
    ) {
        let planned: BTreeSet<&str> = planned.iter().map(|file| file.path.as_str()).collect();
        let exists = |name: &str| {
            let path = store::local(Kind::Service, name);
            planned.contains(path.to_string_lossy().as_ref())
                || !name.starts_with(PREFIX) && definitions.has_file(name)
        };
        let of_gone: BTreeSet<&str> = withdrawn
            .iter()
            .filter_map(|(_, want)| match &want.intent {
                Intent::Allow { opening, .. } => named_service(opening),
                _ => None,
            })
            .collect();
        for slot in self.zones.values_mut() {
            slot.now.traffic.services.retain(|name| {
                let ours = name.starts_with(PREFIX) || of_gone.contains(name.as_str());
                !ours || exists(name)
            });
        }
    }

    /// The files of zones that differ from what was there, `whole` also of those that hold something
    /// of plugins. A zone whose entries merely changed their order is not written again; a zone that
    /// no plugin needs any more is restored byte for byte.
    pub(super) fn changed(
        self,
        root: &Root,
        whole: bool,
        originals: &mut BTreeMap<String, String>,
    ) -> Result<Vec<DesiredFile>> {
        let mut files = Vec::new();
        for (name, slot) in self.zones {
            let path = store::local(Kind::Zone, &name).to_string_lossy().into_owned();
            let is_changed = slot.is_changed();
            if let Some(original) = originals.get(&path)
                && slot.is_back_at(root, &name, original)
            {
                let text = original.clone();
                originals.remove(&path);
                files.push(slot.file(path, text));
                continue;
            }
            if is_changed {
                let there = if_exists(root.read_text(&path))?.unwrap_or_default();
                originals.entry(path.clone()).or_insert(there);
            }
            if is_changed || whole && !slot.plugins.is_empty() {
                let text = slot.now.to_xml(&Grammar::of(root));
                files.push(slot.file(path, text));
            }
        }
        Ok(files)
    }
}

impl Slot {
    /// Whether more than the order of services changed: ours are taken out and put in again at the end.
    fn is_changed(&self) -> bool {
        let sorted = |zone: &Zone| {
            let mut zone = zone.clone();
            zone.traffic.services.sort();
            zone
        };
        self.now != self.before && sorted(&self.now) != sorted(&self.before)
    }

    /// Whether the zone says what its file did before settling changed it; without a file, what the
    /// shipped one says.
    fn is_back_at(&self, root: &Root, name: &str, original: &str) -> bool {
        let text = match original.is_empty() {
            true => Tree::of(root).shipped_text(Kind::Zone, name).ok().flatten(),
            false => Some(original.to_owned()),
        };
        text.and_then(|text| Zone::parse(&text, &Grammar::of(root)).ok())
            .is_some_and(|zone| zone == self.now)
    }

    /// The zone's file; an empty text is none.
    fn file(self, path: String, text: String) -> DesiredFile {
        let why = match self.plugins.len() {
            0 => format!("an entry of {path} is no longer needed"),
            _ => {
                let plugins: Vec<&str> = self.plugins.iter().map(String::as_str).collect();
                format!("zone entries of {}", plugins.join(", "))
            }
        };
        DesiredFile {
            path,
            content: match text.is_empty() {
                true => Content::Nothing,
                false => Content::File { text, mode: 0o644 },
            },
            because: self.because.into_iter().collect(),
            why,
        }
    }

    fn justify(&mut self, plugin: &str, events: &[u64]) {
        self.because.extend(events);
        self.plugins.insert(plugin.to_owned());
    }
}

/// Whether an opening names a service.
fn named_service(opening: &FirewallItem) -> Option<&str> {
    match opening {
        FirewallItem::FirewallService { service } => Some(service),
        _ => None,
    }
}
