//! The zones of an image while a plan for them is made.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::{add, has, remove};
use super::named_service;
use super::services::PREFIX;
use crate::error::Result;
use crate::firewall::firewalld::rich::Rule;
use crate::firewall::firewalld::store::{self, Kind};
use crate::firewall::firewalld::{Names, Zone};
use crate::intent::{Opening, Wish};
use crate::plan::{Content, Desired, Note};
use crate::root::Root;
use crate::state::{Placed, Want};

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
            match Zone::load(root, &name) {
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
            && let Ok(Some(zone)) = Zone::load(root, name)
        {
            self.insert(name, zone);
        }
        Ok(self.zones.get_mut(name))
    }

    /// Takes out everything that settling has put in before: what is still wanted comes back.
    pub(super) fn clear_ours(&mut self, placed: &BTreeSet<Placed>) {
        for slot in self.zones.values_mut() {
            slot.now.traffic.services.retain(|service| !service.starts_with(PREFIX));
        }
        for Placed { zone, opening } in placed {
            if let Some(slot) = self.zones.get_mut(zone) {
                remove(&mut slot.now, opening);
            }
        }
    }

    /// Takes out what a plugin that is gone had added.
    pub(super) fn withdraw(&mut self, zone: &str, opening: &Opening, plugin: &str, events: &[u64]) {
        if let Some(slot) = self.zones.get_mut(zone)
            && has(&slot.now, opening)
        {
            remove(&mut slot.now, opening);
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
        entry: &Opening,
        names: &Names,
        (plugin, events): (&str, &[u64]),
    ) -> Result<Placing> {
        if let Some(reason) = self.refusal(root, zone, entry, names) {
            return Ok(Placing::Refused(reason));
        }
        let Some(slot) = self.zone(root, zone)? else {
            return Ok(Placing::Refused(format!("zone {zone} does not exist: nothing is changed in it")));
        };
        if has(&slot.now, entry) {
            return Ok(Placing::WasThere);
        }
        if !add(&mut slot.now, entry, names) {
            return Ok(Placing::Refused(format!("zone {zone} cannot express {entry:?}")));
        }
        slot.justify(plugin, events);
        Ok(Placing::Done)
    }

    /// Why firewalld would refuse the entry, if it would.
    fn refusal(&self, root: &Root, zone: &str, entry: &Opening, names: &Names) -> Option<String> {
        let elsewhere = |bound: &dyn Fn(&Zone) -> bool| {
            let other = self.zones.iter().find(|(name, slot)| *name != zone && bound(&slot.now));
            other.map(|(name, _)| name.clone())
        };
        match entry {
            Opening::Interface { interface, .. } => elsewhere(&|zone| zone.interfaces.contains(interface))
                .map(|other| format!("interface {interface} belongs to zone {other} already")),
            Opening::Source { source } => match source.strip_prefix("ipset:") {
                Some(set) if !store::exists(root, Kind::Ipset, set) => {
                    Some(format!("ipset {set} does not exist"))
                }
                _ => elsewhere(&|zone| zone.sources.contains(source))
                    .map(|other| format!("source {source} belongs to zone {other} already")),
            },
            Opening::BlockIcmp { icmp_type } => (!store::exists(root, Kind::Icmptype, icmp_type))
                .then(|| format!("ICMP type {icmp_type} is not known to firewalld")),
            Opening::RichRule { rule } => {
                Rule::parse(rule, names).err().map(|fault| format!("rich rule {rule}: {fault}"))
            }
            _ => None,
        }
    }

    /// Takes out lines that name services which are in no file, present or planned: of ours, and
    /// of plugins that are gone.
    pub(super) fn drop_missing_services(
        &mut self,
        root: &Root,
        withdrawn: &[(&str, &Want)],
        planned: &[Desired],
    ) {
        let planned: BTreeSet<&str> = planned.iter().map(|file| file.path.as_str()).collect();
        let exists = |name: &str| {
            let path = store::local(Kind::Service, name);
            planned.contains(path.to_string_lossy().as_ref())
                || !name.starts_with(PREFIX) && store::has_file(root, Kind::Service, name)
        };
        let of_gone: BTreeSet<&str> = withdrawn
            .iter()
            .filter_map(|(_, want)| match &want.wish {
                Wish::Allow { opening, .. } => named_service(opening),
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

    /// The files of zones that differ from what was there. A zone whose entries merely changed
    /// their order is not written anew.
    pub(super) fn changed(self) -> Vec<Desired> {
        let changed = self.zones.into_iter().filter(|(_, slot)| slot.now != slot.before);
        changed
            .map(|(name, slot)| Desired {
                path: store::local(Kind::Zone, &name).to_string_lossy().into_owned(),
                content: Content::File {
                    text: slot.now.to_xml(),
                    mode: 0o644,
                },
                because: slot.because.into_iter().collect(),
                why: match slot.plugins.len() {
                    0 => format!("nobody wants something in zone {name} any more"),
                    _ => {
                        let plugins: Vec<&str> = slot.plugins.iter().map(String::as_str).collect();
                        format!("zone {name} for {}", plugins.join(", "))
                    }
                },
            })
            .collect()
    }
}

impl Slot {
    fn justify(&mut self, plugin: &str, events: &[u64]) {
        self.because.extend(events);
        self.plugins.insert(plugin.to_owned());
    }
}
