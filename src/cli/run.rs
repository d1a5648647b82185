//! `nodeshim run`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nodeshim::audit::Means;
use nodeshim::error::Result;
use nodeshim::inspect::{self, Entry};
use nodeshim::journal::Event;
use nodeshim::plan::Plan;
use nodeshim::policy;
use nodeshim::root::Root;
use nodeshim::run::{self, Messages, Outcome, Parts, Step, Surroundings};
use nodeshim::settle::{self, Facts, SettleOptions};
use serde::Serialize;

use super::log::entry_text;
use super::output::{complain, json, remark};
use super::progress;
use super::run_summary::{FailOn, Summary};
use super::style::is_verbose;

/// Run a command that installs packages into the image with the shims in place
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Fail if another nodeshim is working on the image, instead of waiting for it
    #[arg(long)]
    no_wait: bool,
    /// A policy file for this run alone, or the name of a shipped one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A name for the requests that the command itself makes, for lists and reports
    #[arg(long, value_name = "NAME", value_parser = run_name)]
    name: Option<String>,
    /// Exit with 1 if any of these happened, even if the command succeeded
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    fail_on: Vec<FailOn>,
    /// How to find out which files each scriptlet changes
    #[arg(long, value_enum, value_name = "HOW", default_value_t = AuditArg::Auto)]
    audit: AuditArg,
    /// The same as --audit off
    #[arg(long, conflicts_with = "audit")]
    no_audit: bool,
    /// Let scriptlets reach this machine's network, host name, mounts and kernel settings
    #[arg(long)]
    share_host: bool,
    /// Do not end processes that the command or a scriptlet leaves running
    #[arg(long)]
    keep_running: bool,
    /// The command: rpm --root, dnf --installroot, a script
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

/// A name as packages have them.
fn run_name(text: &str) -> std::result::Result<String, &'static str> {
    match nodeshim::firewall::valid::name(text) {
        true => Ok(text.to_owned()),
        false => Err("use letters, digits and ._+-"),
    }
}

/// How to audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuditArg {
    /// events where the kernel supports it, else times
    Auto,
    /// Notifications of the kernel (fanotify), with the process behind each change
    Events,
    /// Compare files and their times before and after
    Times,
    /// No audit
    Off,
}

impl RunArgs {
    fn audit(&self) -> Option<Means> {
        match self.audit {
            _ if self.no_audit => None,
            AuditArg::Auto => Some(Means::Auto),
            AuditArg::Events => Some(Means::Events),
            AuditArg::Times => Some(Means::Times),
            AuditArg::Off => None,
        }
    }
}

/// What `run --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Ran<'a> {
    /// The command's exit code.
    exit: u8,
    requests: Vec<Entry>,
    /// What settling did; null where it failed.
    plan: Option<&'a Plan>,
    plugins: usize,
    #[serde(flatten)]
    summary: &'a Summary,
    tampering: &'a [String],
    remarks: &'a [String],
    ended_processes: usize,
}

/// Arms, runs, disarms, settles, and ends with the command's exit code; with 1 if the command was
/// fine and settling was not, or something happened that is to fail the run.
pub fn run(root: &Root, args: RunArgs, as_json: bool) -> Result<ExitCode> {
    // The parser takes an option that it does not know for the command.
    if let Some(option) = args.command.first().filter(|word| word.as_encoded_bytes().starts_with(b"-")) {
        complain(&format!("unknown option {}; see nodeshim run --help", option.display()));
        return Ok(ExitCode::from(2));
    }
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let wait = |busy: &str| {
        if !args.no_wait {
            remark(&format!("{busy}; waiting for it to finish"));
        }
        !args.no_wait
    };
    let parts = Parts::find()?;
    let surroundings = Surroundings {
        policy: args.policy.as_deref().map(|file| parts.policy(file)).transpose()?,
        home,
        name: args.name.clone(),
        temporary: std::env::temp_dir(),
        wait: &wait,
        step: &progress::of,
        audit: args.audit(),
        share_host: args.share_host,
        keep_running: args.keep_running,
        messages: match as_json {
            true => Messages::StandardError,
            false => Messages::Inherit,
        },
    };
    let outcome = run::run(root, &parts, &args.command, &surroundings)?;
    report(root, &outcome);
    requests(&outcome.events);
    progress::of(Step::Settle);
    // The image stays held until what the command asked for is settled.
    let settled = Facts::of_run(root, &outcome.config, &outcome.rules)
        .and_then(|facts| settle::settle(root, &facts, &SettleOptions::keeping()));
    let settled = policy::end_run(root).and(settled);
    if as_json {
        print_json(&outcome, settled.as_ref().ok())?;
    }
    end(&args, &outcome, settled)
}

fn print_json(outcome: &Outcome, settled: Option<&settle::SettleResult>) -> Result<()> {
    json(&Ran {
        exit: outcome.finished.code(),
        requests: inspect::log(&outcome.events, None, true),
        plan: settled.map(|report| &report.plan),
        plugins: settled.map_or(0, |report| report.plugins),
        summary: &Summary::of(&outcome.events, settled),
        tampering: &outcome.tampering,
        remarks: &outcome.remarks,
        ended_processes: outcome.ended,
    })
}

/// Says what became of a run, and with which code it ends.
fn end(args: &RunArgs, outcome: &Outcome, settled: Result<settle::SettleResult>) -> Result<ExitCode> {
    let code = match outcome.finished.code() {
        0 => u8::from(!outcome.tampering.is_empty()),
        code => code,
    };
    let summary = Summary::of(&outcome.events, settled.as_ref().ok());
    if let Ok(report) = &settled {
        for note in &report.plan.notes {
            let about = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
            remark(&format!("{about}{}", note.text));
        }
    }
    if let Some(line) = summary.line(settled.as_ref().ok()) {
        remark(&line);
    }
    match settled {
        Ok(_) if code == 0 && summary.fails(&args.fail_on) => Ok(ExitCode::FAILURE),
        Ok(_) => Ok(ExitCode::from(code)),
        Err(error) if code != 0 => {
            complain(&error.to_string());
            Ok(ExitCode::from(code))
        }
        Err(error) => Err(error),
    }
}

/// With `-v`: what scriptlets and the command asked for, on standard error like all about a run.
pub(super) fn requests(events: &[Event]) {
    for entry in inspect::log(events, None, true).iter().filter(|_| is_verbose()) {
        // If standard error is closed, there is no way to report that.
        let _ = std::io::stderr().write_all(entry_text(entry).as_bytes());
    }
}

/// Says what happened around the command of a run, rpm's of an installation or removal among them.
pub(super) fn report(root: &Root, outcome: &Outcome) {
    if outcome.repaired.is_some() {
        complain(&format!("{}: took out the shims that an earlier run had left", root.path().display()));
    }
    let repaired = outcome.repaired.iter().flat_map(|repaired| &repaired.problems);
    repaired.chain(&outcome.tampering).for_each(|problem| complain(problem));
    outcome.remarks.iter().for_each(|text| remark(text));
    if let Some(Err(error)) = &outcome.audited {
        complain(&format!("which files changed was not recorded: {error}"));
    }
    if let Some(why) = &outcome.exposed {
        remark(&format!("scriptlets share this machine's network, host name and mounts: {why}"));
    }
    if outcome.ended > 0 {
        let what = if outcome.ended == 1 {
            "a process".to_owned()
        } else {
            format!("{} processes", outcome.ended)
        };
        remark(&format!("ended {what} left running by the command"));
    }
    for place in outcome.audited.iter().flatten().flat_map(|seen| &seen.unwatched) {
        remark(&format!(
            "{} is another file system: changes there are not attributed to single scriptlets",
            place.shown()
        ));
    }
}
