//! What a plugin wants as rules, each with the place where it belongs.

use super::matches::{self, Match};
use super::{Family, nat, rich};
use crate::firewall::definitions::{Definitions, Part, helpers_of};
use crate::firewall::ruleset::{Ruleset, ZoneRules};

/// Where a rule belongs, in the order of a file's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RulePosition {
    /// Marks packets: PREROUTING of mangle.
    Mark,
    /// Changes packets that pass through: FORWARD of mangle.
    Change,
    /// Sends packets elsewhere: PREROUTING of nat.
    Redirect,
    /// Hides where packets come from: POSTROUTING of nat.
    Masquerade,
    /// Keeps packets out, whatever anybody lets in.
    Deny,
    /// Lets packets in.
    Accept,
    /// Comes after everything that lets packets in.
    Last,
    /// Lets packets through.
    Forward,
}

/// A rule without its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub place: RulePosition,
    /// The only family that it is for.
    pub family: Option<Family>,
    /// Lower ones come first in their place.
    pub priority: i64,
    pub text: String,
}

/// The rules of one plugin.
pub(super) struct Rules<'a> {
    /// The plugin's name, safe to be written.
    pub stem: String,
    pub rules: Vec<Rule>,
    /// What could not be expressed.
    pub notes: Vec<String>,
    pub(super) definitions: &'a Definitions<'a>,
}

impl<'a> Rules<'a> {
    /// `stem` names the plugin safely.
    pub(super) fn of(
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

    /// Adds `TARGET` for what matches.
    pub(super) fn add(&mut self, place: RulePosition, found: &Match, target: &str) {
        self.add_at(0, place, found, target);
    }

    pub(super) fn add_at(&mut self, priority: i64, place: RulePosition, found: &Match, target: &str) {
        let text = match found.words.is_empty() {
            true => format!("-j {target}"),
            false => format!("{} -j {target}", found.words),
        };
        let family = found.family;
        self.rules.push(Rule {
            place,
            family,
            priority,
            text,
        });
    }

    /// Adds a remark once.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

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
                    for family in super::families(entry.family) {
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

    /// The matches of a part, each destination with each port.
    pub(super) fn part(&mut self, part: &Part) -> Vec<Match> {
        let addresses = part.destinations.iter().filter_map(|text| matches::address('d', text, false));
        let destinations: Vec<Match> = match part.destinations.is_empty() {
            true => vec![Match::default()],
            false => addresses.collect(),
        };
        let mut all = Vec::new();
        for protocol in &part.protocols {
            let found = matches::protocol(protocol);
            if found.is_empty() {
                self.note(format!("protocol {protocol} cannot be expressed"));
            }
            all.extend(found);
        }
        for (option, ports) in [("dport", &part.ports), ("sport", &part.source_ports)] {
            all.extend(ports.iter().flat_map(|(protocol, ranges)| matches::ports(option, protocol, ranges)));
        }
        let pairs = destinations.iter().flat_map(|to| all.iter().filter_map(move |found| to.and(found)));
        pairs.collect()
    }
}

/// Says to the sender that the packet is not wanted.
pub(super) fn reject(family: Family) -> String {
    let with = match family {
        Family::Ipv4 => "icmp-admin-prohibited",
        Family::Ipv6 => "icmp6-adm-prohibited",
    };
    format!("REJECT --reject-with {with}")
}
