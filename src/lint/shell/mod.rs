//! The simple commands of a shell script, as far as they can be read without running it. It knows
//! quoting, comments, continued lines, here-documents, redirections, keywords, variables that are
//! set once to plain text, and loops over such words. What it cannot resolve it says so of: it never
//! guesses.

mod expand;
mod scan;
mod word;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word {
    /// The text, quotes taken off. Of an unresolved word: as it is written.
    pub text: String,
    /// Whether this is what the command gets.
    pub resolved: bool,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its words, assignments before it and redirections left out.
    pub words: Vec<Word>,
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
pub fn commands(script: &str) -> Vec<Command> {
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
                inner.iter_mut().for_each(|one| one.line += command.line - 1);
                found.append(&mut inner);
            }
            None if command.words.is_empty() => {}
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
