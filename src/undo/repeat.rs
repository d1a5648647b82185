//! Requests of another image, repeated here: what brings about what they asked for. Firewall
//! openings need nothing, since the firewall's backends write all that counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::systemd::{is_unit_name, script, there, unit_file};
use crate::escape::Escaped;
use crate::intent::{Intent, Scope, UnitWant};
use crate::journal::Event;
use crate::plan::{Action, Contribution, Executed, Note, PlannedChange, UnitVerb};
use crate::root::Root;
use crate::state::{ActiveIntent, Repeated, State};
use crate::tool::Tool;

/// What brings about the intents that count, come from requests of other images alone, and were not
/// brought about here yet. What the image lacks is left until it is there.
pub(crate) fn contribute(root: &Root, state: &State, events: &[Event]) -> Contribution {
    let of_others = events.iter().filter(|event| event.replayed.is_some());
    let replayed: BTreeMap<u64, &Event> = of_others.map(|event| (event.id, event)).collect();
    let mut contribution = Contribution::default();
    let mut repeated = BTreeSet::new();
    for (name, want) in state.wants() {
        let from_there = !want.events.is_empty() && want.events.iter().all(|id| replayed.contains_key(id));
        if !from_there || state.is_repeated(want) {
            continue;
        }
        match how(root, &want.intent) {
            How::Action(path, action) => contribution.changes.push(change(name, want, path, action)),
            How::Repeat => {
                for event in want.events.iter().filter_map(|id| replayed.get(id)) {
                    // What no tool was called for cannot be repeated.
                    if Tool::ALL.contains(&event.tool) && repeated.insert(event.id) {
                        repeat(name, want, event, &mut contribution);
                    }
                }
            }
            How::Nothing => {}
        }
    }
    contribution
}

fn repeat(name: &str, want: &ActiveIntent, event: &Event, contribution: &mut Contribution) {
    match arguments(event) {
        Some(args) => {
            let action = Action::Call {
                tool: event.tool,
                args,
            };
            contribution.changes.push(change(name, want, event.tool.name().into(), action));
        }
        None => {
            let text = "its arguments are not UTF-8: it is not repeated here";
            contribution.notes.push(Note::new(Some(name), text, &[event.id]));
        }
    }
}

/// Of the changes that [`contribute`] asked for, what need not be asked for again.
pub(crate) fn done(executed: &[Executed], state: &State) -> BTreeSet<Repeated> {
    let carried_out = |want: &ActiveIntent| {
        let mut of_want = executed.iter().filter(|one| is_for(one.change, want)).peekable();
        of_want.peek().is_some() && !of_want.any(Executed::has_failed)
    };
    let done = state.wants().filter(|(_, want)| carried_out(want));
    done.flat_map(|(_, want)| Repeated::of(want)).collect()
}

fn change(name: &str, want: &ActiveIntent, path: String, action: Action) -> PlannedChange {
    PlannedChange {
        path,
        action,
        because: want.events.clone(),
        why: format!("{name} asked for it in another image"),
    }
}

/// Whether a change was planned for a want.
fn is_for(change: &PlannedChange, want: &ActiveIntent) -> bool {
    match (&change.action, &want.intent) {
        (
            Action::Unit { verb, unit, scope },
            Intent::Unit {
                unit: of,
                want: state,
                scope: whose,
                ..
            },
        ) => change.because == want.events && unit == of && scope == whose && verb_for(*state) == Some(*verb),
        (Action::Intent { intent: of }, intent) => change.because == want.events && of == intent,
        (Action::Call { .. }, intent) => {
            is_repeated(intent) && want.events.iter().any(|event| change.because.contains(event))
        }
        _ => false,
    }
}

/// How an intent comes about.
enum How {
    /// By an action that concerns a path.
    Action(String, Action),
    /// By the request itself.
    Repeat,
    /// By none, or not yet.
    Nothing,
}

fn how(root: &Root, intent: &Intent) -> How {
    let asked = || Action::Intent {
        intent: intent.clone(),
    };
    let at = |path: Option<String>| path.map_or(How::Nothing, |path| How::Action(path, asked()));
    match intent {
        Intent::Unit {
            unit, want, scope, ..
        } => of_unit(root, unit, *want, *scope),
        Intent::Dependency { unit, target, .. } => {
            at(there(root, unit).filter(|_| is_unit_name(unit) && is_unit_name(target)))
        }
        Intent::DefaultTarget { unit } => at(unit_file(root, unit).filter(|_| is_unit_name(unit))),
        Intent::Service { service, .. } => at(script(root, service)),
        intent if is_repeated(intent) => How::Repeat,
        _ => How::Nothing,
    }
}

/// Whether only the request itself brings an intent about, as the intent does not say all of it.
pub(crate) fn is_repeated(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Withdraw { .. }
            | Intent::Definition { .. }
            | Intent::FirewallSwitch { .. }
            | Intent::FirewallReset { .. }
            | Intent::DefaultZone { .. }
            | Intent::FirewallModule { .. }
            | Intent::Selinux { .. }
            | Intent::Unit {
                want: UnitWant::Link,
                ..
            }
    )
}

/// The verb that gives a unit's file the state that is wanted, if one does.
fn verb_for(want: UnitWant) -> Option<UnitVerb> {
    match want {
        UnitWant::Enable => Some(UnitVerb::Enable),
        UnitWant::Disable => Some(UnitVerb::Disable),
        UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore => Some(UnitVerb::Preset),
        UnitWant::Mask => Some(UnitVerb::Mask),
        UnitWant::Unmask => Some(UnitVerb::Unmask),
        UnitWant::Link | UnitWant::Revert | UnitWant::Edit => None,
    }
}

fn of_unit(root: &Root, unit: &str, want: UnitWant, scope: Scope) -> How {
    if want == UnitWant::Link {
        return How::Repeat;
    }
    let Some(verb) = verb_for(want).filter(|_| is_unit_name(unit)) else {
        return How::Nothing;
    };
    let needs_file = !matches!(verb, UnitVerb::Mask | UnitVerb::Unmask);
    let path = match (scope, there(root, unit)) {
        (Scope::User, _) => return How::Nothing,
        (Scope::System, None) if needs_file => return How::Nothing,
        (Scope::System, path) => path.unwrap_or_else(|| format!("/etc/systemd/system/{unit}")),
        (Scope::Global, _) => format!("/etc/systemd/user/{unit}"),
    };
    let unit = unit.to_owned();
    How::Action(path, Action::Unit { verb, unit, scope })
}

/// Kinds of units that are only there with a file, or an init script; others come from elsewhere,
/// such as mount units from fstab(5).
const OF_FILES: [&str; 5] = [".service", ".socket", ".timer", ".path", ".target"];

/// Whether the unit or script that an intent is about is in the image, as far as that is known.
pub(crate) fn is_there(root: &Root, intent: &Intent) -> bool {
    let is_unit = |unit: &str| {
        !is_unit_name(unit)
            || !OF_FILES.iter().any(|ending| unit.ends_with(ending))
            || there(root, unit).is_some()
    };
    match intent {
        Intent::Unit { unit, scope, .. } => *scope != Scope::System || is_unit(unit),
        Intent::Defer { unit, scope, .. } => *scope != Scope::System || is_unit(unit),
        Intent::Dependency { unit, .. } => is_unit(unit),
        Intent::Service { service, .. } => script(root, service).is_some(),
        _ => true,
    }
}

/// The words after the tool's name, if they are text.
fn arguments(event: &Event) -> Option<Vec<String>> {
    let words = event.argv.iter().skip(1);
    words.map(Escaped::text).collect()
}
