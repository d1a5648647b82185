//! `nodeshim apply`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::live::{self, ApplyResult, Filter, JobOutcome, Options};
use nodeshim::plan::words;
use nodeshim::root::Root;

use super::output::{count, json, tell, wrapped};
use super::progress;

/// Apply the recorded configuration to the running system: firewall, units, deferred starts
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Show what would be done, also for an image that is not booted; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Load the firewall and no more if nothing has changed since the last time, as at each boot
    #[arg(long, conflicts_with = "dry_run")]
    if_changed: bool,
    /// Time limit for all deferred starts together, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

/// Applies; 1 if something could not be done.
pub fn apply(root: &Root, args: ApplyArgs, as_json: bool) -> Result<ExitCode> {
    let options = Options {
        dry_run: args.dry_run,
        if_changed: args.if_changed,
        limit: Duration::from_secs(args.timeout),
    };
    let outcome = live::apply(root, &options, &mut |step| progress::step(step));
    progress::end();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            progress::error(&error.to_string());
            return Ok(ExitCode::FAILURE);
        }
    };
    if as_json {
        json(&report)?;
    } else {
        tell(&text(&report, args.dry_run))?;
    }
    report.problems.iter().for_each(|problem| progress::error(problem));
    Ok(ExitCode::from(u8::from(!report.problems.is_empty())))
}

fn text(report: &ApplyResult, dry_run: bool) -> String {
    let mut text = String::new();
    for file in &report.files {
        let word = if file.kept { "kept" } else { "write" };
        let kept = if file.kept { "changed on this node; " } else { "" };
        text.push_str(&wrapped(&format!("{word:<8}  "), 10, &format!("{}: {kept}{}", file.path, file.why)));
    }
    for closed in &report.closed {
        text.push_str(&wrapped("kept      ", 10, &format!("{closed}: closed on this node")));
    }
    for unit in &report.units {
        let word = if unit.kept { "kept" } else { "unit" };
        let kept = if unit.kept { ", changed on this node" } else { "" };
        let line = format!("{} {} for {}{kept}", unit.verb.word(), unit.unit, unit.plugin);
        text.push_str(&wrapped(&format!("{word:<8}  "), 10, &line));
    }
    report.deferred.iter().for_each(|started| text.push_str(&deferred(started)));
    let firewall = match report.firewall {
        Filter::None => None,
        Filter::InForce => Some("in force"),
        Filter::Loaded if dry_run => Some("to be loaded"),
        Filter::Loaded => Some("loaded"),
        Filter::Off => Some("switched off on this node"),
        Filter::Failed => Some("not as recorded"),
    };
    if let Some(firewall) = firewall {
        text.push_str(&format!("firewall  {firewall}\n"));
    }
    if report.is_idle() && report.problems.is_empty() {
        text.push_str(if report.unchanged {
            "nothing has changed\n"
        } else {
            "nothing to do\n"
        });
    } else if !report.problems.is_empty() {
        text.push_str(&format!("{}\n", count(report.problems.len(), "problem")));
    }
    text
}

fn deferred(started: &JobOutcome) -> String {
    let request = &started.request;
    let reason = match (&started.result, &request.matched, &request.reason) {
        (Some(result), ..) => format!(": {}", result.word()),
        (None, Some(units), _) if units.is_empty() => ": no unit that is loaded matches".to_owned(),
        (None, Some(units), _) => format!(": matches {}", units.join(", ")),
        (None, None, Some(reason)) => format!(", not done: {reason}"),
        (None, None, None) => String::new(),
    };
    let pattern = request.pattern.as_ref().map_or(String::new(), |pattern| format!(" ({pattern})"));
    let scope = words::of_scope(request.scope);
    let line = format!("{} {}{pattern}{scope} for {}{reason}", request.verb, request.unit, request.plugin);
    wrapped("deferred  ", 10, &line)
}
