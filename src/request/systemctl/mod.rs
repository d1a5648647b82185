//! Carrying out systemctl requests, offline whatever the environment says.

mod dependency;
mod edit;
mod enable;
mod is_enabled;
mod list;
mod messages;
mod names;
mod now;
mod parts;
mod preset;
mod runtime;
mod session;
mod sysv;
#[cfg(test)]
mod tests;

use crate::argv::systemctl::verbs::{self, Needs, Verb};
use crate::argv::systemctl::{Options, Request, UsageError, parse};
use crate::config::{self, Answers};
use crate::request::{Call, Reply};
use crate::unit::generation::Generation;
use crate::unit::log::Level;
pub(super) use parts::parts;
use session::Session;

/// Carries a call out.
pub fn execute(call: &Call) -> Reply {
    let generation = match call.config.shims.systemctl_generation {
        config::Generation::Version(version) => Generation(version),
        config::Generation::Auto => Generation::detect(call.root),
    };
    let answers = call.config.shims.answers;
    match parse(call.argv0, call.args, generation.0, answers) {
        Err(UsageError(text)) => refuse(Session::new(call, generation, Options::default()), &text),
        Ok(Request::Show(text)) => {
            let mut reply = Reply::new();
            reply.output.out(text);
            reply
        }
        Ok(Request::Verb {
            options,
            verb,
            arguments,
        }) => execute_verb(Session::new(call, generation, options), verb.as_deref(), &arguments),
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

fn execute_verb(mut session: Session, typed: Option<&str>, arguments: &[String]) -> Reply {
    let name = typed.unwrap_or(verbs::DEFAULT);
    let Some(verb) = verbs::find(name, session.generation.0, session.answers()) else {
        let text = unknown_verb(name, session.generation);
        return session.fail(text);
    };
    if let Some(text) = refusal(&session.options, verb, arguments.len(), session.answers()) {
        return session.fail(text);
    }
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

/// Why a verb is not even looked at.
fn refusal(options: &Options, verb: &Verb, arguments: usize, answers: Answers) -> Option<String> {
    let elsewhere = options.has_root || options.image.is_some();
    if elsewhere && verb.needs == Needs::Manager {
        return Some(format!("Verb '{}' cannot be used with --root= or --image=.", verb.name));
    }
    if let Some(image) = &options.image {
        return Some(format!("Failed to set up loopback device for {image}: Operation not permitted"));
    }
    if answers == Answers::Image && verb.needs == Needs::Files && options.elsewhere.is_some() {
        return Some("Unit files of another machine cannot be changed from inside an image.".to_owned());
    }
    if arguments < verb.least {
        return Some("Too few arguments.".to_owned());
    }
    (arguments > verb.most).then(|| "Too many arguments.".to_owned())
}

fn unknown_verb(name: &str, generation: Generation) -> String {
    if !generation.proposes_verbs() {
        return format!("Unknown command verb {name}.");
    }
    match verbs::near(name, generation.0) {
        Some(near) => format!("Unknown command verb '{name}', did you mean '{near}'?"),
        None => format!("Unknown command verb '{name}'."),
    }
}
