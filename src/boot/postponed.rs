//! Intents that policy put off until the boot: on a booted node they are intents like all others.

use super::applied::Postponed;
use super::disposition::is_for_boot;
use crate::intent::Intent;
use crate::state::State;

/// Makes those intents of `state` that were put off and that `which` picks, by plugin and intent,
/// ordinary ones. Returns them, sorted. What a boot cannot do stays put off.
pub(crate) fn release(state: &mut State, which: &dyn Fn(&str, &Intent) -> bool) -> Vec<Postponed> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::deferred::skipped;
    use super::super::disposition::Reason;
    use super::*;
    use crate::intent::{DeferredVerb, FirewallItem, Scope};
    use crate::policy::Decision;
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
        let wants = intents.map(|intent| ActiveIntent::new(intent, vec![3]));
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
    fn postponed_requests_that_no_boot_does_are_reported_with_the_reason() {
        let told = |rule: &str| -> Vec<String> {
            let decision = |_: &str, _: &ActiveIntent| Decision {
                rule: RuleId::parse(rule),
                ..Decision::default()
            };
            let skipped = skipped(&state(), &decision).into_iter();
            skipped.map(|request| format!("{}: {}", request.verb, request.reason.unwrap())).collect()
        };
        let of_target =
            "deferred: policy deferred it, and a boot cannot do it: it is left to the administrator";
        let isolate = format!("isolate: {}", Reason::NotAllowed.sentence());
        assert_eq!(told(""), [isolate.as_str(), of_target]);
        assert_eq!(told("run: a rule"), [isolate.as_str(), of_target]);
        assert_eq!(told("a.toml: a rule"), [of_target]);
    }
}
