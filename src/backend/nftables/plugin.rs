//! One plugin's part of the ruleset: its own sets, its own chains, and one jump to each from the
//! node's chains. It depends on no other plugin.

use nftables::expr::{Expression, MetaKey};
use nftables::stmt::{Operator, Statement};

use super::base::{PLUGINS, PLUGINS_DENY, PLUGINS_FORWARD, PLUGINS_LAST};
use super::model::{
    Document, Statements, accept, any_of, ct, drop, jump, meta, payload, payload_with, port, prefix, reject,
    text,
};
use super::{icmp, nat, rich};
use crate::backend::name::identifier;
use crate::firewall::definitions::{Definition, Definitions, Part, helpers_of, protocol_number};
use crate::firewall::ports::Ports;
use crate::firewall::ports::coalesce;
use crate::firewall::ruleset::{Ruleset, ZoneRules};
use crate::firewall::valid::{Source, parse_source};

/// Collects the rules of one plugin.
pub(super) struct Builder<'a> {
    id: String,
    label: &'a str,
    default_zone: &'a str,
    definitions: &'a Definitions<'a>,
    /// Sets and rules for packets to the node.
    input: Document,
    rules: Vec<Statements>,
    /// What keeps packets out before anything lets them in, and what comes after all of that, by
    /// priority.
    pub(super) deny: Vec<(i64, Statements)>,
    pub(super) last: Vec<(i64, Statements)>,
    pub(super) forward: Vec<Statements>,
    pub(super) prerouting: Vec<Statements>,
    pub(super) postrouting: Vec<Statements>,
    pub(super) notes: Vec<String>,
}

/// The document of a plugin and what could not be expressed. `stem` names it safely.
pub(super) fn plugin(
    stem: &str,
    rules: &Ruleset,
    default_zone: &str,
    definitions: &Definitions,
) -> (Document, Vec<String>) {
    let mut builder = Builder {
        id: identifier(stem),
        label: stem,
        default_zone,
        definitions,
        input: Document::default(),
        rules: Vec::new(),
        deny: Vec::new(),
        last: Vec::new(),
        forward: Vec::new(),
        prerouting: Vec::new(),
        postrouting: Vec::new(),
        notes: Vec::new(),
    };
    for (zone, rules) in &rules.zones {
        builder.zone(zone, rules);
    }
    builder.finish()
}

impl Builder<'_> {
    fn zone(&mut self, zone: &str, rules: &ZoneRules) {
        let entries = self.entries(rules);
        match zone {
            zone if zone == self.default_zone => {
                if !entries.is_empty() {
                    let text = format!(
                        "interfaces and sources are not bound to zone {zone}: its openings are for all"
                    );
                    self.notes.push(text);
                }
                self.openings(rules, &[Vec::new()], true);
            }
            zone if entries.is_empty() => {
                let text =
                    format!("zone {zone} has no interface or source of this plugin: nothing is opened");
                self.notes.push(text);
            }
            "block" | "drop" => {
                if rules.opens() {
                    self.notes.push(format!("what zone {zone} lets in cannot be expressed"));
                }
                let verdict = if zone == "drop" { drop() } else { reject() };
                let denied = entries.into_iter().map(|entry| (0, [entry, vec![verdict.clone()]].concat()));
                self.deny.extend(denied);
            }
            "trusted" => {
                self.openings(rules, &entries, false);
                self.trusted(entries);
            }
            _ => self.openings(rules, &entries, false),
        }
        self.inexpressible(zone, rules);
    }

    /// The matches by which packets of a zone are known, one a rule.
    fn entries(&mut self, rules: &ZoneRules) -> Vec<Statements> {
        let mut entries = Vec::new();
        if !rules.interfaces.is_empty() {
            let names = rules.interfaces.iter().map(|name| text(wildcard(name))).collect();
            entries.push(vec![meta(MetaKey::Iifname, any_of(names))]);
        }
        for source in &rules.sources {
            match source_match(source) {
                Some(found) => entries.push(vec![found]),
                None => self.notes.push(format!("source {source} cannot be expressed")),
            }
        }
        entries
    }

    fn trusted(&mut self, entries: Vec<Statements>) {
        for mut entry in entries {
            entry.push(accept());
            self.forward.push(entry.clone());
            self.rules.push(entry);
        }
    }

    fn openings(&mut self, rules: &ZoneRules, entries: &[Statements], is_default: bool) {
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
                    self.notes.extend(helpers_of(name, definition));
                    merge(&mut open, &mut destined, definition);
                }
                None => self.notes.push(format!("service {name} is not defined in the image")),
            }
        }
        for entry in entries {
            self.icmp_blocks(rules, entry);
            self.rich_rules(rules, entry);
            self.part(&open, entry, is_default);
            for part in &destined {
                for destination in part.destinations.iter().filter_map(|text| destination_match(text)) {
                    let entry = [entry.as_slice(), &[destination]].concat();
                    self.part(part, &entry, false);
                }
            }
            nat::forward_ports(self, rules, entry);
        }
        nat::masquerade(self, rules, entries.iter().all(Vec::is_empty));
    }

    fn icmp_blocks(&mut self, rules: &ZoneRules, entry: &Statements) {
        for name in &rules.icmp_blocks {
            let Some(found) = icmp::matches(name) else {
                self.notes.push(format!("ICMP type {name} cannot be expressed"));
                continue;
            };
            let rules = found.into_iter().map(|found| [entry.as_slice(), &found, &[reject()]].concat());
            self.deny.extend(rules.map(|rule| (0, rule)));
        }
    }

    fn rich_rules(&mut self, rules: &ZoneRules, entry: &Statements) {
        for rule in &rules.rich_rules {
            if let Err(reason) = rich::add(self, rule, entry, self.definitions) {
                self.notes.push(format!("rich rule cannot be expressed ({reason}): {rule}"));
            }
        }
    }

    /// `named` puts the ports into the plugin's own sets, of which it has one a protocol.
    fn part(&mut self, part: &Part, entry: &Statements, named: bool) {
        for protocol in &part.protocols {
            match protocol_number(protocol) {
                Some(number) => {
                    let found = meta(MetaKey::L4proto, Expression::Number(number.into()));
                    self.rules.push([entry.as_slice(), &[found, accept()]].concat());
                }
                None => self.notes.push(format!("protocol {protocol} is not known")),
            }
        }
        for (field, prefix, ports) in [("dport", "", &part.ports), ("sport", "from_", &part.source_ports)] {
            for (protocol, ranges) in ports {
                let ranges = coalesce(ranges.iter().copied());
                let value = if named {
                    let set = format!("{prefix}{protocol}_{}", self.id);
                    self.input.port_set(&set, &ranges);
                    text(format!("@{set}"))
                } else {
                    any_of(ranges.iter().map(port).collect())
                };
                let found = [payload(protocol, field, value), ct("state", &["new"]), accept()];
                self.rules.push([entry.as_slice(), &found].concat());
            }
        }
    }

    fn inexpressible(&mut self, zone: &str, rules: &ZoneRules) {
        if rules.icmp_block_inversion {
            self.notes.push(format!("ICMP block inversion of zone {zone} cannot be expressed"));
        }
        if rules.forward && zone != "trusted" {
            self.notes.push(format!("forwarding inside zone {zone} cannot be expressed"));
        }
        let custom =
            rules.custom_rules.iter().map(|rule| format!("custom rules cannot be expressed: {rule}"));
        self.notes.extend(custom);
    }

    fn finish(mut self) -> (Document, Vec<String>) {
        let mut document = std::mem::take(&mut self.input);
        let chains = [
            ("deny", by_priority(std::mem::take(&mut self.deny)), PLUGINS_DENY),
            ("in", std::mem::take(&mut self.rules), PLUGINS),
            ("last", by_priority(std::mem::take(&mut self.last)), PLUGINS_LAST),
            ("fwd", std::mem::take(&mut self.forward), PLUGINS_FORWARD),
        ];
        let mut jumps = Vec::new();
        for (prefix, rules, hook) in chains {
            if !rules.is_empty() {
                let chain = format!("{prefix}_{}", self.id);
                document.chain(&chain);
                rules.into_iter().for_each(|rule| document.rule(&chain, rule, None));
                jumps.push((hook, chain));
            }
        }
        nat::chains(&mut document, &self);
        for (hook, chain) in jumps {
            document.rule(hook, vec![jump(&chain)], Some(self.label));
        }
        (document, self.notes)
    }

    /// Adds a rule that lets packets in.
    pub(super) fn accept(&mut self, rule: Statements) {
        self.rules.push(rule);
    }

    /// The plugin's name, for comments.
    pub(super) fn label(&self) -> &str {
        self.label
    }
}

fn by_priority(mut rules: Vec<(i64, Statements)>) -> Vec<Statements> {
    rules.sort_by_key(|(priority, _)| *priority);
    rules.into_iter().map(|(_, rule)| rule).collect()
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

/// `ppp+` as nft spells it.
pub(super) fn wildcard(interface: &str) -> String {
    interface
        .strip_suffix('+')
        .map_or_else(|| interface.to_owned(), |stem| format!("{stem}*"))
}

fn source_match(source: &str) -> Option<Statement<'static>> {
    match parse_source(source)? {
        Source::Network(address, bits) => Some(address_match(address, bits, "saddr", Operator::EQ)),
        Source::Mac(mac) => Some(payload("ether", "saddr", text(mac))),
        Source::Ipset(_) => None,
    }
}

fn destination_match(destination: &str) -> Option<Statement<'static>> {
    match parse_source(destination)? {
        Source::Network(address, bits) => Some(address_match(address, bits, "daddr", Operator::EQ)),
        _ => None,
    }
}

pub(super) fn address_match(
    address: std::net::IpAddr,
    bits: u8,
    field: &'static str,
    op: Operator,
) -> Statement<'static> {
    let (protocol, width) = if address.is_ipv4() {
        ("ip", 32)
    } else {
        ("ip6", 128)
    };
    let value = if bits == width {
        text(address.to_string())
    } else {
        prefix(masked(address, bits).to_string(), bits)
    };
    payload_with(protocol, field, op, value)
}

/// The network's own address, without host bits.
fn masked(address: std::net::IpAddr, bits: u8) -> std::net::IpAddr {
    match address {
        std::net::IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            std::net::Ipv4Addr::from(u32::from(address) & mask).into()
        }
        std::net::IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            std::net::Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}
