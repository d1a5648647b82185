//! `NAME.firewall` files of vintage oVirt nodes: one `PORT,PROTOCOL` a line, read at each boot. They
//! know nothing but ports that are open to everybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::name::stem;
use crate::firewall::definitions::Part;
use crate::firewall::ports::{PortRange, coalesce};
use crate::firewall::ruleset::{Ruleset, ZoneRules};
use crate::plan::Note;

/// A range is written port by port up to so many: as a range, only a node whose firewall is
/// iptables understands it.
const WRITTEN_OUT: u32 = 64;

/// The files by name, one a plugin that opens ports, and what they cannot express.
pub(crate) fn files(
    rulesets: &BTreeMap<String, Ruleset>,
    default_zone: &str,
) -> (BTreeMap<String, String>, Vec<Note>) {
    let (mut files, mut notes) = (BTreeMap::new(), Vec::new());
    for (plugin, ruleset) in rulesets {
        let events: Vec<u64> = ruleset.events.iter().copied().collect();
        let mut note = |text: String| notes.push(Note::new(Some(plugin), text, &events));
        let Some(stem) = stem(plugin) else {
            note("its name cannot be written into a file".into());
            continue;
        };
        for (zone, rules) in &ruleset.zones {
            if zone == default_zone {
                let text = text(rules, &mut note);
                if !text.is_empty() {
                    files.insert(format!("{stem}.firewall"), text);
                }
            } else {
                note(format!("zone {zone} cannot be expressed"));
            }
        }
    }
    (files, notes)
}

fn text(rules: &ZoneRules, note: &mut impl FnMut(String)) -> String {
    let mut open: BTreeMap<&str, Vec<PortRange>> = BTreeMap::new();
    let own = Part {
        ports: rules.ports.clone(),
        protocols: rules.protocols.iter().cloned().collect(),
        source_ports: rules.source_ports.clone(),
        ..Part::default()
    };
    for part in std::iter::once(&own).chain(rules.services.values().flatten().flatten()) {
        for (protocol, ranges) in &part.ports {
            open.entry(protocol).or_default().extend(ranges);
        }
        if !part.protocols.is_empty() || !part.source_ports.is_empty() {
            note("protocols and source ports cannot be expressed".into());
        }
        if !part.destinations.is_empty() {
            note("a service is opened for all destinations".into());
        }
    }
    for (name, _) in rules.services.iter().filter(|(_, definition)| definition.is_none()) {
        note(format!("service {name} is not defined in the image"));
    }
    let rest = ZoneRules {
        ports: Default::default(),
        source_ports: Default::default(),
        protocols: Default::default(),
        services: Default::default(),
        ..rules.clone()
    };
    if rest != ZoneRules::default() {
        note("more than open ports cannot be expressed".into());
    }
    lines(open, note)
}

fn lines(open: BTreeMap<&str, Vec<PortRange>>, note: &mut impl FnMut(String)) -> String {
    let mut lines = BTreeSet::new();
    for (protocol, ranges) in open {
        for range in coalesce(ranges) {
            if u32::from(range.high - range.low) < WRITTEN_OUT {
                lines.extend((range.low..=range.high).map(|port| (protocol, port, port.to_string())));
            } else {
                note(format!("range {range} is understood only where iptables is the firewall"));
                lines.insert((protocol, range.low, format!("{}:{}", range.low, range.high)));
            }
        }
    }
    lines.into_iter().map(|(protocol, _, port)| format!("{port},{protocol}\n")).collect()
}
