//! Units to enable, disable, mask and unmask on a booted node.

use std::collections::BTreeMap;

use serde::Serialize;

use super::applied::Applied;
use super::three_way::{Decision, decide};
use crate::intent::{Intent, Scope, UnitWant};
use crate::state::State;

/// What is done to a unit's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitVerb {
    /// `enable`
    Enable,
    /// `disable`
    Disable,
    /// `mask`
    Mask,
    /// `unmask`
    Unmask,
    /// `preset`
    Preset,
}

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
    in_image: bool,
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
            let retried = want.events.iter().any(|event| state.retried.contains(event));
            all.entry((unit.as_str(), masking)).or_insert(Wanted {
                plugin,
                want: *wanted,
                in_image: !want.failed || retried,
            });
        }
    }
    all
}

/// Whether a intent wants the thing on, and whether the thing is the mask.
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

/// The key and value under which a intent is remembered.
fn remembered(unit: &str, masking: bool, on: bool) -> (String, String) {
    match (masking, on) {
        (false, true) => (unit.to_owned(), "enabled".to_owned()),
        (false, false) => (unit.to_owned(), "disabled".to_owned()),
        (true, true) => (format!("{unit} mask"), "masked".to_owned()),
        (true, false) => (format!("{unit} mask"), "unmasked".to_owned()),
    }
}

/// What is recorded now, in the form in which it is remembered.
pub fn recorded(state: &State) -> BTreeMap<String, String> {
    let all = wanted(state).into_iter();
    all.filter_map(|((unit, masking), wanted)| {
        let (on, _) = outcome(wanted.want)?;
        Some(remembered(unit, masking, on))
    })
    .collect()
}

/// Compares what is wanted with `actual`: unit → state as `systemctl is-enabled` words it. Units
/// that are not there are left out: nothing can be done to them. `settled` is the state that
/// settling left in the image: what is in it, and did not fail, has been in force.
pub fn units(
    state: &State,
    settled: &State,
    applied: &Applied,
    actual: &BTreeMap<String, String>,
) -> Vec<UnitStep> {
    let mut steps = Vec::new();
    let in_image = recorded(settled);
    for ((unit, masking), wanted) in wanted(state) {
        let (Some((on, _)), Some(word)) = (outcome(wanted.want), actual.get(unit)) else {
            continue;
        };
        let is_masked = word.starts_with("masked");
        let (key, now) = remembered(unit, masking, on);
        let (_, actual) = match masking {
            true => remembered(unit, true, is_masked),
            // A mask that nobody recorded is somebody's: neither on nor off.
            false if is_masked => (String::new(), "masked".to_owned()),
            false if cannot_be_enabled(word) => (String::new(), now.clone()),
            false => remembered(unit, false, word.starts_with("enabled")),
        };
        let was_in_force = wanted.in_image && in_image.get(&key) == Some(&now);
        match decide(applied.units.get(&key), &now, &actual, was_in_force) {
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

/// Units without an `[Install]` section, aliases, and what was made at run time.
fn cannot_be_enabled(word: &str) -> bool {
    matches!(word, "static" | "alias" | "indirect" | "generated" | "transient")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ActiveIntent, Plugin};

    fn state(want: UnitWant, failed: bool) -> State {
        let intent = Intent::Unit {
            unit: "a.service".into(),
            want,
            scope: Scope::System,
            rule: None,
        };
        let want = ActiveIntent {
            intent,
            runtime: false,
            declared: Vec::new(),
            denied_before: Vec::new(),
            failed,
            events: vec![1],
        };
        let plugin = Plugin {
            wants: vec![want],
            ..Plugin::default()
        };
        State {
            plugins: BTreeMap::from([("p".to_owned(), plugin)]),
            ..State::default()
        }
    }

    fn steps(want: UnitWant, failed: bool, before: Option<UnitWant>, actual: &str) -> Vec<(UnitVerb, bool)> {
        let mut applied = Applied::default();
        applied
            .units
            .extend(before.into_iter().flat_map(|before| recorded(&state(before, false))));
        let actual = BTreeMap::from([("a.service".to_owned(), actual.to_owned())]);
        let steps = units(&state(want, failed), &state(want, failed), &applied, &actual);
        steps.into_iter().map(|step| (step.verb, step.kept)).collect()
    }

    #[test]
    fn what_failed_in_the_image_is_done_and_what_the_node_changed_is_kept() {
        use UnitWant::{Disable, Enable, Mask};
        assert_eq!(steps(Enable, true, None, "disabled"), [(UnitVerb::Enable, false)]);
        assert_eq!(steps(Enable, false, None, "disabled"), [(UnitVerb::Enable, true)]);
        assert_eq!(steps(Enable, false, Some(Enable), "disabled"), [(UnitVerb::Enable, true)]);
        assert_eq!(steps(Enable, false, Some(Disable), "disabled"), [(UnitVerb::Enable, false)]);
        assert_eq!(steps(Disable, false, Some(Enable), "enabled"), [(UnitVerb::Disable, false)]);
        assert_eq!(steps(Disable, false, Some(Disable), "enabled"), [(UnitVerb::Disable, true)]);
        assert_eq!(steps(Enable, false, Some(Disable), "masked"), [(UnitVerb::Enable, true)]);
        assert_eq!(steps(Mask, true, None, "enabled"), [(UnitVerb::Mask, false)]);
        for in_force in [
            (Enable, "enabled"),
            (Enable, "static"),
            (Disable, "disabled"),
            (Mask, "masked"),
        ] {
            assert_eq!(steps(in_force.0, false, None, in_force.1), [], "{in_force:?}");
        }
    }
}
