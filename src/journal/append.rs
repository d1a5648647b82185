//! Appending to the journal.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use nix::unistd::ftruncate;
use serde::Serialize;

use super::parts::{beginning, last_closed};
use super::{
    DIRECTORY, Event, HEADER, LOCK_PATH, PATH, TORN_PATH, TRAILER_START, check_header, parse_trailer, trailer,
};
use crate::error::{Error, Result, if_exists};
use crate::root::{Lock, Root};

/// The end of a file is looked at in steps of this many bytes.
const STEP: u64 = 4096;

/// The journal, locked and open for appending: whoever holds it is the only one who changes the
/// image on behalf of a scriptlet.
#[derive(Debug)]
pub struct Appender {
    file: File,
    next_id: u64,
    length: u64,
    /// How many bytes of a torn tail were cut when the journal was opened.
    pub torn: Option<u64>,
    _lock: Option<Lock>,
}

#[derive(Serialize)]
struct Document<T> {
    event: [T; 1],
}

impl Appender {
    /// Waits for the lock, then opens the journal, or makes it. A journal of a newer format is
    /// refused. A torn tail is moved to `journal.torn` and cut.
    pub fn open(root: &Root) -> Result<Appender> {
        let lock = match root.lock(LOCK_PATH) {
            Err(error) if error.is_missing() => {
                root.create_dirs(DIRECTORY, 0o755)?;
                root.lock(LOCK_PATH)?
            }
            lock => lock?,
        };
        Appender::open_with(root, Some(lock))
    }

    /// Opens the journal in a process that holds the lock through another value.
    pub fn open_locked(root: &Root) -> Result<Appender> {
        Appender::open_with(root, None)
    }

    fn open_with(root: &Root, lock: Option<Lock>) -> Result<Appender> {
        let file = root.open_append(PATH, 0o644)?;
        let io = |error: std::io::Error| Error::std_io(PATH, &error);
        let length = file.metadata().map_err(io)?.len();
        let mut appender = Appender {
            file,
            next_id: 1,
            length,
            torn: None,
            _lock: lock,
        };
        if length < HEADER.len() as u64 {
            appender.begin(root)?;
        } else {
            let mut start = [0; 64];
            let got = appender.file.read_at(&mut start, 0).map_err(io)?;
            check_header(&start[..got], PATH)?;
            appender.find_end(root)?;
        }
        Ok(appender)
    }

    /// Opens what is the journal now.
    pub(super) fn reopen(&mut self, root: &Root) -> Result<()> {
        let lock = self._lock.take();
        *self = Appender::open_with(root, lock)?;
        Ok(())
    }

    /// Writes the start of a journal that is new, or was torn within its first line.
    fn begin(&mut self, root: &Root) -> Result<()> {
        let last = last_closed(root, Some(&self.file))?;
        self.next_id = last + 1;
        self.cut(0)?;
        self.write(beginning(last).as_bytes())
    }

    /// Finds the last whole event from the end of the file.
    fn find_end(&mut self, root: &Root) -> Result<()> {
        let end = find_end(&self.file, self.length)?;
        // A journal without any event, not even of another part.
        let last = end.last.map_or_else(|| last_closed(root, Some(&self.file)), Ok)?;
        self.next_id = last + 1;
        self.drop_tail(root, end.end, &end.tail)
    }

    fn drop_tail(&mut self, root: &Root, end: u64, torn: &[u8]) -> Result<()> {
        if torn.is_empty() {
            return Ok(());
        }
        let mut kept = if_exists(root.read(TORN_PATH))?.unwrap_or_default();
        kept.extend_from_slice(torn);
        kept.push(b'\n');
        root.write(TORN_PATH, &kept, None)?;
        self.torn = Some(torn.len() as u64);
        self.cut(end)
    }

    fn cut(&mut self, length: u64) -> Result<()> {
        ftruncate(&self.file, length as i64).map_err(|errno| Error::io(PATH, errno))?;
        self.length = length;
        Ok(())
    }

    /// The open journal.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// How long the journal is, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The id that the next event gets.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Appends an event under the next id, in one write. When the disk is full the journal is as
    /// it was before, and the error says so.
    pub fn append(&mut self, event: &mut Event) -> Result<()> {
        event.id = self.next_id;
        let mut text = render(&*event)?;
        if text.lines().any(|line| line.starts_with(TRAILER_START)) {
            text = render(masked(event)?)?;
        }
        text.push_str(&trailer(event.id, text.len()));
        self.write(text.as_bytes())?;
        self.next_id += 1;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let before = self.length;
        match (&self.file).write_all(bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half an event is worse than none; if cutting fails too, the next append cuts.
                let _ = self.cut(before);
                Err(Error::std_io(PATH, &error))
            }
        }
    }
}

fn render(event: impl Serialize) -> Result<String> {
    let text = toml::to_string(&Document { event: [event] }).map_err(bad)?;
    Ok(format!("\n{text}"))
}

fn bad(error: impl std::fmt::Display) -> Error {
    Error::malformed(PATH, error.to_string())
}

/// The event with the `#` of what would look like a trailer in a text of several lines written as
/// `\x23`, which [`crate::escape::unescape`] turns back. Its keys come in another order.
fn masked(event: &Event) -> Result<toml::Value> {
    fn mask(value: &mut toml::Value) {
        match value {
            toml::Value::String(text) => *text = text.replace(TRAILER_START, r"\x23 end "),
            toml::Value::Array(values) => values.iter_mut().for_each(mask),
            toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| mask(value)),
            _ => {}
        }
    }
    let mut value = toml::Value::try_from(event).map_err(bad)?;
    mask(&mut value);
    Ok(value)
}

/// The end of a journal.
pub(super) struct End {
    /// Its last whole event, or the last one before it; none if it has no event and follows none.
    pub last: Option<u64>,
    /// Where what is whole ends.
    end: u64,
    /// What follows there.
    tail: Vec<u8>,
}

/// Finds the end of a journal of this many bytes from behind.
pub(super) fn find_end(file: &File, length: u64) -> Result<End> {
    let mut tail: Vec<u8> = Vec::new();
    let mut start = length;
    loop {
        let step = STEP.min(start);
        start -= step;
        let mut chunk = vec![0; step as usize];
        file.read_exact_at(&mut chunk, start).map_err(|error| Error::std_io(PATH, &error))?;
        chunk.append(&mut tail);
        tail = chunk;
        let found = last_trailer(&tail, start == 0);
        if found.is_none() && start > 0 {
            continue;
        }
        let header = HEADER.len().min(tail.len());
        let end = found.map_or(header, |(_, end)| end);
        return Ok(End {
            last: found.map(|(id, _)| id),
            end: start + end as u64,
            tail: tail.split_off(end),
        });
    }
}

/// The id of the last whole event in `tail`, and where its trailer ends. `whole` says that `tail`
/// begins at the start of the file.
fn last_trailer(tail: &[u8], whole: bool) -> Option<(u64, usize)> {
    let mut end = tail.len();
    while let Some(newline) = tail[..end].iter().rposition(|byte| *byte == b'\n') {
        let start = tail[..newline].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let complete = start > 0 || whole;
        let line = str::from_utf8(&tail[start..newline]).unwrap_or_default();
        if let Some((id, _)) = parse_trailer(line).filter(|_| complete) {
            return Some((id, newline + 1));
        }
        end = newline;
    }
    None
}
