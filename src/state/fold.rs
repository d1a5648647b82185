//! Folding the journal into the state. Pure: events and facts in, state out.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::lifetime::InstallPeriod;
use super::{Plugin, State, Subject, subject};
use crate::attribution::{Origin, is_package};
use crate::escape::Escaped;
use crate::intent::Intent;
use crate::journal::{Event, LeftOut};
use crate::rpmdb::Installed;

/// What the fold knows besides the journal.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The packages in the image.
    pub installed: &'a Installed,
    /// What was settled before.
    pub before: &'a State,
    /// The zone of what names none.
    pub default_zone: &'a str,
}

/// What comes out of the fold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fold {
    /// What is wanted now. Erased plugins are not in it any more, and not yet in its `forgotten`:
    /// they get there when their intents have been withdrawn.
    pub state: State,
    /// What plugins that are gone, or lives of plugins that ended, had wanted at their end.
    pub gone: BTreeMap<String, Plugin>,
    /// What was done and policy denies now, of installed plugins.
    pub refused: Vec<(String, super::ActiveIntent)>,
    /// The last event of each plugin or life in `gone`.
    pub ended: BTreeMap<String, u64>,
    /// Requests that are reverted now.
    pub reverted: BTreeSet<u64>,
    /// Plugins all of whose requests were.
    pub reverted_plugins: BTreeSet<String>,
    /// Subjects that some request of a plugin, gone or not, has put into the image: what was
    /// there before any of them is not among these.
    pub made: BTreeSet<Subject>,
}

/// What an administrator reverts now, and what counts again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revert {
    /// All that these plugins have asked for so far, and what they declare.
    pub plugins: BTreeSet<String>,
    /// These requests.
    pub events: BTreeSet<u64>,
    /// Plugins that were installed just now: what they declare counts again.
    pub again: BTreeSet<String>,
}

/// Folds `events`, which are in the order in which they happened.
pub fn fold(events: &[Event], facts: &Facts) -> Fold {
    fold_without(events, facts, &Revert::default())
}

/// Folds `events` as [`fold`] does; what is reverted counts as gone.
pub(crate) fn fold_without(events: &[Event], facts: &Facts, revert: &Revert) -> Fold {
    let mut lives: BTreeMap<String, InstallPeriod> = BTreeMap::new();
    let mut fold = Fold {
        reverted_plugins: revert.plugins.clone(),
        state: facts.before.remembered(),
        ..Fold::default()
    };
    fold.state.note_ends(events);
    let mut tallies: BTreeMap<Cow<str>, Tally> = BTreeMap::new();
    for event in events {
        tallies.entry(event.origin.name()).or_default().take(event);
        if event.intents.is_empty() && event.held.is_empty() && event.origin == Origin::default() {
            continue;
        }
        note_made(event, &mut fold.made);
        let name = event.origin.name();
        if facts.before.forgotten.get(name.as_ref()).is_some_and(|last| event.id <= *last) {
            continue;
        }
        if facts.before.reverted.contains(&event.id) {
            continue;
        }
        if revert.events.contains(&event.id) {
            fold.take_back(&name, event, facts.default_zone);
            continue;
        }
        let life = lives.entry(name.clone().into_owned()).or_insert_with(|| InstallPeriod::of(&name));
        // What was asked for elsewhere says nothing of a package that has asked here.
        if event.replayed.is_some() && life.is_own() && !life.is_ending() && is_package(&name) {
            continue;
        }
        if life.is_over(&event.origin) || life.is_superseded_by(event) {
            fold.bury(&name, std::mem::take(life));
        }
        life.take(event, facts.default_zone);
    }
    for (name, life) in lives {
        let is_gone = is_package(&name) && facts.installed.is_known() && !facts.installed.has(&name);
        // What was carried over waits for its package to be installed.
        let waits = life.is_only_replayed() && !facts.before.plugins.contains_key(&name);
        if is_gone && waits && !life.is_ending() && !revert.plugins.contains(&name) {
            continue;
        }
        if is_gone || life.is_ending() || revert.plugins.contains(&name) {
            fold.bury(&name, life);
        } else {
            fold.keep(name, life, facts.installed);
        }
    }
    for (name, plugin) in fold.state.plugins.iter_mut().chain(&mut fold.gone) {
        if let Some(tally) = tallies.remove(name.as_str()) {
            plugin.requests = tally.requests;
            plugin.paths = tally.paths.into_iter().cloned().collect();
        }
    }
    fold
}

/// What a plugin has done in all its lives.
#[derive(Default)]
struct Tally<'e> {
    requests: usize,
    paths: BTreeSet<&'e Escaped>,
}

impl<'e> Tally<'e> {
    fn take(&mut self, event: &'e Event) {
        self.requests += 1;
        self.paths.extend(event.changes.iter().map(|change| &change.path));
    }
}

impl Fold {
    /// Remembers what a life that ended had wanted.
    fn bury(&mut self, name: &str, life: InstallPeriod) {
        self.ended.insert(name.to_owned(), life.last);
        self.add_to_gone(name, life.into_plugin());
    }

    fn add_to_gone(&mut self, name: &str, plugin: Plugin) {
        let gone = self.gone.entry(name.to_owned()).or_default();
        gone.nevra = plugin.nevra;
        gone.wants.extend(plugin.wants);
        gone.deferred.extend(plugin.deferred);
    }

    /// Takes one request out of a life that goes on.
    fn take_back(&mut self, name: &str, event: &Event, default_zone: &str) {
        self.reverted.insert(event.id);
        let mut life = InstallPeriod::default();
        life.take(event, default_zone);
        self.add_to_gone(name, life.into_plugin());
    }

    fn keep(&mut self, name: String, life: InstallPeriod, installed: &Installed) {
        let mut plugin = life.into_plugin();
        if let Some(nevra) = installed.nevra(&name) {
            plugin.nevra = Some(nevra);
        }
        if !plugin.is_empty() {
            self.state.plugins.insert(name, plugin);
        }
    }

    /// Adds what is known of requests that are not among the events any more.
    pub(crate) fn add_left_out(&mut self, left_out: &BTreeMap<String, LeftOut>) {
        for (name, plugin) in self.state.plugins.iter_mut().chain(&mut self.gone) {
            if let Some(left_out) = left_out.get(name) {
                plugin.requests += left_out.requests;
                plugin.paths.extend(left_out.paths.iter().cloned());
            }
        }
    }

    /// The state once everything in `gone` is withdrawn.
    pub fn settled(&self) -> State {
        let mut state = self.state.clone();
        state.reverted.extend(&self.reverted);
        state.forgotten.extend(self.ended.iter().map(|(name, last)| (name.clone(), *last)));
        state
    }

    /// What is to be withdrawn: openings and units that a plugin had put into the image, that no other plugin wants,
    /// and whose plugin is gone or has been denied them by policy. Each once, with the plugin's name and the events.
    pub fn withdrawn(&self) -> Vec<(&str, &super::ActiveIntent)> {
        let wanted = self.state.wanted();
        let mut seen = BTreeSet::new();
        let all = self
            .gone
            .iter()
            .flat_map(|(name, plugin)| plugin.wants.iter().map(move |want| (name.as_str(), want)));
        let refused = self.refused.iter().map(|(name, want)| (name.as_str(), want));
        all.chain(refused)
            .filter(|(_, want)| {
                let subject = subject(&want.intent);
                self.made.contains(&subject) && !wanted.contains(&subject) && seen.insert(subject)
            })
            .collect()
    }
}

/// Records the subjects that requests have put into the image.
fn note_made(event: &Event, made: &mut BTreeSet<Subject>) {
    for recorded in event.intents.iter().filter(|recorded| recorded.changed) {
        let subject = subject(&recorded.intent);
        match recorded.intent {
            Intent::Withdraw { .. } => made.remove(&subject),
            _ => made.insert(subject),
        };
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
