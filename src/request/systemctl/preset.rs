//! preset and preset-all.

use crate::intent::{Intent, UnitWant};
use crate::request::Reply;
use crate::unit::enable::{Outcome, Placement};
use crate::unit::generation::Trait;
use crate::unit::preset::{PresetAnswer, Presets};
use crate::unit::preset_apply::Decision;
use crate::unit::problem::Events;
use crate::unit::tree::Units;

use super::now;
use super::session::Session;

/// Enables or disables the units named as presets say.
///
/// `verb_enable()` of systemctl-enable.c.
pub(super) fn preset(mut session: Session, arguments: &[String]) -> Reply {
    let operation = match session.generation.has(Trait::GlobsPassedToEnable) {
        true => "to enable",
        false => "to preset",
    };
    let names = match session.names(arguments, operation) {
        Ok(names) => names,
        Err(text) => return session.fail(text),
    };
    let mode = session.options.preset_mode;
    let counts_reports = session.generation.has(Trait::ReportedFailureCounts);
    execute(&mut session, "preset", |units, presets, place, events| {
        let (outcome, decisions) = units.preset(&names, presets, mode, place, events);
        let reported = events.first_failure().filter(|_| counts_reports);
        (outcome.and_then(|links| reported.map_or(Ok(links), Err)), decisions)
    });
    now::execute(&mut session, "preset", &names);
    session.reply
}

/// The same for all unit files.
///
/// `verb_preset_all()` of systemctl-preset-all.c.
pub(super) fn preset_all(mut session: Session) -> Reply {
    let verb = if session.generation.has(Trait::NamesPresetAll) {
        "preset all"
    } else {
        "preset"
    };
    let mode = session.options.preset_mode;
    execute(&mut session, verb, |units, presets, place, events| {
        units.preset_all(presets, mode, place, events)
    });
    if session.generation.has(Trait::PresetAllSucceeds) {
        session.reply.exit = 0;
    }
    session.reply
}

type Applied = (Outcome, Vec<Decision>);

fn execute(
    session: &mut Session,
    verb: &str,
    apply: impl FnOnce(&mut Units, &Presets, &Placement, &mut Events) -> Applied,
) {
    let mut events = Events::default();
    let (failure, decisions) = match session.tree() {
        Err(problem) => {
            session.say_failed(verb, problem);
            (Some(problem), Vec::new())
        }
        Ok(tree) => {
            let mut units = session.units(&tree);
            let (outcome, decisions) = on_units(session, &mut units, apply, &mut events);
            session.print_events(&units, verb, &events, outcome.err());
            session.close(&tree);
            (outcome.err(), decisions)
        }
    };
    record(session, &decisions, &events);
    session.reply.exit = u8::from(failure.is_some());
}

fn on_units(
    session: &Session,
    units: &mut Units,
    apply: impl FnOnce(&mut Units, &Presets, &Placement, &mut Events) -> Applied,
    events: &mut Events,
) -> Applied {
    let place = match session.place(units) {
        Ok(place) => Placement {
            lenient: true,
            ..place
        },
        Err(problem) => return (Err(problem), Vec::new()),
    };
    let (scope, generation) = (units.path.scope, session.generation);
    match Presets::load(units.root, scope, generation, &units.prefix, &units.log) {
        Ok(presets) => apply(units, &presets, &place, events),
        Err(problem) => (Err(problem), Vec::new()),
    }
}

/// Every verdict is an intent, also where the unit is not there.
fn record(session: &mut Session, decisions: &[Decision], events: &Events) {
    let scope = session.options.scope;
    for decision in decisions {
        let want = match decision.answer.verdict {
            PresetAnswer::Enable => UnitWant::PresetEnable,
            PresetAnswer::Disable => UnitWant::PresetDisable,
            PresetAnswer::Ignore => UnitWant::PresetIgnore,
        };
        let intent = Intent::Unit {
            unit: decision.unit.clone(),
            want,
            scope,
            rule: Some(decision.answer.source.clone()),
        };
        session.intent(intent, events.changed_for(decision.owner));
    }
}
