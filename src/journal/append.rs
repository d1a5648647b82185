//! Appending to the journal.

use std::fs::File;

use serde::Serialize;

use super::parts::last_closed;
use super::{DIRECTORY, Event, LOCK_PATH, LogFile, PATH, TORN_PATH, Tail};
use crate::error::{Error, Result};
use crate::root::{Lock, Root};

/// The journal's own file, which may follow on closed parts.
const FILE: LogFile = LogFile {
    path: PATH,
    torn_path: TORN_PATH,
    before: |root, file| last_closed(root, Some(file)),
};

/// The journal, locked and open for appending: whoever holds it is the only one who changes the
/// image on behalf of a scriptlet.
#[derive(Debug)]
pub struct Appender {
    tail: Tail,
    /// How many bytes of a torn tail were cut when the journal was opened.
    pub torn: Option<u64>,
    _lock: Option<Lock>,
}

#[derive(Serialize)]
struct Document<'e> {
    event: [&'e Event; 1],
}

impl Appender {
    /// Waits for the lock, then opens the journal, or makes it. A journal of a newer format is
    /// refused. A torn tail is moved to `journal.torn` and cut.
    pub fn open(root: &Root) -> Result<Appender> {
        let lock = match root.lock_soon(LOCK_PATH) {
            Err(error) if error.is_missing() => {
                root.create_dirs(DIRECTORY, 0o755)?;
                root.lock_soon(LOCK_PATH)?
            }
            lock => lock.map_err(Error::of_own_file)?,
        };
        Appender::open_with(root, Some(lock))
    }

    /// Opens the journal in a process that holds the lock through another value.
    pub fn open_locked(root: &Root) -> Result<Appender> {
        Appender::open_with(root, None)
    }

    fn open_with(root: &Root, lock: Option<Lock>) -> Result<Appender> {
        let tail = Tail::open(root, FILE)?;
        Ok(Appender {
            torn: tail.torn,
            tail,
            _lock: lock,
        })
    }

    /// Opens what is the journal now.
    pub(super) fn reopen(&mut self, root: &Root) -> Result<()> {
        let lock = self._lock.take();
        *self = Appender::open_with(root, lock)?;
        Ok(())
    }

    /// The open journal.
    pub(super) fn file(&self) -> &File {
        self.tail.file()
    }

    /// How long the journal is, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.tail.length()
    }

    /// The id that the next event gets.
    pub fn next_id(&self) -> u64 {
        self.tail.next_id()
    }

    /// Appends an event under the next id, in one write. When the disk is full the journal is as
    /// it was before, and the error says so.
    pub fn append(&mut self, event: &mut Event) -> Result<()> {
        event.id = self.next_id();
        self.tail.append(&Document { event: [event] })
    }
}
