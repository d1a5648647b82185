//! systemctl's verbs: how many arguments each takes, whether it needs a running systemd, and the
//! generation that brought it.

use crate::config::Answers;
use crate::unit::generation::Generation;

use super::options::has_own_parser;

/// How a verb is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Unit files only.
    Files,
    /// A running systemd: ignored offline.
    Manager,
}

/// A verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    least: usize,
    most: usize,
    /// What it works on.
    pub needs: Needs,
    since: u16,
}

const ANY: usize = usize::MAX;

const fn files(name: &'static str, least: usize, most: usize) -> Verb {
    Verb {
        name,
        least,
        most,
        needs: Needs::Files,
        since: 0,
    }
}

const fn manager(name: &'static str, least: usize, most: usize, since: u16) -> Verb {
    Verb {
        name,
        least,
        most,
        needs: Needs::Manager,
        since,
    }
}

/// The verb that no verb means.
pub(crate) const DEFAULT: &str = "list-units";

const VERBS: [Verb; 83] = [
    manager("list-units", 0, ANY, 0),
    files("list-unit-files", 0, ANY),
    manager("list-automounts", 0, ANY, 252),
    manager("list-paths", 0, ANY, 254),
    manager("list-sockets", 0, ANY, 0),
    manager("list-timers", 0, ANY, 0),
    manager("list-jobs", 0, ANY, 0),
    manager("list-machines", 0, ANY, 0),
    manager("clear-jobs", 0, 0, 0),
    manager("cancel", 0, ANY, 0),
    manager("start", 1, ANY, 0),
    manager("stop", 1, ANY, 0),
    manager("condstop", 1, ANY, 0),
    manager("reload", 1, ANY, 0),
    manager("restart", 1, ANY, 0),
    manager("try-restart", 1, ANY, 0),
    manager("reload-or-restart", 0, ANY, 0),
    manager("reload-or-try-restart", 1, ANY, 0),
    manager("try-reload-or-restart", 1, ANY, 0),
    manager("force-reload", 1, ANY, 0),
    manager("condreload", 1, ANY, 0),
    manager("condrestart", 1, ANY, 0),
    manager("isolate", 1, 1, 0),
    manager("enqueue-marked", 0, 0, 259),
    manager("kill", 1, ANY, 0),
    manager("clean", 1, ANY, 243),
    manager("freeze", 1, ANY, 246),
    manager("thaw", 1, ANY, 246),
    manager("is-active", 1, ANY, 0),
    manager("check", 1, ANY, 0),
    manager("is-failed", 0, ANY, 0),
    manager("show", 0, ANY, 0),
    manager("cat", 1, ANY, 0),
    manager("status", 0, ANY, 0),
    manager("help", 0, ANY, 0),
    manager("daemon-reload", 0, 0, 0),
    manager("daemon-reexec", 0, 0, 0),
    manager("log-level", 0, 1, 244),
    manager("log-target", 0, 1, 244),
    manager("service-log-level", 1, 2, 247),
    manager("service-log-target", 1, 2, 247),
    manager("service-watchdogs", 0, 1, 244),
    manager("show-environment", 0, 0, 0),
    manager("set-environment", 1, ANY, 0),
    manager("unset-environment", 1, ANY, 0),
    manager("import-environment", 0, ANY, 0),
    manager("halt", 0, 0, 0),
    manager("poweroff", 0, 0, 0),
    manager("reboot", 0, 0, 0),
    manager("kexec", 0, 0, 0),
    manager("soft-reboot", 0, 0, 254),
    manager("sleep", 0, 0, 256),
    manager("suspend", 0, 0, 0),
    manager("hibernate", 0, 0, 0),
    manager("hybrid-sleep", 0, 0, 0),
    manager("suspend-then-hibernate", 0, 0, 239),
    manager("default", 0, 0, 0),
    manager("rescue", 0, 0, 0),
    manager("emergency", 0, 0, 0),
    manager("exit", 0, 1, 0),
    manager("reset-failed", 0, ANY, 0),
    files("enable", 1, ANY),
    files("disable", 1, ANY),
    files("is-enabled", 1, ANY),
    files("reenable", 1, ANY),
    files("preset", 1, ANY),
    files("preset-all", 0, 0),
    files("mask", 1, ANY),
    files("unmask", 1, ANY),
    files("link", 1, ANY),
    files("revert", 1, ANY),
    manager("switch-root", 0, ANY, 0),
    manager("list-dependencies", 0, ANY, 0),
    files("set-default", 1, 1),
    files("get-default", 0, 0),
    manager("set-property", 2, ANY, 0),
    files("is-system-running", 0, 0),
    files("add-wants", 2, ANY),
    files("add-requires", 2, ANY),
    manager("edit", 1, ANY, 0),
    manager("bind", 2, 3, 248),
    manager("mount-image", 3, 4, 248),
    manager("whoami", 0, ANY, 254),
];

/// Verbs that took other numbers of arguments: up to which generation, the fewest and the most. Read in the
/// tables of 239-82.el8, 247, 252 and 257, observed with 254.
const EARLIER: [(&str, u16, usize, usize); 5] = [
    ("list-dependencies", 241, 0, 1),
    ("reload-or-restart", 247, 1, ANY),
    ("is-failed", 252, 1, ANY),
    ("reboot", 252, 0, 1),
    ("switch-root", 252, 1, ANY),
];

/// Verbs that builds of Enterprise Linux took over from later releases; read in their sources.
const BACKPORTS: [(&str, Generation); 2] = [("freeze", Generation::EL8), ("thaw", Generation::EL8)];

/// The verb of this name, if the generation has it; answers for images take those of every
/// generation.
pub(crate) fn find(name: &str, generation: Generation, answers: Answers) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name && verb.is_of(generation, answers))
}

impl Verb {
    /// The fewest and the most arguments in a generation; answers for images take as many as any does.
    pub fn arguments(&self, generation: Generation, answers: Answers) -> (usize, usize) {
        match EARLIER.iter().find(|(name, ..)| *name == self.name) {
            Some((_, _, least, most)) if answers == Answers::Image => {
                (self.least.min(*least), self.most.max(*most))
            }
            Some((_, last, least, most)) if generation.number() <= *last => (*least, *most),
            _ => (self.least, self.most),
        }
    }

    fn is_of(&self, generation: Generation, answers: Answers) -> bool {
        answers == Answers::Image
            || self.since <= generation.number()
            || BACKPORTS.contains(&(self.name, generation))
    }
}

/// A verb that was probably meant: one that begins with the word or that few edits lead to.
pub(crate) fn near(name: &str, generation: Generation) -> Option<&'static str> {
    let known = VERBS.iter().filter(|verb| verb.is_of(generation, Answers::Strict));
    let names = || known.clone().map(|verb| verb.name);
    if let Some(longer) = names().find(|verb| !name.is_empty() && verb.starts_with(name)) {
        return Some(longer);
    }
    let mut distances: Vec<(usize, &str)> = names().map(|verb| (distance(name, verb), verb)).collect();
    // Among equals the first counts.
    if has_own_parser(generation) {
        distances
            .sort_by_key(|(_, verb)| IN_HELP.iter().position(|name| name == verb).unwrap_or(IN_HELP.len()));
    }
    let nearest = distances.into_iter().min_by_key(|(edits, _)| *edits);
    nearest.filter(|(edits, _)| *edits <= 5).map(|(_, verb)| verb)
}

/// The verbs in the order of `--help` of 262, which is that of its table.
const IN_HELP: [&str; 76] = [
    "list-units",
    "list-automounts",
    "list-paths",
    "list-sockets",
    "list-timers",
    "is-active",
    "is-failed",
    "status",
    "show",
    "cat",
    "help",
    "list-dependencies",
    "start",
    "stop",
    "reload",
    "restart",
    "try-restart",
    "enqueue-marked",
    "reload-or-restart",
    "try-reload-or-restart",
    "isolate",
    "kill",
    "clean",
    "freeze",
    "thaw",
    "set-property",
    "bind",
    "mount-image",
    "service-log-level",
    "service-log-target",
    "reset-failed",
    "whoami",
    "list-unit-files",
    "enable",
    "disable",
    "reenable",
    "preset",
    "preset-all",
    "is-enabled",
    "mask",
    "unmask",
    "link",
    "revert",
    "add-wants",
    "add-requires",
    "edit",
    "get-default",
    "set-default",
    "list-machines",
    "list-jobs",
    "cancel",
    "show-environment",
    "set-environment",
    "unset-environment",
    "import-environment",
    "daemon-reload",
    "daemon-reexec",
    "log-level",
    "log-target",
    "service-watchdogs",
    "is-system-running",
    "default",
    "rescue",
    "emergency",
    "halt",
    "poweroff",
    "reboot",
    "kexec",
    "soft-reboot",
    "exit",
    "switch-root",
    "sleep",
    "suspend",
    "hibernate",
    "hybrid-sleep",
    "suspend-then-hibernate",
];

/// How many insertions, deletions, replacements and swaps of neighbours lead from one word to another; strlevenshtein().
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (line, c) in from.iter().enumerate() {
        let above = &rows[line];
        let mut row = vec![line + 1];
        for (at, other) in to.iter().enumerate() {
            let mut edits = (above[at] + usize::from(c != other)).min(row[at] + 1).min(above[at + 1] + 1);
            let is_swap = line > 0 && at > 0 && *c == to[at - 1] && from[line - 1] == *other;
            if is_swap {
                edits = edits.min(rows[line - 1][at - 1] + 1);
            }
            row.push(edits);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_come_with_their_generation() {
        let strict = |name, number| find(name, Generation::release(number), Answers::Strict).is_some();
        assert!(!strict("soft-reboot", 252));
        assert!(strict("soft-reboot", 254));
        assert!(strict("enable", 239));
        assert!(!strict("thaw", 239));
        assert!(find("thaw", Generation::EL8, Answers::Strict).is_some());
        assert!(find("soft-reboot", Generation::EL8, Answers::Image).is_some());
        assert!(find("frob", Generation::EL10, Answers::Image).is_none());
        let verb = find("list-dependencies", Generation::EL8, Answers::Strict).unwrap();
        assert_eq!(verb.arguments(Generation::EL8, Answers::Strict), (0, 1));
        assert_eq!(verb.arguments(Generation::EL9, Answers::Strict), (0, ANY));
        assert_eq!(verb.arguments(Generation::EL8, Answers::Image), (0, ANY));
    }

    #[test]
    fn near_verbs_are_proposed() {
        assert_eq!(near("restar", Generation::EL10), Some("restart"));
        assert_eq!(near("enabel", Generation::EL10), Some("enable"));
        assert_eq!(near("xxxxxxxxxxxxxxxxxxxx", Generation::EL10), None);
    }
}
