//! How much is printed, and in which colours. Colour is added to whole lines last: text of packages was
//! escaped before, so that it cannot contain control sequences.

use std::io;
use std::sync::OnceLock;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb; always with CLICOLOR_FORCE
    #[default]
    Auto,
    /// On a terminal and in a pipe
    Always,
    /// Never
    Never,
}

impl Color {
    fn choice(self) -> ColorChoice {
        match self {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }

    /// The same for what clap prints.
    pub fn of_clap(self) -> clap::ColorChoice {
        match self {
            Color::Auto => clap::ColorChoice::Auto,
            Color::Always => clap::ColorChoice::Always,
            Color::Never => clap::ColorChoice::Never,
        }
    }
}

/// What the words of `--color` are before anything else of the command line is read, for the colours of
/// its help and errors.
pub fn named(words: impl Iterator<Item = std::ffi::OsString>) -> Option<Color> {
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .take_while(|word| word != "--")
        .collect();
    let pairs = words.iter().zip(words.iter().skip(1).map(Some).chain([None]));
    let mut values = pairs.filter_map(|(word, next)| match word.strip_prefix("--color") {
        Some("") => next.map(String::as_str),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    values.find_map(|value| Color::from_str(value, false).ok())
}

/// What was chosen for all that this process prints.
#[derive(Debug, Clone, Copy, Default)]
struct Choice {
    quiet: bool,
    verbose: bool,
    out: bool,
    err: bool,
}

static CHOICE: OnceLock<Choice> = OnceLock::new();

/// Chooses, once.
pub fn choose(color: Color, quiet: bool, verbose: bool) {
    color.choice().write_global();
    let choice = Choice {
        quiet,
        verbose,
        out: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        err: AutoStream::choice(&io::stderr()) != ColorChoice::Never,
    };
    // The first choice counts; there is one a process.
    let _ = CHOICE.set(choice);
}

fn chosen() -> Choice {
    CHOICE.get().copied().unwrap_or_default()
}

/// Whether only errors and what was asked for are to be printed.
pub fn is_quiet() -> bool {
    chosen().quiet
}

/// Whether steps and requests are to be printed, too.
pub fn is_verbose() -> bool {
    chosen().verbose
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Heads and titles.
    Strong,
    /// It is there, or comes.
    Good,
    /// It deserves a look.
    Careful,
    /// It fails, is denied, or goes.
    Bad,
}

impl Paint {
    fn style(self) -> Style {
        match self {
            Paint::Strong => Style::new().bold(),
            Paint::Good => AnsiColor::Green.on_default(),
            Paint::Careful => AnsiColor::Yellow.on_default(),
            Paint::Bad => AnsiColor::Red.on_default().bold(),
        }
    }

    fn put(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// Text for standard output.
pub fn paint(paint: Paint, text: &str) -> String {
    if chosen().out {
        paint.put(text)
    } else {
        text.to_owned()
    }
}

/// Text for standard error.
pub fn paint_error(paint: Paint, text: &str) -> String {
    if chosen().err {
        paint.put(text)
    } else {
        text.to_owned()
    }
}

/// Lines for standard output whose first words say what becomes of something: these get colours.
pub fn lines(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let word = line.split([' ', '\n']).next().unwrap_or_default();
    match meaning(word) {
        Some(meaning) => paint(meaning, word) + &line[word.len()..],
        None => line.to_owned(),
    }
}

fn meaning(word: &str) -> Option<Paint> {
    Some(match word {
        "write" | "link" | "unit" | "ask" | "call" | "created" | "installed" | "allow" | "carried" | "+" => {
            Paint::Good
        }
        "note" | "warning" | "changed" | "kept" | "defer" | "ignore" | "deferred" | "?" => Paint::Careful,
        "remove" | "removed" | "deny" | "missing" | "extra" | "content" | "target" | "request" | "state"
        | "hook" | "package" | "refused" | "unmet" | "gone" | "taken" | "dropped" | "-" => Paint::Bad,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colour_that_is_named_is_found_before_the_command() {
        let named = |words: &[&str]| named(words.iter().map(Into::into));
        assert_eq!(named(&["list", "--color", "never"]), Some(Color::Never));
        assert_eq!(named(&["list", "--color=always"]), Some(Color::Always));
        assert_eq!(named(&["run", "--", "ls", "--color=always"]), None);
        assert_eq!(named(&["list", "--color"]), None);
    }
}
