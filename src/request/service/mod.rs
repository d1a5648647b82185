//! Carrying out service requests: recorded for the boot, redirected to systemctl, or, where the
//! configuration says so, handed over to the init script.
//!
//! The original is a shell script, `/usr/sbin/service` of initscripts: 10.27 (EL9) and, for
//! images without systemd, 9.03.61 (EL6) were run, 9.49.54 (EL7) was read. It goes through its cases in the order of the functions here.

mod deferred;
mod run;

use std::ffi::{OsStr, OsString};

use crate::argv::service::{Request, Switches};
use crate::argv::{Dialect, systemctl};
use crate::config;
use crate::intent::{DeferredVerb, Intent, Scope};
use crate::request::clause::Clause;
use crate::request::{self, Call, Reply};
use crate::root::Kind;
use crate::unit::mangle::unit_of;

/// Where the original looks for scripts.
const SCRIPTS: &str = "/etc/init.d";
/// Where packages keep actions that systemctl does not know.
const LEGACY_ACTIONS: &str = "/usr/libexec/initscripts/legacy-actions";
const USAGE: &str =
    "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]";
const VERSION: &str = "service ver. 1.1";

/// The actions that go to systemctl when there is no script, as the refusal of any other lists them (10.27). EL7 has
/// neither of those with `-or-`, which its systemctl knows.
const REDIRECTED: [&str; 10] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "reload-or-restart",
    "try-reload-or-restart",
    "force-reload",
    "status",
    "condrestart",
];

/// An action of a service.
struct Job<'a> {
    name: &'a OsStr,
    action: Option<&'a OsStr>,
    words: &'a [OsString],
    switches: Switches,
}

/// Carries a request out.
pub(super) fn execute(call: &Call, request: Request) -> Reply {
    let with_systemd = call.has_systemd();
    match request {
        Request::Usage => Reply::error(USAGE, 1),
        Request::Help => Reply::error(USAGE, 0),
        Request::Version => Reply::error(VERSION, 0),
        Request::StatusAll => status_all(call, with_systemd),
        Request::FullRestart { name } => {
            let job = Job {
                name: &name,
                action: Some(OsStr::new("restart")),
                words: &[],
                switches: Switches::default(),
            };
            full_restart(call, &job, with_systemd)
        }
        Request::Action {
            name,
            action,
            words,
            switches,
        } => {
            let job = Job {
                name: &name,
                action: action.as_deref(),
                words: &words,
                switches,
            };
            act(call, &job, with_systemd)
        }
    }
}

/// What a request asks for: as much as a restart where only the script knows the action.
pub(super) fn clause(request: &Request) -> Option<Clause> {
    let (name, action) = match request {
        Request::FullRestart { name } => (name, "restart"),
        Request::Action { name, action, .. } => (name, action.as_ref()?.to_str().unwrap_or_default()),
        Request::Version | Request::Help | Request::Usage | Request::StatusAll => return None,
    };
    let intent = |verb| Intent::Defer {
        verb,
        unit: unit_of(&name.to_string_lossy()),
        scope: Scope::System,
    };
    let verb = deferred::verb(action).unwrap_or(DeferredVerb::Restart);
    (action != "status").then(|| Clause::whole(intent(verb)))
}

fn runs_scripts(call: &Call) -> bool {
    call.config.shims.service == config::Service::Run
}

/// The answer where there is no directory of scripts.
fn unsupported() -> Reply {
    Reply::error("Support for initscripts isn't installed", 4)
}

fn status_all(call: &Call, with_systemd: bool) -> Reply {
    if !call.root.is_dir(SCRIPTS) {
        unsupported()
    } else if runs_scripts(call) {
        run::status_all(call, with_systemd)
    } else {
        Reply::new()
    }
}

fn full_restart(call: &Call, job: &Job, with_systemd: bool) -> Reply {
    // The original asks `[ -L /etc/init.d ]`, as the link is in the package of the scripts' functions.
    let is_link = call.root.meta(SCRIPTS).is_ok_and(|meta| meta.kind == Kind::Link);
    if with_systemd && !is_link {
        return unsupported();
    }
    if !run::is_executable(call, &script(job.name)) {
        return no_script(call, &Job { action: None, ..*job }, with_systemd);
    }
    if runs_scripts(call) {
        run::full_restart(call, job)
    } else {
        deferred::action(job)
    }
}

fn script(name: &OsStr) -> std::path::PathBuf {
    std::path::Path::new(SCRIPTS).join(name)
}

fn act(call: &Call, job: &Job, with_systemd: bool) -> Reply {
    let is_name = !job.name.is_empty() && !job.name.as_encoded_bytes().contains(&b'/');
    if is_name && call.root.is_file(script(job.name)) {
        return if runs_scripts(call) {
            run::script(call, job, with_systemd)
        } else {
            deferred::action(job)
        };
    }
    no_script(call, job, with_systemd)
}

/// What is done without a script of that name.
fn no_script(call: &Call, job: &Job, with_systemd: bool) -> Reply {
    if !with_systemd {
        return Reply::error(format!("{}: unrecognized service", job.name.to_string_lossy()), 1);
    }
    if let Some(path) = run::legacy_action(call, job) {
        return if runs_scripts(call) {
            run::legacy(call, job, path)
        } else {
            deferred::action(job)
        };
    }
    let action = job.action.and_then(OsStr::to_str).filter(|action| REDIRECTED.contains(action));
    match action {
        Some(action) => redirect(call, job, action),
        None => Reply::error(
            format!(
                "The service command supports only basic LSB actions ({}). For other actions, please try to use systemctl.",
                REDIRECTED.join(", ")
            ),
            2,
        ),
    }
}

fn redirect(call: &Call, job: &Job, action: &str) -> Reply {
    let unit = unit_of(&job.name.to_string_lossy());
    // `echo "... ${ACTION} ${SERVICE}${OPTIONS:+ }${OPTIONS}"`: options follow two blanks.
    let mut line = format!("Redirecting to /bin/systemctl {action} {unit}");
    if !job.words.is_empty() {
        line.push(' ');
    }
    for word in job.words {
        line.push(' ');
        line.push_str(&word.to_string_lossy());
    }
    let mut reply = Reply::new();
    reply.output.err_line(line);
    // What follows the action are words for systemctl, with options of its own among them.
    let words = [&[action.into(), unit.into()], job.words].concat();
    let parsed = systemctl::parse("systemctl", &words, call.generation(), call.answers());
    let answer = request::redirect(call, request::Request::Systemctl(parsed));
    reply.output.append(answer.output);
    Reply {
        output: reply.output,
        ..answer
    }
}
