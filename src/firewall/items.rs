//! What the files of zones and policies let through, as the entries that requests name.

use super::firewalld::{ForwardPort, Traffic, Zone};
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
    let mut items = of_traffic(&zone.traffic);
    items.extend(zone.interfaces.iter().cloned().map(|interface| FirewallItem::Interface {
        interface,
        trusted: false,
    }));
    items.extend(zone.sources.iter().cloned().map(|source| FirewallItem::Source { source }));
    items.extend(zone.icmp_block_inversion.then_some(FirewallItem::IcmpBlockInversion));
    items.extend(zone.forward.then_some(FirewallItem::IntraZoneForward));
    items
}

/// What zones and policies have in common.
pub(super) fn of_traffic(traffic: &Traffic) -> Vec<FirewallItem> {
    let mut items = Vec::new();
    items.extend(traffic.services.iter().cloned().map(|service| FirewallItem::FirewallService { service }));
    items.extend(traffic.ports.iter().cloned().map(|port| FirewallItem::Port {
        port: port.port,
        protocol: port.protocol,
    }));
    items.extend(traffic.source_ports.iter().cloned().map(|port| FirewallItem::SourcePort {
        port: port.port,
        protocol: port.protocol,
    }));
    items.extend(traffic.protocols.iter().cloned().map(|protocol| FirewallItem::Protocol { protocol }));
    items.extend(traffic.icmp_blocks.iter().cloned().map(|icmp_type| FirewallItem::BlockIcmp { icmp_type }));
    items.extend(traffic.forward_ports.iter().map(forward_port));
    items.extend(traffic.rules.iter().map(|rule| FirewallItem::RichRule {
        rule: rule.to_string(),
    }));
    items.extend(traffic.masquerade.then_some(FirewallItem::Masquerade { interface: None }));
    items
}

fn forward_port(forward: &ForwardPort) -> FirewallItem {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    FirewallItem::ForwardPort {
        interface: None,
        port: forward.port.clone(),
        protocol: forward.protocol.clone(),
        to_port: some(&forward.to_port),
        to_address: some(&forward.to_address),
    }
}
