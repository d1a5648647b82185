//! What settling reverts because of policy, and the remarks on it.

use std::collections::BTreeMap;

use crate::attribution::is_package;
use crate::intent::{Intent, Verdict};
use crate::journal::Journal;
use crate::plan::{Note, words};
use crate::policy::{Decision, PolicyQuery, RuleId, RuleSource, Rules, Source};
use crate::request::Names;
use crate::root::Root;
use crate::state::{self, ActiveIntent, Fold, RefusedIntent, State};
use crate::tool::Tool;

/// Judges all intents that are in effect. What is denied for the first time is to be reverted,
/// unless it was only deferred to the boot and `counts` by now.
pub(super) fn refuse(
    of_rules: &PolicyJudge,
    before: &State,
    fold: &mut Fold,
    counts: &dyn Fn(&str, &Intent) -> bool,
) -> Vec<Note> {
    let judge = |plugin: &str, want: &ActiveIntent| {
        let decision = of_rules.of(plugin, want);
        match decision.verdict {
            Verdict::Allow => refused_for_good(before, plugin, want).unwrap_or(decision),
            _ => decision,
        }
    };
    let refusals = state::enforce(fold, &judge);
    state::recall(&mut fold.state, before);
    let mut notes = Vec::new();
    let waits = |refusal: &RefusedIntent| {
        refusal.decision.verdict != Verdict::Defer || !counts(&refusal.plugin, &refusal.want.intent)
    };
    for refusal in refusals.into_iter().filter(waits) {
        let known = before.plugins.get(&refusal.plugin).is_some_and(|plugin| {
            plugin.denied.iter().any(|denied| {
                denied.held.intent == refusal.want.intent && is_of_same(&denied.events, &refusal.want.events)
            })
        });
        let verdict = match refusal.decision.verdict {
            Verdict::Defer => "deferred to the boot",
            Verdict::Ignore => "ignored",
            _ => "denied",
        };
        let text = format!(
            "{}: {verdict} by policy ({})",
            words::intent(&refusal.want.intent),
            refusal.decision.because()
        );
        notes.push(Note::new(Some(&refusal.plugin), text, &refusal.want.events));
        if !known {
            fold.refused.push((refusal.plugin, refusal.want));
        }
    }
    notes
}

/// An image's rules, with what they need to judge the intents that are in effect.
#[derive(Debug)]
pub struct PolicyJudge<'a> {
    rules: &'a Rules,
    names: Names<'a>,
    tools: BTreeMap<u64, Tool>,
}

impl<'a> PolicyJudge<'a> {
    /// Judges by `rules`; which tools were called is read from the journal.
    pub fn new(root: &'a Root, rules: &'a Rules, journal: &Journal) -> PolicyJudge<'a> {
        PolicyJudge {
            rules,
            names: Names::of(root),
            tools: journal.events.iter().map(|event| (event.id, event.tool)).collect(),
        }
    }

    /// The decision about an intent. One that has two sources is allowed if policy allows one of them.
    pub fn of(&self, plugin: &str, want: &ActiveIntent) -> Decision {
        let called: Vec<Tool> = want.events.iter().filter_map(|id| self.tools.get(id).copied()).collect();
        // What nodeshim remarks itself, that a package is not signed, is no request of the package.
        let is_own = !called.is_empty() && called.iter().all(|tool| *tool == Tool::Nodeshim);
        if is_own && matches!(want.intent, Intent::Note { .. }) {
            return Decision::default();
        }
        let of_source = |source, tools: &[Tool]| {
            let query = PolicyQuery {
                plugin: is_package(plugin).then_some(plugin),
                tools,
                source,
                intent: &want.intent,
            };
            self.rules.decide(&query, &self.names)
        };
        let requested = (!want.events.is_empty()).then(|| of_source(Source::Scriptlet, &called));
        let declared = (!want.declared.is_empty()).then(|| of_source(Source::Metadata, &[]));
        requested
            .into_iter()
            .chain(declared)
            .min_by_key(|decision| decision.verdict)
            .unwrap_or_default()
    }
}

/// Whether nothing was asked for since: of requests that were repeated, a state may not name all.
fn is_of_same(known: &[u64], requests: &[u64]) -> bool {
    known.last() == requests.last()
}

/// What a rule of one run refused stays refused when that run is over.
fn refused_for_good(before: &State, plugin: &str, want: &ActiveIntent) -> Option<Decision> {
    let denied = before.plugins.get(plugin)?.denied.iter().find(|denied| {
        RuleId::parse(&denied.held.because).is_some_and(|rule| rule.source == RuleSource::Run)
            && !want.events.is_empty()
            && is_of_same(&denied.events, &want.events)
            && denied.held.intent == want.intent
    })?;
    Some(Decision {
        verdict: denied.held.verdict,
        rule: RuleId::parse(&denied.held.because),
        reason: denied.held.reason.clone(),
        ..Decision::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{NoteSeverity, Withheld};
    use crate::state::{Denied, Plugin};

    #[test]
    fn what_a_run_refused_stays_refused_until_it_is_asked_for_again() {
        let intent = Intent::Note {
            severity: NoteSeverity::Low,
            text: "a remark".into(),
        };
        let denied = Denied {
            held: Withheld {
                intent: intent.clone(),
                verdict: Verdict::Deny,
                because: "run: #1".into(),
                reason: String::new(),
            },
            events: vec![1, 9],
            declared: Vec::new(),
            late: true,
        };
        let plugin = Plugin {
            denied: vec![denied],
            ..Plugin::default()
        };
        let before = State {
            plugins: BTreeMap::from([("p".to_owned(), plugin)]),
            ..State::default()
        };
        let of = |events: &[u64]| {
            let want = ActiveIntent::new(intent.clone(), events.to_vec());
            refused_for_good(&before, "p", &want).map(|decision| decision.verdict)
        };
        // The whole journal has requests that the state need not name.
        assert_eq!(of(&[1, 5, 9]), Some(Verdict::Deny));
        assert_eq!(of(&[1, 9, 10]), None);
    }
}
