//! The part of the ruleset that is the node's own, whatever plugins there are: a firewall that
//! drops what nobody asked for.

use nftables::expr::{Expression, MetaKey};
use nftables::types::{NfChainPolicy, NfChainType, NfHook};

use super::model::{Document, accept, any_of, ct, drop, jump, meta, payload, prefix, reject, table, text};

/// Priority of filter chains.
const FILTER: i32 = 0;
/// What the node itself answers on: secure shell.
pub const NODE_TCP_PORT: u16 = 22;
/// The chain in which plugins keep packets out, whatever another plugin lets in.
pub(super) const PLUGINS_DENY: &str = "plugins_deny";
/// The chain in which plugins hook in for packets to the node.
pub(super) const PLUGINS: &str = "plugins";
/// The chain for what plugins want done to packets that nobody, the node neither, let in.
pub(super) const PLUGINS_LAST: &str = "plugins_last";
/// The chain in which plugins hook in for packets through the node.
pub(super) const PLUGINS_FORWARD: &str = "plugins_forward";

/// Replaces the table in one transaction: made if missing, deleted, made anew.
pub(super) fn base() -> Document {
    let mut document = Document::default();
    document.add(table());
    document.delete_table();
    document.add(table());
    document.chain(PLUGINS_DENY);
    document.chain(PLUGINS);
    document.chain(PLUGINS_LAST);
    document.chain(PLUGINS_FORWARD);
    input(&mut document);
    forward(&mut document);
    document
}

/// Neighbour discovery comes before what plugins may block, or IPv6 would stop working.
fn input(document: &mut Document) {
    let chain = "input";
    let hook = (NfChainType::Filter, NfHook::Input, FILTER);
    document.base_chain(chain, hook, NfChainPolicy::Drop);
    let mut rule = |statements| document.rule(chain, statements, None);
    rule(vec![ct("state", &["established", "related"]), accept()]);
    rule(vec![ct("state", &["invalid"]), drop()]);
    rule(vec![meta(MetaKey::Iif, text("lo")), accept()]);
    let discovery = ["nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-advert"];
    let discovery = discovery.iter().map(|name| text(*name)).collect();
    rule(vec![payload("icmpv6", "type", any_of(discovery)), accept()]);
    rule(vec![jump(PLUGINS_DENY)]);
    rule(vec![ct("status", &["dnat"]), accept()]);
    rule(vec![jump(PLUGINS)]);
    rule(vec![meta(MetaKey::L4proto, icmp()), accept()]);
    // DHCPv6 answers come from a link-local address and match no connection.
    rule(vec![
        payload("ip6", "daddr", prefix("fe80::".into(), 64)),
        payload("udp", "dport", Expression::Number(546)),
        ct("state", &["new"]),
        accept(),
    ]);
    let port = Expression::Number(NODE_TCP_PORT.into());
    rule(vec![payload("tcp", "dport", port), ct("state", &["new"]), accept()]);
    rule(vec![jump(PLUGINS_LAST)]);
    rule(vec![reject()]);
}

fn forward(document: &mut Document) {
    let chain = "forward";
    let hook = (NfChainType::Filter, NfHook::Forward, FILTER);
    document.base_chain(chain, hook, NfChainPolicy::Drop);
    let mut rule = |statements| document.rule(chain, statements, None);
    rule(vec![ct("state", &["established", "related"]), accept()]);
    rule(vec![ct("state", &["invalid"]), drop()]);
    rule(vec![ct("status", &["dnat"]), accept()]);
    rule(vec![jump(PLUGINS_FORWARD)]);
    rule(vec![meta(MetaKey::L4proto, icmp()), accept()]);
    rule(vec![reject()]);
}

/// ICMP and ICMPv6 by number: names depend on the node's `/etc/protocols`.
fn icmp() -> Expression<'static> {
    any_of(vec![Expression::Number(1), Expression::Number(58)])
}
