//! The simple commands of a shell script, as far as they can be read without running it. It knows
//! quoting, comments, continued lines, here-documents, redirections, pipes, functions, keywords, `case`,
//! variables that are set once to plain text, and loops over such words. What it cannot resolve it says so of: it never
//! guesses.

mod expand;
mod scan;
mod script;
mod word;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Word {
    /// The text, quotes taken off. Of an unresolved word: as it is written.
    pub text: String,
    /// Whether this is what the command gets.
    pub resolved: bool,
    /// The line that it begins on, from 1.
    pub line: usize,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Command {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its words without assignments and redirections; none if it only represents the output of a
    /// loop or a group.
    pub words: Vec<Word>,
    /// The files that its output goes to.
    pub writes: Vec<Word>,
    /// Its input is the output of the command before it.
    pub reads_pipe: bool,
}

/// Programs that run the command behind their options.
const RUNNERS: [&str; 9] = [
    "nohup", "nice", "ionice", "setsid", "time", "sh", "bash", "dash", ".",
];

impl Command {
    /// A command of these texts, each with whether it is what the command gets.
    pub(crate) fn of_words(line: usize, words: impl IntoIterator<Item = (String, bool)>) -> Command {
        let word = |(text, resolved)| Word { text, resolved, line };
        Command {
            line,
            words: words.into_iter().map(word).collect(),
            writes: Vec::new(),
            reads_pipe: false,
        }
    }

    /// The same further down in a script that this one is part of.
    pub(crate) fn move_down(&mut self, lines: usize) {
        self.line += lines;
        self.words.iter_mut().chain(&mut self.writes).for_each(|word| word.line += lines);
    }

    /// The program that it runs, behind others that only run it, and that program's arguments.
    pub(crate) fn program(&self) -> Option<(&str, &[Word])> {
        let is_passed_over = |word: &&Word| {
            let name = word.text.rsplit('/').next().unwrap_or_default();
            RUNNERS.contains(&name) || word.text.starts_with('-')
        };
        let passed = self.words.iter().take_while(is_passed_over).count();
        let (program, arguments) = self.words.get(passed..)?.split_first()?;
        Some((&program.text, arguments))
    }
}

/// The first line of a script of these commands, counted from 1, on which `path` is named, or its directory
/// and its name are.
pub(crate) fn line_of(commands: &[Command], path: &str) -> Option<usize> {
    let (directory, name) = path.rsplit_once('/')?;
    let words: Vec<&Word> =
        commands.iter().flat_map(|command| command.words.iter().chain(&command.writes)).collect();
    let whole = words.iter().find(|word| word.text.split(['=', ',']).any(|part| part == path));
    whole.map(|word| word.line).or_else(|| {
        let names = |line: usize, part: &str| {
            words
                .iter()
                .any(|word| word.line == line && word.text.trim_end_matches('/').ends_with(part))
        };
        let mut lines = words.iter().map(|word| word.line);
        lines.find(|line| !directory.is_empty() && names(*line, directory) && names(*line, name))
    })
}

/// Programs that run the command behind them.
const PREFIXES: [&str; 4] = ["exec", "command", "builtin", "env"];

/// Shells, whose option `-c` is followed by a script.
const SHELLS: [&str; 4] = ["sh", "bash", "dash", "ksh"];
/// Scripts in scripts are followed so deep.
const DEPTH: usize = 4;

/// Finds the commands of a script, in order; those in substitutions come before the command that
/// they are part of, those in a loop over known words once for each, and those of `sh -c` and `eval`
/// instead of it.
pub(crate) fn commands(script: &str) -> Vec<Command> {
    commands_in(script, 0)
}

fn commands_in(script: &str, depth: usize) -> Vec<Command> {
    let mut found = Vec::new();
    for mut command in expand::expand(&scan::scan(script)) {
        let skipped = command.words.iter().take_while(|word| PREFIXES.contains(&word.text.as_str())).count();
        command.words.drain(..skipped);
        match inner(&command).filter(|_| depth < DEPTH) {
            Some(script) => {
                let mut inner = commands_in(&script, depth + 1);
                inner.iter_mut().for_each(|one| one.move_down(command.line - 1));
                found.append(&mut inner);
            }
            None if command.words.is_empty() && command.writes.is_empty() => {}
            None => found.push(command),
        }
    }
    found
}

/// The script that a command runs, if it is known.
fn inner(command: &Command) -> Option<String> {
    let (program, rest) = command.words.split_first()?;
    let name = program.text.rsplit('/').next().unwrap_or_default();
    let is_known = |words: &[Word]| program.resolved && words.iter().all(|word| word.resolved);
    if name == "eval" && is_known(rest) {
        let words: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
        return Some(words.join(" "));
    }
    let is_option =
        |word: &Word| word.text.starts_with("-") && !word.text.starts_with("--") && word.text.ends_with("c");
    let at = rest.iter().position(is_option).filter(|_| SHELLS.contains(&name))?;
    // What follows the script are its arguments.
    rest.get(at + 1)
        .filter(|script| is_known(std::slice::from_ref(*script)))
        .map(|script| script.text.clone())
}

#[cfg(test)]
mod tests;
