//! Units to enable, disable, mask and unmask on a booted node.

use std::collections::BTreeMap;

use serde::Serialize;

use super::three_way::{Decision, decide};
use crate::intent::{Intent, Scope, UnitWant};
use crate::plan::UnitVerb;
use crate::state::State;
use crate::unit::state::State as FileState;

/// A unit whose recorded state and actual state were compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnitStep {
    /// The unit.
    pub unit: String,
    /// What brings the recorded state about.
    pub verb: UnitVerb,
    /// The first plugin that wants it.
    pub plugin: String,
    /// Whether it is left alone, since it was changed on the node.
    pub kept: bool,
}

/// What is wanted of one unit.
#[derive(Debug, Clone)]
struct Wanted<'s> {
    plugin: &'s str,
    want: UnitWant,
}

/// Unit and whether it is about masking → what the first plugin by name wants, as at first boot.
fn wanted(state: &State) -> BTreeMap<(&str, bool), Wanted<'_>> {
    let mut all = BTreeMap::new();
    for (plugin, want) in state.wants().filter(|(_, want)| !want.runtime) {
        let Intent::Unit {
            unit,
            want: wanted,
            scope: Scope::System,
            ..
        } = &want.intent
        else {
            continue;
        };
        if let Some((_, masking)) = outcome(*wanted) {
            all.entry((unit.as_str(), masking)).or_insert(Wanted {
                plugin,
                want: *wanted,
            });
        }
    }
    all
}

/// Whether an intent wants the thing on, and whether the thing is the mask.
fn outcome(want: UnitWant) -> Option<(bool, bool)> {
    match want {
        UnitWant::Enable | UnitWant::PresetEnable => Some((true, false)),
        UnitWant::Disable | UnitWant::PresetDisable => Some((false, false)),
        UnitWant::Mask => Some((true, true)),
        UnitWant::Unmask => Some((false, true)),
        UnitWant::PresetIgnore | UnitWant::Link | UnitWant::Revert | UnitWant::Edit => None,
    }
}

fn verb(want: UnitWant) -> UnitVerb {
    match want {
        UnitWant::Mask => UnitVerb::Mask,
        UnitWant::Unmask => UnitVerb::Unmask,
        UnitWant::PresetEnable | UnitWant::PresetDisable => UnitVerb::Preset,
        UnitWant::Disable => UnitVerb::Disable,
        _ => UnitVerb::Enable,
    }
}

/// What of a unit is wanted: whether it is enabled, or whether it is masked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnitAspect {
    /// The unit.
    pub unit: String,
    /// Its mask, or else its enablement.
    pub mask: bool,
}

/// A state of an aspect: on is enabled or masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitState {
    /// `enabled`
    Enabled,
    /// `disabled`
    Disabled,
    /// `masked`
    Masked,
    /// `unmasked`
    Unmasked,
}

impl UnitState {
    const ALL: [UnitState; 4] = [
        UnitState::Enabled,
        UnitState::Disabled,
        UnitState::Masked,
        UnitState::Unmasked,
    ];

    fn of(mask: bool, on: bool) -> UnitState {
        match (mask, on) {
            (false, true) => UnitState::Enabled,
            (false, false) => UnitState::Disabled,
            (true, true) => UnitState::Masked,
            (true, false) => UnitState::Unmasked,
        }
    }

    fn word(self) -> &'static str {
        match self {
            UnitState::Enabled => "enabled",
            UnitState::Disabled => "disabled",
            UnitState::Masked => "masked",
            UnitState::Unmasked => "unmasked",
        }
    }
}

/// What is recorded of units.
pub(crate) type RecordedUnits = BTreeMap<UnitAspect, UnitState>;

/// How [`RecordedUnits`] are written: `"UNIT" = "enabled"`, `"UNIT mask" = "masked"`. A state that this
/// version does not know is left out.
pub(super) mod written {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{BTreeMap, RecordedUnits, UnitAspect, UnitState};

    const MASK: &str = " mask";

    pub(crate) fn serialize<S: Serializer>(units: &RecordedUnits, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(units.iter().map(|(aspect, state)| {
            let mask = if aspect.mask { MASK } else { "" };
            (format!("{}{mask}", aspect.unit), state.word())
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RecordedUnits, D::Error> {
        let written = BTreeMap::<String, String>::deserialize(deserializer)?;
        let read = written.into_iter().filter_map(|(key, word)| {
            let state = UnitState::ALL.into_iter().find(|state| state.word() == word)?;
            let aspect = UnitAspect {
                unit: key.strip_suffix(MASK).unwrap_or(&key).to_owned(),
                mask: key.ends_with(MASK),
            };
            Some((aspect, state))
        });
        Ok(read.collect())
    }
}

/// What is recorded now.
pub(crate) fn recorded(state: &State) -> RecordedUnits {
    let all = wanted(state).into_iter();
    all.filter_map(|((unit, mask), wanted)| {
        let (on, _) = outcome(wanted.want)?;
        let unit = unit.to_owned();
        Some((UnitAspect { unit, mask }, UnitState::of(mask, on)))
    })
    .collect()
}

/// Compares what is wanted with the `actual` states of unit files. Units that are not there are left
/// out: nothing can be done to them. `settled` is the state that settling left in the image: what is
/// in it has been in force.
pub(crate) fn units(
    state: &State,
    settled: &State,
    applied: &RecordedUnits,
    actual: &BTreeMap<String, FileState>,
) -> Vec<UnitStep> {
    let mut steps = Vec::new();
    let in_image = recorded(settled);
    for ((unit, mask), wanted) in wanted(state) {
        let (Some((on, _)), Some(file)) = (outcome(wanted.want), actual.get(unit)) else {
            continue;
        };
        let aspect = UnitAspect {
            unit: unit.to_owned(),
            mask,
        };
        let now = UnitState::of(mask, on);
        let actual = match mask {
            true => UnitState::of(true, file.is_masked()),
            // A mask that is not recorded is an administrator's decision: neither on nor off.
            false if file.is_masked() => UnitState::Masked,
            false if file.is_fixed() => now,
            false => UnitState::of(false, file.is_enabled()),
        };
        let was_in_force = in_image.get(&aspect) == Some(&now);
        match decide(applied.get(&aspect), &now, &actual, was_in_force) {
            Decision::InForce => {}
            decision => steps.push(UnitStep {
                unit: unit.to_owned(),
                verb: verb(wanted.want),
                plugin: wanted.plugin.to_owned(),
                kept: decision == Decision::Kept,
            }),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ActiveIntent, Plugin};

    fn state(want: UnitWant) -> State {
        let intent = Intent::Unit {
            unit: "a.service".into(),
            want,
            scope: Scope::System,
            rule: None,
        };
        let want = ActiveIntent::new(intent, vec![1]);
        let plugin = Plugin {
            wants: vec![want],
            ..Plugin::default()
        };
        State {
            plugins: BTreeMap::from([("p".to_owned(), plugin)]),
            ..State::default()
        }
    }

    fn steps(want: UnitWant, before: Option<UnitWant>, actual: &str) -> Vec<(UnitVerb, bool)> {
        let applied: RecordedUnits = before.into_iter().flat_map(|before| recorded(&state(before))).collect();
        let actual = BTreeMap::from([("a.service".to_owned(), FileState::parse(actual).unwrap())]);
        let steps = units(&state(want), &state(want), &applied, &actual);
        steps.into_iter().map(|step| (step.verb, step.kept)).collect()
    }

    #[test]
    fn apply_keeps_unit_states_that_the_node_changed() {
        use UnitWant::{Disable, Enable, Mask};
        assert_eq!(steps(Enable, None, "disabled"), [(UnitVerb::Enable, true)]);
        assert_eq!(steps(Enable, Some(Enable), "disabled"), [(UnitVerb::Enable, true)]);
        assert_eq!(steps(Enable, Some(Disable), "disabled"), [(UnitVerb::Enable, false)]);
        assert_eq!(steps(Disable, Some(Enable), "enabled"), [(UnitVerb::Disable, false)]);
        assert_eq!(steps(Disable, Some(Disable), "enabled"), [(UnitVerb::Disable, true)]);
        assert_eq!(steps(Enable, Some(Disable), "masked"), [(UnitVerb::Enable, true)]);
        for in_force in [
            (Enable, "enabled"),
            (Enable, "enabled-runtime"),
            (Enable, "static"),
            (Disable, "disabled"),
            (Mask, "masked"),
        ] {
            assert_eq!(steps(in_force.0, None, in_force.1), [], "{in_force:?}");
        }
    }
}
