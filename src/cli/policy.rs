//! `nodeshim policy`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
use nodeshim::intent::Verdict;
use nodeshim::lint::{Context, ForecastItem, of_call, of_file, read_package};
use nodeshim::policy;
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts};
use nodeshim::tool::Tool;
use serde::Serialize;

use super::list::nothing_recorded;
use super::output::{json_list, print, wrapped};
use super::style::lines;

/// Show the image's policy, or test a package, plugin or call against it
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
enum PolicyVerb {
    /// List the policy files and their rules, in the order in which they apply
    List,
    /// Test what a package, plugin or call asks for; exit 1 if anything is denied, deferred or ignored
    Test(TestArgs),
}

#[derive(Debug, Args)]
struct TestArgs {
    /// An rpm file, or the name of an installed plugin
    #[arg(required_unless_present = "call", conflicts_with = "call")]
    target: Option<OsString>,
    /// A call, as a scriptlet would make it
    #[arg(last = true, value_name = "CALL")]
    call: Vec<OsString>,
}

/// A rule in a listing.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    file: String,
    name: String,
    verdict: Verdict,
    reason: String,
}

/// Carries the verb out.
pub fn policy(root: &Root, args: PolicyArgs, as_json: bool) -> Result<ExitCode> {
    match args.verb {
        PolicyVerb::List => list(root, as_json),
        PolicyVerb::Test(args) => test(root, &args, as_json),
    }
}

fn list(root: &Root, as_json: bool) -> Result<ExitCode> {
    let loaded = policy::load(root).checked()?;
    let rules = loaded.rules.rules.iter().map(|rule| Listed {
        file: rule.id.source.name().to_owned(),
        name: rule.id.name.clone(),
        verdict: rule.verdict,
        reason: rule.reason.clone(),
    });
    let rules: Vec<Listed> = rules.collect();
    if as_json {
        json_list(&rules)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rules = rules.iter();
    for file in &loaded.files {
        print(&format!("{}\n", printable(&file.path)))?;
        for rule in rules.by_ref().take(file.rules) {
            let reason = if rule.reason.is_empty() {
                String::new()
            } else {
                format!(": {}", rule.reason)
            };
            let head = format!("  {:<6} ", word(rule.verdict));
            print(&wrapped(&head, 9, &format!("{}{reason}", rule.name)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn test(root: &Root, args: &TestArgs, as_json: bool) -> Result<ExitCode> {
    let rules = policy::load(root).checked()?.rules;
    let asked = match &args.target {
        None => of_words(&Context::load(root, &rules)?, &args.call)?,
        Some(target)
            if target.to_str().is_some_and(|name| !name.contains('/') && !name.ends_with(".rpm")) =>
        {
            of_plugin(root, &target.to_string_lossy())?
        }
        Some(file) => of_file(&Context::load(root, &rules)?, &read_package(Path::new(file))?)?,
    };
    if as_json {
        json_list(&asked)?;
    } else {
        asked.iter().try_for_each(|asked| print(&lines(&text(asked))))?;
    }
    let held = asked.iter().any(|asked| asked.verdict != Verdict::Allow);
    Ok(ExitCode::from(u8::from(held)))
}

fn of_words(context: &Context, call: &[OsString]) -> Result<Vec<ForecastItem>> {
    match call.first().filter(|name| Tool::from_argv0(name).is_none()) {
        Some(other) => {
            Err(Error::Refused(format!("{}: not a command that nodeshim replaces", other.display())))
        }
        None => Ok(of_call(context, None, call)),
    }
}

/// What a plugin has asked for, judged by the current policy.
fn of_plugin(root: &Root, name: &str) -> Result<Vec<ForecastItem>> {
    let standing = settle::standing(root, &Facts::load(root)?)?;
    let rows = nodeshim::inspect::list(&standing, Some(name));
    if rows.is_empty() {
        return Err(nothing_recorded(name));
    }
    Ok(rows.into_iter().map(of_row).collect())
}

fn of_row(row: nodeshim::inspect::Row) -> ForecastItem {
    let waits = row.deferred && !matches!(row.intent, nodeshim::intent::Intent::Defer { .. });
    ForecastItem {
        place: None,
        line: None,
        command: None,
        text: Some(row.text),
        verdict: if waits { Verdict::Defer } else { row.verdict },
        rule: row.rule,
        intent: Some(row.intent),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Defer => "defer",
        Verdict::Ignore => "ignore",
        Verdict::Deny => "deny",
    }
}

/// An intent in a line, with its verdict and the place that it comes from.
pub(super) fn text(asked: &ForecastItem) -> String {
    let place = match (&asked.place, asked.line) {
        (Some(place), Some(line)) => format!(" [{place}:{line}]"),
        (Some(place), None) => format!(" [{place}]"),
        _ => String::new(),
    };
    let rule = asked.rule.as_ref().map_or(String::new(), |rule| format!(" ({rule})"));
    match (&asked.text, &asked.command) {
        (Some(intent), _) => {
            wrapped(&format!("{:<6} ", word(asked.verdict)), 7, &format!("{intent}{rule}{place}"))
        }
        (None, command) => {
            let command = command.as_deref().unwrap_or_default();
            wrapped("?      ", 7, &format!("{command}: shows only when it runs{place}"))
        }
    }
}
