//! The part of the ruleset that is the node's own and does not depend on plugins: a firewall that
//! drops everything that is not asked for, with a chain for every zone that packets can come in by.

use std::collections::{BTreeMap, BTreeSet};

use nftables::expr::{Expression, MetaKey};
use nftables::stmt::Statement;
use nftables::types::{NfChainPolicy, NfChainType, NfHook};

use super::chains::{Builder, Chain, Stage};
use super::direct::Direct;
use super::model::{
    Document, Statements, accept, any_of, ct, drop, interface, jump, meta, payload, reject, set_name, table,
    text,
};
use super::policies::{Hook, Policies};
use super::rich::log_with;
use super::zones::{Bound, By, Zones};
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

/// What the node itself answers on: secure shell.
pub(crate) const NODE_TCP_PORT: u16 = 22;

/// Replaces the table in one transaction: made if missing, deleted, made again. `used` are the chains
/// that the node or a plugin has rules in; `own` are the node's.
pub(super) fn base(zones: &Zones, used: &BTreeSet<Chain>, own: &Builder, beyond: &Beyond) -> Document {
    let mut base = Base {
        document: Document::default(),
        zones,
        used,
        own,
        direct: &beyond.direct,
        policies: &beyond.policies,
    };
    base.document.add(table());
    base.document.delete_table();
    base.document.add(table());
    for (name, set) in &own.node.sets {
        base.document.address_set(&set_name(name), set);
    }
    base.direct_chains();
    used.iter().for_each(|chain| base.declare(chain));
    base.policy_chains();
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

/// What there is besides zones.
#[derive(Default)]
pub(super) struct Beyond {
    pub direct: Direct,
    pub policies: Policies,
}

struct Base<'a> {
    document: Document,
    zones: &'a Zones<'a>,
    used: &'a BTreeSet<Chain>,
    own: &'a Builder<'a>,
    direct: &'a Direct,
    policies: &'a Policies,
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

    /// Each names those before it.
    fn policy_chains(&mut self) {
        for (name, rules) in self.policies.chains() {
            self.document.chain(name);
            rules.iter().for_each(|rule| self.document.rule(name, rule.clone(), None));
        }
    }

    /// Sends packets through the direct rules of a built-in chain first.
    fn direct(&mut self, chain: &str, (table, of): (&str, &str)) {
        if let Some(name) = self.direct.chain(table, of) {
            self.rule(chain, vec![jump(&name)]);
        }
    }

    /// What the node sends passes, but for what direct rules and policies say.
    fn output(&mut self) {
        let is_direct = self.direct.chain("filter", "OUTPUT").is_some();
        if is_direct || self.policies.are_at(Hook::Output) {
            let hook = (NfChainType::Filter, NfHook::Output, FILTER);
            self.document.base_chain("output", hook, NfChainPolicy::Accept);
            self.rule("output", vec![ct("state", &["established", "related"]), accept()]);
            self.rule("output", vec![interface(MetaKey::Oifname, "lo"), accept()]);
            self.direct("output", ("filter", "OUTPUT"));
            self.policies("output", Hook::Output, true);
            self.policies("output", Hook::Output, false);
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
        self.policies(&name, Hook::Input, false);
        let is_inverted = self.zones.is_inverted(zone);
        let target = self.zones.target(zone);
        match target {
            Target::Default | Target::Reject if is_inverted => {}
            Target::Default | Target::Reject => self.rule(&name, vec![icmp(), accept()]),
            Target::Accept if is_inverted => self.rule(&name, vec![icmp(), reject()]),
            Target::Accept | Target::Drop => {}
        }
        match target {
            Target::Default | Target::Reject => self.log_denied(&name, &format!("filter_IN_{zone}_REJECT: ")),
            Target::Drop => self.log_denied(&name, &format!("filter_IN_{zone}_DROP: ")),
            Target::Accept => {}
        }
        self.rule(&name, vec![verdict(target)]);
    }

    /// Logs what is about to be kept out, as firewalld words it (`core/nftables.py`
    /// build_policy_chain_rules), where `LogDenied` says so.
    fn log_denied(&mut self, chain: &str, prefix: &str) {
        let of_kind = match self.own.node.log_denied.as_str() {
            "all" => None,
            kind @ ("unicast" | "broadcast" | "multicast") => Some(meta(MetaKey::Pkttype, text(kind))),
            _ => return,
        };
        if let Ok(log) = log_with(Some(prefix), None) {
            self.rule(chain, of_kind.into_iter().chain([log]).collect());
        }
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
        self.policies(chain, Hook::Input, true);
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
        self.policies(chain, Hook::Forward, true);
        if self.used.contains(&Chain::Through) {
            self.rule(chain, vec![jump(&Chain::Through.name())]);
        }
        if leaves {
            self.rule(chain, vec![jump(LEAVING)]);
        }
        if has_zones {
            self.rule(chain, vec![jump(FORWARD_ZONES)]);
        }
        self.policies(chain, Hook::Forward, false);
        self.rule(chain, vec![icmp(), accept()]);
        self.log_denied(chain, "FINAL_REJECT: ");
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
        let last = self.policies.entry(Hook::Forward, false);
        if self.zones.forwards(zone) && target != Target::Accept {
            let is_default = zone == self.zones.default();
            for (bound, of) in self.zones.bound() {
                let Some(to) = bound.to(self.own.node) else {
                    continue;
                };
                match (of == zone, is_default) {
                    (true, _) => rules.push(vec![to, accept()]),
                    (false, true) => {
                        rules.extend(last.iter().map(|last| vec![to.clone(), jump(last)]));
                        rules.push(vec![to, verdict(target)]);
                    }
                    (false, false) => {}
                }
            }
            if is_default {
                rules.push(vec![accept()]);
            }
        }
        rules.extend(last.iter().map(|last| vec![jump(last)]));
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
        let at = match hook {
            NfHook::Prerouting => Hook::Prerouting,
            _ => Hook::Postrouting,
        };
        let is_direct = self.direct.chain("nat", of_iptables).is_some();
        if for_all.is_none() && names.is_empty() && !is_direct && !self.policies.are_at(at) {
            return;
        }
        // Zones are left for good by their last rule: policies after them need a chain around.
        let of_zones = format!("{chain}_zones");
        let is_around =
            self.policies.entry(at, false).is_some() && self.dispatch_chain(&of_zones, by, &names);
        self.document.base_chain(chain, (NfChainType::NAT, hook, priority), NfChainPolicy::Accept);
        self.direct(chain, ("nat", of_iptables));
        self.policies(chain, at, true);
        if let Some(name) = for_all {
            self.rule(chain, vec![jump(&name)]);
        }
        match is_around {
            true => self.rule(chain, vec![jump(&of_zones)]),
            false => self.dispatch(chain, by, &names),
        }
        self.policies(chain, at, false);
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

    fn dispatch(&mut self, chain: &str, by: By, names: &BTreeMap<String, String>) {
        self.zones.dispatch(by, names).into_iter().for_each(|rule| self.rule(chain, rule));
    }

    /// Sends packets to the policies that come before the zones, or after them.
    fn policies(&mut self, chain: &str, hook: Hook, are_before: bool) {
        if let Some(name) = self.policies.entry(hook, are_before) {
            self.rule(chain, vec![jump(&name)]);
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
