//! `nodeshim remove`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
use nodeshim::inspect::log;
use nodeshim::install::{Ending, erase};
use nodeshim::journal::Journal;
use nodeshim::plan::render;
use nodeshim::root::Root;
use nodeshim::run::Parts;
use nodeshim::settle::{self, Facts, SettleOptions};
use nodeshim::trust::Record;
use serde::Serialize;

use super::install::surroundings;
use super::output::{complain, json, remark, tell, width};
use super::run;

/// Erase packages and withdraw what they asked for
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The packages' names
    #[arg(required = true, value_name = "PLUGIN")]
    plugins: Vec<String>,
}

/// What `remove --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Removed<'a> {
    exit: u8,
    removed: &'a [String],
    messages: &'a [String],
    plan: Option<&'a nodeshim::plan::Plan>,
}

/// Erases, settles and reports. A package that was there once and is gone is fine.
pub fn remove(root: &Root, args: RemoveArgs, as_json: bool) -> Result<ExitCode> {
    let installed = Facts::load(root)?.installed;
    let (there, absent): (Vec<String>, Vec<String>) =
        args.plugins.into_iter().partition(|name| installed.has(name));
    if !absent.is_empty() {
        let journal = Journal::read(root)?;
        for name in &absent {
            if log(&journal.events, Some(name), true).is_empty() {
                return Err(Error::Refused(format!("no package {} is installed", printable(name))));
            }
            remark(&format!("{name} is gone already"));
        }
    }
    if there.is_empty() {
        let nothing = Removed {
            exit: 0,
            removed: &[],
            messages: &[],
            plan: None,
        };
        as_json.then(|| json(&nothing)).transpose()?;
        return Ok(ExitCode::SUCCESS);
    }
    let transaction = erase(root, &Parts::find()?, &there, surroundings())?;
    run::report(root, &transaction.run);
    let facts = Facts::of_run(root, &transaction.run.config, &transaction.run.rules)?;
    let settled = settle::settle(root, &facts, &SettleOptions::keeping())?;
    let after = Facts::load(root)?.installed;
    let (left, removed): (Vec<String>, Vec<String>) = there.into_iter().partition(|name| after.has(name));
    Record::load(root)?.save(root, |name| after.has(name))?;
    let ending = Ending::of_erasure(&left, &removed, transaction.scriptlet_failed);
    if as_json {
        json(&Removed {
            exit: ending.exit(),
            removed: &removed,
            messages: &transaction.messages,
            plan: Some(&settled.plan),
        })?;
    } else {
        transaction.messages.iter().for_each(|line| complain(line.trim()));
        removed.iter().try_for_each(|name| tell(&format!("removed  {}\n", printable(name))))?;
        tell(&render(&settled.plan, width()))?;
        if !left.is_empty() {
            complain(&format!("not removed: {}", left.join(", ")));
        }
    }
    let exit = match ending.exit() {
        0 => u8::from(!transaction.run.tampering.is_empty()),
        exit => exit,
    };
    Ok(ExitCode::from(exit))
}
