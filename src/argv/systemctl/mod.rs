//! systemctl's command line: options anywhere, then a verb with its arguments.

mod listings;
mod options;
mod take;
mod values;
pub(crate) mod verbs;

use std::ffi::OsString;

use crate::argv::getopt::{self, Mistake};
use crate::config::Answers;
use crate::intent::Scope;
use crate::unit::generation::{Generation, Trait};
use crate::unit::preset::PresetMode;
use options::Id;
pub(crate) use take::boolean;
use verbs::{Needs, Verb};

/// How lists are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// A table.
    #[default]
    Table,
    /// JSON on one line.
    Json,
    /// JSON over many lines.
    JsonPretty,
}

/// The options that matter offline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// No verb was given: what that means is asked for.
    pub no_verb: bool,
    /// `--quiet`
    pub quiet: bool,
    /// `--no-warn`
    pub no_warn: bool,
    /// `--force`
    pub force: bool,
    /// `--now`
    pub now: bool,
    /// `--runtime`
    pub runtime: bool,
    /// `--full`
    pub full: bool,
    /// `--user`, `--global`, `--system`; the last wins.
    pub scope: Scope,
    /// `--root` has a value, if only `/`.
    pub has_root: bool,
    /// `--root`, if it is not `/`.
    pub root: Option<String>,
    /// `--image`
    pub image: Option<String>,
    /// `--machine` or `--host`: somewhere else.
    pub elsewhere: Option<String>,
    /// `--type`
    pub types: Vec<String>,
    /// `--state`
    pub states: Vec<String>,
    /// `--no-legend`, `--legend=no`
    pub no_legend: bool,
    /// `--output`
    pub format: Format,
    /// `--preset-mode`
    pub preset_mode: PresetMode,
    /// `--marked`
    pub marked: bool,
    /// `--stdin`
    pub stdin: bool,
    /// `--drop-in`
    pub drop_in: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A verb with as many arguments as it takes.
    Verb {
        /// The options.
        options: Options,
        /// The verb; `list-units` if none was given.
        verb: &'static Verb,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// Text for standard output: help of some kind.
    Show(String),
}

/// A command line that is refused: text for standard error, exit code 1. What follows the first line
/// is advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageError {
    /// What systemctl logs itself, by level and in colour.
    Logged(String),
    /// What getopt_long(3) prints, whatever the level and the terminal.
    Printed(String),
}

impl UsageError {
    /// The message, with advice in further lines.
    pub(crate) fn text(&self) -> &str {
        let (UsageError::Logged(text) | UsageError::Printed(text)) = self;
        text
    }
}

/// The result of reading a command line.
pub(crate) type Parsed = Result<Request, UsageError>;

/// Parses the words after `argv0`.
pub(crate) fn parse(argv0: &str, words: &[OsString], generation: Generation, answers: Answers) -> Parsed {
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let (long, short) = (options::long(generation, answers), options::short(generation, answers));
    let parsed = getopt::parse(words, &long, &short);
    let mut options = Options::default();
    for (id, value) in parsed.options {
        if id == Id::Dot {
            return Err(no_unit_name(argv0, &value.unwrap_or_default(), generation));
        }
        if let Some(text) = take::take(&mut options, id, value.unwrap_or_default(), generation)? {
            return Ok(Request::Show(text));
        }
    }
    // A mistake in an option before it was printed first.
    if let Some(mistake) = parsed.error {
        let text = format!("{argv0}: {}", worded(&mistake, generation));
        return Err(match options::has_own_parser(generation) {
            true => UsageError::Logged(text),
            false => UsageError::Printed(text),
        });
    }
    if answers == Answers::Strict {
        check_together(&options, parsed.operands.first().map(String::as_str), generation)?;
    }
    let mut operands = parsed.operands.into_iter();
    let verb = operands.next();
    let arguments: Vec<String> = operands.collect();
    if generation.number() >= 248 || answers == Answers::Image {
        check_marked(options.marked, verb.as_deref(), &arguments)?;
    }
    options.no_verb = verb.is_none();
    let name = verb.as_deref().unwrap_or(verbs::DEFAULT);
    let verb = verbs::find(name, generation, answers).ok_or_else(|| unknown_verb(name, generation))?;
    check_verb(&options, verb, arguments.len(), generation, answers)?;
    Ok(Request::Verb {
        options,
        verb,
        arguments,
    })
}

/// A verb of all generations with plain arguments, as one tool asks another for it.
pub(crate) fn plain(verb: &str, arguments: impl IntoIterator<Item = String>) -> Parsed {
    let generation = Generation::NEWEST;
    let verb = verbs::find(verb, generation, Answers::Image).ok_or_else(|| unknown_verb(verb, generation))?;
    Ok(Request::Verb {
        options: Options::default(),
        verb,
        arguments: arguments.into_iter().collect(),
    })
}

fn unknown_verb(name: &str, generation: Generation) -> UsageError {
    UsageError::Logged(if generation.number() < 243 {
        format!("Unknown operation {name}.")
    } else if !generation.has(Trait::ProposesVerbs) {
        format!("Unknown command verb {name}.")
    } else if let Some(near) = verbs::near(name, generation) {
        format!("Unknown command verb '{name}', did you mean '{near}'?")
    } else {
        format!("Unknown command verb '{name}'.")
    })
}

/// Why a verb is not even looked at.
fn check_verb(
    options: &Options,
    verb: &Verb,
    arguments: usize,
    generation: Generation,
    answers: Answers,
) -> Result<(), UsageError> {
    let (least, most) = verb.arguments(generation, answers);
    // Up to 242 systemctl does not check whether a verb accepts --root.
    let elsewhere = (options.has_root || options.image.is_some()) && generation.number() >= 243;
    let text = if elsewhere && verb.needs == Needs::Manager {
        let named = if generation.number() < 252 {
            "--root="
        } else {
            "--root= or --image="
        };
        &format!("Verb '{}' cannot be used with {named}.", verb.name)
    } else if let Some(image) = &options.image {
        &format!("Failed to set up loopback device for {image}: Operation not permitted")
    } else if answers == Answers::Image && verb.needs == Needs::Files && options.elsewhere.is_some() {
        "Unit files of another machine cannot be changed from inside an image."
    } else if arguments < least {
        "Too few arguments."
    } else if arguments > most {
        "Too many arguments."
    } else {
        return Ok(());
    };
    Err(UsageError::Logged(text.to_owned()))
}

/// Whether a generation has a long option, named without its dashes.
pub(crate) fn knows_option(name: &str, generation: Generation) -> bool {
    options::long(generation, Answers::Strict).iter().any(|option| option.name == name)
}

/// What is wrong with an option, as the generation's parser says it.
fn worded(mistake: &Mistake, generation: Generation) -> String {
    if !options::has_own_parser(generation) {
        return mistake.to_string();
    }
    match mistake {
        Mistake::UnknownLetter(letter) => format!("unrecognized option '-{letter}'"),
        Mistake::LetterNeedsValue(letter) => format!("option '-{letter}' requires an argument"),
        // It names what it was given, not the option that this abbreviates; observed with 262.1.
        Mistake::NeedsValue(given, _) => format!("option '--{given}' requires an argument"),
        Mistake::TakesNoValue(given, _) => format!("option '--{given}' doesn't allow an argument"),
        Mistake::Unknown(text) => {
            format!("unrecognized option '--{}'", text.split_once('=').map_or(&**text, |(name, _)| name))
        }
        Mistake::Ambiguous(name, names) => {
            let names: Vec<String> = names.iter().map(|name| format!("--{name}")).collect();
            format!("option '--{name}' is ambiguous; possibilities: {}", names.join(", "))
        }
    }
}

/// Units whose names begin with a dash, `-.mount` the first of them, look like options.
///
/// `systemctl_parse_argv()` of systemctl.c, case '.' (252).
fn no_unit_name(argv0: &str, rest: &str, generation: Generation) -> UsageError {
    let more = if options::has_own_parser(generation) {
        "…"
    } else {
        "..."
    };
    UsageError::Logged(format!(
        "{argv0}: invalid option -- '.'\nHint: to specify units starting with a dash, use \"--\":\n      \
         {argv0} [OPTIONS{more}] COMMAND -- -.{rest} {more}"
    ))
}

/// What does not go together. `--runtime` with verbs that take links back came with 241; read in 239-82.el8.
fn check_together(options: &Options, verb: Option<&str>, generation: Generation) -> Result<(), UsageError> {
    let takes_back = verb.filter(|verb| matches!(*verb, "disable" | "unmask" | "preset" | "preset-all"));
    match takes_back {
        Some(verb) if options.runtime && generation.number() < 241 => {
            Err(UsageError::Logged(format!("--runtime cannot be used with {verb}")))
        }
        _ => Ok(()),
    }
}

/// `reload-or-restart` wants either units or `--marked`, which goes with nothing else.
///
/// `systemctl_parse_argv()` of systemctl.c (252).
fn check_marked(marked: bool, verb: Option<&str>, arguments: &[String]) -> Result<(), UsageError> {
    let text = match (marked, verb) {
        (true, Some("reload-or-restart")) if !arguments.is_empty() => {
            "No additional arguments allowed with 'reload-or-restart --marked'."
        }
        (false, Some("reload-or-restart")) if arguments.is_empty() => {
            "List of units to restart/reload is required."
        }
        (true, verb) if verb != Some("reload-or-restart") => {
            "--marked may only be used with 'reload-or-restart'."
        }
        _ => return Ok(()),
    };
    Err(UsageError::Logged(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str, number: u16, answers: Answers) -> Result<Request, UsageError> {
        let words: Vec<OsString> =
            words.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect();
        parse("systemctl", &words, Generation::release(number), answers)
    }

    fn options(words: &str) -> Options {
        match run(words, 252, Answers::Strict) {
            Ok(Request::Verb { options, .. }) => options,
            other => panic!("{words}: {other:?}"),
        }
    }

    #[test]
    fn options_are_kept_by_meaning() {
        let got =
            options("--no-reload -qf enable --now x --global --user --glo -t service,socket --state=enabled");
        assert!(got.quiet && got.force && got.now && got.no_legend);
        assert_eq!(got.scope, Scope::Global);
        assert_eq!(got.types, ["service", "socket"]);
        assert_eq!(got.states, ["enabled"]);
        assert_eq!(options("--root=/ enable x").root, None);
        assert_eq!(options("--root img/ enable x").root.as_deref(), Some("/img"));
        assert_eq!(options("-o json list-unit-files").format, Format::Json);
    }

    #[test]
    fn later_options_are_unknown_to_earlier_generations_only_when_strict() {
        let error = run("enable --no-warn x", 252, Answers::Strict).unwrap_err();
        assert_eq!(error, UsageError::Printed("systemctl: unrecognized option '--no-warn'".into()));
        assert!(run("enable --no-warn x", 253, Answers::Strict).is_ok());
        assert!(run("edit --stdin --drop-in=y x", 239, Answers::Image).is_ok());
    }

    #[test]
    fn bad_values_are_refused_in_its_words() {
        let cases = [
            (
                "--type=bogus",
                "Unknown unit type or load state 'bogus'.\nUse -t help to see a list of allowed values.",
            ),
            ("--preset-mode=sideways preset x", "Failed to parse preset mode: sideways."),
            ("--legend=foo x", "Failed to parse boolean argument to --legend: foo."),
            ("-o xx", "Unknown output 'xx'."),
            ("-n x", "Failed to parse lines 'x'"),
            ("-s FOO", "Failed to parse signal string \"FOO\"."),
        ];
        for (words, expected) in cases {
            assert_eq!(run(words, 252, Answers::Strict).unwrap_err().text(), expected);
        }
        assert!(run("kill -s SIGRTMIN+3 x", 252, Answers::Strict).is_ok());
        let shown = run("--type=help", 252, Answers::Strict).unwrap();
        assert!(
            matches!(shown, Request::Show(text) if text.starts_with("Available unit types:\nservice\nmount\n"))
        );
    }

    #[test]
    fn no_verb_is_no_error() {
        let Ok(Request::Verb { verb, .. }) = run("", 252, Answers::Strict) else {
            panic!();
        };
        assert_eq!(verb.name, "list-units");
    }
}
