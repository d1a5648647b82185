//! The requests in a package's scriptlets, and what policy says of each intent.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::scriptlet::{command_line, scriptlets};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::intent::{Intent, Verdict};
use crate::metadata;
use crate::plan::words;
use crate::policy::{PolicyQuery, Rules, Source};
use crate::request::{Call, Env, Names, Request};
use crate::root::Root;
use crate::rpmdb::PackageFile;
use crate::shell::Command;
use crate::tool::Tool;

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForecastItem {
    /// Where: a scriptlet's kind and a file's path, if there is one.
    pub place: Option<String>,
    /// The line in it.
    pub line: Option<usize>,
    /// The command as it is written.
    pub command: Option<String>,
    /// The intent in words; none where the words cannot be told without running the script.
    pub text: Option<String>,
    /// What policy says.
    pub verdict: Verdict,
    /// The rule that decided, with its reason.
    pub rule: Option<String>,
    /// The intent itself, as in the journal.
    pub intent: Option<Intent>,
}

/// Judges an intent.
pub fn judged(
    root: &Root,
    rules: &Rules,
    plugin: Option<&str>,
    tool: Option<Tool>,
    intent: &Intent,
) -> ForecastItem {
    let tools: Vec<Tool> = tool.into_iter().collect();
    let query = PolicyQuery {
        plugin,
        tools: &tools,
        source: match tool {
            Some(_) => Source::Scriptlet,
            None => Source::Metadata,
        },
        intent,
    };
    let decision = rules.decide(&query, &Names::of(root));
    let rule = decision.explanation();
    ForecastItem {
        place: None,
        line: None,
        command: None,
        text: Some(words::intent(intent)),
        verdict: decision.verdict,
        rule: (!rule.is_empty()).then_some(rule),
        intent: Some(intent.clone()),
    }
}

/// What one call asks for.
pub fn of_call(root: &Root, rules: &Rules, plugin: Option<&str>, argv: &[OsString]) -> Vec<ForecastItem> {
    let Some((tool, (argv0, args))) =
        argv.split_first().and_then(|(name, args)| Some((Tool::from_argv0(name)?, (name, args))))
    else {
        return Vec::new();
    };
    let (config, env) = (Config::default(), Env::default());
    let argv0 = argv0.to_string_lossy();
    let call = Call::new(root, &config, &env, &argv0);
    let request = Request::parse(tool, &argv0, args, &call);
    let clauses = request.map_or_else(Vec::new, |request| request.clauses(root));
    let intents = clauses.into_iter().flat_map(|clause| clause.intents);
    intents.map(|intent| judged(root, rules, plugin, Some(tool), &intent)).collect()
}

/// What an rpm file's scriptlets and metadata ask for.
pub fn of_file(root: &Root, rules: &Rules, path: &Path) -> Result<Vec<ForecastItem>> {
    let package = PackageFile::read(path)?;
    let mut asked = of_package(root, rules, &package);
    let wanted = |name: &str| name.starts_with(metadata::DIRECTORY) && name.ends_with(".toml");
    if package.files.iter().any(|(name, _)| wanted(name)) {
        for (name, content) in PackageFile::contents(path, wanted)? {
            let text = String::from_utf8_lossy(&content);
            let metadata = metadata::parse(&text).map_err(|problems| {
                let first =
                    problems.first().map_or(String::new(), |p| format!("line {}: {}", p.line, p.text));
                Error::malformed(&name, first)
            })?;
            let intents = metadata.intents();
            asked.extend(intents.iter().map(|intent| ForecastItem {
                place: Some(name.clone()),
                ..judged(root, rules, Some(&package.name), None, intent)
            }));
        }
    }
    Ok(asked)
}

/// What the scriptlets of a package ask for, in their order.
pub fn of_package(root: &Root, rules: &Rules, package: &PackageFile) -> Vec<ForecastItem> {
    let mut found = Vec::new();
    for (kind, scanned) in scriptlets(package) {
        for command in &scanned.commands {
            found.extend(of_command(root, rules, package, kind, command));
        }
        found.extend(scanned.unclear.iter().map(|(line, text)| unread(kind, *line, text)));
    }
    found
}

/// A command, if it is a tool's: its intents, or that they cannot be told.
pub fn of_command(
    root: &Root,
    rules: &Rules,
    package: &PackageFile,
    kind: &str,
    command: &Command,
) -> Vec<ForecastItem> {
    let name = command.words.first().filter(|word| word.resolved).map(|word| OsString::from(&word.text));
    if name.as_ref().and_then(|name| Tool::from_argv0(name)).is_none() {
        return Vec::new();
    }
    let line = command_line(command);
    let known = command.words.iter().filter(|word| word.resolved);
    let argv: Vec<OsString> = known.map(|word| OsString::from(&word.text)).collect();
    let mut found = of_call(root, rules, Some(&package.name), &argv);
    for asked in &mut found {
        asked.place = Some(kind.to_owned());
        asked.line = Some(command.line);
        asked.command = Some(line.clone());
    }
    if command.words.iter().any(|word| !word.resolved) {
        found.push(unread(kind, command.line, &line));
    }
    found
}

fn unread(kind: &str, line: usize, command: &str) -> ForecastItem {
    ForecastItem {
        place: Some(kind.to_owned()),
        line: Some(line),
        command: Some(command.to_owned()),
        text: None,
        verdict: Verdict::Allow,
        rule: None,
        intent: None,
    }
}
