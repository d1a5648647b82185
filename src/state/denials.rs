//! Denials that are history: what policy denied of an intent that is in effect now. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ActiveIntent, Denied, Plugin, State};
use crate::intent::{Intent, Verdict, Withheld};

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
        let earlier = before.plugins.get(name).map(Earlier::of).unwrap_or_default();
        let Plugin {
            wants,
            deferred,
            denied,
            ..
        } = plugin;
        let mut history = take_history(denied, wants.iter().chain(deferred.iter()));
        for want in wants.iter_mut().chain(deferred) {
            let past = history.remove(&want.intent).unwrap_or_default();
            past.iter().for_each(|past| add(&mut want.denied_before, past));
            earlier.carry(want);
        }
    }
}

/// Takes out of `denied` what is in effect all the same, by intent.
fn take_history<'w>(
    denied: &mut Vec<Denied>,
    wants: impl Iterator<Item = &'w ActiveIntent>,
) -> BTreeMap<Intent, Vec<PastDenial>> {
    let wanted: BTreeSet<&Intent> = wants.map(|want| &want.intent).collect();
    let mut history: BTreeMap<Intent, Vec<PastDenial>> = BTreeMap::new();
    denied.retain(|one| {
        let is_history = one.held.verdict == Verdict::Deny && wanted.contains(&one.held.intent);
        if is_history {
            let past = PastDenial::of(&one.held, &one.events);
            history.entry(one.held.intent.clone()).or_default().push(past);
        }
        !is_history
    });
    history
}

/// What the last settled state says of a plugin, by intent: a plugin may want ten thousand ports.
#[derive(Default)]
struct Earlier<'b> {
    wants: BTreeMap<&'b Intent, Vec<&'b ActiveIntent>>,
    denied: BTreeMap<&'b Intent, Vec<&'b Denied>>,
}

impl<'b> Earlier<'b> {
    fn of(plugin: &'b Plugin) -> Earlier<'b> {
        let mut earlier = Earlier::default();
        for want in plugin.wants.iter().chain(&plugin.deferred) {
            earlier.wants.entry(&want.intent).or_default().push(want);
        }
        for one in plugin.denied.iter().filter(|one| one.held.verdict == Verdict::Deny) {
            earlier.denied.entry(&one.held.intent).or_default().push(one);
        }
        earlier
    }

    /// Takes over the denials of the same requests and declarations.
    fn carry(&self, want: &mut ActiveIntent) {
        let shares = |events: &[u64], declared: &[String]| {
            events.iter().any(|id| want.events.contains(id))
                || declared.iter().any(|path| want.declared.contains(path))
        };
        let denied = self.denied.get(&want.intent).into_iter().flatten();
        let denied = denied.filter(|one| shares(&one.events, &one.declared));
        let denied = denied.map(|one| PastDenial::of(&one.held, &one.events));
        let known = self.wants.get(&want.intent).into_iter().flatten();
        let known = known.filter(|one| shares(&one.events, &one.declared));
        let known = known.flat_map(|one| one.denied_before.clone());
        let all: Vec<PastDenial> = known.chain(denied).collect();
        all.iter().for_each(|past| add(&mut want.denied_before, past));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};

    use super::*;

    /// Processor time that recalling takes where one plugin wants so many ports.
    fn cost(ports: u32) -> Duration {
        let want = |number: u32| {
            let text =
                format!("kind = \"allow\"\nopening = \"port\"\nport = \"{number}\"\nprotocol = \"tcp\"\n");
            ActiveIntent::new(toml::from_str(&text).unwrap(), vec![1])
        };
        let mut state = State::default();
        state.plugins.entry("many".to_owned()).or_default().wants = (0..ports).map(want).collect();
        let before = state.clone();
        let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
        let began = now();
        recall(&mut state, &before);
        let took = now().saturating_sub(began);
        assert_eq!(state, before);
        took
    }

    #[test]
    fn recalling_denials_takes_longer_in_proportion_to_the_ports_of_a_plugin() {
        let (few, many) = (cost(1000), cost(8000));
        assert!(many < 24 * few, "{few:?} for 1000 ports, {many:?} for 8000");
    }
}
