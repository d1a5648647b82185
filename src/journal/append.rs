//! Appending to the journal.

use serde::Serialize;

use super::parts::{Part, is_same, last_closed, named};
use super::{DIRECTORY, Event, LOCK_PATH, LogFile, PATH, TORN_PATH, Tail, beginning};
use crate::error::{Error, Result};
use crate::root::{Lock, Root};

/// The journal's own file, which may follow on closed parts.
const FILE: LogFile = LogFile {
    path: PATH,
    torn_path: TORN_PATH,
    before: |root, file| last_closed(root, Some(file)),
};

/// The journal, locked and open for appending: while it is held, no other call changes the image.
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
    ///
    /// # Errors
    /// A damaged journal, one of a newer format, and a lock that another process holds for half a minute.
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
        let tail = Tail::open(root, FILE).map_err(Error::of_own_file)?;
        Ok(Appender {
            torn: tail.torn,
            tail,
            _lock: lock,
        })
    }

    /// Whether closing begins a new journal: it is larger than `limit` bytes and holds an event.
    ///
    /// # Errors
    /// If the closed parts cannot be listed.
    pub(crate) fn is_to_close(&self, root: &Root, limit: u64) -> Result<bool> {
        Ok(self.to_close(root, limit)?.is_some())
    }

    /// The first and the last event of the part that closing makes; nothing if the journal stays as it is.
    fn to_close(&self, root: &Root, limit: u64) -> Result<Option<(u64, u64)>> {
        if self.tail.length() <= limit {
            return Ok(None);
        }
        let last = self.next_id() - 1;
        let first = last_closed(root, Some(self.tail.file()))? + 1;
        Ok((first <= last).then_some((first, last)))
    }

    /// Closes the journal and begins a new one if it is larger than `limit` bytes; says whether it
    /// did. Its events get a second name before the first one goes to a new file in one step, so
    /// that no reader finds a journal that lacks events or starts its numbers again.
    ///
    /// # Errors
    /// If a part cannot be named or the new file cannot be written; the journal is complete all the same.
    pub fn close_part(&mut self, root: &Root, limit: u64) -> Result<bool> {
        let Some((first, last)) = self.to_close(root, limit)? else {
            return Ok(false);
        };
        for interrupted in named(root)?.iter().filter(|part| is_same(root, part, Some(self.tail.file()))) {
            root.remove(&interrupted.path)?;
        }
        root.hard_link(PATH, Part::plain_path(first, last))?;
        root.write(PATH, beginning(last).as_bytes(), None)?;
        self.reopen(root)?;
        Ok(true)
    }

    /// Opens what is the journal now.
    fn reopen(&mut self, root: &Root) -> Result<()> {
        let lock = self._lock.take();
        *self = Appender::open_with(root, lock)?;
        Ok(())
    }

    /// The id that the next event gets.
    pub(crate) fn next_id(&self) -> u64 {
        self.tail.next_id()
    }

    /// Appends an event under the next id, in one write. When the disk is full the journal is as
    /// it was before, and the error says so.
    ///
    /// # Errors
    /// If the event cannot be written whole.
    pub fn append(&mut self, event: &mut Event) -> Result<()> {
        event.id = self.next_id();
        self.tail.append(&Document { event: [event] })
    }
}
