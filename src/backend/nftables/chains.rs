//! The chains that rules belong in, and the rules of one owner, the node or a plugin, by chain.

use std::collections::BTreeMap;

use super::model::{Document, Statements};
use crate::backend::name::identifier;
use crate::firewall::definitions::Definitions;
use crate::firewall::node::Node;

/// A chain that rules are added to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chain {
    /// For packets to the node that come in by a zone.
    In(String, Stage),
    /// For packets through the node, whatever their zones are.
    Through,
    /// For packets through the node that leave by a zone.
    Leaving(String),
    /// Where the receiver is rewritten: by the zone that packets come in by, or for all.
    Redirect(Option<String>),
    /// Where the sender is hidden: by the zone that packets leave by, or for all.
    Hide(Option<String>),
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
        }
    }
}

impl Chain {
    /// The zone that it is of.
    pub(super) fn zone(&self) -> Option<&str> {
        match self {
            Chain::In(zone, _) | Chain::Leaving(zone) => Some(zone),
            Chain::Redirect(zone) | Chain::Hide(zone) => zone.as_deref(),
            Chain::Through => None,
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
    /// The zone that is worked on.
    pub zone: String,
    pub sets: Document,
    pub rules: BTreeMap<Chain, Vec<Statements>>,
    /// What could not be expressed.
    pub notes: Vec<String>,
}

impl<'a> Builder<'a> {
    /// `label` names a plugin safely; an empty one is the node.
    pub(super) fn new(label: &'a str, node: &'a Node, definitions: &'a Definitions<'a>) -> Builder<'a> {
        Builder {
            id: identifier(label),
            label,
            definitions,
            node,
            zone: String::new(),
            sets: Document::default(),
            rules: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a rule.
    pub(super) fn add(&mut self, chain: Chain, rule: Statements) {
        self.rules.entry(chain).or_default().push(rule);
    }

    /// Adds a rule to a stage of the zone that is worked on.
    pub(super) fn stage(&mut self, stage: Stage, rule: Statements) {
        self.add(Chain::In(self.zone.clone(), stage), rule);
    }

    /// Adds a remark once.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
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
