//! What of a ruleset goes into the zone itself, since no service can express it.

use crate::firewall::ruleset::{ForwardPort, Ruleset, ZoneRules};
use crate::intent::FirewallItem;

/// The entries with their zones, in a fixed order.
pub(super) fn entries(ruleset: &Ruleset, notes: &mut Vec<String>) -> Vec<(String, FirewallItem)> {
    let mut entries = Vec::new();
    for (zone, rules) in &ruleset.zones {
        let of_zone = of_zone(zone, rules, notes);
        entries.extend(of_zone.into_iter().map(|entry| (zone.clone(), entry)));
    }
    entries
}

fn of_zone(zone: &str, rules: &ZoneRules, notes: &mut Vec<String>) -> Vec<FirewallItem> {
    let mut entries: Vec<FirewallItem> = Vec::new();
    for interface in &rules.interfaces {
        entries.push(FirewallItem::Interface {
            interface: interface.clone(),
            trusted: zone == "trusted",
        });
    }
    let sources = rules.sources.iter().cloned();
    entries.extend(sources.map(|source| FirewallItem::Source { source }));
    for interface in rules.masquerade.iter().flatten() {
        notes.push(format!(
            "masquerading by {interface} is widened to zone {zone}, and only between interfaces bound to it"
        ));
    }
    if !rules.masquerade.is_empty() {
        entries.push(FirewallItem::Masquerade { interface: None });
    }
    for forward in &rules.forward_ports {
        if let Some(interface) = &forward.interface {
            notes.push(format!("forwarding from {interface} is widened to zone {zone}"));
        }
        entries.push(forward_port(forward));
    }
    let blocks = rules.icmp_blocks.iter().cloned();
    entries.extend(blocks.map(|icmp_type| FirewallItem::BlockIcmp { icmp_type }));
    if rules.icmp_block_inversion {
        entries.push(FirewallItem::IcmpBlockInversion);
    }
    if rules.forward {
        entries.push(FirewallItem::IntraZoneForward);
    }
    let rich = rules.rich_rules.iter().cloned();
    entries.extend(rich.map(|rule| FirewallItem::RichRule { rule }));
    let custom = rules.custom_rules.iter();
    notes.extend(custom.map(|rule| format!("custom rules cannot be expressed: {rule}")));
    entries
}

fn forward_port(forward: &ForwardPort) -> FirewallItem {
    FirewallItem::ForwardPort {
        interface: None,
        port: forward.ports.to_string(),
        protocol: forward.protocol.clone(),
        to_port: forward.to_ports.map(|ports| ports.to_string()),
        to_address: forward.to_address.map(|address| address.to_string()),
    }
}
