//! Carrying out chkconfig requests, also under the names of the LSB installer.

mod change;
mod failure;
mod forward;
mod initd;
mod list;
mod lookup;
mod over;
mod query;
mod text;

use std::ffi::OsStr;

use crate::argv::chkconfig::{Misuse, Parsed, Request, ServiceType, State, Verb};
use crate::argv::systemctl;
use crate::config::Answers;
use crate::intent::{Intent, ServiceWant};
use crate::request::{Call, Reply};
use crate::runlevels::Levels;
use crate::sysv::layout::Layout;
use crate::sysv::native;
use crate::sysv::plan::Change;

pub(super) use change::set;
pub(crate) use query::{RunLevels, is_on_in};

/// Carries a request out.
pub(super) fn execute(call: &Call, parsed: Parsed) -> Reply {
    match parsed {
        Ok(request) => dispatch(call, &request),
        Err(misuse) => refuse(misuse),
    }
}

/// The answer to a command line that can't be carried out.
pub(super) fn refuse(misuse: Misuse) -> Reply {
    match misuse {
        Misuse::Usage => text::usage(),
        Misuse::Line(line) => Reply::error(line, 1),
    }
}

/// The image's SysV directories, missing ones tolerated as far as the configuration says.
pub(super) fn layout<'r>(call: &Call<'r>) -> Layout<'r> {
    Layout::find(call.root, call.config.shims.answers == Answers::Image)
}

fn dispatch(call: &Call, request: &Request) -> Reply {
    if let Some(reply) = forward::to_systemctl(call, request) {
        return reply;
    }
    let only = request.only;
    match &request.verb {
        Verb::Version => text::version(),
        Verb::Help => text::usage(),
        Verb::List { name: None } => list::all(call, only),
        Verb::List { name: Some(name) } => list::one(call, name, only),
        Verb::Query { name, level } => query::answer(call, name, *level, only),
        Verb::Install { name } => initd::install(call, name),
        Verb::Uninstall { name } => initd::remove(call, name),
        Verb::Add { name } => changing(call, name, only, Change::Add),
        Verb::Del { name } => reloaded(call, change::remove(call, name, only)),
        Verb::Override { name } => reloaded(call, over::apply(call, name)),
        Verb::Set { name, state, levels } => changing(call, name, only, change_to(*state, *levels)),
    }
}

fn changing(call: &Call, name: &OsStr, only: Option<ServiceType>, change: Change) -> Reply {
    reloaded(call, change::set(call, name, only, change))
}

/// What setting a state means, with the levels that are meant when none are named: 2 to 5 for on and off, all for the
/// others; the beginning of setService() in chkconfig.c.
pub(super) fn change_to(state: State, levels: Option<Levels>) -> Change {
    match state {
        State::On => Change::On(levels.unwrap_or(Levels::MULTI_USER)),
        State::Off => Change::Off(levels.unwrap_or(Levels::MULTI_USER)),
        State::Reset => Change::Reset(levels.unwrap_or(Levels::ALL)),
        State::ResetPriorities => Change::ResetPriorities(levels.unwrap_or(Levels::ALL)),
    }
}

/// Has a running systemd reload its units, whatever it answers.
fn reloaded(call: &Call, mut reply: Reply) -> Reply {
    if reply.exit == 0 && native::is_running(call.root) {
        let reload = systemctl::plain("daemon-reload", []);
        let reload = super::redirect(call, super::Request::Systemctl(reload));
        reply.output.append(reload.output);
        reply.intents.extend(reload.intents);
    }
    reply
}

/// The intent behind a change.
fn intent(name: &OsStr, change: Change) -> Intent {
    let (want, levels, usual) = match change {
        Change::Add => (ServiceWant::Add, Levels::ALL, Levels::ALL),
        Change::On(levels) => (ServiceWant::On, levels, Levels::MULTI_USER),
        Change::Off(levels) => (ServiceWant::Off, levels, Levels::MULTI_USER),
        Change::Reset(levels) => (ServiceWant::Reset, levels, Levels::ALL),
        Change::ResetPriorities(levels) => (ServiceWant::ResetPriorities, levels, Levels::ALL),
    };
    Intent::Service {
        service: name.to_string_lossy().into_owned(),
        want,
        levels: (levels != usual).then(|| levels.to_string()),
    }
}
