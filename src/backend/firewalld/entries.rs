//! Single entries of a zone: whether it has one, putting one in, taking one out.

use crate::firewall::firewalld::rich::Rule;
use crate::firewall::firewalld::{ForwardPort, Names, Port, Zone};
use crate::firewall::ports::PortRange;
use crate::intent::Opening;

/// Whether the zone has the entry.
pub(super) fn has(zone: &Zone, entry: &Opening) -> bool {
    let mut copy = zone.clone();
    remove(&mut copy, entry);
    copy != *zone
}

/// Puts an entry in at the end of its kind; false if it is none that a zone can hold.
pub(super) fn add(zone: &mut Zone, entry: &Opening, names: &Names) -> bool {
    let traffic = &mut zone.traffic;
    match entry {
        Opening::Interface { interface, .. } => zone.interfaces.push(interface.clone()),
        Opening::Source { source } => zone.sources.push(source.clone()),
        Opening::Masquerade { .. } => traffic.masquerade = true,
        Opening::ForwardPort { .. } => match forward_port(entry) {
            Some(forward) => traffic.forward_ports.push(forward),
            None => return false,
        },
        Opening::BlockIcmp { icmp_type } => traffic.icmp_blocks.push(icmp_type.clone()),
        Opening::IcmpBlockInversion => zone.icmp_block_inversion = true,
        Opening::IntraZoneForward => zone.forward = true,
        Opening::RichRule { rule } => match Rule::parse(rule, names) {
            Ok(rule) => traffic.rules.push(rule),
            Err(_) => return false,
        },
        Opening::Port { .. }
        | Opening::SourcePort { .. }
        | Opening::Protocol { .. }
        | Opening::FirewallService { .. }
        | Opening::CustomRules { .. } => return false,
    }
    true
}

/// Takes an entry out.
pub(super) fn remove(zone: &mut Zone, entry: &Opening) {
    let traffic = &mut zone.traffic;
    match entry {
        Opening::Port { port, protocol } => traffic.ports.retain(|it| !same_port(it, port, protocol)),
        Opening::SourcePort { port, protocol } => {
            traffic.source_ports.retain(|it| !same_port(it, port, protocol));
        }
        Opening::Protocol { protocol } => traffic.protocols.retain(|it| it != protocol),
        Opening::FirewallService { service } => traffic.services.retain(|it| it != service),
        Opening::Interface { interface, .. } => zone.interfaces.retain(|it| it != interface),
        Opening::Source { source } => zone.sources.retain(|it| !it.eq_ignore_ascii_case(source)),
        Opening::Masquerade { .. } => traffic.masquerade = false,
        Opening::ForwardPort { .. } => {
            let forward = forward_port(entry);
            traffic.forward_ports.retain(|it| Some(it) != forward.as_ref());
        }
        Opening::BlockIcmp { icmp_type } => traffic.icmp_blocks.retain(|it| it != icmp_type),
        Opening::IcmpBlockInversion => zone.icmp_block_inversion = false,
        Opening::IntraZoneForward => zone.forward = false,
        Opening::RichRule { rule } => {
            let wanted = Rule::parse(rule, &Names::none()).ok();
            traffic.rules.retain(|it| it.to_string() != *rule && Some(it) != wanted.as_ref());
        }
        Opening::CustomRules { .. } => {}
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

fn forward_port(entry: &Opening) -> Option<ForwardPort> {
    let Opening::ForwardPort {
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
