//! systemd-update-helper's command line: what the `%systemd_*` macros of RPM packages call since
//! systemd 248. The original is a shell script; each of its verbs is one or a few calls of systemctl.

use std::ffi::OsString;

use super::systemctl;
use crate::argv::dialect::Dialect;
use crate::config::Answers;

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// What it calls systemctl for.
    Systemctl(systemctl::Parsed),
    /// Units to be marked, with the call of systemctl for each. Offline the original does nothing and
    /// says nothing.
    Mark(Vec<(String, systemctl::Parsed)>),
    /// The running manager's business.
    Manager,
    /// A verb that it does not know.
    Unknown(String),
    /// No verb.
    Missing,
}

/// Reads the words after the tool's name.
pub(crate) fn parse(args: &[OsString], dialect: &dyn Dialect) -> Request {
    let Some((verb, units)) = args.split_first() else {
        return Request::Missing;
    };
    let systemctl = |options: &[&str], units: &[OsString]| {
        let words: Vec<OsString> = options.iter().map(OsString::from).chain(units.iter().cloned()).collect();
        systemctl::parse("systemctl", &words, dialect.generation(), dialect.answers())
    };
    let mark = |options: &[&str], marker: &str| {
        let options = [options, &["set-property", "--"]].concat();
        let property = OsString::from(format!("Markers=+{marker}"));
        let each = |unit: &OsString| {
            let parsed = systemctl(&options, &[unit.clone(), property.clone()]);
            (unit.to_string_lossy().into_owned(), parsed)
        };
        Request::Mark(units.iter().map(each).collect())
    };
    let remove = |options: &[&'static str]| {
        let mut options = options.to_vec();
        // The helper of each generation passes what its own systemctl understands.
        let no_warn =
            dialect.answers() == Answers::Image || systemctl::knows_option("no-warn", dialect.generation());
        options.extend(no_warn.then_some("--no-warn"));
        Request::Systemctl(systemctl(&options, units))
    };
    match &*verb.to_string_lossy() {
        "install-system-units" => Request::Systemctl(systemctl(&["--no-reload", "preset"], units)),
        "install-user-units" => Request::Systemctl(systemctl(&["--no-reload", "preset", "--global"], units)),
        "remove-system-units" if dialect.systemd_runs() => remove(&["--no-reload", "disable", "--now"]),
        "remove-system-units" => remove(&["--no-reload", "disable"]),
        "remove-user-units" => remove(&["--global", "disable"]),
        "mark-restart-system-units" => mark(&[], "needs-restart"),
        "mark-reload-system-units" => mark(&[], "needs-reload"),
        "mark-restart-user-units" => mark(&["--global"], "needs-restart"),
        "mark-reload-user-units" => mark(&["--global"], "needs-reload"),
        "system-reload-restart"
        | "system-reload"
        | "system-restart"
        | "user-reload-restart"
        | "user-reload"
        | "user-restart"
        | "user-reexec" => Request::Manager,
        unknown => Request::Unknown(unknown.to_owned()),
    }
}
