//! What a plugin wants, zone by zone, as rules.

use super::matches::{self, Match, families};
use super::rules::{RulePosition, Rules, reject};
use super::{nat, rich};
use crate::firewall::definitions::{Definitions, Part, helpers_of};
use crate::firewall::iptables::Family;
use crate::firewall::ruleset::{Ruleset, ZoneRules};

/// The rules of a plugin, which `stem` names safely.
pub(super) fn rules<'a>(
    stem: &str,
    ruleset: &Ruleset,
    default_zone: &str,
    definitions: &'a Definitions<'a>,
) -> Rules<'a> {
    let mut rules = Rules {
        stem: stem.to_owned(),
        rules: Vec::new(),
        notes: Vec::new(),
        definitions,
    };
    for (zone, wanted) in &ruleset.zones {
        rules.zone(zone, wanted, default_zone);
    }
    rules
}

impl Rules<'_> {
    fn zone(&mut self, zone: &str, wanted: &ZoneRules, default_zone: &str) {
        let entries = self.entries(wanted);
        if zone == default_zone {
            if !entries.is_empty() {
                self.note(format!(
                    "interfaces and sources are not bound to zone {zone}: its openings are for all"
                ));
            }
            self.inside(wanted, &[Match::default()]);
        } else if entries.is_empty() {
            self.note(format!("zone {zone} has no interface or source of this plugin: nothing is opened"));
        } else {
            self.bound(zone, wanted, &entries);
        }
        if wanted.icmp_block_inversion {
            self.note(format!("ICMP block inversion of zone {zone} cannot be expressed"));
        }
        for custom in &wanted.custom_rules {
            self.note(format!("custom rules are not taken over: {custom}"));
        }
        if wanted.forward && zone != "trusted" {
            self.note(format!("forwarding inside zone {zone} cannot be expressed"));
        }
    }

    /// A zone that holds only what comes in by `entries`.
    fn bound(&mut self, zone: &str, wanted: &ZoneRules, entries: &[Match]) {
        match zone {
            "block" | "drop" if wanted.opens() => {
                self.note(format!("what zone {zone} lets in cannot be expressed"));
            }
            "block" | "drop" => {}
            _ => self.inside(wanted, entries),
        }
        let verdict = |family| match zone {
            "drop" => "DROP".to_owned(),
            _ => reject(family),
        };
        for entry in entries {
            match zone {
                "trusted" => {
                    self.add(RulePosition::Accept, entry, "ACCEPT");
                    self.add(RulePosition::Forward, entry, "ACCEPT");
                }
                "block" | "drop" => {
                    for family in families(entry.family) {
                        let entry = Match {
                            family: Some(family),
                            ..entry.clone()
                        };
                        self.add(RulePosition::Deny, &entry, &verdict(family));
                    }
                }
                _ => {}
            }
        }
    }

    /// The matches by which packets of a zone are known.
    fn entries(&mut self, wanted: &ZoneRules) -> Vec<Match> {
        let interfaces = wanted.interfaces.iter().map(|name| Match::new(format!("-i {name}")));
        let mut entries: Vec<Match> = interfaces.collect();
        for source in &wanted.sources {
            match matches::address('s', source, false) {
                Some(found) => entries.push(found),
                None => self.note(format!("source {source} cannot be expressed")),
            }
        }
        entries
    }

    /// What a zone lets in, keeps out and sends elsewhere.
    fn inside(&mut self, wanted: &ZoneRules, entries: &[Match]) {
        let own = Part {
            ports: wanted.ports.clone(),
            source_ports: wanted.source_ports.clone(),
            protocols: wanted.protocols.iter().cloned().collect(),
            ..Part::default()
        };
        for (name, definition) in &wanted.services {
            match definition {
                None => self.note(format!("service {name} is not defined in the image")),
                Some(definition) => helpers_of(name, definition).into_iter().for_each(|text| self.note(text)),
            }
        }
        let services = wanted.services.values().flatten().flatten();
        let parts = std::iter::once(&own).chain(services);
        let found: Vec<Match> = parts.flat_map(|part| self.part(part)).collect();
        for found in found {
            for entry in entries {
                if let Some(found) = entry.and(&found) {
                    self.add(RulePosition::Accept, &found, "ACCEPT");
                }
            }
        }
        for entry in entries {
            self.icmp_blocks(wanted, entry);
            rich::rules(self, wanted, entry);
            nat::forward_ports(self, wanted, entry);
        }
        nat::masquerade(self, wanted, entries.iter().all(|entry| entry.words.is_empty()));
    }

    fn icmp_blocks(&mut self, wanted: &ZoneRules, entry: &Match) {
        for name in &wanted.icmp_blocks {
            let Some(found) = matches::icmp(name) else {
                self.note(format!("ICMP type {name} cannot be expressed"));
                continue;
            };
            for found in found.iter().filter_map(|found| entry.and(found)) {
                let family = found.family.unwrap_or(Family::Ipv4);
                self.add(RulePosition::Deny, &found, &reject(family));
            }
        }
    }
}
