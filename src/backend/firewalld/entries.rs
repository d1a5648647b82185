//! Single entries of a zone: whether it has one, putting one in, taking one out.

use crate::firewall::firewalld::rich::Rule;
use crate::firewall::firewalld::{ForwardPort, Grammar, Port, Zone};
use crate::firewall::ports::PortRange;
use crate::intent::FirewallItem;

/// Whether the zone has the entry.
pub(super) fn has(zone: &Zone, entry: &FirewallItem) -> bool {
    let mut copy = zone.clone();
    remove(&mut copy, entry);
    copy != *zone
}

/// Puts an entry in at the end of its kind; false if it is none that a zone can hold.
pub(super) fn add(zone: &mut Zone, entry: &FirewallItem, names: &Grammar) -> bool {
    let traffic = &mut zone.traffic;
    match entry {
        FirewallItem::Interface { interface, .. } => zone.interfaces.push(interface.clone()),
        FirewallItem::Source { source } => zone.sources.push(source.clone()),
        FirewallItem::Masquerade { .. } => traffic.masquerade = true,
        FirewallItem::ForwardPort { .. } => match forward_port(entry) {
            Some(forward) => traffic.forward_ports.push(forward),
            None => return false,
        },
        FirewallItem::BlockIcmp { icmp_type } => traffic.icmp_blocks.push(icmp_type.clone()),
        FirewallItem::IcmpBlockInversion => zone.icmp_block_inversion = true,
        FirewallItem::IntraZoneForward => zone.forward = true,
        FirewallItem::RichRule { rule } => match Rule::parse(rule, names) {
            Ok(rule) => traffic.rules.push(rule),
            Err(_) => return false,
        },
        FirewallItem::Port { .. }
        | FirewallItem::SourcePort { .. }
        | FirewallItem::Protocol { .. }
        | FirewallItem::FirewallService { .. }
        | FirewallItem::CustomRules { .. } => return false,
    }
    true
}

/// Takes an entry out.
pub(super) fn remove(zone: &mut Zone, entry: &FirewallItem) {
    let traffic = &mut zone.traffic;
    match entry {
        FirewallItem::Port { port, protocol } => traffic.ports.retain(|it| !same_port(it, port, protocol)),
        FirewallItem::SourcePort { port, protocol } => {
            traffic.source_ports.retain(|it| !same_port(it, port, protocol));
        }
        FirewallItem::Protocol { protocol } => traffic.protocols.retain(|it| it != protocol),
        FirewallItem::FirewallService { service } => traffic.services.retain(|it| it != service),
        FirewallItem::Interface { interface, .. } => zone.interfaces.retain(|it| it != interface),
        FirewallItem::Source { source } => zone.sources.retain(|it| !it.eq_ignore_ascii_case(source)),
        FirewallItem::Masquerade { .. } => traffic.masquerade = false,
        FirewallItem::ForwardPort { .. } => {
            let forward = forward_port(entry);
            traffic.forward_ports.retain(|it| Some(it) != forward.as_ref());
        }
        FirewallItem::BlockIcmp { icmp_type } => traffic.icmp_blocks.retain(|it| it != icmp_type),
        FirewallItem::IcmpBlockInversion => zone.icmp_block_inversion = false,
        FirewallItem::IntraZoneForward => zone.forward = false,
        FirewallItem::RichRule { rule } => {
            let wanted = Rule::parse(rule, &Grammar::none()).ok();
            traffic.rules.retain(|it| it.to_string() != *rule && Some(it) != wanted.as_ref());
        }
        FirewallItem::CustomRules { .. } => {}
    }
}

/// Ports are compared by their numbers: `0080` is `80`.
fn same_port(port: &Port, number: &str, protocol: &str) -> bool {
    let same = match (PortRange::parse(&port.port), PortRange::parse(number)) {
        (Some(a), Some(b)) => a == b,
        _ => port.port == number,
    };
    same && port.protocol == protocol
}

fn forward_port(entry: &FirewallItem) -> Option<ForwardPort> {
    let FirewallItem::ForwardPort {
        port,
        protocol,
        to_port,
        to_address,
        ..
    } = entry
    else {
        return None;
    };
    Some(ForwardPort {
        port: port.clone(),
        protocol: protocol.clone(),
        to_port: to_port.clone().unwrap_or_default(),
        to_address: to_address.clone().unwrap_or_default(),
    })
}
