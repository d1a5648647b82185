//! Programs that a scriptlet's text names, and those that were seen to run.

use std::collections::BTreeMap;

use super::record::{How, Run};
use crate::escape::Escaped;
use crate::root::Root;
use crate::shell::{Command, commands};

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
    text: Option<&str>,
    of_program: impl Fn(&str) -> Option<(&str, &'static str)>,
) -> BTreeMap<String, NamedProgram> {
    let commands = text.map(commands).unwrap_or_default();
    // Several names may lead to one file, as those of kmod do; the kernel reports the file.
    let mut files: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (path, _) in commands.iter().filter_map(Command::program) {
        files.entry(path.to_owned()).or_insert_with_key(|path| file_of(root, path));
    }
    let wanted = |file: &str| {
        let programs = commands.iter().filter_map(Command::program);
        programs
            .filter(|(path, _)| files.get(*path).and_then(Option::as_deref) == Some(file))
            .count()
    };
    let mut named: BTreeMap<String, NamedProgram> = BTreeMap::new();
    for command in &commands {
        let Some((path, (name, about))) =
            command.program().and_then(|(path, _)| Some((path, of_program(path)?)))
        else {
            continue;
        };
        let file = files.get(path).and_then(Option::as_deref);
        let times = file.and_then(|file| run.times.get(&Escaped::new(file))).copied().unwrap_or_default();
        let program = || NamedProgram {
            name: name.to_owned(),
            about,
            commands: Vec::new(),
            ran: times > 0,
            ran_each: times > 0 && file.is_some_and(|file| times >= wanted(file)),
        };
        named.entry(name.to_owned()).or_insert_with(program).commands.push(command.clone());
    }
    for path in run.programs.iter().map(Escaped::shown) {
        if let Some((name, about)) = of_program(&path) {
            let program = || NamedProgram {
                name: name.to_owned(),
                about,
                commands: Vec::new(),
                ran: true,
                ran_each: true,
            };
            named.entry(name.to_owned()).or_insert_with(program).ran = true;
        }
    }
    named
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

impl NamedProgram {
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
