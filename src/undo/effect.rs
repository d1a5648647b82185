//! What requests were about, and which way they went: what another plugin wants the same of stays.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use crate::intent::{Intent, ServiceWant, UnitWant};
use crate::journal::Event;
use crate::root::Change;
use crate::state::{ActiveIntent, Plugin, State, Subject, subject};
use crate::unit::name;

/// What an intent is about and which way it goes; none if it leaves no trace that could be put back.
pub(super) type Effect = (Subject, String);

/// A state, with what its plugins aim at.
pub(super) struct Aims<'s> {
    pub(super) state: &'s State,
    /// The effects that count, from all requests.
    pub(super) wanted: BTreeSet<Effect>,
    /// What policy refuses by now; what is ignored is in no state.
    pub(super) refused: &'s [(String, ActiveIntent)],
    /// Which way each plugin went last, whether that counts or is overruled, and the requests for it.
    latest: BTreeMap<&'s str, BTreeMap<Subject, (String, &'s [u64])>>,
}

impl<'s> Aims<'s> {
    pub(super) fn of(state: &'s State, refused: &'s [(String, ActiveIntent)]) -> Aims<'s> {
        let latest_of = |plugin: &'s Plugin| {
            let overruled = plugin.overruled.iter().map(|one| &one.want);
            let wants = plugin.wants.iter().chain(overruled);
            let aims = wants.filter_map(|want| {
                let (subject, way) = aim(&want.intent)?;
                Some((subject, (way, want.events.as_slice())))
            });
            aims.collect()
        };
        let plugins = state.plugins.iter();
        Aims {
            state,
            refused,
            wanted: state.wants().filter_map(|(_, want)| aim(&want.intent)).collect(),
            latest: plugins.map(|(name, plugin)| (name.as_str(), latest_of(plugin))).collect(),
        }
    }

    /// Whether the plugin that made a request has asked for something else since, of all that this was for:
    /// also where the image was so already, and nothing was changed any more. What a template's disable took
    /// away from an instance comes back by a request for that instance alone.
    pub(super) fn is_superseded(&self, event: &Event, change: &Change, aims: &[Effect]) -> bool {
        let Some(latest) = self.latest.get(event.origin.name().as_ref()) else {
            return false;
        };
        let is_later = |events: &[u64]| {
            events.last().is_some_and(|last| *last > event.id) && !events.contains(&event.id)
        };
        let is_replaced = |(subject, way): &Effect| {
            let subject = &taken_along(subject, way, change).unwrap_or_else(|| subject.clone());
            let itself = latest.get(subject).is_some_and(|(later, events)| later != way && is_later(events));
            let template = template(subject).filter(|_| way == "on").and_then(|of| latest.get(&of));
            itself || template.is_some_and(|(later, events)| later == "off" && is_later(events))
        };
        !aims.is_empty() && aims.iter().all(is_replaced)
    }

    /// Whether somebody wants what a change was for. A template that is disabled takes the links and masks of
    /// its instances along: not those of an instance that is wanted all the same.
    pub(super) fn wants_any(&self, aims: &[Effect], change: &Change) -> bool {
        let spares = |(of, way): &Effect| {
            let instance = taken_along(of, way, change);
            instance.is_some_and(|instance| self.wanted.contains(&(instance, "on".to_owned())))
        };
        aims.iter().any(|aim| self.wanted.contains(aim) && !spares(aim))
    }
}

/// The instance whose link or mask a change took away, where that was done to its template.
fn taken_along(of: &Subject, way: &str, change: &Change) -> Option<Subject> {
    let Subject::Enablement(template, scope) = of else {
        return None;
    };
    let path = change.path.raw();
    let unit = Path::new(&path).file_name().and_then(OsStr::to_str)?;
    if way != "off" || name::template_of(unit).as_ref() != Some(template) {
        return None;
    }
    let is_mask = change.was.as_ref().is_some_and(|was| *was == "/dev/null");
    Some(match is_mask {
        true => Subject::Mask(unit.to_owned(), *scope),
        false => Subject::Enablement(unit.to_owned(), *scope),
    })
}

/// Whether the template is enabled of whose instance this is the link or the mask.
fn template(subject: &Subject) -> Option<Subject> {
    match subject {
        Subject::Enablement(unit, scope) | Subject::Mask(unit, scope) => {
            Some(Subject::Enablement(name::template_of(unit)?, *scope))
        }
        _ => None,
    }
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
        Intent::Definition { change, .. } if change.deletes() => "off",
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
