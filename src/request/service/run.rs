//! Running the image's init scripts, as the original does: with `env -i` and the variables that it names.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Job, LEGACY_ACTIONS, SCRIPTS};
use crate::argv::service::Switches;
use crate::request::{Call, Program, Programs, Reply};
use crate::root::Kind;

/// Scripts that `--status-all` skips; the `case` of the original (initscripts 10.27).
const NO_STATUS: [&str; 6] = ["functions", "halt", "killall", "single", "linuxconf", "kudzu"];
/// Left-over files of editors and of rpm. EL6 does not know `.old`.
const LEFTOVERS: [&str; 6] = ["~", ".bak", ".orig", ".rpmnew", ".rpmorig", ".rpmsave"];

/// Runs a script with an action and further words.
pub(super) fn script(call: &Call, job: &Job, with_systemd: bool) -> Reply {
    let action = match job.action {
        Some(action) => Some(action.to_owned()),
        // Since systemd, a script gets an empty word where there is no action.
        None => with_systemd.then(OsString::new),
    };
    let args = action.into_iter().chain(job.words.iter().cloned()).collect();
    let switches = with_systemd.then_some(job.switches);
    let program = program(call, super::script(job.name), args, switches);
    ending_in(call, vec![program], true)
}

/// Runs a script with `stop` and then with `start`.
pub(super) fn full_restart(call: &Call, job: &Job) -> Reply {
    let step = |action: &str| program(call, super::script(job.name), vec![action.into()], None);
    ending_in(call, vec![step("stop"), step("start")], true)
}

/// Runs every script with `status`.
pub(super) fn status_all(call: &Call, with_systemd: bool) -> Reply {
    let entries = call.root.list(SCRIPTS).unwrap_or_default();
    let programs = entries
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| has_status(name, with_systemd) && is_executable(call, &super::script(name)))
        .map(|name| program(call, super::script(&name), vec!["status".into()], None));
    ending_in(call, programs.collect(), false)
}

fn has_status(name: &OsStr, with_systemd: bool) -> bool {
    let ends = |suffix: &str| name.as_bytes().ends_with(suffix.as_bytes());
    let is_leftover =
        name.as_bytes().starts_with(b".") || LEFTOVERS.into_iter().any(ends) || with_systemd && ends(".old");
    !is_leftover && !NO_STATUS.iter().any(|other| name == *other)
}

/// The program that a package provides for an action that systemctl does not know.
pub(super) fn legacy_action(call: &Call, job: &Job) -> Option<PathBuf> {
    let action = job.action?;
    let is_name = |word: &OsStr| !word.is_empty() && !word.as_bytes().contains(&b'/');
    let path = Path::new(LEGACY_ACTIONS).join(job.name).join(action);
    (is_name(job.name) && is_name(action) && is_executable(call, &path)).then_some(path)
}

/// Runs such a program with the further words.
pub(super) fn legacy(call: &Call, job: &Job, path: PathBuf) -> Reply {
    let program = program(call, path, job.words.to_vec(), Some(job.switches));
    ending_in(call, vec![program], true)
}

/// Whether a path leads to a file with an execute bit.
pub(super) fn is_executable(call: &Call, path: &Path) -> bool {
    let meta = call.root.meta_followed(path);
    meta.is_ok_and(|meta| meta.kind == Kind::File && meta.mode & 0o111 != 0)
}

/// A program with the environment that it gets. Without `switches` there are no variables for systemctl: on EL6, and
/// wherever the original runs scripts for `--full-restart` and `--status-all`.
fn program(call: &Call, path: PathBuf, args: Vec<OsString>, switches: Option<Switches>) -> Program {
    let inherited = |name: &'static str| (name, call.env.raw(name).map(OsStr::to_owned).unwrap_or_default());
    let switch = |name: &'static str, given: bool| {
        if given {
            (name, "1".into())
        } else {
            inherited(name)
        }
    };
    let mut env = vec![inherited("PATH"), inherited("TERM")];
    if let Some(switches) = switches {
        env.push(switch("SYSTEMCTL_IGNORE_DEPENDENCIES", switches.ignore_dependencies));
        env.push(switch("SYSTEMCTL_SKIP_REDIRECT", switches.skip_redirect));
    }
    Program { path, args, env }
}

/// The reply that runs the programs. Only the system that the shim itself runs in has them.
fn ending_in(call: &Call, in_turn: Vec<Program>, exit_of_last: bool) -> Reply {
    if call.root.path() != Path::new("/") {
        return Reply::error("init scripts can't be run in another root", 1);
    }
    let mut reply = Reply::new();
    reply.programs = Some(Programs {
        in_turn,
        exit_of_last,
    });
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_have_no_status() {
        let listed = |name: &str, with_systemd| has_status(OsStr::new(name), with_systemd);
        for name in ["functions", "halt", "foo~", "foo.rpmsave", ".foo"] {
            assert!(!listed(name, false), "{name}");
        }
        assert!(listed("foo", true) && listed("foo.swp", true));
        assert!(listed("foo.old", false) && !listed("foo.old", true));
    }
}
