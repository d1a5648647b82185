//! Instances of templates that the image's builder decided about. When a template is disabled, systemctl also
//! removes the links and masks of all its instances: those of the builder are restored.

use crate::attribution::is_builder;
use crate::backend::systemd::unit_state;
use crate::intent::{Intent, Scope, UnitWant};
use crate::plan::{Action, Contribution, PlannedChange, UnitVerb};
use crate::root::Root;
use crate::state::State;
use crate::unit::name;

/// What enables and masks them again, where the image has them otherwise; not what is `restored` anyway.
pub(crate) fn contribute(root: &Root, state: &State, restored: &Contribution) -> Contribution {
    let of_builder = state.wants().filter(|(name, _)| is_builder(name));
    let changes = of_builder.filter_map(|(_, want)| {
        let (unit, verb) = instance(&want.intent)?;
        let is_restored = restored.changes.iter().any(|change| change.path.ends_with(&format!("/{unit}")));
        let now = unit_state(root, unit)?;
        let is_so = match verb {
            UnitVerb::Mask => now.is_masked(),
            _ => now.is_masked() || now.is_enabled(),
        };
        (!is_so && !is_restored).then(|| PlannedChange {
            path: format!("/etc/systemd/system/{unit}"),
            action: Action::Unit {
                verb,
                unit: unit.to_owned(),
                scope: Scope::System,
            },
            because: want.events.clone(),
            why: "the builder decided about this instance, and somebody disabled its template".into(),
        })
    });
    Contribution {
        changes: changes.collect(),
        ..Contribution::default()
    }
}

/// The instance that an intent enables or masks, and what does so.
fn instance(intent: &Intent) -> Option<(&str, UnitVerb)> {
    let Intent::Unit {
        unit,
        want,
        scope: Scope::System,
        ..
    } = intent
    else {
        return None;
    };
    let verb = match want {
        UnitWant::Enable => UnitVerb::Enable,
        UnitWant::Mask => UnitVerb::Mask,
        _ => return None,
    };
    name::instance_of(unit).filter(|instance| !instance.is_empty())?;
    Some((unit, verb))
}
