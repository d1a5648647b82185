//! Programs that a scriptlet's text names, and those that were seen to run.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{FileChange, How, Run};
use crate::escape::Escaped;
use crate::root::Root;
use crate::shell::Command;

/// A program that somebody should know of.
#[derive(Debug)]
pub(super) struct NamedProgram {
    /// The last part of its path.
    pub name: String,
    /// What it is about, in words.
    pub about: &'static str,
    /// The commands of the text that run it.
    pub commands: Vec<Command>,
    /// It was seen to run.
    pub ran: bool,
    /// It was seen to run for each of the commands.
    pub ran_each: bool,
}

/// The programs that `of_program` knows, by name.
pub(super) fn named(
    root: &Root,
    run: &Run,
    commands: &[Command],
    of_program: impl Fn(&str) -> Option<(&str, &'static str)>,
) -> BTreeMap<String, NamedProgram> {
    let known: Vec<(&Command, &str, (&str, &'static str))> = commands
        .iter()
        .filter_map(|command| {
            let (path, _) = command.program()?;
            Some((command, path, of_program(path)?))
        })
        .collect();
    // Several names may lead to one file, as those of kmod do; the kernel reports the file. Most texts name
    // no such program, and are not looked into any further.
    let files = match known.is_empty() {
        true => BTreeMap::new(),
        false => files_of(root, commands),
    };
    let wanted = |file: &String| {
        let programs = commands.iter().filter_map(Command::program);
        programs.filter(|(path, _)| files.get(path) == Some(file)).count()
    };
    let mut named: BTreeMap<String, NamedProgram> = BTreeMap::new();
    for (command, path, (name, about)) in known {
        let program = named.entry(name.to_owned()).or_insert_with(|| NamedProgram::new(name, about));
        let file = files.get(path);
        let times = file.and_then(|file| run.times.get(&Escaped::new(file))).copied().unwrap_or_default();
        program.ran |= times > 0;
        program.ran_each &= file.is_some_and(|file| times >= wanted(file));
        program.commands.push(command.clone());
    }
    for path in run.programs.iter().map(Escaped::shown) {
        if let Some((name, about)) = of_program(&path) {
            let program = named.entry(name.to_owned()).or_insert_with(|| NamedProgram::new(name, about));
            program.ran = true;
        }
    }
    named
}

/// The files that the commands run, by the path or the name that they call each by.
fn files_of<'c>(root: &Root, commands: &'c [Command]) -> BTreeMap<&'c str, String> {
    let paths: BTreeSet<&str> = commands.iter().filter_map(Command::program).map(|(path, _)| path).collect();
    paths.into_iter().filter_map(|path| Some((path, file_of(root, path)?))).collect()
}

/// The file that a command's first word leads to.
fn file_of(root: &Root, path: &str) -> Option<String> {
    const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = |path: &str| {
        let file = root.resolve(path).ok().filter(|file| root.exists(file))?;
        file.to_str().map(str::to_owned)
    };
    match path.contains('/') {
        true => found(path),
        false => DIRECTORIES.iter().find_map(|directory| found(&format!("{directory}/{path}"))),
    }
}

/// `line 3; by /usr/sbin/useradd`: the line that made changes and the programs that did, as far as they are
/// known.
pub(super) fn where_and_by<'c>(
    line: Option<usize>,
    changes: impl IntoIterator<Item = &'c FileChange>,
) -> String {
    let by: BTreeSet<String> =
        changes.into_iter().flat_map(|change| &change.by).map(Escaped::shown).collect();
    let by = (!by.is_empty()).then(|| format!("by {}", by.into_iter().collect::<Vec<_>>().join(", ")));
    let line = line.map(|line| format!("line {line}"));
    line.into_iter().chain(by).collect::<Vec<_>>().join("; ")
}

impl NamedProgram {
    /// One that no command is known of yet, and that was not seen.
    fn new(name: &str, about: &'static str) -> NamedProgram {
        NamedProgram {
            name: name.to_owned(),
            about,
            commands: Vec::new(),
            ran: false,
            ran_each: true,
        }
    }

    /// What happened with it, in words.
    pub(super) fn words(&self, how: How) -> String {
        let happened = match (self.ran, how) {
            (true, _) => "was run",
            (false, How::Events) => "is named in the text and was not run",
            (false, How::Times) => "is named in the text; whether it was run is not known",
        };
        format!("{}: {} {happened}", self.about, self.command())
    }

    /// The first command that runs it, as its words are; else its name.
    pub(super) fn command(&self) -> String {
        let first = self.commands.first().and_then(Command::program);
        let arguments = first.map(|(_, arguments)| arguments).unwrap_or_default();
        let words: Vec<&str> = std::iter::once(self.name.as_str())
            .chain(arguments.iter().map(|word| word.text.as_str()))
            .collect();
        words.join(" ")
    }

    /// `line 3`, `lines 3, 7`; empty where the text does not name it.
    pub(super) fn lines_in_words(&self) -> String {
        let numbers: Vec<String> = self.commands.iter().map(|command| command.line.to_string()).collect();
        match numbers.len() {
            0 => String::new(),
            1 => format!("line {}", numbers[0]),
            _ => format!("lines {}", numbers.join(", ")),
        }
    }
}
