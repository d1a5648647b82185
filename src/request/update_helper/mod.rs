//! Carrying out `systemd-update-helper`: what the `%systemd_*` macros of RPM packages call since
//! systemd 248. Each verb is one or a few systemctl requests, made in process.

use std::ffi::OsString;

use crate::config::{self, Answers};
use crate::request::{Call, Reply, systemctl};
use crate::unit::generation::Generation;

#[cfg(test)]
mod tests;

/// There only while systemd runs.
const RUNNING: &str = "/run/systemd/system";

const MISUSE: u8 = 1;
const UNKNOWN_VERB: u8 = 3;

/// Carries a call out.
pub fn execute(call: &Call) -> Reply {
    let Some((verb, units)) = call.args.split_first() else {
        return Reply::error(format!("{}: a verb is required", call.argv0), MISUSE);
    };
    let verb = verb.to_string_lossy();
    match &*verb {
        "install-system-units" => pass_on(call, &["--no-reload", "preset"], units),
        "install-user-units" => pass_on(call, &["--no-reload", "preset", "--global"], units),
        "remove-system-units" => remove_system_units(call, units),
        "remove-user-units" => remove_user_units(call, units),
        "mark-restart-system-units" => mark(call, &[], "needs-restart", units),
        "mark-reload-system-units" => mark(call, &[], "needs-reload", units),
        "mark-restart-user-units" => mark(call, &["--global"], "needs-restart", units),
        "mark-reload-user-units" => mark(call, &["--global"], "needs-reload", units),
        // The running manager's business; there is none.
        "system-reload-restart"
        | "system-reload"
        | "system-restart"
        | "user-reload-restart"
        | "user-reload"
        | "user-restart"
        | "user-reexec" => Reply::new(),
        _ => Reply::error(format!("Unknown verb '{verb}'"), UNKNOWN_VERB),
    }
}

fn pass_on(call: &Call, options: &[&str], units: &[OsString]) -> Reply {
    let words: Vec<OsString> = options.iter().map(OsString::from).chain(units.iter().cloned()).collect();
    systemctl::execute(&call.redirect("systemctl", &words))
}

fn remove_system_units(call: &Call, units: &[OsString]) -> Reply {
    let mut options = vec!["--no-reload", "disable"];
    if call.root.is_dir(RUNNING) {
        options.push("--now");
    }
    options.extend(no_warn(call));
    pass_on(call, &options, units)
}

fn remove_user_units(call: &Call, units: &[OsString]) -> Reply {
    let mut options = vec!["--global", "disable"];
    options.extend(no_warn(call));
    pass_on(call, &options, units)
}

/// The helper of each generation passes what its own systemctl understands.
fn no_warn(call: &Call) -> Option<&'static str> {
    let known = match call.config.shims.systemctl_generation {
        _ if call.config.shims.answers == Answers::Image => true,
        config::Generation::Version(version) => Generation(version).has_no_warn(),
        config::Generation::Auto => Generation::detect(call.root).has_no_warn(),
    };
    known.then_some("--no-warn")
}

/// Marks units for a restart or reload once the transaction is over. Offline the original does
/// nothing, silently; the intent is kept.
fn mark(call: &Call, options: &[&str], marker: &str, units: &[OsString]) -> Reply {
    let mut reply = Reply::new();
    for unit in units {
        let words: Vec<&str> = options.iter().copied().chain(["set-property", "--"]).collect();
        let property = OsString::from(format!("Markers=+{marker}"));
        let marked = pass_on(call, &words, &[unit.clone(), property]);
        reply.intents.extend(marked.intents);
        reply.warnings.extend(marked.warnings);
    }
    reply
}
