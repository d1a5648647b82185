//! Units that metadata enables or disables, and no request did.

use std::collections::{BTreeMap, BTreeSet};

use super::{UNIT_DIRECTORIES, is_unit_name, there};
use crate::intent::{Intent, Scope, UnitWant};
use crate::plan::{Action, Contribution, Executed, PlannedChange, UnitVerb};
use crate::root::Root;
use crate::state::{DeclaredUnit, State};

/// What has to be done to units that files alone ask for: to enable or disable them once, and to
/// disable those that were enabled this way and that no plugin wants any more.
pub(crate) fn declared(root: &Root, state: &State) -> Contribution {
    let wanted = declared_units(state);
    let mut changes = Vec::new();
    for (unit, why) in &wanted {
        let Some(path) = there(root, &unit.unit) else {
            continue;
        };
        if !state.declared.contains(unit) {
            changes.push(change(path, unit, unit.enable, why.clone()));
        }
    }
    let kept: BTreeSet<&str> = state.wants().filter_map(|(_, want)| enabled_unit(&want.intent)).collect();
    for unit in state.declared.iter().filter(|unit| unit.enable && !kept.contains(unit.unit.as_str())) {
        let path =
            there(root, &unit.unit).unwrap_or_else(|| format!("{}/{}", UNIT_DIRECTORIES[0], unit.unit));
        changes.push(change(path, unit, false, "no longer enabled by any declaration".into()));
    }
    Contribution {
        changes,
        ..Contribution::default()
    }
}

fn change(path: String, unit: &DeclaredUnit, enable: bool, why: String) -> PlannedChange {
    PlannedChange {
        path,
        action: Action::Unit {
            verb: verb(enable),
            unit: unit.unit.clone(),
            scope: Scope::System,
        },
        because: Vec::new(),
        why,
    }
}

fn verb(enable: bool) -> UnitVerb {
    match enable {
        true => UnitVerb::Enable,
        false => UnitVerb::Disable,
    }
}

fn enabled_unit(intent: &Intent) -> Option<&str> {
    match intent {
        Intent::Unit {
            unit,
            want: UnitWant::Enable | UnitWant::PresetEnable,
            scope: Scope::System,
            ..
        } => Some(unit),
        _ => None,
    }
}

/// The units that no request asked for, each with what asks for it. What one plugin wants enabled
/// no other one's file disables.
fn declared_units(state: &State) -> BTreeMap<DeclaredUnit, String> {
    let enabled: BTreeSet<&str> = state.wants().filter_map(|(_, want)| enabled_unit(&want.intent)).collect();
    let mut units = BTreeMap::new();
    for (name, want) in state.wants().filter(|(_, want)| want.events.is_empty()) {
        let Intent::Unit {
            unit,
            want: wanted @ (UnitWant::Enable | UnitWant::Disable),
            scope: Scope::System,
            ..
        } = &want.intent
        else {
            continue;
        };
        let enable = *wanted == UnitWant::Enable;
        if is_unit_name(unit) && (enable || !enabled.contains(unit.as_str())) {
            let verb = if enable { "enabled" } else { "disabled" };
            let why = format!("{name} declares {unit} {verb}");
            units.insert(
                DeclaredUnit {
                    unit: unit.clone(),
                    enable,
                },
                why,
            );
        }
    }
    units
}

/// What is to be remembered of [`declared`] once a plan was executed: what was remembered before and what was not
/// refused now, as far as it is still declared. What was enabled this way is remembered until no plugin wants it
/// any more: a later request for the same changes nothing, so there is nothing to restore for it.
pub(crate) fn declared_after(root: &Root, state: &State, executed: &[Executed]) -> BTreeSet<DeclaredUnit> {
    let is_of = |action: &Action, of: &DeclaredUnit| {
        matches!(action, Action::Unit { verb: done, unit, scope: Scope::System }
            if *unit == of.unit && *done == verb(of.enable))
    };
    let has_failed =
        |unit: &DeclaredUnit| executed.iter().any(|one| one.has_failed() && is_of(&one.change.action, unit));
    let is_done = |unit: &DeclaredUnit| {
        state.declared.contains(unit) || there(root, &unit.unit).is_some() && !has_failed(unit)
    };
    let enabled: BTreeSet<&str> = state.wants().filter_map(|(_, want)| enabled_unit(&want.intent)).collect();
    let is_kept = |unit: &&DeclaredUnit| unit.enable && enabled.contains(unit.unit.as_str());
    let kept = state.declared.iter().filter(is_kept).cloned();
    declared_units(state).into_keys().filter(is_done).chain(kept).collect()
}
