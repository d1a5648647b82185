//! Settling: after a transaction the image is made to match what the plugins that are installed
//! want. Doing it twice changes nothing.

mod declared;
mod directories;
mod facts;
mod firewall;
mod first_boot;
mod local_changes;
mod loss;
mod origins;
mod plan;
mod policy_check;
mod refused;
mod remarks;
mod unfulfilled;

use std::path::Path;

use crate::attribution::Origin;
use crate::backend::systemd;
use crate::error::Result;
use crate::escape::Escaped;
use crate::journal::{self, Appender, Event, Journal, last_closed_event, now};
use crate::metadata;
use crate::plan::{Contribution, Note, Plan, execute, failures};
use crate::root::{Change, Root};
use crate::state::{self, Overruled, Revert, State};
use crate::tool::Tool;
use crate::undo::{leave_out, repeat};
use crate::unrecorded::{self, Outside};

pub use directories::remembered as remembered_directories;
pub use facts::Facts;
pub use firewall::firewall;
pub use local_changes::Judged;
pub(crate) use local_changes::judge;
pub use plan::{Planner, Prepared, standing};
pub use policy_check::PolicyJudge;
pub use refused::{RefusedFile, refused};
pub use remarks::remarks;

/// What settling did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettleResult {
    /// The changes that were made, and what could not be expressed or done.
    pub plan: Plan,
    /// What is not in effect any more but was left as it is; in the plan's notes, too.
    pub left: Vec<Note>,
    /// What was overruled for the first time, by plugin.
    pub overruled: Vec<(String, Overruled)>,
    /// Plugins that want something now.
    pub plugins: usize,
    /// Plugins whose intents were withdrawn because they are gone.
    pub gone: Vec<String>,
    /// Whether the state file was written.
    pub state_written: bool,
}

/// Whether an image has anything that could be settled: a journal, a state or metadata.
///
/// # Errors
/// If the directory of records cannot be listed.
pub fn is_due(root: &Root) -> Result<bool> {
    let records = [journal::PATH, state::PATH];
    let has_records = records.iter().any(|path| root.exists(path));
    Ok(has_records || journal::has_closed_parts(root)? || metadata::is_there(root))
}

/// How to settle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettleOptions {
    /// What an administrator reverts: it is not in effect from then on.
    pub revert: Revert,
    /// What was changed on a node since it was booted stays so.
    pub keep_node_changes: bool,
    /// nodeshim's own firewall goes, unless a plugin wants something of it.
    pub without_firewall: bool,
}

impl SettleOptions {
    /// For an image that may be a node's: what was changed there stays so.
    pub fn keeping() -> SettleOptions {
        SettleOptions {
            keep_node_changes: true,
            ..SettleOptions::default()
        }
    }

    /// As [`SettleOptions::keeping`], after these packages were installed.
    pub fn installed(packages: &[&str]) -> SettleOptions {
        let again = packages.iter().map(|name| (*name).to_owned()).collect();
        SettleOptions {
            revert: Revert {
                again,
                ..Revert::default()
            },
            ..SettleOptions::keeping()
        }
    }

    /// Without what an administrator reverts.
    pub fn reverting(revert: Revert) -> SettleOptions {
        SettleOptions {
            revert,
            ..SettleOptions::default()
        }
    }
}

/// Makes the image match its state, under the journal's lock. An image with neither a journal nor
/// metadata is left alone.
///
/// # Errors
/// Records that cannot be read, or a file that cannot be written. A change that a tool refuses is a
/// note of the report.
pub fn settle(root: &Root, facts: &Facts, options: &SettleOptions) -> Result<SettleResult> {
    if !is_due(root)? {
        return Ok(SettleResult::default());
    }
    let mut appender = Appender::open(root)?;
    journal::keep_private(root)?;
    unrecorded::record(root, &mut appender)?;
    let before = State::load(root)?;
    let mut journal = records(root, &before, &options.revert)?;
    origins::learn(root, &mut journal, before.last_event)?.save(root)?;
    let outside = unrecorded::packages(root, &facts.installed, &before)?;
    let planner = Planner::new(root, facts, &journal).reverting(options.revert.clone());
    let mut prepared = planner.without_firewall(options.without_firewall).plan()?;
    if options.keep_node_changes {
        local_changes::leave_out(root, &mut prepared)?;
    }
    if !root.exists(state::PATH) {
        // From here on a state that is missing is one that was lost.
        prepared.before.save(root)?;
    }
    if !prepared.plan.is_empty() {
        unrecorded::forget(root)?;
    }
    root.forget_changes();
    let executed = execute(root, &prepared.plan)?;
    let mut state = prepared.fold.settled();
    state.repeated.extend(repeat::done(&executed, &prepared.fold.state));
    state.declared = systemd::declared_after(root, &prepared.fold.state, &executed);
    let made = root.take_changes();
    state.directories = directories::remembered(root, &state.directories, &made);
    if let Some(mut event) = event(&options.revert, &prepared.restored, made) {
        appender.append(&mut event)?;
        state.note_appended(&event);
        journal.events.push(event);
    }
    let is_indexed = retain(root, &appender, &mut journal, &mut state)?;
    let state_written = state.save(root)?;
    unrecorded::remember(root, Some((&facts.installed, &outside)))?;
    appender.close_part(root, journal::PART_LIMIT)?;
    if is_indexed {
        journal.write_index(root, facts.config.journal.keep.events())?;
    }
    sync(root, &prepared.plan)?;
    let failed = failures(&executed);
    let mut plan = prepared.plan;
    plan.notes.extend(failed);
    plan.notes.extend(outside.iter().map(Outside::note));
    plan.notes.extend(refused::notes(root, &journal, &[])?);
    Ok(SettleResult {
        plan,
        left: prepared.restored.notes,
        overruled: prepared.overruled,
        plugins: state.plugins.len(),
        gone: prepared.fold.gone.into_keys().collect(),
        state_written,
    })
}

/// The recorded events that are in effect; all recorded events if one that is to be reverted is not
/// among these.
fn records(root: &Root, before: &State, revert: &Revert) -> Result<Journal> {
    let journal = Journal::standing(root, before.last_event)?;
    let is_there = |id: &u64| journal.events.binary_search_by_key(id, |event| event.id).is_ok();
    match revert.events.iter().all(is_there) {
        true => Ok(journal),
        false => Journal::read(root),
    }
}

/// Leaves out of the journal and the state what makes no difference any more and will be in closed parts;
/// says whether an index of them is to be written.
fn retain(root: &Root, appender: &Appender, journal: &mut Journal, state: &mut State) -> Result<bool> {
    let closed = last_closed_event(root)?;
    let closes = appender.is_to_close(root, journal::PART_LIMIT)?;
    if !closes && (closed == 0 || !journal.is_complete()) {
        return Ok(false);
    }
    let through = if closes { state.last_event } else { closed };
    leave_out(journal, state, through);
    Ok(true)
}

/// Writes through to the disk what was changed, and the records of it.
fn sync(root: &Root, plan: &Plan) -> Result<()> {
    root.sync_all(plan.changes.iter().map(|change| Path::new(&change.path)))?;
    journal::sync(root)
}

/// How the paths of run levels' links begin: those are put back by asking for them.
const RUN_LEVELS: &str = "/etc/rc";

/// The event that records what was restored, so that later restores recognise nodeshim's own changes.
/// None if nothing was restored.
fn event(revert: &Revert, restored: &Contribution, made: Vec<Change>) -> Option<Event> {
    let is_restored = |change: &Change| {
        let mut planned = restored.changes.iter().chain(&restored.after_files);
        planned.any(|planned| change.path == planned.path.as_str())
            || change.path.shown().starts_with(RUN_LEVELS)
    };
    let changes: Vec<Change> = made.into_iter().filter(is_restored).collect();
    let asked = !revert.plugins.is_empty() || !revert.events.is_empty();
    if changes.is_empty() && !asked {
        return None;
    }
    let mut argv = vec![
        Escaped::new("nodeshim"),
        Escaped::new(if asked { "revert" } else { "settle" }),
    ];
    argv.extend(revert.plugins.iter().map(Escaped::new));
    argv.extend(revert.events.iter().map(|event| Escaped::new(event.to_string())));
    let time = now();
    Some(Event {
        argv,
        changes,
        ..Event::new(time, Tool::Nodeshim, Origin::default())
    })
}

/// What was settled last, and the requests that still count with what will be recorded at the next settling;
/// only reads.
pub(crate) fn recorded(root: &Root) -> Result<(State, Journal)> {
    let before = State::load(root)?;
    let journal = unrecorded::with_found(root, Journal::standing(root, before.last_event)?)?;
    Ok((before, journal))
}

/// What settling would do; only reads. Nothing where [`settle`] leaves the image alone.
///
/// # Errors
/// Those of [`Planner::plan`], and a damaged journal or state.
pub fn plan(root: &Root, facts: &Facts) -> Result<Plan> {
    if !is_due(root)? {
        return Ok(Plan::default());
    }
    let (before, mut journal) = recorded(root)?;
    origins::learn(root, &mut journal, before.last_event)?;
    let mut plan = Planner::new(root, facts, &journal).since(before).plan()?.plan;
    plan.notes.extend(refused::notes(root, &journal, &plan.changes)?);
    Ok(plan)
}

/// The state as it would be written now; only reads.
///
/// # Errors
/// Those of [`Planner::plan`], and a damaged journal or state.
pub fn state(root: &Root, facts: &Facts) -> Result<State> {
    let (before, journal) = recorded(root)?;
    Ok(Planner::new(root, facts, &journal).since(before).plan()?.fold.settled())
}
