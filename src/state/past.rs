//! Denials that are history: what policy denied of a wish that stands by now. Pure.

use serde::{Deserialize, Serialize};

use super::{Denied, Fold, Plugin, State, Want};
use crate::intent::{Held, Verdict};

/// Requests for a wish that a rule of policy denied, though the wish stands by now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Past {
    /// The rule, `FILE: NAME`.
    pub because: String,
    /// The rule's reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The requests, oldest first; none where only files declared the wish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<u64>,
}

impl Past {
    /// What `held` denied of these requests.
    pub(super) fn of(held: &Held, events: &[u64]) -> Past {
        Past {
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
pub(super) fn add(history: &mut Vec<Past>, past: &Past) {
    let same = |known: &&mut Past| (&known.because, &known.reason) == (&past.because, &past.reason);
    match history.iter_mut().find(same) {
        Some(known) => {
            known.events.extend(&past.events);
            known.events.sort_unstable();
            known.events.dedup();
        }
        None => history.push(past.clone()),
    }
}

/// Once it is known what stands: what is denied of a wish that stands is history, and what was denied
/// when it was settled last, too.
pub fn recall(fold: &mut Fold, before: &State) {
    for (name, plugin) in &mut fold.state.plugins {
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
            let history = history.iter().map(|one| Past::of(&one.held, &one.events));
            history.for_each(|past| add(&mut want.denied_before, &past));
            earlier.into_iter().for_each(|earlier| carry(want, earlier));
        }
    }
}

fn is_of(denied: &Denied, want: &Want) -> bool {
    denied.held.verdict == Verdict::Deny && denied.held.wish == want.wish
}

/// Takes over what the last settled state says of the same requests and declarations.
fn carry(want: &mut Want, earlier: &Plugin) {
    let shares = |events: &[u64], declared: &[String]| {
        events.iter().any(|id| want.events.contains(id))
            || declared.iter().any(|path| want.declared.contains(path))
    };
    let denied = earlier.denied.iter().filter(|one| is_of(one, want) && shares(&one.events, &one.declared));
    let denied = denied.map(|one| Past::of(&one.held, &one.events));
    let known = earlier.wants.iter().chain(&earlier.deferred);
    let known = known.filter(|one| one.wish == want.wish && shares(&one.events, &one.declared));
    let known = known.flat_map(|one| one.denied_before.clone());
    let all: Vec<Past> = known.chain(denied).collect();
    all.iter().for_each(|past| add(&mut want.denied_before, past));
}
