//! Wishes that policy put off until the boot: on a booted node they are wishes like all others.

use serde::{Deserialize, Serialize};

use super::deferred::Deferred;
use crate::intent::{Scope, UnitWant, Wish};
use crate::plan::words;
use crate::state::State;

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

/// What was put off and cannot be done at a boot, with the reason.
pub fn skipped(state: &State) -> Vec<Deferred> {
    let all = state
        .plugins
        .iter()
        .flat_map(|(name, plugin)| plugin.deferred.iter().map(move |want| (name, plugin, want)));
    let skipped = all.filter_map(|(name, plugin, want)| {
        let reason = match &want.wish {
            Wish::Defer { .. } if want.runtime => return None,
            Wish::Defer {
                scope: Scope::System, ..
            } => return None,
            Wish::Defer { .. } => "users have service managers of their own",
            wish if is_for_boot(wish) => return None,
            _ => "policy put it off, and a boot cannot do it: it is left to the administrator",
        };
        Some(Deferred {
            plugin: name.clone(),
            nevra: plugin.nevra.clone(),
            verb: "put off".to_owned(),
            unit: words::wish(&want.wish),
            job: None,
            reason: Some(reason.to_owned()),
            events: want.events.clone(),
            settled: true,
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
        let start = |scope| Wish::Defer {
            verb: DeferredVerb::Start,
            unit: "a.service".into(),
            scope,
        };
        let wishes = [
            Wish::Allow { opening, zone: None },
            start(Scope::System),
            start(Scope::Global),
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
        let skipped = skipped(&state());
        let told: Vec<&str> = skipped.iter().filter_map(|request| request.reason.as_deref()).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("users have") && told[1].starts_with("policy put it off"), "{told:?}");
    }
}
