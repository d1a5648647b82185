//! Forwarded ports and masquerading. The chains for them are declared by each plugin that needs
//! them, all alike, so that no plugin's file depends on another's.

use nftables::expr::MetaKey;
use nftables::stmt::{NAT, NATFamily, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfHook};

use super::model::{Document, Statements, accept, meta, meta_not, payload, port, text};
use super::plugin::{Builder, wildcard};
use crate::firewall::ruleset::{ForwardPort, ZoneRules};

const PREROUTING: &str = "nat_prerouting";
const POSTROUTING: &str = "nat_postrouting";
/// Priorities `dstnat` and `srcnat`.
const DSTNAT: i32 = -100;
const SRCNAT: i32 = 100;

pub(super) fn forward_ports(builder: &mut Builder, rules: &ZoneRules, entry: &Statements) {
    for forward in &rules.forward_ports {
        let mut entry = match &forward.interface {
            Some(interface) => vec![meta(MetaKey::Iifname, text(wildcard(interface)))],
            None => entry.clone(),
        };
        let is_ipv6 = forward.to_address.is_some_and(|address| address.is_ipv6());
        entry.push(meta(MetaKey::Nfproto, text(if is_ipv6 { "ipv6" } else { "ipv4" })));
        forward_port(builder, forward, entry);
    }
}

/// Adds a forwarded port for what `entry` matches, which names the family.
pub(super) fn forward_port(builder: &mut Builder, forward: &ForwardPort, entry: Statements) {
    let Some(target) = target(forward) else {
        let text = format!("port {} is forwarded to itself", forward.ports);
        builder.notes.push(text);
        return;
    };
    let ports = payload(&forward.protocol, "dport", port(&forward.ports));
    builder.prerouting.push([entry, vec![ports, target]].concat());
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

/// Masquerades by named interfaces; for a whole zone by those that the zone has, or by all but
/// loopback where it holds everything.
pub(super) fn masquerade(builder: &mut Builder, rules: &ZoneRules, holds_everything: bool) {
    let by = |name: &str| meta(MetaKey::Oifname, text(wildcard(name)));
    for interface in &rules.masquerade {
        match interface {
            Some(interface) => hide(builder, vec![ipv4(), by(interface)]),
            None if holds_everything => hide(builder, vec![ipv4(), not_loopback()]),
            None => {
                for interface in &rules.interfaces {
                    hide(builder, vec![ipv4(), by(interface)]);
                }
                if !rules.sources.is_empty() {
                    let text = "masquerading of what goes to a zone's sources cannot be expressed";
                    builder.notes.push(text.into());
                }
            }
        }
    }
}

/// Hides where packets that match come from, and lets them through.
pub(super) fn hide(builder: &mut Builder, matches: Statements) {
    let then = |statement| [matches.as_slice(), &[statement]].concat();
    builder.postrouting.push(then(Statement::Masquerade(None)));
    builder.forward.push(then(accept()));
}

fn ipv4() -> Statement<'static> {
    meta(MetaKey::Nfproto, text("ipv4"))
}

/// What leaves by any interface but loopback.
pub(super) fn not_loopback() -> Statement<'static> {
    meta_not(MetaKey::Oifname, text("lo"))
}

pub(super) fn chains(document: &mut Document, builder: &Builder) {
    let chains = [
        (PREROUTING, &builder.prerouting, NfHook::Prerouting, DSTNAT),
        (POSTROUTING, &builder.postrouting, NfHook::Postrouting, SRCNAT),
    ];
    for (chain, rules, hook, priority) in chains {
        if rules.is_empty() {
            continue;
        }
        document.base_chain(chain, (NfChainType::NAT, hook, priority), NfChainPolicy::Accept);
        for rule in rules {
            document.rule(chain, rule.clone(), Some(builder.label()));
        }
    }
}
