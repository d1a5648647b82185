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
        let Some(target) = target(forward) else {
            let text = format!("port {} is forwarded to itself", forward.ports);
            builder.notes.push(text);
            continue;
        };
        let mut rule = match &forward.interface {
            Some(interface) => vec![meta(MetaKey::Iifname, text(wildcard(interface)))],
            None => entry.clone(),
        };
        let is_ipv6 = forward.to_address.is_some_and(|address| address.is_ipv6());
        rule.push(meta(MetaKey::Nfproto, text(if is_ipv6 { "ipv6" } else { "ipv4" })));
        rule.push(payload(&forward.protocol, "dport", port(&forward.ports)));
        rule.push(target);
        builder.prerouting.push(rule);
        if forward.to_address.is_some() {
            forwarding_note(builder);
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

pub(super) fn masquerade(builder: &mut Builder, rules: &ZoneRules, entry: &Statements) {
    for interface in &rules.masquerade {
        let out = match interface {
            Some(interface) => meta(MetaKey::Oifname, text(wildcard(interface))),
            None if entry.is_empty() => meta_not(MetaKey::Oifname, text("lo")),
            None => {
                builder.notes.push("masquerading of a zone with interfaces cannot be expressed".into());
                continue;
            }
        };
        let ipv4 = meta(MetaKey::Nfproto, text("ipv4"));
        builder.postrouting.push(vec![ipv4.clone(), out.clone(), Statement::Masquerade(None)]);
        builder.forward.push(vec![ipv4, out, accept()]);
        forwarding_note(builder);
    }
}

fn forwarding_note(builder: &mut Builder) {
    let text = "needs net.ipv4.ip_forward or net.ipv6.conf.all.forwarding set to 1";
    if !builder.notes.iter().any(|note| note == text) {
        builder.notes.push(text.into());
    }
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
