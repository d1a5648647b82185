//! `nodeshim revert`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::journal::{Event, Journal};
use nodeshim::plan::{Note, Plan, render};
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts, Planner, SettleOptions};
use nodeshim::state::{EffectiveState, Revert, State};
use nodeshim::tool::Tool;
use serde::Serialize;

use super::list::nothing_recorded;
use super::output::{complain, count, json, tell, width};

/// Revert what plugins asked for, or single requests; restore what was there before, erase no package
#[derive(Debug, Args)]
pub struct RevertArgs {
    /// Names of packages, or numbers of requests as shown by `log`
    #[arg(required = true, value_name = "PLUGIN|EVENT")]
    what: Vec<String>,
    /// Show what would change, change nothing
    #[arg(long)]
    dry_run: bool,
}

impl RevertArgs {
    /// Whether something is reverted.
    pub fn changes_image(&self) -> bool {
        !self.dry_run
    }
}

/// What `revert --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Reverted<'a> {
    plan: &'a Plan,
    left: &'a [Note],
}

/// Reverts. Exit 1 if something had to be left as it is.
pub fn revert(root: &Root, args: RevertArgs, as_json: bool) -> Result<ExitCode> {
    let journal = Journal::read(root)?;
    let state = State::load(root)?;
    let facts = Facts::load(root)?;
    let standing = settle::standing(root, &facts)?;
    let mut revert = Revert::default();
    for word in &args.what {
        let number = word.trim_start_matches('#').parse::<u64>().ok();
        match number.filter(|id| journal.events.iter().any(|event| event.id == *id)) {
            Some(id) => event(&journal, &state, id, &mut revert)?,
            None if declares(&standing, word) => {
                revert.plugins.insert(word.clone());
            }
            None => plugin(&journal, &state, word, &mut revert)?,
        }
    }
    let is_idle = revert == Revert::default();
    let (plan, left) = if is_idle {
        (Plan::default(), Vec::new())
    } else if args.dry_run {
        let prepared = Planner::new(root, &facts, &journal).reverting(revert).plan()?;
        (prepared.plan, prepared.restored.notes)
    } else {
        let report = settle::settle(root, &facts, &SettleOptions::reverting(revert))?;
        (report.plan, report.left)
    };
    if as_json {
        json(&Reverted {
            plan: &plan,
            left: &left,
        })?;
    } else if !is_idle {
        tell(&format!("{}{}\n", render(&plan, width()), count(plan.changes.len(), "change")))?;
    }
    Ok(ExitCode::from(u8::from(!left.is_empty())))
}

fn event(journal: &Journal, state: &State, id: u64, revert: &mut Revert) -> Result<()> {
    let is_it = |event: &&Event| event.id == id;
    let Some(event) = journal.events.iter().find(is_it) else {
        return Ok(());
    };
    let name = event.origin.name();
    if event.tool == Tool::Nodeshim {
        return Err(Error::Refused(format!("#{id} was made by nodeshim itself: it cannot be reverted")));
    }
    if event.intents.is_empty() {
        complain(&format!("#{id} asked for nothing"));
    } else if counts(state, &name, id) {
        revert.events.insert(id);
    } else {
        complain(&format!("request #{id} is already reverted"));
    }
    Ok(())
}

fn plugin(journal: &Journal, state: &State, name: &str, revert: &mut Revert) -> Result<()> {
    let is_of = |event: &&Event| event.origin.name() == name;
    let mut events = journal.events.iter().filter(is_of).peekable();
    if events.peek().is_none() && !state.retracted.contains_key(name) {
        return Err(nothing_recorded(name));
    }
    if events.any(|event| counts(state, name, event.id)) {
        revert.plugins.insert(name.to_owned());
    } else {
        complain(&format!("all requests of {name} are already reverted"));
    }
    Ok(())
}

/// Whether a file declares something for a plugin that counts.
fn declares(standing: &EffectiveState, name: &str) -> bool {
    let plugin = standing.state.plugins.get(name);
    let mut wants = plugin.iter().flat_map(|plugin| plugin.wants.iter().chain(&plugin.deferred));
    wants.any(|want| !want.declared.is_empty())
}

/// Whether a request is in effect: it was not reverted, and its package was not erased since.
fn counts(state: &State, name: &str, id: u64) -> bool {
    let is_over = state.forgotten.get(name).is_some_and(|last| id <= *last);
    !is_over && !state.reverted.contains(&id)
}
