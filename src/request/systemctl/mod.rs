//! Carrying out systemctl requests, always offline.

mod clauses;
mod colours;
mod dependency;
mod edit;
mod enable;
mod is_enabled;
mod list;
mod messages;
mod names;
mod now;
mod preset;
mod runtime;
mod session;
mod sysv;
#[cfg(test)]
mod tests;

use crate::argv::Dialect;
use crate::argv::systemctl::verbs::{Needs, Verb};
use crate::argv::systemctl::{Options, Parsed, Request, UsageError};
use crate::request::{Call, Reply};
use crate::unit::log::Level;
pub(super) use clauses::{clauses, without};
use session::Session;

/// Carries a request out.
pub(super) fn execute(call: &Call, parsed: Parsed) -> Reply {
    let generation = call.generation();
    match parsed {
        Err(UsageError::Logged(text)) => refuse(Session::new(call, generation, Options::default()), &text),
        Err(UsageError::Printed(text)) => Reply::error(text, 1),
        Ok(Request::Show(text)) => {
            let mut reply = Reply::new();
            reply.output.out(text);
            reply
        }
        Ok(Request::Verb {
            options,
            verb,
            arguments,
        }) => execute_verb(Session::new(call, generation, options), verb, &arguments),
    }
}

/// A command line that is not understood: an error, and in further lines what to do about it.
fn refuse(mut session: Session, text: &str) -> Reply {
    let (error, advice) = text.split_once('\n').unwrap_or((text, ""));
    session.say(Level::Error, error);
    if !advice.is_empty() {
        let level = if advice.starts_with("Hint:") {
            Level::Notice
        } else {
            Level::Info
        };
        session.say(level, advice);
    }
    session.reply.fail(1)
}

fn execute_verb(mut session: Session, verb: &Verb, arguments: &[String]) -> Reply {
    match verb.needs {
        Needs::Manager if verb.name == "edit" => edit::execute(session, arguments),
        Needs::Manager => {
            runtime::execute(&mut session, verb.name, arguments);
            session.reply
        }
        Needs::Files => by_files(session, verb.name, arguments),
    }
}

fn by_files(mut session: Session, verb: &str, arguments: &[String]) -> Reply {
    match verb {
        "is-system-running" => {
            if !session.options.quiet {
                session.reply.output.out_line("offline");
            }
            session.reply.fail(1)
        }
        "list-unit-files" => list::list_unit_files(session, arguments),
        "is-enabled" => is_enabled::is_enabled(session, arguments),
        "get-default" => dependency::get_default(session),
        "set-default" => dependency::set_default(session, arguments),
        "add-wants" | "add-requires" => dependency::add(session, verb, arguments),
        "preset-all" => preset::preset_all(session),
        "preset" => preset::preset(session, arguments),
        _ => enable::execute(session, verb, arguments),
    }
}
