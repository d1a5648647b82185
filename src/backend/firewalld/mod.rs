//! The firewalld backend: one service file a plugin and one line for it in a zone, so that a
//! plugin comes and goes as one file and one line; what no service can express becomes entries of
//! the zone. A zone never names a service that is not there: the daemon would start with stock
//! configuration instead.

mod closed;
mod services;
mod wanted;
mod zones;

use std::collections::{BTreeMap, BTreeSet};

use super::name::stem;
use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::kind::Kind;
use crate::firewall::firewalld::store;
use crate::firewall::firewalld::{Grammar, Tree};
use crate::firewall::ruleset::Ruleset;
use crate::intent::Intent;
use crate::plan::{Content, Contribution, DesiredFile, Memory, Note};
use crate::root::Root;
use crate::state::{ActiveIntent, ZoneEntry};

pub(crate) use closed::keep_closed;
use zones::Zones;

/// Where service files are, and what ours begin with.
const OWNED: (&str, &str) = ("/etc/firewalld/services", services::PREFIX);

/// What the zones are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// What services there are.
    pub definitions: &'a Definitions<'a>,
    /// What each plugin wants; empty where another backend is used.
    pub rulesets: &'a BTreeMap<String, Ruleset>,
    /// What erased plugins had added and no other plugin wants.
    pub withdrawn: &'a [(&'a str, &'a ActiveIntent)],
    /// What settling has put into zones before.
    pub placed: &'a BTreeSet<ZoneEntry>,
    /// Zone files as they were before settling changed them first, by path; empty if there was none.
    pub originals: &'a BTreeMap<String, String>,
    /// Zones that hold something of plugins are wanted even if they need no change.
    pub whole: bool,
    /// The zone of requests that name none.
    pub default_zone: &'a str,
}

/// The service files, then the zone files.
pub(crate) fn contribute(root: &Root, input: &Input) -> Result<Contribution> {
    let names = Grammar::of(root);
    let mut files = Contribution {
        owned: vec![OWNED],
        ..Contribution::default()
    };
    let (mut placed, mut originals) = (BTreeSet::new(), input.originals.clone());
    let mut zones = Zones::load(root, &mut files.notes)?;
    zones.clear_ours(input.placed, &names);
    for (plugin, want) in input.withdrawn {
        if let Intent::Allow { opening, zone } = &want.intent
            && let Some(zone) = zone
        {
            zones.withdraw(zone, opening, &names, (plugin, &want.events));
        }
    }
    for (plugin, ruleset) in input.rulesets {
        let events: Vec<u64> = ruleset.events.iter().copied().collect();
        let mut notes = Vec::new();
        match stem(plugin) {
            Some(stem) => {
                let own =
                    services::services(input.definitions, &stem, ruleset, input.default_zone, &mut notes);
                for (zone, (name, service)) in own {
                    if !zones.add_service(root, &zone, &name, plugin, &events)? {
                        notes.push(format!("zone {zone} does not exist: nothing is opened in it"));
                        continue;
                    }
                    files.files.push(service_file(&name, service.to_xml(), plugin, &events));
                }
            }
            None => notes.push("its name cannot be written into a file: no service is made for it".into()),
        }
        for (zone, entry) in wanted::entries(ruleset, &mut notes) {
            match zones.place(root, &zone, &entry, &names, (plugin, &events))? {
                zones::Placing::Done => {
                    placed.insert(ZoneEntry { zone, opening: entry });
                }
                zones::Placing::WasThere => {}
                zones::Placing::Refused(text) => notes.push(text),
            }
        }
        files.notes.extend(notes.into_iter().map(|text| Note::new(Some(plugin), text, &events)));
    }
    zones.drop_missing_services(input.definitions, input.withdrawn, &files.files);
    let changed = zones.changed(root, input.whole, &mut originals)?;
    files.files.extend(stock_services(root, &changed));
    files.files.extend(changed);
    files.memory = Memory {
        placed: Some(placed),
        originals: Some(originals),
        ..Memory::default()
    };
    Ok(files)
}

/// The files of stock services that zones name and the image has no files for.
fn stock_services(root: &Root, zones: &[DesiredFile]) -> Vec<DesiredFile> {
    let tree = Tree::of(root);
    let mut files: BTreeMap<String, DesiredFile> = BTreeMap::new();
    for zone in zones {
        let Content::File { text, .. } = &zone.content else {
            continue;
        };
        for (name, text) in tree.services_without_file(text) {
            let file = DesiredFile {
                why: format!("{} names service {name}", zone.path),
                ..service_file(&name, text, "", &zone.because)
            };
            files.entry(name).or_insert(file);
        }
    }
    files.into_values().collect()
}

fn service_file(name: &str, text: String, plugin: &str, events: &[u64]) -> DesiredFile {
    DesiredFile {
        path: store::local(Kind::Service, name).to_string_lossy().into_owned(),
        content: Content::File { text, mode: 0o644 },
        because: events.to_vec(),
        why: format!("what {plugin} lets through"),
    }
}
