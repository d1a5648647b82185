//! systemctl's command line: options anywhere, then a verb with its arguments.

mod options;
pub mod verbs;

use std::ffi::OsString;

use crate::argv::getopt;
use crate::config::Answers;
use crate::intent::Scope;
use crate::unit::generation::Generation;
use crate::unit::name::TYPES;
use crate::unit::preset::PresetMode;
use options::Id;
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
pub struct UsageError(pub String);

/// What a command line comes to.
pub type Parsed = Result<Request, UsageError>;

/// Parses the words after `argv0`.
pub fn parse(argv0: &str, words: &[OsString], generation: Generation, answers: Answers) -> Parsed {
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let (long, short) = (options::long(generation.0, answers), options::short(generation.0, answers));
    let parsed = getopt::parse(words, &long, &short);
    let mut options = Options::default();
    for (id, value) in parsed.options {
        if id == Id::Dot {
            return Err(no_unit_name(argv0, &value.unwrap_or_default()));
        }
        if let Some(text) = take(&mut options, id, value.unwrap_or_default(), generation.0)? {
            return Ok(Request::Show(text));
        }
    }
    // What is wrong with an option before it was said first.
    if let Some(text) = parsed.error {
        return Err(UsageError(format!("{argv0}: {text}")));
    }
    let mut operands = parsed.operands.into_iter();
    let verb = operands.next();
    let arguments: Vec<String> = operands.collect();
    check_marked(options.marked, verb.as_deref(), &arguments)?;
    let name = verb.as_deref().unwrap_or(verbs::DEFAULT);
    let verb = verbs::find(name, generation.0, answers).ok_or_else(|| unknown_verb(name, generation))?;
    check_verb(&options, verb, arguments.len(), answers)?;
    Ok(Request::Verb {
        options,
        verb,
        arguments,
    })
}

/// A verb of all generations with plain arguments, as one tool asks another for it.
pub fn plain(verb: &str, arguments: impl IntoIterator<Item = String>) -> Parsed {
    let generation = Generation(u16::MAX);
    let verb =
        verbs::find(verb, generation.0, Answers::Image).ok_or_else(|| unknown_verb(verb, generation))?;
    Ok(Request::Verb {
        options: Options::default(),
        verb,
        arguments: arguments.into_iter().collect(),
    })
}

fn unknown_verb(name: &str, generation: Generation) -> UsageError {
    UsageError(if !generation.proposes_verbs() {
        format!("Unknown command verb {name}.")
    } else if let Some(near) = verbs::near(name, generation.0) {
        format!("Unknown command verb '{name}', did you mean '{near}'?")
    } else {
        format!("Unknown command verb '{name}'.")
    })
}

/// Why a verb is not even looked at.
fn check_verb(options: &Options, verb: &Verb, arguments: usize, answers: Answers) -> Result<(), UsageError> {
    let elsewhere = options.has_root || options.image.is_some();
    let text = if elsewhere && verb.needs == Needs::Manager {
        &format!("Verb '{}' cannot be used with --root= or --image=.", verb.name)
    } else if let Some(image) = &options.image {
        &format!("Failed to set up loopback device for {image}: Operation not permitted")
    } else if answers == Answers::Image && verb.needs == Needs::Files && options.elsewhere.is_some() {
        "Unit files of another machine cannot be changed from inside an image."
    } else if arguments < verb.least {
        "Too few arguments."
    } else if arguments > verb.most {
        "Too many arguments."
    } else {
        return Ok(());
    };
    Err(UsageError(text.to_owned()))
}

/// Units whose names begin with a dash, `-.mount` the first of them, look like options.
fn no_unit_name(argv0: &str, rest: &str) -> UsageError {
    UsageError(format!(
        "{argv0}: invalid option -- '.'\nHint: to specify units starting with a dash, use \"--\":\n      \
         {argv0} [OPTIONS...] COMMAND -- -.{rest} ..."
    ))
}

/// `reload-or-restart` wants either units or `--marked`, which goes with nothing else.
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
    Err(UsageError(text.to_owned()))
}

/// Takes one option; some print something and end there.
fn take(options: &mut Options, id: Id, value: String, generation: u16) -> Result<Option<String>, UsageError> {
    match id {
        Id::Help => return Ok(Some(help(generation))),
        Id::Version => return Ok(Some(format!("systemd {}\n", generation))),
        Id::Type => return take_types(options, &value),
        Id::State => options.states.extend(split_list(&value)),
        Id::Failed => options.states.push("failed".to_owned()),
        Id::Full => options.full = true,
        Id::User => options.scope = Scope::User,
        Id::System => options.scope = Scope::System,
        Id::Global => options.scope = Scope::Global,
        Id::NoLegend => options.no_legend = true,
        Id::Legend => {
            options.no_legend = !boolean(&value).ok_or_else(|| {
                UsageError(format!("Failed to parse boolean argument to --legend: {value}."))
            })?;
        }
        Id::Quiet => {
            options.quiet = true;
            options.no_legend = true;
        }
        Id::Root => {
            options.has_root = !value.is_empty();
            options.root = absolute_root(value);
        }
        Id::Image => options.image = Some(value),
        Id::Force => options.force = true,
        Id::Host | Id::Machine => options.elsewhere = Some(value),
        Id::Runtime => options.runtime = true,
        Id::Output => return take_output(options, &value),
        Id::PresetMode => return take_preset_mode(options, &value),
        Id::Now => options.now = true,
        Id::Marked => options.marked = true,
        Id::NoWarn => options.no_warn = true,
        Id::DropIn => options.drop_in = Some(value),
        Id::Stdin => options.stdin = true,
        Id::Lines if value.parse::<u32>().is_err() && !(value == "all" && generation >= 256) => {
            return Err(UsageError(format!("Failed to parse lines '{value}'")));
        }
        Id::Signal if !is_signal(&value) => {
            return Err(UsageError(format!("Failed to parse signal string \"{value}\".")));
        }
        Id::CheckInhibitors if value != "auto" && value != "help" && boolean(&value).is_none() => {
            return Err(UsageError(format!("Failed to parse --check-inhibitors= argument: {value}")));
        }
        Id::Timestamp if !is_timestamp_style(&value) => {
            return Err(UsageError(format!("Invalid value: {value}.")));
        }
        Id::Lines | Id::Signal | Id::CheckInhibitors | Id::Timestamp | Id::Dot | Id::Other(_) => {}
    }
    Ok(None)
}

const LOAD_STATES: [&str; 7] = [
    "stub",
    "loaded",
    "not-found",
    "bad-setting",
    "error",
    "merged",
    "masked",
];

fn take_types(options: &mut Options, value: &str) -> Result<Option<String>, UsageError> {
    for word in split_list(value) {
        if word == "help" {
            let types: String = TYPES.iter().map(|name| format!("{name}\n")).collect();
            return Ok(Some(format!("Available unit types:\n{types}")));
        } else if TYPES.contains(&word.as_str()) {
            options.types.push(word);
        } else if LOAD_STATES.contains(&word.as_str()) {
            options.states.push(word);
        } else {
            return Err(UsageError(format!(
                "Unknown unit type or load state '{word}'.\nUse -t help to see a list of allowed values."
            )));
        }
    }
    Ok(None)
}

const OUTPUTS: [&str; 16] = [
    "short",
    "short-full",
    "short-iso",
    "short-iso-precise",
    "short-precise",
    "short-monotonic",
    "short-delta",
    "short-unix",
    "verbose",
    "export",
    "json",
    "json-pretty",
    "json-sse",
    "json-seq",
    "cat",
    "with-unit",
];

fn take_output(options: &mut Options, value: &str) -> Result<Option<String>, UsageError> {
    match value {
        "help" => return Ok(Some(OUTPUTS.iter().map(|name| format!("{name}\n")).collect())),
        "json" => options.format = Format::Json,
        "json-pretty" => options.format = Format::JsonPretty,
        known if OUTPUTS.contains(&known) => options.format = Format::Table,
        _ => return Err(UsageError(format!("Unknown output '{value}'."))),
    }
    if matches!(value, "json" | "json-pretty" | "json-sse" | "json-seq" | "export" | "cat") {
        options.no_legend = true;
    }
    Ok(None)
}

fn take_preset_mode(options: &mut Options, value: &str) -> Result<Option<String>, UsageError> {
    options.preset_mode = match value {
        "help" => return Ok(Some("full\nenable-only\ndisable-only\n".to_owned())),
        "full" => PresetMode::Full,
        "enable-only" => PresetMode::EnableOnly,
        "disable-only" => PresetMode::DisableOnly,
        _ => return Err(UsageError(format!("Failed to parse preset mode: {value}."))),
    };
    Ok(None)
}

fn split_list(value: &str) -> impl Iterator<Item = String> {
    value.split(',').filter(|word| !word.is_empty()).map(str::to_owned)
}

fn absolute_root(value: String) -> Option<String> {
    let path = if value.is_empty() || value.starts_with('/') {
        value
    } else {
        format!("/{value}")
    };
    let trimmed = path.trim_end_matches('/');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The words that systemd takes for yes and no.
pub fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

const SIGNALS: [&str; 33] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS", "POLL",
];

fn is_signal(value: &str) -> bool {
    let bare = value.strip_prefix("SIG").unwrap_or(value);
    let real_time = bare.strip_prefix("RTMIN").or_else(|| bare.strip_prefix("RTMAX"));
    let offset =
        |rest: &str| rest.is_empty() || rest[1..].parse::<u8>().is_ok() && rest.starts_with(['+', '-']);
    matches!(value, "help" | "list" | "status")
        || SIGNALS.contains(&bare)
        || value.parse::<u8>().is_ok_and(|number| number <= 64)
        || real_time.is_some_and(offset)
}

fn is_timestamp_style(value: &str) -> bool {
    matches!(
        value,
        "help" | "pretty" | "unix" | "us" | "utc" | "us+utc" | "µs" | "μs" | "µs+utc" | "μs+utc"
    )
}

fn help(generation: u16) -> String {
    format!(
        "systemctl [OPTIONS...] COMMAND ...\n\n\
         nodeshim's stand-in for systemctl of systemd {}; see systemctl(1).\n",
        generation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str, generation: u16, answers: Answers) -> Result<Request, UsageError> {
        let words: Vec<OsString> =
            words.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect();
        parse("systemctl", &words, Generation(generation), answers)
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
        assert_eq!(error.0, "systemctl: unrecognized option '--no-warn'");
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
            assert_eq!(run(words, 252, Answers::Strict).unwrap_err().0, expected);
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
