//! Policies as chains: which packets are theirs, by the zones that they come in by and leave by, and
//! what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use super::chains::{Chain, Stage, policy_id};
use super::model::{Statements, accept, drop, goto, jump, reject};
use super::zones::{Bound, By, Zones};
use crate::firewall::node::Node;
use crate::firewall::policies::{NodePolicy, PolicyTarget, Side};

/// Where packets meet policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hook {
    /// On their way to the node.
    Input,
    /// Through it.
    Forward,
    /// From it.
    Output,
    /// Before it is known where they go.
    Prerouting,
    /// Before they leave.
    Postrouting,
}

impl Hook {
    fn name(self) -> &'static str {
        match self {
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Prerouting => "prerouting",
            Hook::Postrouting => "postrouting",
        }
    }
}

/// The chains of all policies.
#[derive(Debug, Default)]
pub(super) struct Policies {
    chains: Vec<(String, Vec<Statements>)>,
    /// By hook, and whether they come before the zones: the rules that lead to them.
    entries: BTreeMap<(Hook, bool), Vec<Statements>>,
}

impl Policies {
    /// Those of the node; `used` are the chains that have rules.
    pub(super) fn of(node: &Node, zones: &Zones, used: &BTreeSet<Chain>) -> Policies {
        let mut policies = Policies::default();
        for policy in &node.policies {
            policies.add(policy, zones, used);
        }
        for ((hook, are_before), rules) in std::mem::take(&mut policies.entries) {
            policies.chains.push((entry_name(hook, are_before), rules));
            policies.entries.insert((hook, are_before), Vec::new());
        }
        policies
    }

    /// All chains with their rules, each after those that it names.
    pub(super) fn chains(&self) -> &[(String, Vec<Statements>)] {
        &self.chains
    }

    /// The chain that leads to the policies before the zones, or after them, if there are any.
    pub(super) fn entry(&self, hook: Hook, are_before: bool) -> Option<String> {
        self.entries.contains_key(&(hook, are_before)).then(|| entry_name(hook, are_before))
    }

    /// Whether packets meet any there.
    pub(super) fn are_at(&self, hook: Hook) -> bool {
        [true, false].iter().any(|are_before| self.entries.contains_key(&(hook, *are_before)))
    }

    fn add(&mut self, policy: &NodePolicy, zones: &Zones, used: &BTreeSet<Chain>) {
        let stages = used.iter().filter_map(|chain| match chain {
            Chain::Policy(name, stage) if *name == policy.name => Some(*stage),
            _ => None,
        });
        let stages: BTreeSet<Stage> = stages.collect();
        let (from, to): (By, By) = (Bound::from, Bound::to);
        if !stages.is_empty() || policy.target != PolicyTarget::Continue {
            let name = format!("policy_{}", policy_id(&policy.name));
            let in_order = stages.into_iter();
            let mut rules: Vec<Statements> = in_order
                .map(|stage| vec![jump(&Chain::Policy(policy.name.clone(), stage).name())])
                .collect();
            rules.extend(match policy.target {
                PolicyTarget::Continue => None,
                PolicyTarget::Accept => Some(vec![accept()]),
                PolicyTarget::Reject => Some(vec![reject()]),
                PolicyTarget::Drop => Some(vec![drop()]),
            });
            self.chains.push((name.clone(), rules));
            let hook = match (&policy.ingress, &policy.egress) {
                (Side::Host, _) => Hook::Output,
                (_, Side::Host) => Hook::Input,
                _ => Hook::Forward,
            };
            self.lead(policy, (hook, from, to), &name, zones);
        }
        // What the node sends itself is not known by a zone there; firewalld refuses most of it
        // (`core/io/policy.py` _check_config).
        if policy.ingress == Side::Host {
            return;
        }
        let redirect = Chain::PolicyRedirect(policy.name.clone());
        if used.contains(&redirect) {
            self.lead(policy, (Hook::Prerouting, from, Bound::to_source), &redirect.name(), zones);
        }
        let hide = Chain::PolicyHide(policy.name.clone());
        if used.contains(&hide) {
            self.lead(policy, (Hook::Postrouting, from, to), &hide.name(), zones);
        }
    }

    /// Leads the packets that are a policy's to one of its chains.
    fn lead(&mut self, policy: &NodePolicy, (hook, from, to): (Hook, By, By), chain: &str, zones: &Zones) {
        let mut target = chain.to_owned();
        for (side, by, word) in [(&policy.egress, to, "to"), (&policy.ingress, from, "from")] {
            let Side::Zones(names) = side else { continue };
            let rules = zones.dispatch_some(by, names, &target);
            // Nothing is bound to any of them: no packet is the policy's.
            if !rules.iter().any(|rule| rule.last() == Some(&goto(&target))) {
                return;
            }
            target = format!("{chain}_{}_{word}", hook.name());
            self.chains.push((target.clone(), rules));
        }
        self.entries
            .entry((hook, policy.is_before_zones()))
            .or_default()
            .push(vec![jump(&target)]);
    }
}

fn entry_name(hook: Hook, are_before: bool) -> String {
    let when = if are_before { "before" } else { "after" };
    format!("policies_{when}_{}", hook.name())
}
