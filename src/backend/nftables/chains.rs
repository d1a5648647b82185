//! The chains that rules belong in, and the rules of one owner, the node or a plugin, by chain.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Document, Statements};
use crate::backend::name::identifier;
use crate::digest::digest;
use crate::firewall::definitions::{Definition, Definitions};
use crate::firewall::firewalld::add_once;
use crate::firewall::helpers::Tracking;
use crate::firewall::node::Node;

/// A chain that rules are added to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chain {
    /// For packets to the node that come in by a zone.
    In(String, Stage),
    /// For forwarded packets of all zones.
    Through,
    /// For packets through the node that leave by a zone.
    Leaving(String),
    /// Where the receiver is rewritten: by the zone that packets come in by, or for all.
    Redirect(Option<String>),
    /// Where the sender is hidden: by the zone that packets leave by, or for all.
    Hide(Option<String>),
    /// For packets of a policy.
    Policy(String, Stage),
    /// Where a policy rewrites the receiver.
    PolicyRedirect(String),
    /// Where a policy hides the sender.
    PolicyHide(String),
}

/// The stages of a zone, in firewalld's order (firewalld.richlanguage(5), "Information about logging
/// and actions" and "priority").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Rich rules of a negative priority.
    Before(i64),
    /// What is only logged.
    Log,
    /// What is kept out.
    Deny,
    /// What is let in.
    Allow,
    /// Rich rules of a positive priority.
    After(i64),
}

impl Chain {
    /// Its name in the table.
    pub(super) fn name(&self) -> String {
        match self {
            Chain::In(zone, stage) => format!("in_{zone}_{}", stage.name()),
            Chain::Through => "through".into(),
            Chain::Leaving(zone) => format!("leaving_{zone}"),
            Chain::Redirect(None) => "redirected".into(),
            Chain::Redirect(Some(zone)) => format!("redirected_{zone}"),
            Chain::Hide(None) => "hidden".into(),
            Chain::Hide(Some(zone)) => format!("hidden_{zone}"),
            Chain::Policy(policy, stage) => format!("policy_{}_{}", policy_id(policy), stage.name()),
            Chain::PolicyRedirect(policy) => format!("policy_{}_redirected", policy_id(policy)),
            Chain::PolicyHide(policy) => format!("policy_{}_hidden", policy_id(policy)),
        }
    }
}

/// A policy's name in nft's alphabet. firewalld takes names of 128 characters, nft none that long for
/// a chain.
pub(super) fn policy_id(name: &str) -> String {
    match name.len() {
        ..=LONGEST => identifier(name),
        _ => format!("named_{}", &digest(name.as_bytes())[..16]),
    }
}

/// The longest name that is taken as it is.
const LONGEST: usize = 30;

impl Chain {
    /// The zone that it is of.
    pub(super) fn zone(&self) -> Option<&str> {
        match self {
            Chain::In(zone, _) | Chain::Leaving(zone) => Some(zone),
            Chain::Redirect(zone) | Chain::Hide(zone) => zone.as_deref(),
            Chain::Through | Chain::Policy(..) | Chain::PolicyRedirect(_) | Chain::PolicyHide(_) => None,
        }
    }
}

impl Stage {
    fn name(self) -> String {
        match self {
            Stage::Before(priority) => format!("before_{}", priority.unsigned_abs()),
            Stage::Log => "log".into(),
            Stage::Deny => "deny".into(),
            Stage::Allow => "allow".into(),
            Stage::After(priority) => format!("after_{priority}"),
        }
    }
}

/// Collects the rules of one owner.
pub(super) struct Builder<'a> {
    /// The plugin's name in nft's alphabet; empty for the node.
    pub id: String,
    /// The plugin's name; empty for the node.
    pub label: &'a str,
    pub definitions: &'a Definitions<'a>,
    pub node: &'a Node,
    /// What is worked on.
    pub place: Place,
    pub sets: Document,
    /// Connection tracking helpers of its services.
    pub helpers: BTreeSet<Tracking>,
    pub rules: BTreeMap<Chain, Vec<Statements>>,
    /// Remarks about it.
    pub notes: Vec<String>,
    /// What could not be expressed.
    pub unmet: Vec<String>,
}

/// What rules are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A zone, by its name.
    Zone(String),
    /// A policy, by its name.
    Policy(String),
}

impl Place {
    fn chain(&self, stage: Stage) -> Chain {
        match self {
            Place::Zone(zone) => Chain::In(zone.clone(), stage),
            Place::Policy(policy) => Chain::Policy(policy.clone(), stage),
        }
    }

    /// Where it rewrites the receiver.
    pub(super) fn redirect(&self) -> Chain {
        match self {
            Place::Zone(zone) => Chain::Redirect(Some(zone.clone())),
            Place::Policy(policy) => Chain::PolicyRedirect(policy.clone()),
        }
    }

    /// Where it hides the sender.
    pub(super) fn hide(&self) -> Chain {
        match self {
            Place::Zone(zone) => Chain::Hide(Some(zone.clone())),
            Place::Policy(policy) => Chain::PolicyHide(policy.clone()),
        }
    }
}

impl<'a> Builder<'a> {
    /// `label` names a plugin safely; an empty one is the node.
    pub(super) fn new(label: &'a str, node: &'a Node, definitions: &'a Definitions<'a>) -> Builder<'a> {
        Builder {
            id: identifier(label),
            label,
            definitions,
            node,
            place: Place::Zone(String::new()),
            sets: Document::default(),
            helpers: BTreeSet::new(),
            rules: BTreeMap::new(),
            notes: Vec::new(),
            unmet: Vec::new(),
        }
    }

    /// Adds a rule.
    pub(super) fn add(&mut self, chain: Chain, rule: Statements) {
        self.rules.entry(chain).or_default().push(rule);
    }

    /// Adds a rule to a stage of what is worked on.
    pub(super) fn stage(&mut self, stage: Stage, rule: Statements) {
        self.add(self.place.chain(stage), rule);
    }

    /// Adds the helpers of a service.
    pub(super) fn helpers_of(&mut self, service: &str, definition: &Definition) {
        for name in definition.iter().flat_map(|part| &part.helpers) {
            match self.definitions.tracking(name) {
                Some(helper) => drop(self.helpers.insert(helper)),
                None => {
                    self.unmet(format!("connection tracking helper {name} of service {service} is not known"))
                }
            }
        }
    }

    /// Adds a remark once.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        add_once(&mut self.notes, text.into());
    }

    /// Adds, once, what could not be expressed.
    pub(super) fn unmet(&mut self, text: impl Into<String>) {
        add_once(&mut self.unmet, text.into());
    }

    /// Remarks on what could not be expressed since the last call.
    pub(super) fn take_said(&mut self) -> Vec<String> {
        self.notes.drain(..).chain(self.unmet.drain(..)).collect()
    }

    /// The sets and the rules, in chains that are declared elsewhere.
    pub(super) fn document(&self) -> Document {
        let mut document = self.sets.clone();
        let comment = (!self.label.is_empty()).then_some(self.label);
        for (chain, rules) in &self.rules {
            for rule in rules {
                document.rule(&chain.name(), rule.clone(), comment);
            }
        }
        document
    }
}
