//! Denials that are history: what policy denied of an intent that is in effect now. Pure.

use serde::{Deserialize, Serialize};

use super::{ActiveIntent, Denied, Plugin, State};
use crate::intent::{Verdict, Withheld};

/// Requests for an intent that a rule of policy denied, though the intent is in effect now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PastDenial {
    /// The rule, `FILE: NAME`.
    pub because: String,
    /// The rule's reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The requests, oldest first; none where only files declared the intent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<u64>,
}

impl PastDenial {
    /// What `held` denied of these requests.
    pub(super) fn of(held: &Withheld, events: &[u64]) -> PastDenial {
        PastDenial {
            because: held.because.clone(),
            reason: held.reason.clone(),
            events: events.to_owned(),
        }
    }

    /// How often it was denied.
    pub fn times(&self) -> usize {
        self.events.len().max(1)
    }
}

/// Adds to a history, each request once.
pub(super) fn add(history: &mut Vec<PastDenial>, past: &PastDenial) {
    let same = |known: &&mut PastDenial| (&known.because, &known.reason) == (&past.because, &past.reason);
    match history.iter_mut().find(same) {
        Some(known) => {
            known.events.extend(&past.events);
            known.events.sort_unstable();
            known.events.dedup();
        }
        None => history.push(past.clone()),
    }
}

/// Moves denials of intents that are in effect to these intents' history, and adds the denials that the
/// last settled state had in theirs.
pub(crate) fn recall(state: &mut State, before: &State) {
    for (name, plugin) in &mut state.plugins {
        let earlier = before.plugins.get(name);
        let Plugin {
            wants,
            deferred,
            denied,
            ..
        } = plugin;
        for want in wants.iter_mut().chain(deferred) {
            let (history, still): (Vec<_>, Vec<_>) =
                std::mem::take(denied).into_iter().partition(|denied| is_of(denied, want));
            *denied = still;
            let history = history.iter().map(|one| PastDenial::of(&one.held, &one.events));
            history.for_each(|past| add(&mut want.denied_before, &past));
            earlier.into_iter().for_each(|earlier| carry(want, earlier));
        }
    }
}

fn is_of(denied: &Denied, want: &ActiveIntent) -> bool {
    denied.held.verdict == Verdict::Deny && denied.held.intent == want.intent
}

/// Takes over what the last settled state says of the same requests and declarations.
fn carry(want: &mut ActiveIntent, earlier: &Plugin) {
    let shares = |events: &[u64], declared: &[String]| {
        events.iter().any(|id| want.events.contains(id))
            || declared.iter().any(|path| want.declared.contains(path))
    };
    let denied = earlier.denied.iter().filter(|one| is_of(one, want) && shares(&one.events, &one.declared));
    let denied = denied.map(|one| PastDenial::of(&one.held, &one.events));
    let known = earlier.wants.iter().chain(&earlier.deferred);
    let known = known.filter(|one| one.intent == want.intent && shares(&one.events, &one.declared));
    let known = known.flat_map(|one| one.denied_before.clone());
    let all: Vec<PastDenial> = known.chain(denied).collect();
    all.iter().for_each(|past| add(&mut want.denied_before, past));
}
