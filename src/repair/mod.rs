//! Putting an image's records right after a power cut, a full disk or a package has damaged them: what
//! can be known from the state, the rpm database and the files is written again, what cannot is set
//! aside and named. Nothing of the firewall or the units changes here.

mod rebuild;

use std::collections::BTreeSet;
use std::path::Path;

use crate::attribution::{ORIGINS_PATH, Origins, resolve};
use crate::audit;
use crate::boot;
use crate::error::{Error, Result, if_exists};
use crate::intercept::{self, ARMED_PATH, Armed, ImageLock, RUN_LOCK_PATH, RUN_PATH, set_aside};
use crate::journal::{self, Event, Journal, Salvaged, rewrite, salvage};
use crate::policy;
use crate::root::{Kind, Root, made_changeable};
use crate::rpmdb::{owners, scriptlets};
use crate::run;
use crate::state::{self, State};
use crate::tool::Tool;
use crate::trust;
use crate::unrecorded;

use rebuild::placeholders;

/// What was done, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// A line for each thing that was put right or set aside.
    pub lines: Vec<String>,
}

impl Repaired {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }
}

/// Repairs an image. With `accept_loss`, requests that the journal has lost count as never made, and
/// settling will revert what only they asked for; else they are restored from the state.
///
/// # Errors
/// If another nodeshim is at work on the image, or the disk fails.
pub fn repair(root: &Root, accept_loss: bool) -> Result<Repaired> {
    let mut done = Repaired::default();
    root.create_dirs(journal::DIRECTORY, 0o755)?;
    make_changeable(root, &mut done)?;
    for lock in [RUN_LOCK_PATH, journal::LOCK_PATH] {
        let is_file = |kind| kind == Kind::File;
        if if_exists(root.meta(lock))?.is_some_and(|meta| !is_file(meta.kind)) {
            aside(root, lock, "is no file", &mut done)?;
        }
    }
    let hold = ImageLock::take(root, |_| false)?;
    take_out_shims(root, &hold, &mut done)?;
    let state = load_state(root, &mut done)?;
    repair_journal(root, state, accept_loss, &mut done)?;
    for (path, is_good) in [
        (audit::PATH, audit::Audit::read(root).is_ok()),
        (trust::PATH, trust::Record::load(root).is_ok()),
        (boot::PATH, boot::Applied::load(root).is_ok()),
        (unrecorded::PATH, unrecorded::is_readable(root)),
    ] {
        if !is_good {
            aside(root, path, "cannot be read", &mut done)?;
        }
    }
    if root.exists(policy::RUN_PATH) {
        aside(root, policy::RUN_PATH, "is of a run that is over", &mut done)?;
    }
    journal::sync(root)?;
    Ok(done)
}

/// Removes attributes that chattr(1) gave to records.
fn make_changeable(root: &Root, done: &mut Repaired) -> Result<()> {
    let directory = Path::new(journal::DIRECTORY);
    let names = root.list(directory)?.into_iter().map(|entry| directory.join(entry.name));
    let locked = root.make_all_changeable(std::iter::once(directory.to_owned()).chain(names))?;
    locked.iter().for_each(|path| done.say(made_changeable(path)));
    Ok(())
}

fn aside(root: &Root, path: &str, why: &str, done: &mut Repaired) -> Result<()> {
    let place = set_aside(root, path)?;
    done.say(format!("{path}: {why}; kept as {}", place.display()));
    Ok(())
}

fn take_out_shims(root: &Root, hold: &ImageLock, done: &mut Repaired) -> Result<()> {
    if let Err(error @ Error::NewerFormat { .. }) = Armed::load(root) {
        aside(root, ARMED_PATH, &error.to_string(), done)?;
    }
    if let Some(disarmed) = intercept::repair(root, hold)? {
        done.say("took the shims out");
        disarmed.problems.into_iter().for_each(|problem| done.say(problem));
    }
    if let Err(error) = Origins::load(root) {
        aside(root, ORIGINS_PATH, &error.to_string(), done)?;
        done.say("origins that only it knew are looked up in the rpm database");
    }
    Ok(())
}

/// The state; where it cannot be read, what the journal adds up to.
fn load_state(root: &Root, done: &mut Repaired) -> Result<Option<State>> {
    match State::load(root) {
        Ok(state) if root.exists(state::PATH) => Ok(Some(state)),
        Ok(_) => Ok(None),
        Err(error @ (Error::Malformed { .. } | Error::NewerFormat { .. } | Error::Io { .. })) => {
            aside(root, state::PATH, &error.to_string(), done)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn repair_journal(root: &Root, state: Option<State>, accept_loss: bool, done: &mut Repaired) -> Result<()> {
    let mut salvaged = salvage(root)?;
    let known = state.clone().unwrap_or_default();
    if !known.is_of(&salvaged.events) {
        done.say("the image was settled with another journal: a new one continues its numbers");
        let base = known.last_event;
        salvaged.events.iter_mut().for_each(|event| event.id += base);
        salvaged.damaged.push(journal::PATH.to_owned());
    }
    let lost = known.lost(&salvaged.events, salvaged.removed);
    if !lost.is_empty() || !salvaged.damaged.is_empty() {
        // The new journal is numbered from 1 on, so that what was removed gets its numbers, too.
        let lost = known.lost(&salvaged.events, 0);
        write_journal(root, &known, salvaged, &lost, accept_loss, done)?;
    }
    // Where a run was interrupted, its origins are still to be learnt.
    if let Err(error) = run::finish_interrupted(root) {
        aside(root, RUN_PATH, &error.to_string(), done)?;
    }
    let events = Journal::read(root)?.events;
    look_up_origins(root, &events)?;
    if state.is_none() && !events.is_empty() {
        let state = State {
            reverted: reverted(&events),
            ..State::default()
        };
        state.save(root)?;
        done.say("state.toml is written again from the journal; run settle to complete it");
    } else if let Some(mut state) = state {
        state.note_journal(&events);
        state.save(root)?;
    }
    Ok(())
}

fn write_journal(
    root: &Root,
    state: &State,
    mut salvaged: Salvaged,
    lost: &[u64],
    accept_loss: bool,
    done: &mut Repaired,
) -> Result<()> {
    for path in &salvaged.damaged {
        if root.exists(path) {
            let place = set_aside(root, path)?;
            done.say(format!("{path}: is damaged; kept as {}", place.display()));
        }
    }
    let (events, unknown) = placeholders(state, lost, accept_loss);
    if !lost.is_empty() {
        done.say(match accept_loss {
            true => format!("{} lost requests are given up", lost.len()),
            false => format!(
                "of {} lost requests {} are restored from the state; {unknown} had no lasting effect",
                lost.len(),
                lost.len() - unknown
            ),
        });
    }
    salvaged.events.extend(events);
    salvaged.events.sort_by_key(|event| event.id);
    rewrite(root, &salvaged.events, &salvaged.files)
}

/// Looks up the origins of requests that have none.
fn look_up_origins(root: &Root, events: &[Event]) -> Result<()> {
    let open: Vec<Event> = events.iter().filter(|event| run::is_open(event)).cloned().collect();
    if open.is_empty() {
        return Ok(());
    }
    let mut origins = Origins::load(root)?;
    let open = open.iter().map(|event| (event.id, &event.origin));
    resolve(open, &owners([]), &owners(&scriptlets(root)?), &mut origins);
    origins.save(root)
}

/// The requests that administrators reverted, according to the journal.
fn reverted(events: &[Event]) -> BTreeSet<u64> {
    let mut reverted = BTreeSet::new();
    for event in events.iter().filter(|event| event.tool == Tool::Nodeshim) {
        if event.argv.get(1).is_none_or(|verb| verb != "revert") {
            continue;
        }
        for word in event.argv.iter().skip(2) {
            let word = word.text().unwrap_or_default();
            match word.parse::<u64>() {
                Ok(id) => _ = reverted.insert(id),
                Err(_) => {
                    let of_plugin =
                        events.iter().filter(|one| one.id < event.id && one.origin.name() == word.as_str());
                    reverted.extend(of_plugin.map(|one| one.id));
                }
            }
        }
    }
    reverted
}
