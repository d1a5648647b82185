//! What one owner, the node or a plugin, has in the zones.

use nftables::expr::{Expression, MetaKey};
use nftables::stmt::{Operator, Statement};

use super::chains::{Builder, Place, Stage};
use super::model::{Statements, accept, address_match, any_of, ct, meta, payload, port, reject, text};
use super::zones::Zones;
use super::{icmp, nat, rich};
use crate::firewall::definitions::{Definition, Part, protocol_number};
use crate::firewall::policies::{NodePolicy, Side};
use crate::firewall::ports::{Ports, coalesce};
use crate::firewall::ruleset::ZoneRules;
use crate::firewall::valid::{Source, parse_source};

impl Builder<'_> {
    /// Adds what the owner has in a zone.
    pub(super) fn zone(&mut self, zone: &str, rules: &ZoneRules, zones: &Zones) {
        self.place = Place::Zone(zone.to_owned());
        for custom in &rules.custom_rules {
            self.unmet(format!("custom rules cannot be expressed: {custom}"));
        }
        if !zones.is_active(zone) {
            if !self.label.is_empty() {
                self.note(format!("zone {zone} has no interface or source: nothing is opened in it"));
            }
            return;
        }
        self.inside(rules, zones.is_inverted(zone));
        nat::masquerade(self, rules);
    }

    /// Adds what the node has in a policy.
    pub(super) fn policy(&mut self, policy: &NodePolicy) {
        self.place = Place::Policy(policy.name.clone());
        let rewrites = !policy.rules.masquerade.is_empty() || !policy.rules.forward_ports.is_empty();
        if policy.ingress == Side::Host && rewrites {
            self.unmet("what the node sends itself is not rewritten");
        }
        self.inside(&policy.rules, false);
        nat::masquerade_in_policy(self, policy);
    }

    fn inside(&mut self, rules: &ZoneRules, is_inverted: bool) {
        self.openings(rules);
        self.icmp_blocks(rules, is_inverted);
        rich::add_all(self, rules);
        nat::forward_ports(self, rules);
    }

    fn openings(&mut self, rules: &ZoneRules) {
        let mut open = Part {
            ports: rules.ports.clone(),
            source_ports: rules.source_ports.clone(),
            protocols: rules.protocols.iter().cloned().collect(),
            ..Part::default()
        };
        let mut destined = Vec::new();
        for (name, definition) in &rules.services {
            match definition {
                Some(definition) => {
                    self.helpers_of(name, definition);
                    merge(&mut open, &mut destined, definition);
                }
                None => self.unmet(format!("service {name} is not defined in the image")),
            }
        }
        self.part(&open, &Vec::new());
        for part in &destined {
            for destination in part.destinations.iter().filter_map(|text| destination_match(text)) {
                self.part(part, &vec![destination]);
            }
        }
    }

    fn icmp_blocks(&mut self, rules: &ZoneRules, inverted: bool) {
        for name in &rules.icmp_blocks {
            let Some(found) = icmp::matches(name) else {
                self.unmet(format!("ICMP type {name} cannot be expressed"));
                continue;
            };
            for mut rule in found {
                match inverted {
                    true => {
                        rule.push(accept());
                        self.stage(Stage::Allow, rule);
                    }
                    false => {
                        rule.push(reject());
                        self.stage(Stage::Deny, rule);
                    }
                }
            }
        }
    }

    /// Ports of the default zone are in sets of the plugin's own, one a protocol.
    fn part(&mut self, part: &Part, to: &Statements) {
        let with = |found: Statements| [to.as_slice(), &found].concat();
        for protocol in &part.protocols {
            match protocol_number(protocol) {
                Some(number) => {
                    let found = meta(MetaKey::L4proto, Expression::Number(number.into()));
                    self.stage(Stage::Allow, with(vec![found, accept()]));
                }
                None => self.unmet(format!("protocol {protocol} is not known")),
            }
        }
        let is_default = self.place == Place::Zone(self.node.default_zone.clone());
        let in_set = to.is_empty() && !self.label.is_empty() && is_default;
        for (field, prefix, ports) in [("dport", "", &part.ports), ("sport", "from_", &part.source_ports)] {
            for (protocol, ranges) in ports {
                let ranges = coalesce(ranges.iter().copied());
                if ranges.is_empty() {
                    continue;
                }
                let value = if in_set {
                    let set = format!("{prefix}{protocol}_{}", self.id);
                    self.sets.port_set(&set, &ranges);
                    text(format!("@{set}"))
                } else {
                    any_of(ranges.iter().map(port).collect())
                };
                let found = vec![
                    payload(protocol, field, value),
                    ct("state", &["new", "untracked"]),
                    accept(),
                ];
                self.stage(Stage::Allow, with(found));
            }
        }
    }
}

fn merge(open: &mut Part, destined: &mut Vec<Part>, definition: &Definition) {
    for part in definition {
        if !part.destinations.is_empty() {
            destined.push(part.clone());
            continue;
        }
        add(&mut open.ports, &part.ports);
        add(&mut open.source_ports, &part.source_ports);
        for protocol in &part.protocols {
            if !open.protocols.contains(protocol) {
                open.protocols.push(protocol.clone());
            }
        }
    }
}

fn add(into: &mut Ports, from: &Ports) {
    for (protocol, ranges) in from {
        into.entry(protocol.clone()).or_default().extend(ranges);
    }
}

fn destination_match(destination: &str) -> Option<Statement<'static>> {
    match parse_source(destination)? {
        Source::Network(address, bits) => Some(address_match(address, bits, "daddr", Operator::EQ)),
        _ => None,
    }
}
