//! is-enabled: one state a line.

use crate::request::Reply;
use crate::unit::generation::Trait;
use crate::unit::log::Level;
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::state::LinkTable;
use crate::unit::tree::Units;

use super::session::Session;
use super::sysv::{self, Handled};

const NOT_FOUND: u8 = 4;

/// Prints the state of every unit named; exit 0 if one of them counts as enabled.
///
/// `verb_is_enabled()` of systemctl-is-enabled.c.
pub(super) fn is_enabled(mut session: Session, arguments: &[String]) -> Reply {
    let names = match session.names(arguments, "to check") {
        Ok(names) => names,
        Err(text) => return session.fail(text),
    };
    let tree = match session.tree() {
        Ok(tree) => tree,
        Err(problem) => return fail_early(session, problem, &names),
    };
    let units = session.units(&tree);
    let names = match sysv::hand_over(&mut session, &units, "is-enabled", names) {
        Handled::Left(names) => names,
        Handled::Ended => return session.reply,
    };
    let mut enabled = session.script_enabled;
    // Only where nothing at all was found; verb_is_enabled().
    let mut found = session.has_script;
    let table = LinkTable::default();
    for name in &names {
        let state = units.state(name, &table);
        session.print_log(&units);
        found |= state.is_ok();
        match state {
            Ok(state) => {
                enabled |= state.counts_as_enabled();
                if !session.options.quiet {
                    session.reply.output.out_line(state.word());
                    if let Err(problem) = print_links(&mut session, &tree, name) {
                        let text = format!("Failed to get file links for {name}: {}", problem.text());
                        return session.fail(text);
                    }
                }
            }
            Err(Problem::Missing) if session.generation.has(Trait::NotFoundState) => {
                if !session.options.quiet {
                    session.reply.output.out_line("not-found");
                }
            }
            Err(problem) => return session.fail(no_state(name, problem)),
        }
    }
    let otherwise = if found { 1 } else { NOT_FOUND };
    session.reply.fail(if enabled { 0 } else { otherwise })
}

/// Why a unit has no state.
pub(super) fn no_state(name: &str, problem: Problem) -> String {
    format!("Failed to get unit file state for {name}: {}", problem.text())
}

fn fail_early(mut session: Session, problem: Problem, names: &[String]) -> Reply {
    let is_answered = session.generation.has(Trait::AnswersWithoutRoot)
        || session.generation.has(Trait::NotFoundState) && !sysv::is_asked(&session);
    if problem == Problem::Missing && is_answered {
        if !session.options.quiet {
            names.iter().for_each(|_| session.reply.output.out_line("not-found"));
        }
        return session.reply.fail(NOT_FOUND);
    }
    let text = match &session.options.root {
        Some(_) if sysv::is_asked(&session) && session.generation.has(Trait::EarlierInstall) => {
            return session.reply.fail(1);
        }
        Some(dir) if sysv::is_asked(&session) => {
            format!("Failed to initialize unit search paths for root directory {dir}: {}", problem.text())
        }
        _ => no_state(names.first().map_or("", String::as_str), problem),
    };
    session.say(Level::Error, text);
    session.reply.fail(1)
}

/// With `--full`, the links that disabling the unit would remove, with `--runtime` those of this boot.
///
/// `show_installation_targets_client_side()` of systemctl-is-enabled.c.
fn print_links(session: &mut Session, tree: &super::session::Tree, name: &str) -> Result<(), Problem> {
    if !session.options.full {
        return Ok(());
    }
    let mut units: Units = session.units(tree);
    units.dry_run = true;
    let mut events = Events::default();
    let dir = session.place(&units)?.dir;
    let found = units.disable(&[name.to_owned()], &dir, &mut events);
    session.print_log(&units);
    found?;
    for event in events.iter() {
        if let Event::Removed { path } = event {
            session.reply.output.out_line(format!("  {path}"));
        }
    }
    Ok(())
}
