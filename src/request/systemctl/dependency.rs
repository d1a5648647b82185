//! add-wants, add-requires, set-default and get-default.

use crate::config::Answers;
use crate::intent::Intent;
use crate::request::Reply;
use crate::unit::dependency::{Dependency, can_be_default};
use crate::unit::log::Level;
use crate::unit::name;
use crate::unit::problem::{Events, Problem};
use crate::unit::words;

use super::session::Session;

const ADD: &str = "add dependency on";
const SET_DEFAULT: &str = "set default";

/// Makes the first argument pull in the others.
///
/// `verb_add_dependency()` of systemctl-add-dependency.c.
pub(super) fn add(mut session: Session, verb: &str, arguments: &[String]) -> Reply {
    let (target, names) = match names(&mut session, arguments) {
        Ok(names) => names,
        Err(text) => return session.fail(text),
    };
    let (dependency, word) = match verb {
        "add-wants" => (Dependency::Wants, "wants"),
        _ => (Dependency::Requires, "requires"),
    };
    let mut events = Events::default();
    let (mut real_target, mut real_names) = (None, Vec::new());
    let failure = match session.tree() {
        Err(problem) => {
            session.say_failed(ADD, problem);
            Some(problem)
        }
        Ok(tree) => {
            let mut units = session.units(&tree);
            let outcome = session.place(&units).and_then(|place| {
                let (outcome, target, names) =
                    units.add_dependency(&target, &names, dependency, &place, &mut events);
                (real_target, real_names) = (target, names);
                outcome
            });
            session.print_events(&units, ADD, &events, outcome.err());
            session.close(&tree);
            outcome.err()
        }
    };
    for (owner, name) in names.iter().enumerate() {
        let intent = Intent::Dependency {
            unit: real_names.get(owner).unwrap_or(name).clone(),
            target: real_target.as_ref().unwrap_or(&target).clone(),
            dependency: word.to_owned(),
        };
        session.intent(intent, events.changed_for(owner));
    }
    session.reply.fail(u8::from(failure.is_some()))
}

fn names(session: &mut Session, arguments: &[String]) -> Result<(String, Vec<String>), String> {
    let (target, others) = arguments.split_first().ok_or("Too few arguments.")?;
    let target = session.target(target, "as target")?;
    let others = others.iter().map(|other| session.name_or_path(other, "as dependency"));
    Ok((target, others.collect::<Result<_, _>>()?))
}

/// When `set-default` asks which target it is in the end. 239 does not; observed with 239-82.el8, 247 and 252.
#[derive(PartialEq, Eq)]
enum AsksBack {
    Never,
    /// Also after it failed, and the answer decides the exit code.
    Always,
    AfterSuccess,
}

impl AsksBack {
    fn of(session: &Session) -> AsksBack {
        match session.generation.number() {
            _ if session.options.quiet => AsksBack::Never,
            ..242 => AsksBack::Never,
            242..250 => AsksBack::Always,
            _ => AsksBack::AfterSuccess,
        }
    }
}

/// Makes a target the one to boot into.
///
/// `verb_set_default()` of systemctl-set-default.c.
pub(super) fn set_default(mut session: Session, arguments: &[String]) -> Reply {
    let given = arguments.first().map_or("", String::as_str);
    let target = match session.target(given, "set-default") {
        Ok(target) => target,
        Err(text) => return session.fail(text),
    };
    let mut events = Events::default();
    let set = set(&mut session, &target, &mut events);
    let asks = AsksBack::of(&session);
    let exit = if asks == AsksBack::Always || asks == AsksBack::AfterSuccess && set.is_ok() {
        note_kernel_command_line(&mut session);
        let current = session.tree().and_then(|tree| session.units(&tree).default_target());
        note_other_default(&mut session, current, &target).is_err()
    } else {
        set.is_err()
    };
    let unit = set.unwrap_or(target);
    session.intent(Intent::DefaultTarget { unit }, events.any_change());
    session.reply.fail(u8::from(exit))
}

fn set(session: &mut Session, target: &str, events: &mut Events) -> Result<String, Problem> {
    let tree = can_be_default(target).and_then(|()| session.tree());
    let tree = tree.inspect_err(|problem| session.say_failed(SET_DEFAULT, *problem))?;
    let mut units = session.units(&tree);
    let dir = units.path.persistent.clone();
    let outcome = units.set_default(target, &dir, events);
    session.print_events(&units, SET_DEFAULT, events, outcome.as_ref().err().copied());
    session.close(&tree);
    outcome
}

/// Says that `systemd.unit=` on the kernel command line overrides the default; emit_cmdline_warning(), observed with 247 to 262. It is
/// the kernel of the machine that builds the image, which is why only an answer to the letter has it.
fn note_kernel_command_line(session: &mut Session) {
    if session.options.quiet || session.options.has_root || session.answers() != Answers::Strict {
        return;
    }
    let given = session.call.env.get("SYSTEMD_PROC_CMDLINE").map(str::to_owned);
    let line = given.or_else(|| session.call.root.read_text("/proc/cmdline").ok());
    let mut is_told = false;
    for word in words::split(&line.unwrap_or_default()).0 {
        let Some(rest) = word.strip_prefix("systemd.unit") else {
            continue;
        };
        match rest.strip_prefix('=') {
            Some(unit) if name::is_valid(unit) => is_told = true,
            Some(unit) => session.say(
                Level::Warning,
                format!("Unit name specified on systemd.unit= is not valid, ignoring: {unit}"),
            ),
            None if rest.is_empty() => session.say(
                Level::Warning,
                "Missing argument for systemd.unit= kernel command line switch, ignoring.",
            ),
            None => {}
        }
    }
    if is_told {
        let line = match session.generation.number() {
            ..=254 => "commandline",
            _ => "command line",
        };
        let text =
            format!("Note: found \"systemd.unit\" on the kernel {line}, which overrides the default unit.");
        session.say(Level::Notice, text);
    }
}

/// Says so if another target is the one to boot into all the same, or none.
///
/// `determine_default()` of systemctl-set-default.c finds the other target.
fn note_other_default(
    session: &mut Session,
    current: Result<String, Problem>,
    wanted: &str,
) -> Result<(), Problem> {
    let current = current.inspect_err(|problem| session.say(Level::Error, no_default(*problem)))?;
    if current != wanted {
        let text = format!("Note: \"{current}\" is the default unit (possibly a runtime override).");
        session.say(Level::Notice, text);
    }
    Ok(())
}

fn no_default(problem: Problem) -> String {
    format!("Failed to get default target: {}", problem.text())
}

/// Prints the target that is booted into.
///
/// `verb_get_default()` of systemctl-set-default.c.
pub(super) fn get_default(mut session: Session) -> Reply {
    let found = session.tree().and_then(|tree| {
        let units = session.units(&tree);
        let found = units.default_target();
        session.print_log(&units);
        found
    });
    match found {
        Ok(target) => {
            note_kernel_command_line(&mut session);
            session.reply.output.out_line(target);
            session.reply
        }
        Err(problem) => session.fail(no_default(problem)),
    }
}
