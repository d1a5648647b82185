//! `chkconfig NAME`: is it on? The exit code is the answer; nothing is printed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::layout;
use super::lookup::{Service, find};
use crate::argv::chkconfig::ServiceType;
use crate::config;
use crate::request::{Call, Reply};
use crate::sysv::layout::Layout;
use crate::sysv::links::Index;
use crate::sysv::xinetd;

/// Prints the previous and the current run level; currentRunlevel() reads it, see runlevel(8).
const RUNLEVEL: &str = "/sbin/runlevel";

/// Answers a query: 0 for on, 1 for off and for everything that is unknown; the end of main() in chkconfig.c.
pub(super) fn answer(call: &Call, name: &OsStr, level: Option<usize>, only: Option<ServiceType>) -> Reply {
    let layout = layout(call);
    let on = match find(&layout, name, only) {
        Err(_) => return Reply::new().fail(1),
        Ok(Service::Xinetd(text)) => {
            // A service of xinetd runs only while xinetd does; isXinetdEnabled().
            Ok(xinetd::is_on(&text) && is_on_anywhere(&layout, OsStr::new("xinetd")))
        }
        Ok(Service::Script(_)) => {
            let entries = Index::load_one(&layout, name);
            entries.map(|entries| {
                level.or_else(|| current_level(call)).is_some_and(|level| entries.is_on(level))
            })
        }
    };
    match on {
        Ok(on) => Reply::new().fail(u8::from(!on)),
        Err(level) => Reply::error(super::failure::Failure::from(level).line(name), 1),
    }
}

/// Whether an init script is on in any level; what can't be read is not.
pub(super) fn is_on_anywhere(layout: &Layout, name: &OsStr) -> bool {
    find(layout, name, Some(ServiceType::Sysv)).is_ok()
        && Index::load_one(layout, name).is_ok_and(|entries| !entries.on().is_empty())
}

/// Whether an init script is on in a level; what can't be read is not.
pub(crate) fn is_on_in(layout: &Layout, name: &OsStr, level: usize) -> bool {
    find(layout, name, Some(ServiceType::Sysv)).is_ok()
        && Index::load_one(layout, name).is_ok_and(|entries| entries.is_on(level))
}

/// The links of all services, read once.
pub(crate) struct RunLevels<'l> {
    layout: &'l Layout<'l>,
    index: Option<Index>,
}

impl<'l> RunLevels<'l> {
    pub(crate) fn load(layout: &'l Layout<'l>) -> RunLevels<'l> {
        RunLevels {
            layout,
            index: Index::load(layout).ok(),
        }
    }

    /// As [`is_on_in`].
    pub(crate) fn is_on(&self, name: &OsStr, level: usize) -> bool {
        let is_on = |index: &Index| index.of(name).is_on(level);
        self.index.as_ref().is_some_and(is_on) && find(self.layout, name, Some(ServiceType::Sysv)).is_ok()
    }
}

/// The current run level. An image has none, so the image's program is asked only where its init
/// scripts may run as well, and never if it is systemctl under another name.
fn current_level(call: &Call) -> Option<usize> {
    let may_run = call.config.shims.service == config::Service::Run && call.root.path() == Path::new("/");
    let program = call.root.resolve(RUNLEVEL).ok().filter(|_| may_run)?;
    if program.file_name() != Some(OsStr::new("runlevel")) {
        return None;
    }
    let output = Command::new(RUNLEVEL)
        .env_clear()
        .envs(call.env.raw("PATH").map(|path| ("PATH", path)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    parse_level(str::from_utf8(&output.stdout).ok()?)
}

/// The level in a line of the form `PREVIOUS CURRENT`.
fn parse_level(line: &str) -> Option<usize> {
    match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [_, level] => level.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_fields_is_the_level() {
        assert_eq!(parse_level("N 3\n"), Some(3));
        assert_eq!(parse_level("5 2"), Some(2));
        for other in ["unknown\n", "", "N S", "N 3 x"] {
            assert_eq!(parse_level(other), None, "{other}");
        }
    }
}
