//! What a plugin wants as rules of the INPUT chain.

use super::Family;
use crate::firewall::definitions::{Part, protocol_number};
use crate::firewall::ports::{PortRange, coalesce};
use crate::firewall::ruleset::{Ports, Ruleset, ZoneRules};
use crate::firewall::valid::{Source, parse_source};

/// The rules of one plugin, each for one family or both.
pub(super) struct Lines {
    stem: String,
    rules: Vec<(Option<Family>, String)>,
    /// What could not be expressed.
    pub notes: Vec<String>,
}

impl Lines {
    /// `stem` names the plugin safely.
    pub(super) fn of(stem: &str, ruleset: &Ruleset, default_zone: &str) -> Lines {
        let mut lines = Lines {
            stem: stem.to_owned(),
            rules: Vec::new(),
            notes: Vec::new(),
        };
        for (zone, rules) in &ruleset.zones {
            lines.zone(zone, rules, default_zone);
        }
        lines
    }

    /// The rules for a family, after a comment that names the plugin.
    pub(super) fn text(&self, of: Family) -> Vec<String> {
        let mine = self.rules.iter().filter(|(family, _)| family.is_none_or(|family| family == of));
        let mut text: Vec<String> = mine.map(|(_, rule)| format!("-A INPUT {rule} -j ACCEPT")).collect();
        if !text.is_empty() {
            text.insert(0, format!("# {}", self.stem));
        }
        text
    }

    fn zone(&mut self, zone: &str, rules: &ZoneRules, default_zone: &str) {
        let entries = self.entries(rules);
        if zone == "trusted" {
            self.rules.extend(entries);
        } else if zone == default_zone {
            self.openings(rules, &[(None, String::new())]);
        } else if entries.is_empty() || zone == "block" || zone == "drop" {
            self.notes.push(format!("zone {zone} cannot be expressed: nothing is opened in it"));
        } else {
            self.openings(rules, &entries);
        }
        self.inexpressible(zone, rules);
    }

    /// The matches by which packets of a zone are known.
    fn entries(&mut self, rules: &ZoneRules) -> Vec<(Option<Family>, String)> {
        let interfaces = rules.interfaces.iter().map(|name| (None, format!("-i {name}")));
        let mut entries: Vec<(Option<Family>, String)> = interfaces.collect();
        for source in &rules.sources {
            match parse_source(source) {
                Some(Source::Network(address, bits)) => {
                    entries.push((Some(family_of(&address)), format!("-s {address}/{bits}")));
                }
                Some(Source::Mac(mac)) => entries.push((None, format!("-m mac --mac-source {mac}"))),
                _ => self.notes.push(format!("source {source} cannot be expressed")),
            }
        }
        entries
    }

    fn openings(&mut self, rules: &ZoneRules, entries: &[(Option<Family>, String)]) {
        let own = Part {
            ports: rules.ports.clone(),
            source_ports: rules.source_ports.clone(),
            protocols: rules.protocols.iter().cloned().collect(),
            destinations: Vec::new(),
        };
        for (name, definition) in &rules.services {
            if definition.is_none() {
                self.notes.push(format!("service {name} is not defined in the image"));
            }
        }
        let services = rules.services.values().flatten().flatten();
        for part in std::iter::once(&own).chain(services) {
            for (family, entry) in entries {
                self.part(part, *family, entry);
            }
        }
    }

    fn part(&mut self, part: &Part, family: Option<Family>, entry: &str) {
        let mut destinations = Vec::new();
        for destination in &part.destinations {
            if let Some(Source::Network(address, bits)) = parse_source(destination) {
                destinations.push((Some(family_of(&address)), format!("-d {address}/{bits}")));
            }
        }
        if part.destinations.is_empty() {
            destinations.push((None, String::new()));
        }
        for (to_family, destination) in destinations {
            if let (Some(a), Some(b)) = (family, to_family)
                && a != b
            {
                continue;
            }
            for found in self.matches(part) {
                let words = [entry, destination.as_str(), found.as_str()];
                let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
                self.rules.push((family.or(to_family), words.join(" ")));
            }
        }
    }

    fn matches(&mut self, part: &Part) -> Vec<String> {
        let mut found = Vec::new();
        for protocol in &part.protocols {
            match protocol_number(protocol) {
                Some(number) => found.push(format!("-p {number}")),
                None => self.notes.push(format!("protocol {protocol} is not known")),
            }
        }
        found.extend(ports(&part.ports, "--dport"));
        found.extend(ports(&part.source_ports, "--sport"));
        found
    }

    fn inexpressible(&mut self, zone: &str, rules: &ZoneRules) {
        let kinds = [
            (!rules.masquerade.is_empty(), "masquerading"),
            (!rules.forward_ports.is_empty(), "port forwarding"),
            (!rules.icmp_blocks.is_empty() || rules.icmp_block_inversion, "ICMP blocking"),
            (!rules.rich_rules.is_empty(), "rich rules"),
            (!rules.custom_rules.is_empty(), "custom rules"),
            (rules.forward, "forwarding"),
        ];
        let asked = kinds.into_iter().filter(|(asked, _)| *asked);
        self.notes
            .extend(asked.map(|(_, what)| format!("{what} in zone {zone} cannot be expressed")));
    }
}

fn family_of(address: &std::net::IpAddr) -> Family {
    match address.is_ipv4() {
        true => Family::Ipv4,
        false => Family::Ipv6,
    }
}

fn ports(ports: &Ports, option: &str) -> Vec<String> {
    let of = |(protocol, ranges): (&String, &Vec<PortRange>)| {
        let number = |range: PortRange| range.to_string().replace('-', ":");
        let rule =
            |range| format!("-m state --state NEW -p {protocol} -m {protocol} {option} {}", number(range));
        coalesce(ranges.iter().copied()).into_iter().map(rule).collect::<Vec<_>>()
    };
    ports.iter().flat_map(of).collect()
}
