//! systemctl's verbs: how many arguments each takes, whether it needs a running systemd, and the
//! generation that brought it.

use crate::config::Answers;

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
    /// The fewest arguments.
    pub least: usize,
    /// The most arguments.
    pub most: usize,
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
pub const DEFAULT: &str = "list-units";

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
    manager("is-failed", 1, ANY, 0),
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
    manager("reboot", 0, 1, 0),
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
    manager("switch-root", 1, ANY, 0),
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

/// The verb of this name, if the generation has it; answers for images take those of every
/// generation.
pub fn find(name: &str, generation: u16, answers: Answers) -> Option<&'static Verb> {
    let known = |verb: &&Verb| verb.since <= generation || answers == Answers::Image;
    VERBS.iter().filter(known).find(|verb| verb.name == name)
}

/// A verb that was probably meant: one that begins with the word or that few edits lead to.
pub fn near(name: &str, generation: u16) -> Option<&'static str> {
    let known = VERBS.iter().filter(|verb| verb.since <= generation);
    let names = || known.clone().map(|verb| verb.name);
    if let Some(longer) = names().find(|verb| !name.is_empty() && verb.starts_with(name)) {
        return Some(longer);
    }
    let distances = names().map(|verb| (distance(name, verb), verb));
    distances
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= 5)
        .map(|(_, verb)| verb)
}

/// How many insertions, deletions and replacements lead from one word to another.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, c) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (at, other) in to.iter().enumerate() {
            let edits = (diagonal + usize::from(c != *other)).min(row[at] + 1).min(row[at + 1] + 1);
            diagonal = row[at + 1];
            row[at + 1] = edits;
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_come_with_their_generation() {
        let strict = |name, generation| find(name, generation, Answers::Strict).is_some();
        assert!(!strict("soft-reboot", 252));
        assert!(strict("soft-reboot", 254));
        assert!(strict("enable", 239));
        assert!(find("soft-reboot", 239, Answers::Image).is_some());
        assert!(find("frob", 257, Answers::Image).is_none());
    }

    #[test]
    fn near_verbs_are_proposed() {
        assert_eq!(near("restar", 257), Some("restart"));
        assert_eq!(near("enabel", 257), Some("enable"));
        assert_eq!(near("xxxxxxxxxxxxxxxxxxxx", 257), None);
    }
}
