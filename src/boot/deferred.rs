//! Starts, stops and restarts that scriptlets asked for while there was no service manager: which
//! of them are still to be done, and as what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::applied::{Applied, AttemptKey};
use super::disposition::{Disposition, Job, Reason, disposition};
use super::job::{Activity, JobDecision, on_node};
use super::pending::{Pending, matched, of_users, requests};
use crate::intent::{Intent, Scope, UnitWant, Verdict};
use crate::plan::words;
use crate::policy::Decision;
use crate::state::{ActiveIntent, Plugin, State};

/// A deferred request, judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deferred {
    /// Who asked.
    pub plugin: String,
    /// Its package.
    pub nevra: Option<String>,
    /// What for, as systemctl names it.
    pub verb: String,
    /// The unit, or a pattern of names.
    pub unit: String,
    /// Whose manager it was asked of.
    #[serde(skip_serializing_if = "Scope::is_system")]
    pub scope: Scope,
    /// The pattern that matched the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Of a pattern that was looked for: the units that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<Vec<String>>,
    /// What is to be done; none where nothing is.
    pub job: Option<Job>,
    /// Why nothing is to be done.
    pub reason: Option<String>,
    /// The requests.
    pub events: Vec<u64>,
    /// Whether nothing will ever have to be done.
    pub settled: bool,
}

impl Deferred {
    /// The key of its attempts in the record of what was applied.
    pub fn asked(&self) -> AttemptKey<'_> {
        AttemptKey {
            plugin: &self.plugin,
            nevra: self.nevra.as_deref(),
            verb: &self.verb,
            unit: &self.unit,
            scope: self.scope,
        }
    }
}

/// What deferred requests are judged by.
pub(crate) struct Look<'a> {
    /// What was done before.
    pub applied: &'a Applied,
    /// How units run; none of an image that is not booted: then only what is recorded counts.
    pub activity: Option<&'a BTreeMap<String, Activity>>,
    /// The units that each pattern matches, for patterns that are looked up for the first time.
    pub matches: &'a BTreeMap<String, Vec<String>>,
    /// Units that were disabled or masked on the node.
    pub kept: &'a BTreeSet<&'a str>,
    /// An event's time, seconds since 1970.
    pub time_of: &'a dyn Fn(u64) -> u64,
    /// What policy says of a plugin's intent.
    pub decision: &'a dyn Fn(&str, &ActiveIntent) -> Decision,
}

/// The units whose activity has to be known.
pub(crate) fn needs(
    state: &State,
    applied: &Applied,
    matches: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let open = requests(state, applied, matches).into_iter();
    let units: BTreeSet<String> = open.map(|open| open.unit).collect();
    units.into_iter().collect()
}

/// Judges every request that was not done yet, patterns before what they match.
pub(crate) fn deferred(state: &State, look: &Look) -> Vec<Deferred> {
    let mut judged: Vec<Deferred> = of_users(state, look.applied)
        .map(|open| Deferred {
            reason: Some(Reason::NoUserManager.sentence().to_owned()),
            settled: true,
            ..asked(&open)
        })
        .collect();
    for open in matched(state, look.applied) {
        let found = look.matches.get(&open.unit);
        judged.push(Deferred {
            matched: found.cloned(),
            reason: found.is_none().then(|| "its units are looked for on the booted node".to_owned()),
            settled: found.is_some(),
            ..asked(&open)
        });
    }
    let open = requests(state, look.applied, look.matches).into_iter();
    // What is not allowed is among what is skipped.
    let is_allowed = |open: &Pending| {
        let decision = || (look.decision)(open.name, open.want);
        disposition(&open.want.intent, &decision) != Disposition::Nothing(Reason::NotAllowed)
    };
    judged.extend(open.filter(is_allowed).map(|open| judge(&open, look)));
    judged
}

/// What waits for the boot and is not done there, with the reason. `decision` is what policy says of a
/// plugin's intent. Requests that may still be judged by how their unit runs are not among it.
pub(crate) fn skipped(state: &State, decision: &dyn Fn(&str, &ActiveIntent) -> Decision) -> Vec<Deferred> {
    let all = state
        .plugins
        .iter()
        .flat_map(|(name, plugin)| plugin.deferred.iter().map(move |want| (name, plugin, want)));
    let skipped = all.filter_map(|(name, plugin, want)| {
        let Disposition::Nothing(reason) = disposition(&want.intent, &|| decision(name, want)) else {
            return None;
        };
        let (verb, unit) = match (reason, &want.intent) {
            (Reason::NotAllowed, Intent::Defer { verb, unit, .. }) if !want.runtime => {
                (verb.word(), unit.clone())
            }
            (Reason::NeedsItsTool, intent) => ("deferred", words::intent(intent)),
            _ => return None,
        };
        Some(Deferred {
            plugin: name.clone(),
            nevra: plugin.nevra.clone(),
            verb: verb.to_owned(),
            unit,
            reason: Some(reason.sentence().to_owned()),
            events: want.events.clone(),
            settled: true,
            ..Deferred::default()
        })
    });
    skipped.collect()
}

/// A request without a result.
fn asked(open: &Pending) -> Deferred {
    Deferred {
        plugin: open.name.to_owned(),
        nevra: open.plugin.nevra.clone(),
        verb: open.verb.word().to_owned(),
        unit: open.unit.clone(),
        scope: open.scope,
        pattern: open.pattern.map(str::to_owned),
        events: open.want.events.clone(),
        ..Deferred::default()
    }
}

fn judge(open: &Pending, look: &Look) -> Deferred {
    let time = open.want.events.last().map_or(0, |event| (look.time_of)(*event));
    let unit = open.unit.as_str();
    let about = look.activity.map(|activity| activity.get(unit));
    // Policy judged the pattern when it was recorded; a rule may name the unit that it matches.
    let decision = open.pattern.map(|_| (look.decision)(open.name, &open.of_unit())).unwrap_or_default();
    let verdict = match (decision.verdict, about) {
        (Verdict::Deny | Verdict::Ignore, _) => {
            JobDecision::never(format!("held back by policy ({})", decision.because()))
        }
        _ if disabled_later(open.plugin, unit, open.want) => {
            JobDecision::never("its plugin disabled it later")
        }
        _ if look.kept.contains(unit) => JobDecision::not_now("was disabled on this node"),
        (_, None) => JobDecision::offline(open.verb),
        // A unit that only a pattern matched and that is starting or stopping is skipped: systemctl(1)
        // would queue a job for it, which a boot does not wait for.
        (_, Some(Some(about))) if open.pattern.is_some() && !about.is_at_rest() => {
            JobDecision::never("is being started or stopped")
        }
        (_, Some(about)) => on_node(open.verb, about, time),
    };
    Deferred {
        job: verdict.job,
        settled: verdict.job.is_none() && (verdict.settled || open.pattern.is_some()),
        reason: verdict.reason,
        ..asked(open)
    }
}

/// Whether the plugin itself disabled or masked the unit after it asked to start it.
fn disabled_later(plugin: &Plugin, unit: &str, want: &ActiveIntent) -> bool {
    let last = |want: &ActiveIntent| want.events.last().copied();
    plugin.wants.iter().any(|other| match &other.intent {
        Intent::Unit {
            unit: about,
            want: UnitWant::Disable | UnitWant::Mask,
            scope: Scope::System,
            ..
        } => about == unit && last(other) > last(want),
        _ => false,
    })
}

#[cfg(test)]
#[path = "deferred_tests.rs"]
mod tests;
