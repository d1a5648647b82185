//! Forwarded ports and masquerading.

use super::matches::{Match, family_of, forwarded};
use super::rules::{RulePosition, Rules};
use crate::firewall::iptables::Family;
use crate::firewall::ruleset::{ForwardPort, ZoneRules};

pub(super) fn forward_ports(rules: &mut Rules, wanted: &ZoneRules, entry: &Match) {
    for forward in &wanted.forward_ports {
        let entry = match &forward.interface {
            Some(interface) => Match::new(format!("-i {interface}")),
            None => entry.clone(),
        };
        forward_port(rules, forward, &entry, 0);
    }
}

/// Adds a forwarded port for what `entry` matches.
pub(super) fn forward_port(rules: &mut Rules, forward: &ForwardPort, entry: &Match, priority: i64) {
    let Some(target) = target(forward) else {
        rules.note(format!("port {} is forwarded to itself", forward.ports));
        return;
    };
    let family = forward.to_address.as_ref().map_or(Family::Ipv4, family_of);
    let family = entry.family.filter(|_| forward.to_address.is_none()).unwrap_or(family);
    let ports = forwarded(&forward.protocol, forward.ports);
    if let Some(found) = entry.and(&Match::of(family, ports.words)) {
        rules.add_at(priority, RulePosition::Redirect, &found, &target);
    }
}

/// The target that rewrites the destination; none if nothing would change.
fn target(forward: &ForwardPort) -> Option<String> {
    let Some(address) = forward.to_address else {
        return forward.to_ports.map(|ports| format!("REDIRECT --to-ports {ports}"));
    };
    Some(match (forward.to_ports, address.is_ipv6()) {
        (None, _) => format!("DNAT --to-destination {address}"),
        (Some(ports), false) => format!("DNAT --to-destination {address}:{ports}"),
        (Some(ports), true) => format!("DNAT --to-destination [{address}]:{ports}"),
    })
}

/// Masquerades by named interfaces; for a whole zone by those that the zone has, or by all but
/// loopback where it holds everything.
pub(super) fn masquerade(rules: &mut Rules, wanted: &ZoneRules, holds_everything: bool) {
    for interface in &wanted.masquerade {
        match interface {
            Some(interface) => by(rules, &format!("-o {interface}")),
            None if holds_everything => by(rules, "! -o lo"),
            None => {
                for interface in &wanted.interfaces {
                    by(rules, &format!("-o {interface}"));
                }
                if !wanted.sources.is_empty() {
                    rules.unmet("masquerading of what goes to a zone's sources cannot be expressed");
                }
            }
        }
    }
}

fn by(rules: &mut Rules, words: &str) {
    let out = Match::of(Family::Ipv4, words);
    rules.add(RulePosition::Masquerade, &out, "MASQUERADE");
    rules.add(RulePosition::Forward, &out, "ACCEPT");
}
