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

/// Finds the commands of a script, in order; those in substitutions come before the command that
/// they are part of, and those in a loop over known words once for each.
pub fn commands(script: &str) -> Vec<Command> {
    let mut commands = expand::expand(&scan::scan(script));
    commands.retain_mut(|command| {
        let skipped = command.words.iter().take_while(|word| PREFIXES.contains(&word.text.as_str())).count();
        command.words.drain(..skipped);
        !command.words.is_empty()
    });
    commands
}

#[cfg(test)]
mod tests;
