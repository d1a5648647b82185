//! Which deferred requests a node has not done yet, and which units those are about that were made
//! with a pattern of names.

use std::collections::{BTreeMap, BTreeSet};

use super::applied::{Applied, AttemptKey};
use super::disposition::is_pattern;
use crate::intent::{DeferredVerb, Intent, Scope};
use crate::state::{ActiveIntent, Plugin, State};

/// So many boots try a request that fails: the first, and once more.
pub(crate) const MOST_ATTEMPTS: u32 = 2;

/// A deferred request that is still open, about one unit or pattern.
#[derive(Debug, Clone)]
pub(super) struct Pending<'s> {
    /// Who asked.
    pub name: &'s str,
    /// All that it asked for.
    pub plugin: &'s Plugin,
    /// The intent as it was recorded.
    pub want: &'s ActiveIntent,
    /// What is to be done.
    pub verb: DeferredVerb,
    /// The unit, or the pattern as in the intent.
    pub unit: String,
    /// Whose manager it was asked of.
    pub scope: Scope,
    /// The pattern that matched the unit.
    pub pattern: Option<&'s str>,
}

impl Pending<'_> {
    /// The intent as if it had named the one unit.
    pub(crate) fn of_unit(&self) -> ActiveIntent {
        let intent = Intent::Defer {
            verb: self.verb,
            unit: self.unit.clone(),
            scope: self.scope,
        };
        ActiveIntent {
            intent,
            ..self.want.clone()
        }
    }

    fn asked(&self) -> AttemptKey<'_> {
        AttemptKey {
            plugin: self.name,
            nevra: self.plugin.nevra.as_deref(),
            verb: self.verb.word(),
            unit: &self.unit,
            scope: self.scope,
        }
    }

    /// Whether it has been done, or was tried often enough. What stops everything else is not
    /// done twice, however it ended.
    fn is_over(&self, applied: &Applied) -> bool {
        let most = match self.verb {
            DeferredVerb::Isolate => 1,
            _ => MOST_ATTEMPTS,
        };
        let attempt = applied.attempt(&self.asked());
        attempt.is_some_and(|attempt| attempt.is_done() || attempt.attempts >= most)
    }
}

/// All deferred requests as they were made, done or not. What was asked of a running system was
/// done at once.
fn all(state: &State) -> impl Iterator<Item = Pending<'_>> {
    let wants = state
        .plugins
        .iter()
        .flat_map(|(name, plugin)| plugin.deferred.iter().map(move |want| (name.as_str(), plugin, want)));
    wants
        .filter(|(.., want)| !want.runtime)
        .filter_map(|(name, plugin, want)| match &want.intent {
            Intent::Defer { verb, unit, scope } => Some(Pending {
                name,
                plugin,
                want,
                verb: *verb,
                unit: unit.clone(),
                scope: *scope,
                pattern: None,
            }),
            _ => None,
        })
}

/// What was asked of users' service managers, and was not reported yet.
pub(super) fn of_users<'s>(state: &'s State, applied: &'s Applied) -> impl Iterator<Item = Pending<'s>> {
    all(state).filter(|open| open.scope != Scope::System && !open.is_over(applied))
}

/// What was asked for with a pattern, and was not looked for yet.
pub(super) fn matched<'s>(state: &'s State, applied: &'s Applied) -> impl Iterator<Item = Pending<'s>> {
    all(state).filter(|open| {
        open.scope == Scope::System && is_pattern(open.verb, &open.unit) && !open.is_over(applied)
    })
}

/// The patterns whose units have to be looked for, each once.
pub(crate) fn patterns(state: &State, applied: &Applied) -> BTreeSet<String> {
    matched(state, applied).map(|open| open.unit).collect()
}

/// The open requests about single units. A pattern means the units that it matches the first time:
/// what of that failed is tried once more under its own name.
pub(super) fn requests<'s>(
    state: &'s State,
    applied: &Applied,
    matches: &BTreeMap<String, Vec<String>>,
) -> Vec<Pending<'s>> {
    let (mut open, mut seen) = (Vec::new(), BTreeSet::new());
    for request in all(state).filter(|request| request.scope == Scope::System) {
        let (units, pattern) = match (is_pattern(request.verb, &request.unit), &request.want.intent) {
            (true, Intent::Defer { unit, .. }) if request.is_over(applied) => {
                (applied.matched(&request.asked()), Some(unit.as_str()))
            }
            (true, Intent::Defer { unit, .. }) => {
                (matches.get(unit).cloned().unwrap_or_default(), Some(unit.as_str()))
            }
            _ => (vec![request.unit.clone()], None),
        };
        let requests = units.into_iter().map(|unit| Pending {
            unit,
            pattern,
            ..request.clone()
        });
        for request in requests.filter(|request| !request.is_over(applied)) {
            if seen.insert((request.name, request.verb, request.unit.clone())) {
                open.push(request);
            }
        }
    }
    open
}
