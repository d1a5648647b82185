//! Entries of a zone that settling put in and the node's administrator took out again.

use std::collections::BTreeSet;

use super::services::PREFIX;
use crate::error::{Result, if_exists};
use crate::firewall::firewalld::entry::{Matching, has, remove};
use crate::firewall::firewalld::kind::Kind;
use crate::firewall::firewalld::store;
use crate::firewall::firewalld::{Grammar, Zone};
use crate::firewall::items::entry_of;
use crate::plan::{Action, PlannedChange, words};
use crate::root::Root;
use crate::state::ZoneEntry;

const ZONES: &str = "/etc/firewalld/zones/";

/// Takes out of the planned zone files what was put into the zone before and is not there any
/// more; a zone file that then says what the one there says is not changed. `placed` is what
/// settling had put in. Says what stays closed.
pub(crate) fn keep_closed(
    root: &Root,
    placed: &BTreeSet<ZoneEntry>,
    changes: &mut Vec<PlannedChange>,
) -> Result<Vec<String>> {
    let names = Grammar::of(root);
    let (mut closed, mut same) = (Vec::new(), Vec::new());
    for change in changes.iter_mut() {
        let (Some(zone), Action::Write { content, .. }) = (zone_of(&change.path), &mut change.action) else {
            continue;
        };
        let Some(actual) = if_exists(root.read_text(&change.path))? else {
            continue;
        };
        let (Ok(mut planned), Ok(mut actual)) = (Zone::parse(content, &names), Zone::parse(&actual, &names))
        else {
            continue;
        };
        planned.traffic.services.retain(|service| {
            let was_placed = service.starts_with(PREFIX) && store::has_file(root, Kind::Service, service);
            let keep = !was_placed || actual.traffic.services.contains(service);
            if !keep {
                closed.push(format!("service {service} in zone {zone}"));
            }
            keep
        });
        for ZoneEntry { opening, .. } in placed.iter().filter(|entry| entry.zone == zone) {
            let Some(entry) = entry_of(opening, &names) else {
                continue;
            };
            let is_in = |zone: &mut Zone| has(zone, &entry, Matching::Meaning, &names);
            if !is_in(&mut actual) && is_in(&mut planned) {
                remove(&mut planned, &entry, Matching::Meaning, &names);
                closed.push(format!("{} in zone {zone}", words::entry(opening)));
            }
        }
        if planned == actual {
            same.push(change.path.clone());
        }
        *content = planned.to_xml(&names);
    }
    changes.retain(|change| !same.contains(&change.path));
    Ok(closed)
}

/// The zone whose local file a path is.
fn zone_of(path: &str) -> Option<String> {
    let name = path.strip_prefix(ZONES)?.strip_suffix(".xml")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: &str =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone>\n  <service name=\"ssh\"/>\nMORE</zone>\n";

    #[test]
    fn firewalld_zone_keeps_closed_what_the_administrator_closed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/firewalld/services", 0o755).unwrap();
        root.create_dirs("/etc/firewalld/zones", 0o755).unwrap();
        root.write("/etc/firewalld/services/nodeshim-old.xml", b"<service/>", None).unwrap();
        let path = "/etc/firewalld/zones/public.xml";
        root.write(path, ZONE.replace("MORE", "").as_bytes(), None).unwrap();
        let planned = |services: &[&str]| {
            let lines: String =
                services.iter().map(|name| format!("  <service name=\"{name}\"/>\n")).collect();
            vec![PlannedChange {
                path: path.into(),
                action: Action::Write {
                    content: ZONE.replace("MORE", &lines),
                    mode: 0o644,
                },
                because: Vec::new(),
                why: String::new(),
            }]
        };
        let mut changes = planned(&["nodeshim-old", "nodeshim-new"]);
        let closed = keep_closed(&root, &BTreeSet::new(), &mut changes).unwrap();
        assert_eq!(closed, ["service nodeshim-old in zone public"]);
        let Action::Write { content, .. } = &changes[0].action else {
            panic!("no file")
        };
        assert!(content.contains("nodeshim-new") && !content.contains("nodeshim-old"), "{content}");
        let mut changes = planned(&["nodeshim-old"]);
        keep_closed(&root, &BTreeSet::new(), &mut changes).unwrap();
        assert_eq!(changes, []);
    }
}
