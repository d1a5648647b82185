//! What requests were about, and which way they went: what another plugin wants the same of stays.

use std::collections::BTreeSet;

use crate::intent::{ServiceWant, UnitWant, Wish};
use crate::journal::Event;
use crate::root::Change;
use crate::state::{State, Subject, subject};

/// What a wish is about and which way it goes; none if it leaves no trace that could be put back.
pub(super) type Aim = (Subject, String);

/// What all plugins aim at.
pub(super) fn aims(state: &State) -> BTreeSet<Aim> {
    state.wants().filter_map(|(_, want)| aim(&want.wish)).collect()
}

/// The aim of one wish.
pub(super) fn aim(wish: &Wish) -> Option<Aim> {
    let way = match wish {
        Wish::Unit { want, .. } => match want {
            UnitWant::PresetIgnore => return None,
            UnitWant::Disable | UnitWant::PresetDisable | UnitWant::Unmask | UnitWant::Revert => "off",
            _ => "on",
        },
        Wish::Service { want, .. } => match want {
            ServiceWant::Remove | ServiceWant::Off => "off",
            _ => "on",
        },
        Wish::Definition { change, .. } if change == "delete" => "off",
        Wish::Definition { .. } | Wish::Dependency { .. } => "on",
        Wish::DefaultTarget { unit } => unit,
        _ => return None,
    };
    Some((subject(wish), way.to_owned()))
}

pub(super) fn opposite((subject, way): &Aim) -> Option<Aim> {
    let other = match way.as_str() {
        "on" => "off",
        "off" => "on",
        _ => return None,
    };
    Some((subject.clone(), other.to_owned()))
}

/// The aims of the event that a change served: those on the unit or service that the path names,
/// else all of them.
pub(super) fn aims_of(event: &Event, change: &Change) -> Vec<Aim> {
    let name = change.path.rsplit('/').next().unwrap_or_default();
    let is_named = |wish: &Wish| match wish {
        Wish::Unit { unit, .. } | Wish::Dependency { unit, .. } => unit == name,
        Wish::Service { service, .. } => name.ends_with(service.as_str()),
        _ => false,
    };
    let all = || event.intents.iter().map(|intent| &intent.wish);
    let named: Vec<Aim> = all().filter(|wish| is_named(wish)).filter_map(aim).collect();
    if named.is_empty() {
        all().filter_map(aim).collect()
    } else {
        named
    }
}
