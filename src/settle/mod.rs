//! Settling: after a transaction the image is made to match what the plugins that are installed
//! want. Doing it twice changes nothing.

mod export;
mod facts;
mod first_boot;
mod keep;
mod plan;
mod refuse;
mod register;

use std::collections::BTreeSet;

use crate::backend::systemd;
use crate::error::{Result, if_exists};
use crate::journal::{self, Appender, Journal};
use crate::metadata;
use crate::plan::{Action, Note, Plan, apply};
use crate::root::Root;
use crate::state::State;

pub use export::{Dialect, Exported, export};
pub use facts::Facts;
pub use keep::{Judged, judge};
pub use plan::{Prepared, firewall, prepare, standing};
pub use register::register;

/// What settling did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The changes that were made, and what could not be expressed or done.
    pub plan: Plan,
    /// Plugins that want something now.
    pub plugins: usize,
    /// Plugins whose wishes were withdrawn because they are gone.
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
    make(root, facts, false)
}

/// As [`settle`], but what was changed on a node since it was booted stays so.
pub fn settle_keeping(root: &Root, facts: &Facts) -> Result<Report> {
    make(root, facts, true)
}

fn make(root: &Root, facts: &Facts, keeping: bool) -> Result<Report> {
    if !is_due(root)? {
        return Ok(Report::default());
    }
    let mut appender = Appender::open(root)?;
    let journal = Journal::read(root)?;
    let mut prepared = prepare(root, facts, &journal)?;
    if keeping {
        keep::leave_out(root, &mut prepared, &State::load(root)?)?;
    }
    let failed = apply(root, &prepared.plan)?;
    let mut state = prepared.fold.settled();
    state.retried.extend(carried_out(&prepared.plan, &failed));
    state.declared = systemd::declared_after(root, &prepared.fold.state, |unit| {
        failed.iter().any(|note| note.because.is_empty() && note.text.contains(&unit.unit))
    });
    let state_written = state.save(root)?;
    appender.close_part(root, journal::PART_LIMIT)?;
    let mut plan = prepared.plan;
    plan.notes.extend(failed);
    Ok(Report {
        plan,
        plugins: state.plugins.len(),
        gone: prepared.fold.gone.into_keys().collect(),
        state_written,
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
