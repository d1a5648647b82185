//! The result of replaying: each intent of the old image and what becomes of it in the new one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::carry::{Old, is_lost};
use crate::attribution::is_package;
use crate::intent::{Intent, UnitWant};
use crate::plan::words;
use crate::rpmdb::Installed;
use crate::state::{ActiveIntent, Plugin, State, subject};

/// What becomes of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is in effect in the new image as in the old one.
    Carried,
    /// The package that is installed in the new image has asked for it there.
    AskedHere,
    /// The administrator had reverted it in the old image, and so it stays.
    Kept,
    /// Its package is not installed: it waits for one of this name.
    NotInstalled,
    /// What it is about does not exist in the new image.
    Gone,
    /// In the new image another plugin or a socket has the port.
    Taken,
    /// The package of this name in the new image does not ask for it any more.
    Dropped,
    /// It cannot be carried over.
    NotCarried,
}

impl Fate {
    /// Whether the intent applies to the new image.
    pub fn applies(self) -> bool {
        matches!(self, Fate::Carried | Fate::AskedHere | Fate::Kept)
    }
}

/// An intent and its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// The plugin.
    pub plugin: String,
    /// Its package in the old image.
    pub nevra: Option<String>,
    /// The intent.
    #[serde(flatten)]
    pub intent: Intent,
    /// The intent in words.
    pub text: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, where that is not plain.
    pub reason: Option<String>,
    /// The events of the old image that asked for it.
    pub events: Vec<u64>,
}

/// What is known of the new image, and of what was done to the old one.
#[derive(Debug, Clone, Default)]
pub struct TargetImage {
    /// The packages of the new image.
    pub installed: Installed,
    /// What its packages asked for there themselves.
    pub own: State,
    /// Plugins that have asked there themselves.
    pub asked_here: BTreeSet<String>,
    /// Plugin and intent about what the new image lacks → what is said of that.
    pub gone: BTreeMap<(String, Intent), String>,
    /// Plugin and intent → who has the port in the new image.
    pub taken: BTreeMap<(String, Intent), String>,
    /// Plugin and intent → how the administrator had reverted it in the old image.
    pub undone: BTreeMap<(String, Intent), String>,
}

/// Decides what becomes of each intent that is in effect in the old image because of a request.
pub(crate) fn judge(old: &Old, known: &TargetImage) -> Vec<Item> {
    let mut items = Vec::new();
    for (name, plugin) in &old.state.plugins {
        for want in plugin.wants.iter().chain(&plugin.deferred).filter(|want| !want.events.is_empty()) {
            let (fate, reason) = fate(old, known, name, plugin, want);
            items.push(Item {
                plugin: name.clone(),
                nevra: plugin.nevra.clone(),
                intent: want.intent.clone(),
                text: words::intent(&want.intent),
                fate,
                reason,
                events: want.events.clone(),
            });
        }
    }
    items
}

fn fate(
    old: &Old,
    known: &TargetImage,
    name: &str,
    plugin: &Plugin,
    want: &ActiveIntent,
) -> (Fate, Option<String>) {
    let key = (name.to_owned(), want.intent.clone());
    let missing = is_package(name) && known.installed.is_known() && !known.installed.has(name);
    if let Some(how) = known.undone.get(&key) {
        return (Fate::Kept, Some(how.clone()));
    }
    if missing {
        return (Fate::NotInstalled, Some("it waits for the package".into()));
    }
    if known.asked_here.contains(name) {
        return match asks(known.own.plugins.get(name), &want.intent) {
            true => (Fate::AskedHere, None),
            false => {
                let nevra = known.installed.nevra(name).unwrap_or_else(|| name.to_owned());
                (Fate::Dropped, Some(format!("{nevra} does not ask for it")))
            }
        };
    }
    if let Some(text) = known.gone.get(&key) {
        return (Fate::Gone, Some(text.clone()));
    }
    if let Some(who) = known.taken.get(&key) {
        return (Fate::Taken, Some(who.clone()));
    }
    match not_carried(&want.intent) {
        Some(reason) => (Fate::NotCarried, Some(reason.into())),
        None if is_lost(&want.intent, &want.events, plugin, old.events) => {
            let reason = "part of its request was reverted, and a request can be repeated only as a whole";
            (Fate::NotCarried, Some(reason.into()))
        }
        None => (Fate::Carried, None),
    }
}

fn asks(plugin: Option<&Plugin>, intent: &Intent) -> bool {
    let subject_of = subject(intent);
    plugin.is_some_and(|plugin| {
        let wants = plugin.wants.iter().chain(&plugin.deferred).map(|want| &want.intent);
        let denied = plugin.denied.iter().map(|denied| &denied.held.intent);
        wants.chain(denied).any(|intent| subject(intent) == subject_of)
    })
}

fn not_carried(intent: &Intent) -> Option<&'static str> {
    match intent {
        Intent::Unit {
            want: UnitWant::Edit | UnitWant::Revert,
            ..
        } => Some("local changes of unit files are files, and files are not carried over"),
        _ => None,
    }
}
