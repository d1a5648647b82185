//! Forwarded ports and masquerading.

use nftables::expr::MetaKey;
use nftables::stmt::{NAT, NATFamily, Statement};

use super::chains::{Builder, Chain, Place};
use super::model::{Statements, accept, interface, meta, meta_not, payload, port, text};
use crate::firewall::policies::NodePolicy;
use crate::firewall::ruleset::{ForwardPort, ZoneRules};

pub(super) fn forward_ports(builder: &mut Builder, rules: &ZoneRules) {
    for forward in &rules.forward_ports {
        let is_ipv6 = forward.to_address.is_some_and(|address| address.is_ipv6());
        let family = meta(MetaKey::Nfproto, text(if is_ipv6 { "ipv6" } else { "ipv4" }));
        match &forward.interface {
            None => forward_port(builder, forward, vec![family]),
            Some(name) => {
                let entry = vec![interface(MetaKey::Iifname, name), family];
                add(builder, Chain::Redirect(None), forward, entry);
            }
        }
    }
}

/// Adds a forwarded port of what is worked on for what `entry` matches, which names the
/// family.
pub(super) fn forward_port(builder: &mut Builder, forward: &ForwardPort, entry: Statements) {
    let chain = builder.place.redirect();
    add(builder, chain, forward, entry);
}

fn add(builder: &mut Builder, chain: Chain, forward: &ForwardPort, entry: Statements) {
    match target(forward) {
        None => builder.note(format!("port {} is forwarded to itself", forward.ports)),
        Some(target) => {
            let ports = payload(&forward.protocol, "dport", port(&forward.ports));
            builder.add(chain, [entry, vec![ports, target]].concat());
        }
    }
}

/// The statement that rewrites the destination; none if nothing would change.
fn target(forward: &ForwardPort) -> Option<Statement<'static>> {
    let to_port = forward.to_ports.as_ref().map(port);
    match forward.to_address {
        None => to_port.map(|to_port| {
            Statement::Redirect(Some(NAT {
                addr: None,
                family: None,
                port: Some(to_port),
                flags: None,
            }))
        }),
        Some(address) => Some(Statement::DNAT(Some(NAT {
            addr: Some(text(address.to_string())),
            family: Some(if address.is_ipv4() {
                NATFamily::IP
            } else {
                NATFamily::IP6
            }),
            port: to_port,
            flags: None,
        }))),
    }
}

/// Masquerades what leaves by named interfaces, or by the zone.
pub(super) fn masquerade(builder: &mut Builder, rules: &ZoneRules) {
    for name in &rules.masquerade {
        match name {
            None => hide(builder, vec![ipv4(), not_loopback()]),
            Some(name) => {
                let matches = vec![ipv4(), interface(MetaKey::Oifname, name)];
                let then = |statement| [matches.as_slice(), &[statement]].concat();
                builder.add(Chain::Hide(None), then(Statement::Masquerade(None)));
                builder.add(Chain::Through, then(accept()));
            }
        }
    }
}

/// Hides where packets that match come from, of those that leave by the zone that is worked on, and
/// lets them through; or of those of the policy.
pub(super) fn hide(builder: &mut Builder, matches: Statements) {
    let then = |statement| [matches.as_slice(), &[statement]].concat();
    builder.add(builder.place.hide(), then(Statement::Masquerade(None)));
    if let Place::Zone(zone) = builder.place.clone() {
        builder.add(Chain::Leaving(zone), then(accept()));
    }
}

/// Hides where packets of a policy come from; what passes is for its target to say
/// (`core/nftables.py` build_policy_masquerade_rules).
pub(super) fn masquerade_in_policy(builder: &mut Builder, policy: &NodePolicy) {
    if !policy.rules.masquerade.is_empty() {
        hide(builder, vec![ipv4(), not_loopback()]);
    }
}

fn ipv4() -> Statement<'static> {
    meta(MetaKey::Nfproto, text("ipv4"))
}

/// What leaves by any interface but loopback.
pub(super) fn not_loopback() -> Statement<'static> {
    meta_not(MetaKey::Oifname, text("lo"))
}
