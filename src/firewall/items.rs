//! What the files of zones and policies let through, as the entries that requests name.

use super::firewalld::entry::Entry;
use super::firewalld::rich::Rule;
use super::firewalld::{ForwardPort, Grammar, Port, Service, Traffic, Zone};
use super::ports::PortRange;
use crate::intent::FirewallItem;

/// An entry in the spelling that it is compared in.
pub(crate) fn canonical(item: &FirewallItem) -> FirewallItem {
    let port = |port: &str| PortRange::parse(port).map_or(port.to_owned(), |range| range.to_string());
    match item {
        FirewallItem::Port { port: text, protocol } => FirewallItem::Port {
            port: port(text),
            protocol: protocol.to_lowercase(),
        },
        FirewallItem::SourcePort { port: text, protocol } => FirewallItem::SourcePort {
            port: port(text),
            protocol: protocol.to_lowercase(),
        },
        FirewallItem::Interface { interface, .. } => FirewallItem::Interface {
            interface: interface.clone(),
            trusted: false,
        },
        other => other.clone(),
    }
}

/// A zone's entries.
pub(crate) fn of_zone(zone: &Zone) -> Vec<FirewallItem> {
    items(&zone.entries())
}

/// What zones and policies have in common.
pub(super) fn of_traffic(traffic: &Traffic) -> Vec<FirewallItem> {
    items(&traffic.entries())
}

/// What a service lets through.
pub(crate) fn of_service(service: &Service) -> Vec<FirewallItem> {
    let mut entries: Vec<Entry> = service.ports.iter().cloned().map(Entry::Port).collect();
    entries.extend(service.source_ports.iter().cloned().map(Entry::SourcePort));
    entries.extend(service.protocols.iter().cloned().map(Entry::Protocol));
    entries.extend(service.includes.iter().cloned().map(Entry::Service));
    items(&entries)
}

fn items(entries: &[Entry]) -> Vec<FirewallItem> {
    entries.iter().filter_map(|entry| item_of(entry, false)).collect()
}

/// What the firewall is asked for by an entry; none for what only policies have. A `trusted` interface is one
/// of the zone that lets everything through.
pub(crate) fn item_of(entry: &Entry, trusted: bool) -> Option<FirewallItem> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(match entry.clone() {
        Entry::Interface(interface) => FirewallItem::Interface { interface, trusted },
        Entry::Source(source) => FirewallItem::Source { source },
        Entry::IngressZone(_) | Entry::EgressZone(_) => return None,
        Entry::RichRule(rule, _) => FirewallItem::RichRule {
            rule: rule.to_string(),
        },
        Entry::Service(service) => FirewallItem::FirewallService { service },
        Entry::Port(Port { port, protocol }) => FirewallItem::Port { port, protocol },
        Entry::SourcePort(Port { port, protocol }) => FirewallItem::SourcePort { port, protocol },
        Entry::Protocol(protocol) => FirewallItem::Protocol { protocol },
        Entry::IcmpBlock(icmp_type) => FirewallItem::BlockIcmp { icmp_type },
        Entry::ForwardPort(forward) => FirewallItem::ForwardPort {
            interface: None,
            to_port: some(&forward.to_port),
            to_address: some(&forward.to_address),
            port: forward.port,
            protocol: forward.protocol,
        },
        Entry::Masquerade => FirewallItem::Masquerade { interface: None },
        Entry::IcmpBlockInversion => FirewallItem::IcmpBlockInversion,
        Entry::Forward => FirewallItem::IntraZoneForward,
    })
}

/// The entry of a zone that an item is; none for what no zone can have, and for a rule that `grammar`
/// refuses.
pub(crate) fn entry_of(item: &FirewallItem, grammar: &Grammar) -> Option<Entry> {
    Some(match item.clone() {
        FirewallItem::Interface { interface, .. } => Entry::Interface(interface),
        FirewallItem::Source { source } => Entry::Source(source),
        FirewallItem::RichRule { rule } => Entry::RichRule(Box::new(Rule::parse(&rule, grammar).ok()?), rule),
        FirewallItem::FirewallService { service } => Entry::Service(service),
        FirewallItem::Port { port, protocol } => Entry::Port(Port { port, protocol }),
        FirewallItem::SourcePort { port, protocol } => Entry::SourcePort(Port { port, protocol }),
        FirewallItem::Protocol { protocol } => Entry::Protocol(protocol),
        FirewallItem::BlockIcmp { icmp_type } => Entry::IcmpBlock(icmp_type),
        FirewallItem::ForwardPort {
            port,
            protocol,
            to_port,
            to_address,
            ..
        } => Entry::ForwardPort(ForwardPort {
            port,
            protocol,
            to_port: to_port.unwrap_or_default(),
            to_address: to_address.unwrap_or_default(),
        }),
        FirewallItem::Masquerade { .. } => Entry::Masquerade,
        FirewallItem::IcmpBlockInversion => Entry::IcmpBlockInversion,
        FirewallItem::IntraZoneForward => Entry::Forward,
        FirewallItem::CustomRules { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::firewalld::entry::EVERY_ENTRY;

    #[test]
    fn every_entry_of_a_zone_is_an_item_and_the_item_that_entry() {
        let grammar = Grammar::none();
        let zone = Zone::parse(EVERY_ENTRY, &grammar).unwrap();
        let again: Vec<Entry> = of_zone(&zone).iter().filter_map(|item| entry_of(item, &grammar)).collect();
        assert_eq!(again, zone.entries());
        assert_eq!(again.len(), 12);
    }
}
