//! Wishes that policy put off until the boot: on a booted node they are wishes like all others.

use serde::{Deserialize, Serialize};

use super::deferred::Deferred;
use crate::intent::{DeferredVerb, Scope, UnitWant, Verdict, Wish};
use crate::plan::words;
use crate::policy::{OF_A_RUN, Ruling};
use crate::state::{State, Want};

/// A wish that had been put off and was carried out on this node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Released {
    /// Who wants it.
    pub plugin: String,
    /// The wish.
    #[serde(flatten)]
    pub wish: Wish,
}

/// Makes those wishes of `state` that were put off and that `which` picks, by plugin and wish,
/// ordinary ones. Returns them, sorted. What a boot cannot do stays put off.
pub fn release(state: &mut State, which: &dyn Fn(&str, &Wish) -> bool) -> Vec<Released> {
    let mut released = Vec::new();
    for (name, plugin) in &mut state.plugins {
        let picked =
            plugin.deferred.extract_if(.., |want| is_for_boot(&want.wish) && which(name, &want.wish));
        for mut want in picked {
            (want.failed, want.runtime) = (false, false);
            released.push(Released {
                plugin: name.clone(),
                wish: want.wish.clone(),
            });
            plugin.wants.push(want);
        }
    }
    released.sort();
    released
}

/// Whether a boot can carry out what was put off: firewall and unit states go through the plan and
/// the service manager. All else would take the tool that it was asked of.
pub fn is_for_boot(wish: &Wish) -> bool {
    match wish {
        Wish::Allow { .. } => true,
        Wish::Unit { want, scope, .. } => {
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

/// Whether a wish may be carried out at a boot at all. What would stop everything else on the node
/// takes a rule of the image that allows it: that none forbids it is not enough.
pub fn is_allowed(wish: &Wish, ruling: &dyn Fn() -> Ruling) -> bool {
    match wish {
        Wish::Defer {
            verb: DeferredVerb::Isolate,
            ..
        } => {
            let ruling = ruling();
            let rule = ruling.rule.as_str();
            ruling.verdict == Verdict::Allow && !rule.is_empty() && !rule.starts_with(OF_A_RUN)
        }
        _ => true,
    }
}

/// What was put off and is not done at a boot, with the reason. `ruling` is what policy says of a
/// plugin's wish.
pub fn skipped(state: &State, ruling: &dyn Fn(&str, &Want) -> Ruling) -> Vec<Deferred> {
    let all = state
        .plugins
        .iter()
        .flat_map(|(name, plugin)| plugin.deferred.iter().map(move |want| (name, plugin, want)));
    let skipped = all.filter_map(|(name, plugin, want)| {
        let (verb, unit, reason) = match &want.wish {
            Wish::Defer { .. } if want.runtime => return None,
            Wish::Defer { scope, .. } if *scope != Scope::System => return None,
            wish if !is_allowed(wish, &|| ruling(name, want)) => match wish {
                Wish::Defer { verb, unit, .. } => (verb.word(), unit.clone(), NOT_ALLOWED),
                _ => return None,
            },
            Wish::Defer { .. } => return None,
            wish if is_for_boot(wish) => return None,
            wish => (
                "put off",
                words::wish(wish),
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
    use crate::intent::{DeferredVerb, Opening};
    use crate::state::{Plugin, Want};

    fn state() -> State {
        let opening = Opening::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let defer = |verb, scope| Wish::Defer {
            verb,
            unit: "a.service".into(),
            scope,
        };
        let wishes = [
            Wish::Allow { opening, zone: None },
            defer(DeferredVerb::Start, Scope::System),
            defer(DeferredVerb::Isolate, Scope::System),
            Wish::DefaultTarget {
                unit: "x.target".into(),
            },
        ];
        let wants = wishes.map(|wish| Want {
            wish,
            runtime: false,
            failed: false,
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
    fn what_a_boot_can_do_becomes_an_ordinary_wish() {
        let mut state = state();
        assert_eq!(release(&mut state, &|_, _| false), []);
        let released = release(&mut state, &|plugin, _| plugin == "p");
        assert!(matches!(
            released.as_slice(),
            [Released {
                wish: Wish::Allow { .. },
                ..
            }]
        ));
        assert_eq!((state.plugins["p"].wants.len(), state.plugins["p"].deferred.len()), (1, 3));
        assert_eq!(release(&mut state, &|_, _| true), []);
    }

    #[test]
    fn all_else_is_told_with_its_reason() {
        let told = |rule: &str| -> Vec<String> {
            let ruling = |_: &str, _: &Want| Ruling {
                rule: rule.into(),
                ..Ruling::default()
            };
            let skipped = skipped(&state(), &ruling).into_iter();
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
