//! Settling: after a transaction the image is made to match what the plugins that are installed
//! want. Doing it twice changes nothing.

mod facts;
mod first_boot;
mod local_changes;
mod plan;
mod policy_check;
mod remarks;
mod unfulfilled;

use std::collections::BTreeSet;

use crate::attribution::Origin;
use crate::backend::systemd;
use crate::error::{Result, if_exists};
use crate::escape::unescape;
use crate::journal::{self, Appender, Event, Journal, Verdict, timestamp};
use crate::metadata;
use crate::plan::{Action, Note, Plan, execute};
use crate::root::{Change, Root};
use crate::state::{Revert, State};
use crate::tool::Tool;
use crate::undo::Restored;

pub use facts::Facts;
pub use local_changes::{Judged, judge};
pub use plan::{Prepared, firewall, prepare, prepare_again, prepare_for_boot, prepare_without, standing};
pub use policy_check::Judge;
pub use remarks::remarks;

/// What settling did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The changes that were made, and what could not be expressed or done.
    pub plan: Plan,
    /// What no longer counts and was left as it is all the same; in the plan's notes, too.
    pub left: Vec<Note>,
    /// Plugins that want something now.
    pub plugins: usize,
    /// Plugins whose intents were withdrawn because they are gone.
    pub gone: Vec<String>,
    /// Whether the state file was written.
    pub state_written: bool,
}

/// Whether an image has anything that could be settled: a journal or metadata.
pub fn is_due(root: &Root) -> Result<bool> {
    Ok(if_exists(root.meta(journal::PATH))?.is_some() || metadata::is_there(root))
}

/// Makes the image match its state, under the journal's lock. An image with neither a journal nor
/// metadata is left alone.
pub fn settle(root: &Root, facts: &Facts) -> Result<Report> {
    make(root, facts, &Revert::default(), false)
}

/// As [`settle`], but what was changed on a node since it was booted stays so.
pub fn settle_keeping(root: &Root, facts: &Facts) -> Result<Report> {
    make(root, facts, &Revert::default(), true)
}

/// As [`settle_keeping`], after these packages were installed.
pub fn settle_installed(root: &Root, facts: &Facts, packages: &[&str]) -> Result<Report> {
    let again = packages.iter().map(|name| name.to_string()).collect();
    let revert = Revert {
        again,
        ..Revert::default()
    };
    make(root, facts, &revert, true)
}

/// Settles without what an administrator takes back, which no longer counts from then on.
pub fn revert(root: &Root, facts: &Facts, revert: &Revert) -> Result<Report> {
    make(root, facts, revert, false)
}

fn make(root: &Root, facts: &Facts, revert: &Revert, keeping: bool) -> Result<Report> {
    if !is_due(root)? {
        return Ok(Report::default());
    }
    let mut appender = Appender::open(root)?;
    let journal = Journal::read(root)?;
    let mut prepared = prepare_without(root, facts, &journal, revert)?;
    if keeping {
        local_changes::leave_out(root, &mut prepared)?;
    }
    root.forget_changes();
    let failed = execute(root, &prepared.plan)?;
    let mut state = prepared.fold.settled();
    state.retried.extend(carried_out(&prepared.plan, &failed));
    state.declared = systemd::declared_after(root, &prepared.fold.state, |unit| {
        failed.iter().any(|note| note.because.is_empty() && note.text.contains(&unit.unit))
    });
    if let Some(mut event) = event(revert, &prepared.restored, root.take_changes()) {
        appender.append(&mut event)?;
        state.last_event = event.id;
    }
    let state_written = state.save(root)?;
    appender.close_part(root, journal::PART_LIMIT)?;
    let mut plan = prepared.plan;
    plan.notes.extend(failed);
    Ok(Report {
        plan,
        left: prepared.restored.left,
        plugins: state.plugins.len(),
        gone: prepared.fold.gone.into_keys().collect(),
        state_written,
    })
}

/// The record of what was put back: who looks at a path later has to know that it was not somebody
/// else. None if there is nothing to record.
fn event(revert: &Revert, restored: &Restored, made: Vec<Change>) -> Option<Event> {
    let is_restored = |change: &Change| {
        let path = unescape(&change.path);
        restored.changes.iter().any(|planned| planned.path.as_str() == path)
    };
    let changes: Vec<Change> = made.into_iter().filter(is_restored).collect();
    let asked = !revert.plugins.is_empty() || !revert.events.is_empty();
    if changes.is_empty() && !asked {
        return None;
    }
    let mut argv = vec![
        "nodeshim".to_owned(),
        if asked { "revert" } else { "settle" }.to_owned(),
    ];
    argv.extend(revert.plugins.iter().cloned());
    argv.extend(revert.events.iter().map(u64::to_string));
    Some(Event {
        id: 0,
        time: timestamp(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref()),
        tool: Tool::Nodeshim,
        argv,
        exit: 0,
        verdict: Verdict::Allow,
        message: String::new(),
        warnings: Vec::new(),
        origin: Origin::default(),
        replayed: None,
        held: Vec::new(),
        intents: Vec::new(),
        changes,
    })
}

/// What settling would do; only reads.
pub fn plan(root: &Root, facts: &Facts) -> Result<Plan> {
    Ok(prepare(root, facts, &Journal::read(root)?)?.plan)
}

/// The state as it would be written now; only reads.
pub fn state(root: &Root, facts: &Facts) -> Result<State> {
    Ok(prepare(root, facts, &Journal::read(root)?)?.fold.settled())
}

/// The events of repeated requests that did not fail.
fn carried_out(plan: &Plan, failed: &[Note]) -> BTreeSet<u64> {
    let calls = plan.changes.iter().filter(|change| matches!(change.action, Action::Call { .. }));
    calls
        .filter(|change| !failed.iter().any(|note| note.because == change.because))
        .flat_map(|change| change.because.iter().copied())
        .collect()
}
