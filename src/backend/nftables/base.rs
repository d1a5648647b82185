//! The part of the ruleset that is the node's own, whatever plugins there are: a firewall that
//! drops what nobody asked for, with a chain for every zone that packets can come in by.

use std::collections::{BTreeMap, BTreeSet};

use nftables::expr::{Expression, MetaKey};
use nftables::stmt::Statement;
use nftables::types::{NfChainPolicy, NfChainType, NfHook};

use super::chains::{Builder, Chain, Stage};
use super::direct::Direct;
use super::model::{
    Document, Statements, accept, any_of, back, ct, drop, goto, interface, jump, meta, payload, reject,
    table, text,
};
use super::zones::{Bound, Zones};
use crate::firewall::node::Target;

/// Priority of filter chains.
const FILTER: i32 = 0;
/// Priority `mangle`.
const MANGLE: i32 = -150;
/// Priorities `dstnat` and `srcnat`.
const DSTNAT: i32 = -100;
const SRCNAT: i32 = 100;
/// Sends what goes through to the chains of the zones that it comes in by, and leaves by.
const FORWARD_ZONES: &str = "forward_zones";
const LEAVING: &str = "leaving";

/// How packets are known by what is bound to a zone.
type By = fn(&Bound) -> Option<Statement<'static>>;

/// What the node itself answers on: secure shell.
pub const NODE_TCP_PORT: u16 = 22;

/// Replaces the table in one transaction: made if missing, deleted, made anew. `used` are the chains
/// that the node or a plugin has rules in; `own` are the node's.
pub(super) fn base(zones: &Zones, used: &BTreeSet<Chain>, own: &Builder, direct: &Direct) -> Document {
    let mut base = Base {
        document: Document::default(),
        zones,
        used,
        own,
        direct,
    };
    base.document.add(table());
    base.document.delete_table();
    base.document.add(table());
    base.direct_chains();
    used.iter().for_each(|chain| base.declare(chain));
    for zone in zones.active() {
        base.zone(zone);
    }
    base.input();
    base.forward();
    base.output();
    base.nat();
    base.mangle();
    base.document
}

struct Base<'a> {
    document: Document,
    zones: &'a Zones<'a>,
    used: &'a BTreeSet<Chain>,
    own: &'a Builder<'a>,
    direct: &'a Direct,
}

impl Base<'_> {
    /// All chains come before rules that name them.
    fn direct_chains(&mut self) {
        let chains = self.direct.chains();
        chains.keys().for_each(|name| self.document.chain(name));
        for (name, rules) in chains {
            rules.iter().for_each(|rule| self.document.rule(name, rule.clone(), None));
        }
    }

    /// Sends packets through the direct rules of a built-in chain first.
    fn direct(&mut self, chain: &str, (table, of): (&str, &str)) {
        if let Some(name) = self.direct.chain(table, of) {
            self.rule(chain, vec![jump(&name)]);
        }
    }

    /// What the node sends passes, but for what direct rules say.
    fn output(&mut self) {
        if self.direct.chain("filter", "OUTPUT").is_some() {
            let hook = (NfChainType::Filter, NfHook::Output, FILTER);
            self.document.base_chain("output", hook, NfChainPolicy::Accept);
            self.rule("output", vec![ct("state", &["established", "related"]), accept()]);
            self.rule("output", vec![interface(MetaKey::Oifname, "lo"), accept()]);
            self.direct("output", ("filter", "OUTPUT"));
        }
        if self.direct.chain("nat", "OUTPUT").is_some() {
            let hook = (NfChainType::NAT, NfHook::Output, DSTNAT);
            self.document.base_chain("nat_output", hook, NfChainPolicy::Accept);
            self.direct("nat_output", ("nat", "OUTPUT"));
        }
    }

    fn mangle(&mut self) {
        for (of, name, hook) in [
            ("PREROUTING", "mangle_prerouting", NfHook::Prerouting),
            ("INPUT", "mangle_input", NfHook::Input),
            ("FORWARD", "mangle_forward", NfHook::Forward),
            ("POSTROUTING", "mangle_postrouting", NfHook::Postrouting),
        ] {
            if self.direct.chain("mangle", of).is_some() {
                self.document.base_chain(name, (NfChainType::Filter, hook, MANGLE), NfChainPolicy::Accept);
                self.direct(name, ("mangle", of));
            }
        }
    }

    /// Declares a chain, with the node's own rules in it.
    fn declare(&mut self, chain: &Chain) {
        let name = chain.name();
        self.document.chain(&name);
        for rule in self.own.rules.get(chain).into_iter().flatten() {
            self.document.rule(&name, rule.clone(), None);
        }
    }

    /// The chain of a zone: its stages, then its target.
    fn zone(&mut self, zone: &str) {
        let name = format!("in_{zone}");
        self.document.chain(&name);
        let stages: BTreeSet<Stage> = self
            .used
            .iter()
            .filter_map(|chain| match chain {
                Chain::In(of, stage) if of == zone => Some(*stage),
                _ => None,
            })
            .collect();
        for stage in stages {
            self.rule(&name, vec![jump(&Chain::In(zone.to_owned(), stage).name())]);
        }
        let is_inverted = self.zones.is_inverted(zone);
        match self.zones.target(zone) {
            Target::Default | Target::Reject if is_inverted => {}
            Target::Default | Target::Reject => self.rule(&name, vec![icmp(), accept()]),
            Target::Accept if is_inverted => self.rule(&name, vec![icmp(), reject()]),
            Target::Accept | Target::Drop => {}
        }
        self.rule(&name, vec![verdict(self.zones.target(zone))]);
    }

    /// Neighbour discovery comes before what anybody may block, or IPv6 would stop working.
    fn input(&mut self) {
        let chain = "input";
        let hook = (NfChainType::Filter, NfHook::Input, FILTER);
        self.document.base_chain(chain, hook, NfChainPolicy::Drop);
        self.rule(chain, vec![ct("state", &["established", "related"]), accept()]);
        self.rule(chain, vec![ct("state", &["invalid"]), drop()]);
        self.rule(chain, vec![meta(MetaKey::Iif, text("lo")), accept()]);
        let discovery = ["nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-advert"];
        let discovery = discovery.iter().map(|name| text(*name)).collect();
        self.rule(chain, vec![payload("icmpv6", "type", any_of(discovery)), accept()]);
        self.rule(chain, vec![ct("status", &["dnat"]), accept()]);
        self.direct(chain, ("filter", "INPUT"));
        let names = self.names(|zone| Some(format!("in_{zone}")));
        self.dispatch(chain, Bound::from, &names);
    }

    fn forward(&mut self) {
        for zone in self.zones.active() {
            self.forward_of(zone);
        }
        let by_zone = self.names(|zone| self.forwards(zone).then(|| format!("forward_{zone}")));
        let has_zones = self.dispatch_chain(FORWARD_ZONES, Bound::from, &by_zone);
        let leaving = self.names(|zone| self.used_name(Chain::Leaving(zone.to_owned())));
        let leaves = self.dispatch_chain(LEAVING, Bound::to, &leaving);
        let chain = "forward";
        let hook = (NfChainType::Filter, NfHook::Forward, FILTER);
        self.document.base_chain(chain, hook, NfChainPolicy::Drop);
        self.rule(chain, vec![ct("state", &["established", "related"]), accept()]);
        self.rule(chain, vec![ct("state", &["invalid"]), drop()]);
        self.rule(chain, vec![ct("status", &["dnat"]), accept()]);
        self.direct(chain, ("filter", "FORWARD"));
        if self.used.contains(&Chain::Through) {
            self.rule(chain, vec![jump(&Chain::Through.name())]);
        }
        if leaves {
            self.rule(chain, vec![jump(LEAVING)]);
        }
        if has_zones {
            self.rule(chain, vec![jump(FORWARD_ZONES)]);
        }
        self.rule(chain, vec![icmp(), accept()]);
        self.rule(chain, vec![reject()]);
    }

    /// Whether a zone has a chain for what comes in by it and goes through.
    fn forwards(&self, zone: &str) -> bool {
        self.zones.forwards(zone) || matches!(self.zones.target(zone), Target::Accept | Target::Drop)
    }

    fn forward_of(&mut self, zone: &str) {
        if !self.forwards(zone) {
            return;
        }
        let name = format!("forward_{zone}");
        self.document.chain(&name);
        let target = self.zones.target(zone);
        let mut rules = Vec::new();
        if self.zones.forwards(zone) && target != Target::Accept {
            let is_default = zone == self.zones.default();
            for (bound, of) in self.zones.bound() {
                let Some(to) = bound.to() else { continue };
                match (of == zone, is_default) {
                    (true, _) => rules.push(vec![to, accept()]),
                    (false, true) => rules.push(vec![to, verdict(target)]),
                    (false, false) => {}
                }
            }
            if is_default {
                rules.push(vec![accept()]);
            }
        }
        if !matches!(target, Target::Accept | Target::Drop) {
            rules.push(vec![icmp(), accept()]);
        }
        rules.push(vec![verdict(target)]);
        rules.into_iter().for_each(|rule| self.document.rule(&name, rule, None));
    }

    fn nat(&mut self) {
        let redirect = |zone: Option<&str>| Chain::Redirect(zone.map(str::to_owned));
        let hide = |zone: Option<&str>| Chain::Hide(zone.map(str::to_owned));
        self.nat_chain(("nat_prerouting", "PREROUTING"), (NfHook::Prerouting, DSTNAT), redirect, Bound::from);
        self.nat_chain(("nat_postrouting", "POSTROUTING"), (NfHook::Postrouting, SRCNAT), hide, Bound::to);
    }

    fn nat_chain(
        &mut self,
        (chain, of_iptables): (&str, &str),
        (hook, priority): (NfHook, i32),
        of: fn(Option<&str>) -> Chain,
        by: By,
    ) {
        let names = self.names(|zone| self.used_name(of(Some(zone))));
        let for_all = self.used_name(of(None));
        if for_all.is_none() && names.is_empty() && self.direct.chain("nat", of_iptables).is_none() {
            return;
        }
        self.document.base_chain(chain, (NfChainType::NAT, hook, priority), NfChainPolicy::Accept);
        self.direct(chain, ("nat", of_iptables));
        if let Some(name) = for_all {
            self.rule(chain, vec![jump(&name)]);
        }
        self.dispatch(chain, by, &names);
    }

    /// The zones that have a chain of a kind, and its name.
    fn names(&self, of: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
        let zones = self.zones.active().into_iter();
        zones.filter_map(|zone| Some((zone.to_owned(), of(zone)?))).collect()
    }

    fn used_name(&self, chain: Chain) -> Option<String> {
        self.used.contains(&chain).then(|| chain.name())
    }

    /// A chain that sends packets to those of their zones; false if there are none.
    fn dispatch_chain(&mut self, chain: &str, by: By, names: &BTreeMap<String, String>) -> bool {
        if !names.is_empty() {
            self.document.chain(chain);
            self.dispatch(chain, by, names);
        }
        !names.is_empty()
    }

    /// Sends packets to the chains of their zones. A zone without one has nothing to say; the default
    /// zone has all that are left.
    fn dispatch(&mut self, chain: &str, by: By, names: &BTreeMap<String, String>) {
        let default = names.get(self.zones.default());
        for (bound, zone) in self.zones.bound() {
            let Some(found) = by(bound) else { continue };
            match names.get(zone) {
                Some(name) => self.document.rule(chain, vec![found, goto(name)], None),
                // Not to be taken for packets of the default zone.
                None if default.is_some() => self.document.rule(chain, vec![found, back()], None),
                None => {}
            }
        }
        if let Some(default) = default {
            self.rule(chain, vec![goto(default)]);
        }
    }

    fn rule(&mut self, chain: &str, rule: Statements) {
        self.document.rule(chain, rule, None);
    }
}

fn verdict(target: Target) -> Statement<'static> {
    match target {
        Target::Default | Target::Reject => reject(),
        Target::Accept => accept(),
        Target::Drop => drop(),
    }
}

/// ICMP and ICMPv6 by number: names depend on the node's `/etc/protocols`.
fn icmp() -> Statement<'static> {
    let both = any_of(vec![Expression::Number(1), Expression::Number(58)]);
    meta(MetaKey::L4proto, both)
}
