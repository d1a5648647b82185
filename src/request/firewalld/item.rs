//! The things that zones and policies list, one type for all: reading them from the command line,
//! finding, adding and removing them, and the intents that they stand for.

use super::wording::Wording;
use crate::firewall::firewalld::port::{Port, merge, range, spell};
use crate::firewall::firewalld::rich::Rule;
use crate::firewall::firewalld::{Checked, ForwardPort, Grammar, Policy, Traffic, Zone};
use crate::intent::FirewallItem;

/// Kinds of entries by the stem of their options: `--add-STEM`, `--remove-STEM`, `--query-STEM`.
pub(super) const STEMS: [&str; 11] = [
    "interface",
    "source",
    "ingress-zone",
    "egress-zone",
    "rich-rule",
    "service",
    "port",
    "protocol",
    "source-port",
    "icmp-block",
    "forward-port",
];

/// An entry.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Interface(String),
    Source(String),
    IngressZone(String),
    EgressZone(String),
    /// The rule, and how it was typed.
    RichRule(Box<Rule>, String),
    Service(String),
    Port(Port),
    Protocol(String),
    SourcePort(Port),
    IcmpBlock(String),
    ForwardPort(ForwardPort),
}

impl Item {
    /// The rule of no words.
    pub(crate) fn empty_rule() -> Item {
        Item::RichRule(Box::default(), String::new())
    }

    /// Reads a value of `--add-STEM` and its like.
    pub(super) fn parse(stem: &str, value: &str, grammar: &Grammar) -> Checked<Item> {
        let text = value.to_owned();
        Ok(match stem {
            "interface" => Item::Interface(text),
            "source" => Item::Source(text),
            "ingress-zone" => Item::IngressZone(text),
            "egress-zone" => Item::EgressZone(text),
            "rich-rule" => Item::RichRule(Box::new(Rule::parse(value, grammar)?), text),
            "service" => Item::Service(text),
            "port" => Item::Port(Port::parse(value, grammar)?),
            "source-port" => Item::SourcePort(Port::parse(value, grammar)?),
            "protocol" => Item::Protocol(text),
            "forward-port" => Item::ForwardPort(ForwardPort::parse(value, false, grammar)?),
            _ => Item::IcmpBlock(text),
        })
    }

    /// How messages name it.
    pub(super) fn shown(&self, wording: Wording) -> String {
        let quotes = matches!(wording, Wording::Offline | Wording::Policy);
        match self {
            Item::RichRule(_, typed) if wording == Wording::Permanent => typed.clone(),
            Item::Port(_) | Item::SourcePort(_) | Item::ForwardPort(_) if quotes => {
                format!("'{}'", self.value())
            }
            _ => self.value(),
        }
    }

    /// The entry itself.
    pub(super) fn value(&self) -> String {
        match self {
            Item::Interface(name)
            | Item::Source(name)
            | Item::IngressZone(name)
            | Item::EgressZone(name)
            | Item::Service(name)
            | Item::Protocol(name)
            | Item::IcmpBlock(name) => name.clone(),
            Item::RichRule(rule, _) => rule.to_string(),
            Item::Port(port) | Item::SourcePort(port) => format!("{}:{}", port.port, port.protocol),
            Item::ForwardPort(port) => {
                format!("{}:{}:{}:{}", port.port, port.protocol, port.to_port, port.to_address)
            }
        }
    }

    /// What the firewall is asked for by it; none for what only policies have.
    pub(super) fn opening(&self, trusted: bool) -> Option<FirewallItem> {
        Some(match self {
            Item::Interface(interface) => FirewallItem::Interface {
                interface: interface.clone(),
                trusted,
            },
            Item::Source(source) => FirewallItem::Source {
                source: source.clone(),
            },
            Item::IngressZone(_) | Item::EgressZone(_) => return None,
            Item::RichRule(rule, _) => FirewallItem::RichRule {
                rule: rule.to_string(),
            },
            Item::Service(service) => FirewallItem::FirewallService {
                service: service.clone(),
            },
            Item::Port(port) => FirewallItem::Port {
                port: port.port.clone(),
                protocol: port.protocol.clone(),
            },
            Item::SourcePort(port) => FirewallItem::SourcePort {
                port: port.port.clone(),
                protocol: port.protocol.clone(),
            },
            Item::Protocol(protocol) => FirewallItem::Protocol {
                protocol: protocol.clone(),
            },
            Item::IcmpBlock(icmp_type) => FirewallItem::BlockIcmp {
                icmp_type: icmp_type.clone(),
            },
            Item::ForwardPort(port) => FirewallItem::ForwardPort {
                interface: None,
                port: port.port.clone(),
                protocol: port.protocol.clone(),
                to_port: Some(port.to_port.clone()).filter(|text| !text.is_empty()),
                to_address: Some(port.to_address.clone()).filter(|text| !text.is_empty()),
            },
        })
    }
}

/// What holds entries.
pub(super) trait Holder {
    /// The part that zones and policies have in common.
    fn traffic(&mut self) -> &mut Traffic;

    /// The list of grammar that an entry belongs to, if it is not part of the traffic.
    fn own_list(&mut self, item: &Item) -> Option<&mut Vec<String>>;
}

impl Holder for Zone {
    fn traffic(&mut self) -> &mut Traffic {
        &mut self.traffic
    }

    fn own_list(&mut self, item: &Item) -> Option<&mut Vec<String>> {
        match item {
            Item::Interface(_) => Some(&mut self.interfaces),
            Item::Source(_) => Some(&mut self.sources),
            _ => None,
        }
    }
}

impl Holder for Policy {
    fn traffic(&mut self) -> &mut Traffic {
        &mut self.traffic
    }

    fn own_list(&mut self, item: &Item) -> Option<&mut Vec<String>> {
        match item {
            Item::IngressZone(_) => Some(&mut self.ingress_zones),
            Item::EgressZone(_) => Some(&mut self.egress_zones),
            _ => None,
        }
    }
}

/// How ports are compared: firewall-cmd looks inside the ranges of a zone, firewall-offline-cmd at the
/// spelling, and so does the daemon for a policy, which its client sends as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ports {
    Spelling,
    Ranges,
}

impl Ports {
    pub(super) fn of(wording: Wording) -> Self {
        match wording {
            Wording::Offline | Wording::Policy => Ports::Spelling,
            Wording::Permanent | Wording::RunningZone => Ports::Ranges,
        }
    }
}

/// Whether an entry is there.
pub(super) fn has(holder: &mut dyn Holder, item: &Item, ports: Ports, grammar: &Grammar) -> bool {
    if let (Some(list), Some(name)) = (holder.own_list(item), name_of(item)) {
        return list.iter().any(|known| known == name);
    }
    let traffic = holder.traffic();
    match item {
        Item::Service(name) => traffic.services.contains(name),
        Item::Protocol(name) => traffic.protocols.contains(name),
        Item::IcmpBlock(name) => traffic.icmp_blocks.contains(name),
        Item::RichRule(rule, _) => traffic.rules.contains(rule),
        Item::ForwardPort(port) => traffic.forward_ports.contains(port),
        Item::Port(port) => has_port(&traffic.ports, port, ports, grammar),
        Item::SourcePort(port) => has_port(&traffic.source_ports, port, ports, grammar),
        _ => false,
    }
}

/// Adds an entry that is not there.
pub(super) fn add(holder: &mut dyn Holder, item: Item, ports: Ports, grammar: &Grammar) {
    if let (Some(list), Some(name)) = (holder.own_list(&item), name_of(&item)) {
        list.push(name.to_owned());
        return;
    }
    let traffic = holder.traffic();
    match item {
        Item::Service(name) => traffic.services.push(name),
        Item::Protocol(name) => traffic.protocols.push(name),
        Item::IcmpBlock(name) => traffic.icmp_blocks.push(name),
        Item::RichRule(rule, _) => traffic.rules.push(*rule),
        Item::ForwardPort(port) => traffic.forward_ports.push(port),
        Item::Port(port) => add_port(&mut traffic.ports, port, ports, grammar),
        Item::SourcePort(port) => add_port(&mut traffic.source_ports, port, ports, grammar),
        _ => {}
    }
}

/// Removes an entry that is there.
pub(super) fn remove(holder: &mut dyn Holder, item: &Item, ports: Ports, grammar: &Grammar) {
    if let (Some(list), Some(name)) = (holder.own_list(item), name_of(item)) {
        list.retain(|known| known != name);
        return;
    }
    let traffic = holder.traffic();
    match item {
        Item::Service(name) => traffic.services.retain(|known| known != name),
        Item::Protocol(name) => traffic.protocols.retain(|known| known != name),
        Item::IcmpBlock(name) => traffic.icmp_blocks.retain(|known| known != name),
        Item::RichRule(rule, _) => traffic.rules.retain(|known| known != rule.as_ref()),
        Item::ForwardPort(port) => traffic.forward_ports.retain(|known| known != port),
        Item::Port(port) => remove_port(&mut traffic.ports, port, ports, grammar),
        Item::SourcePort(port) => remove_port(&mut traffic.source_ports, port, ports, grammar),
        _ => {}
    }
}

fn name_of(item: &Item) -> Option<&str> {
    match item {
        Item::Interface(name) | Item::Source(name) | Item::IngressZone(name) | Item::EgressZone(name) => {
            Some(name)
        }
        _ => None,
    }
}

fn has_port(list: &[Port], port: &Port, ports: Ports, grammar: &Grammar) -> bool {
    let Some((first, last)) = range(&port.port, grammar).filter(|_| ports == Ports::Ranges) else {
        return list.contains(port);
    };
    let covers = |known: &Port| {
        known.protocol == port.protocol && known.range(grammar).is_some_and(|(a, b)| a <= first && last <= b)
    };
    list.iter().any(covers)
}

fn overlaps(known: &Port, port: &Port, grammar: &Grammar) -> bool {
    let (Some((a, b)), Some((first, last))) = (known.range(grammar), port.range(grammar)) else {
        return false;
    };
    known.protocol == port.protocol && a <= last && first <= b
}

fn add_port(list: &mut Vec<Port>, port: Port, ports: Ports, grammar: &Grammar) {
    let merges = ports == Ports::Ranges && list.iter().any(|known| overlaps(known, &port, grammar));
    let numbers = range(&port.port, grammar).filter(|_| ports == Ports::Ranges);
    list.push(match numbers {
        Some(numbers) => Port::new(spell(numbers), port.protocol),
        None => port,
    });
    if merges {
        *list = merge(std::mem::take(list), grammar);
    }
}

/// Removes a port; what else a range held stays, in the range's place.
fn remove_port(list: &mut Vec<Port>, port: &Port, ports: Ports, grammar: &Grammar) {
    let Some((first, last)) = range(&port.port, grammar).filter(|_| ports == Ports::Ranges) else {
        list.retain(|known| known != port);
        return;
    };
    let mut left = Vec::with_capacity(list.len() + 1);
    for known in list.drain(..) {
        if !overlaps(&known, port, grammar) {
            left.push(known);
            continue;
        }
        let Some((a, b)) = known.range(grammar) else {
            continue;
        };
        if a < first {
            left.push(Port::new(spell((a, first - 1)), known.protocol.clone()));
        }
        if b > last {
            left.push(Port::new(spell((last + 1, b)), known.protocol));
        }
    }
    *list = left;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(ports: &str) -> Zone {
        let mut zone = Zone::default();
        for word in ports.split_whitespace() {
            zone.traffic.ports.push(Port::parse(word, &Grammar::none()).unwrap());
        }
        zone
    }

    fn show(zone: &Zone) -> String {
        zone.traffic.ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ranges_are_joined_and_split_by_firewall_cmd_only() {
        let grammar = Grammar::none();
        let item = |text: &str| Item::Port(Port::parse(text, &grammar).unwrap());
        let mut ranges = zone("80-90/tcp 1/udp");
        assert!(has(&mut ranges, &item("85/tcp"), Ports::Ranges, &grammar));
        assert!(!has(&mut ranges, &item("85/tcp"), Ports::Spelling, &grammar));
        add(&mut ranges, item("70-95/tcp"), Ports::Ranges, &grammar);
        assert_eq!(show(&ranges), "1/udp 70-95/tcp");
        remove(&mut ranges, &item("85/tcp"), Ports::Ranges, &grammar);
        assert_eq!(show(&ranges), "1/udp 70-84/tcp 86-95/tcp");
        remove(&mut ranges, &item("70-84/tcp"), Ports::Spelling, &grammar);
        assert_eq!(show(&ranges), "1/udp 86-95/tcp");
    }
}
