//! What requests were about, and which way they went: what another plugin wants the same of stays.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::intent::{Intent, ServiceWant, UnitWant};
use crate::journal::Event;
use crate::root::Change;
use crate::state::{State, Subject, subject};

/// What an intent is about and which way it goes; none if it leaves no trace that could be put back.
pub(super) type Effect = (Subject, String);

/// What all plugins aim at.
pub(super) fn aims(state: &State) -> BTreeSet<Effect> {
    state.wants().filter_map(|(_, want)| aim(&want.intent)).collect()
}

/// The aim of one intent.
pub(super) fn aim(intent: &Intent) -> Option<Effect> {
    let way = match intent {
        Intent::Unit { want, .. } => match want {
            UnitWant::PresetIgnore => return None,
            UnitWant::Disable | UnitWant::PresetDisable | UnitWant::Unmask | UnitWant::Revert => "off",
            _ => "on",
        },
        Intent::Service { want, .. } => match want {
            ServiceWant::Remove | ServiceWant::Off => "off",
            _ => "on",
        },
        Intent::Definition { change, .. } if change == "delete" => "off",
        Intent::Definition { .. } | Intent::Dependency { .. } => "on",
        Intent::DefaultTarget { unit } => unit,
        _ => return None,
    };
    Some((subject(intent), way.to_owned()))
}

pub(super) fn opposite((subject, way): &Effect) -> Option<Effect> {
    let other = match way.as_str() {
        "on" => "off",
        "off" => "on",
        _ => return None,
    };
    Some((subject.clone(), other.to_owned()))
}

/// The aims of the event that a change served: those on the unit or service that the path names,
/// else all of them.
pub(super) fn aims_of(event: &Event, change: &Change) -> Vec<Effect> {
    let path = change.path.raw();
    let name = Path::new(&path).file_name().and_then(OsStr::to_str).unwrap_or_default();
    let is_named = |intent: &Intent| match intent {
        Intent::Unit { unit, .. } | Intent::Dependency { unit, .. } => unit == name,
        Intent::Service { service, .. } => name.ends_with(service.as_str()),
        _ => false,
    };
    let all = || event.intents.iter().map(|recorded| &recorded.intent);
    let named: Vec<Effect> = all().filter(|intent| is_named(intent)).filter_map(aim).collect();
    if named.is_empty() {
        all().filter_map(aim).collect()
    } else {
        named
    }
}
