//! What the scriptlets of a package run, in any language.

use std::ffi::OsStr;

use super::lua;
use super::scanned::Scanned;
use crate::rpmdb::PackageFile;
use crate::shell::{self, Command, Word};
use crate::tool::Tool;

/// Every scriptlet of a package with its kind; those that are one command come with the others.
pub(super) fn scriptlets(package: &PackageFile) -> Vec<(&str, Scanned)> {
    let mut found = Vec::new();
    for (kind, program) in &package.programs {
        let body = package.scriptlets.iter().find(|scriptlet| scriptlet.kind == *kind);
        let scanned = match body {
            Some(body) => of_body(program.first().map_or("", String::as_str), &body.body),
            None => of_program(program),
        };
        found.push((kind.as_str(), scanned));
    }
    let mut triggers: Vec<&(String, String)> = package.trigger_programs.iter().collect();
    let of_other_kind = |kind: &str| !package.programs.iter().any(|(known, _)| known == kind);
    for scriptlet in package.scriptlets.iter().filter(|scriptlet| of_other_kind(&scriptlet.kind)) {
        // Of several triggers of one kind the programs come in the same order as the bodies.
        let at = triggers.iter().position(|(kind, _)| *kind == scriptlet.kind);
        let program = at.map(|at| triggers.remove(at).1.as_str());
        found.push((scriptlet.kind.as_str(), of_body(program.unwrap_or("/bin/sh"), &scriptlet.body)));
    }
    found
}

fn of_body(program: &str, body: &str) -> Scanned {
    match program.rsplit('/').next() {
        Some("sh" | "bash" | "dash" | "ksh") => {
            let commands = shell::commands(body);
            let unclear = unclear(&commands);
            Scanned { commands, unclear }
        }
        Some("<lua>") => {
            let mut scanned = lua::scan(body);
            scanned.unclear.extend(unclear(&scanned.commands));
            scanned
        }
        _ => Scanned {
            commands: Vec::new(),
            unclear: vec![(1, format!("a scriptlet in {program}"))],
        },
    }
}

/// Programs that run others, which they are given as arguments or find out by themselves.
const RUNNERS: [&str; 18] = [
    "xargs",
    "find",
    "eval",
    "sh",
    "bash",
    "dash",
    "ksh",
    "su",
    "runuser",
    "sudo",
    "timeout",
    "nice",
    "ionice",
    "nohup",
    "setsid",
    "flock",
    "chroot",
    "systemd-run",
];

/// Commands whose program is known only when they run: those that begin with something unknown, and
/// those that pass a tool to another program.
fn unclear(commands: &[Command]) -> Vec<(usize, String)> {
    let names_tool = |word: &Word| {
        let mut names = word.text.split([' ', '\t', '\n', ';', '&', '|', '/', '(', ')', '`']);
        names.any(|name| Tool::from_argv0(OsStr::new(name)).is_some())
    };
    let is_unclear = |command: &&Command| match command.words.split_first() {
        Some((program, _)) if !program.resolved => true,
        Some((program, rest)) => {
            let name = program.text.rsplit('/').next().unwrap_or_default();
            RUNNERS.contains(&name) && rest.iter().any(names_tool)
        }
        None => false,
    };
    let unclear = commands.iter().filter(is_unclear);
    unclear.map(|command| (command.line, command_line(command))).collect()
}

/// A command as a reader would write it.
pub(super) fn command_line(command: &Command) -> String {
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

fn of_program(program: &[String]) -> Scanned {
    let words = program.iter().map(|text| (text.clone(), true));
    Scanned {
        commands: vec![Command::of_words(1, words)],
        unclear: Vec::new(),
    }
}
