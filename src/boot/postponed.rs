//! Intents that policy put off until the boot: on a booted node they are intents like all others.

use serde::{Deserialize, Serialize};

use super::deferred::Deferred;
use crate::intent::{DeferredVerb, Intent, Scope, UnitWant, Verdict};
use crate::plan::words;
use crate::policy::{Decision, RuleSource};
use crate::state::{ActiveIntent, State};

/// An intent that had been put off and was carried out on this node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Postponed {
    /// Who wants it.
    pub plugin: String,
    /// The intent.
    #[serde(flatten)]
    pub intent: Intent,
}

/// Makes those intents of `state` that were put off and that `which` picks, by plugin and intent,
/// ordinary ones. Returns them, sorted. What a boot cannot do stays put off.
pub fn release(state: &mut State, which: &dyn Fn(&str, &Intent) -> bool) -> Vec<Postponed> {
    let mut released = Vec::new();
    for (name, plugin) in &mut state.plugins {
        let picked = plugin
            .deferred
            .extract_if(.., |want| is_for_boot(&want.intent) && which(name, &want.intent));
        for mut want in picked {
            want.runtime = false;
            released.push(Postponed {
                plugin: name.clone(),
                intent: want.intent.clone(),
            });
            plugin.wants.push(want);
        }
    }
    released.sort();
    released
}

/// Whether a boot can carry out what was put off: firewall and unit states go through the plan and
/// the service manager. All else would take the tool that it was asked of.
pub fn is_for_boot(intent: &Intent) -> bool {
    match intent {
        Intent::Allow { .. } => true,
        Intent::Unit { want, scope, .. } => {
            *scope == Scope::System
                && !matches!(
                    want,
                    UnitWant::Link | UnitWant::Revert | UnitWant::Edit | UnitWant::PresetIgnore
                )
        }
        _ => false,
    }
}

/// Why a target is not isolated.
pub const NOT_ALLOWED: &str = "would stop everything else, and no rule of the image allows it";

/// Whether an intent may be carried out at a boot at all. What would stop everything else on the node
/// takes a rule of the image that allows it: that none forbids it is not enough.
pub fn is_allowed(intent: &Intent, decision: &dyn Fn() -> Decision) -> bool {
    match intent {
        Intent::Defer {
            verb: DeferredVerb::Isolate,
            ..
        } => {
            let decision = decision();
            let of_image = decision.rule.is_some_and(|rule| rule.source != RuleSource::Run);
            decision.verdict == Verdict::Allow && of_image
        }
        _ => true,
    }
}

/// What was put off and is not done at a boot, with the reason. `decision` is what policy says of a
/// plugin's intent.
pub fn skipped(state: &State, decision: &dyn Fn(&str, &ActiveIntent) -> Decision) -> Vec<Deferred> {
    let all = state
        .plugins
        .iter()
        .flat_map(|(name, plugin)| plugin.deferred.iter().map(move |want| (name, plugin, want)));
    let skipped = all.filter_map(|(name, plugin, want)| {
        let (verb, unit, reason) = match &want.intent {
            Intent::Defer { .. } if want.runtime => return None,
            Intent::Defer { scope, .. } if *scope != Scope::System => return None,
            intent if !is_allowed(intent, &|| decision(name, want)) => match intent {
                Intent::Defer { verb, unit, .. } => (verb.word(), unit.clone(), NOT_ALLOWED),
                _ => return None,
            },
            Intent::Defer { .. } => return None,
            intent if is_for_boot(intent) => return None,
            intent => (
                "put off",
                words::intent(intent),
                "policy put it off, and a boot cannot do it: it is left to the administrator",
            ),
        };
        Some(Deferred {
            plugin: name.clone(),
            nevra: plugin.nevra.clone(),
            verb: verb.to_owned(),
            unit,
            reason: Some(reason.to_owned()),
            events: want.events.clone(),
            settled: true,
            ..Deferred::default()
        })
    });
    skipped.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::intent::{DeferredVerb, FirewallItem};
    use crate::policy::RuleId;
    use crate::state::{ActiveIntent, Plugin};

    fn state() -> State {
        let opening = FirewallItem::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let defer = |verb, scope| Intent::Defer {
            verb,
            unit: "a.service".into(),
            scope,
        };
        let intents = [
            Intent::Allow { opening, zone: None },
            defer(DeferredVerb::Start, Scope::System),
            defer(DeferredVerb::Isolate, Scope::System),
            Intent::DefaultTarget {
                unit: "x.target".into(),
            },
        ];
        let wants = intents.map(|intent| ActiveIntent {
            intent,
            runtime: false,
            events: vec![3],
            declared: Vec::new(),
            denied_before: Vec::new(),
        });
        let plugin = Plugin {
            deferred: wants.into(),
            ..Plugin::default()
        };
        State {
            plugins: BTreeMap::from([("p".to_owned(), plugin)]),
            ..State::default()
        }
    }

    #[test]
    fn what_a_boot_can_do_becomes_an_ordinary_intent() {
        let mut state = state();
        assert_eq!(release(&mut state, &|_, _| false), []);
        let released = release(&mut state, &|plugin, _| plugin == "p");
        assert!(matches!(
            released.as_slice(),
            [Postponed {
                intent: Intent::Allow { .. },
                ..
            }]
        ));
        assert_eq!((state.plugins["p"].wants.len(), state.plugins["p"].deferred.len()), (1, 3));
        assert_eq!(release(&mut state, &|_, _| true), []);
    }

    #[test]
    fn all_else_is_told_with_its_reason() {
        let told = |rule: &str| -> Vec<String> {
            let decision = |_: &str, _: &ActiveIntent| Decision {
                rule: RuleId::parse(rule),
                ..Decision::default()
            };
            let skipped = skipped(&state(), &decision).into_iter();
            skipped.map(|request| format!("{}: {}", request.verb, request.reason.unwrap())).collect()
        };
        let of_target =
            "put off: policy put it off, and a boot cannot do it: it is left to the administrator";
        let isolate = format!("isolate: {NOT_ALLOWED}");
        assert_eq!(told(""), [isolate.as_str(), of_target]);
        assert_eq!(told("run: a rule"), [isolate.as_str(), of_target]);
        assert_eq!(told("a.toml: a rule"), [of_target]);
    }
}
