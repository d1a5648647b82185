//! What a run needs at its end and would lose if it died: the first event whose origin may be missing,
//! and the packages of all scriptlets before the transaction. `run.toml` exists during a run; a later
//! nodeshim that finds it looks up the origins instead.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::firewalld::note_firewalld;
use super::packages::PackagesBefore;
use crate::attribution::{FoundBy, Origins, Owners, resolve};
use crate::error::{Error, Result};
use crate::intercept::{self, Disarmed, ImageLock, RUN_PATH as PATH};
use crate::journal::{self, Event, Journal};
use crate::root::Root;
use crate::rpmdb::{owners, scriptlets};
use crate::unrecorded;

const FORMAT: u64 = 1;

/// An active run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    format: u64,
    /// Its first event, if it makes any.
    first: u64,
    /// The scriptlets that were installed before it, if they may be asked for.
    #[serde(default)]
    before: Owners,
}

impl Pending {
    /// Notes that a run begins.
    pub(super) fn begin(root: &Root, first: u64, before: Owners) -> Result<Pending> {
        let pending = Pending {
            format: FORMAT,
            first,
            before,
        };
        let text = toml::to_string(&pending).map_err(|error| Error::malformed(PATH, error.to_string()))?;
        root.write_synced(PATH, text.as_bytes(), None)?;
        root.sync(journal::DIRECTORY)?;
        Ok(pending)
    }

    fn load(root: &Root) -> Result<Option<Pending>> {
        let Some(text) = root.read_own(PATH)? else {
            return Ok(None);
        };
        let pending: Pending =
            toml::from_str(&text).map_err(|error| Error::damaged(PATH, error.message()))?;
        if pending.format > FORMAT {
            return Err(Error::NewerFormat {
                path: PATH.into(),
                found: pending.format,
                supported: FORMAT,
            });
        }
        Ok(Some(pending))
    }

    /// Looks up the origins of requests that have none; returns all of the run's events.
    pub(super) fn end(self, root: &Root) -> Result<Vec<Event>> {
        let events = Journal::since(root, self.first)?;
        let open: Vec<Event> = events.iter().filter(|event| is_open(event)).cloned().collect();
        if !open.is_empty() {
            let mut origins = Origins::load(root)?;
            let open = open.iter().map(|event| (event.id, &event.origin));
            resolve(open, &self.before, &owners(&scriptlets(root)?), &mut origins);
            origins.save(root)?;
        }
        root.remove(PATH)?;
        unrecorded::remember(root, None)?;
        let changes = events.iter().flat_map(|event| &event.changes);
        root.sync_all(changes.map(|change| PathBuf::from(change.path.raw())))?;
        journal::sync(root)?;
        Ok(events)
    }
}

/// Arms an image for commands that others start. It notes which package each scriptlet is of, for the disarming.
///
/// # Errors
/// What [`intercept::arm`] refuses, and records that cannot be read or written.
pub fn arm(root: &Root, shim: &[u8]) -> Result<()> {
    intercept::check_image(root)?;
    record_found(root)?;
    // Without an rpm to ask, origins are learnt from the packages that are there afterwards.
    let before = scriptlets(root).map(|found| owners(&found)).unwrap_or_else(|error| {
        log::warn!("the scriptlets of the installed packages are not known: {error}");
        Owners::new()
    });
    root.create_dirs(journal::DIRECTORY, 0o755)?;
    note_firewalld(root, &mut PackagesBefore::new(root))?;
    let pending = Pending::begin(root, journal::last_event(root)? + 1, before)?;
    let armed = intercept::arm(root, shim);
    if armed.is_err() {
        pending.end(root)?;
    }
    armed.map(drop)
}

/// Records what was done to the image before it is armed, if anything was.
pub(super) fn record_found(root: &Root) -> Result<()> {
    match root.exists(unrecorded::PATH) {
        true => unrecorded::record(root, &mut journal::Appender::open(root)?).map(drop),
        false => Ok(()),
    }
}

/// Puts right what an earlier nodeshim that died has left, and learns the origins that it would have
/// learnt; says what shims were taken out, if any.
///
/// # Errors
/// Those of [`intercept::repair`], and records that cannot be read or written.
pub fn repair(root: &Root, hold: &ImageLock) -> Result<Option<Disarmed>> {
    let repaired = intercept::repair(root, hold)?;
    finish_interrupted(root)?;
    Ok(repaired)
}

/// Learns the origins that a run which died would have learnt.
///
/// # Errors
/// If what it noted cannot be read.
pub(crate) fn finish_interrupted(root: &Root) -> Result<()> {
    match Pending::load(root)? {
        Some(pending) => pending.end(root).map(drop),
        None => Ok(()),
    }
}

/// Whether it may be found out by its script who made a request.
pub(crate) fn is_open(event: &Event) -> bool {
    event.origin.found_by == FoundBy::Unknown && event.origin.script.is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn run_toml_is_read_again_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        root.create_dirs("/usr/lib/sysimage/nodeshim", 0o755).unwrap();
        assert!(Pending::load(&root).unwrap().is_none());
        let owner = ("a-1-1.noarch".to_owned(), "%post".to_owned());
        let before: Owners = [("abc".to_owned(), BTreeSet::from([owner]))].into();
        Pending::begin(&root, 7, before.clone()).unwrap();
        let pending = Pending::load(&root).unwrap().unwrap();
        assert_eq!((pending.first, &pending.before), (7, &before));
        assert_eq!(pending.end(&root).unwrap(), []);
        assert!(Pending::load(&root).unwrap().is_none());
        root.write(PATH, b"format = 2\nfirst = 1\n", None).unwrap();
        assert!(Pending::load(&root).is_err());
    }
}
