//! An append-only TOML file of records, each closed by a trailer line: what the journal and the
//! record of changed files have in common.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use nix::unistd::ftruncate;
use serde::Serialize;

use super::parts::beginning;
use super::{HEADER, TRAILER_START, check_header, parse_trailer, trailer};
use crate::error::{Error, Result, if_exists};
use crate::root::Root;

/// The end of a file is looked at in steps of this many bytes.
const STEP: u64 = 4096;

/// An append-only file of records.
#[derive(Debug, Clone, Copy)]
pub struct LogFile {
    /// Where it is in the image.
    pub path: &'static str,
    /// What a torn tail is moved to.
    pub torn_path: &'static str,
    /// The number of the last record before this file, asked for where it holds none.
    pub before: fn(&Root, &File) -> Result<u64>,
}

/// Such a file, open for appending. Whoever opens it sees to it that nobody else does.
#[derive(Debug)]
pub struct Tail {
    of: LogFile,
    file: File,
    next_id: u64,
    length: u64,
    /// How many bytes of a torn tail were cut when the file was opened.
    pub torn: Option<u64>,
}

impl Tail {
    /// Opens the file, or makes it. A newer format is refused. A torn tail is set aside and cut.
    pub fn open(root: &Root, of: LogFile) -> Result<Tail> {
        let file = root.open_append(of.path, 0o644)?;
        let io = |error: std::io::Error| Error::std_io(of.path, &error);
        let length = file.metadata().map_err(io)?.len();
        let mut tail = Tail {
            of,
            file,
            next_id: 1,
            length,
            torn: None,
        };
        if length < HEADER.len() as u64 {
            tail.begin(root)?;
        } else {
            let mut start = [0; 64];
            let got = tail.file.read_at(&mut start, 0).map_err(io)?;
            check_header(&start[..got], of.path)?;
            tail.find_end(root)?;
        }
        Ok(tail)
    }

    /// Writes the start of a file that is new, or was torn within its first line.
    fn begin(&mut self, root: &Root) -> Result<()> {
        let last = (self.of.before)(root, &self.file)?;
        self.next_id = last + 1;
        self.cut(0)?;
        self.write(beginning(last).as_bytes())
    }

    /// Finds the last whole record from the end of the file.
    fn find_end(&mut self, root: &Root) -> Result<()> {
        let end = find_end(&self.file, self.length, self.of.path)?;
        let last = end.last.map_or_else(|| (self.of.before)(root, &self.file), Ok)?;
        self.next_id = last + 1;
        self.drop_tail(root, end.end, &end.tail)
    }

    fn drop_tail(&mut self, root: &Root, end: u64, torn: &[u8]) -> Result<()> {
        if torn.is_empty() {
            return Ok(());
        }
        let mut kept = if_exists(root.read(self.of.torn_path))?.unwrap_or_default();
        kept.extend_from_slice(torn);
        kept.push(b'\n');
        root.write(self.of.torn_path, &kept, None)?;
        self.torn = Some(torn.len() as u64);
        self.cut(end)
    }

    fn cut(&mut self, length: u64) -> Result<()> {
        ftruncate(&self.file, length as i64).map_err(|errno| Error::io(self.of.path, errno))?;
        self.length = length;
        Ok(())
    }

    /// The open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// How long the file is, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The id that the next record gets.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Appends a document that holds one record, which carries [`Tail::next_id`], in one write.
    /// When the disk is full the file is as it was before, and the error says so.
    pub fn append(&mut self, document: &impl Serialize) -> Result<()> {
        let mut text = self.render(document)?;
        if text.lines().any(|line| line.starts_with(TRAILER_START)) {
            // Read back rather than made from the document: a second serializer for every type costs
            // the shim 15 kB.
            let mut table: toml::Table = text.parse().map_err(|error| self.bad(error))?;
            table.iter_mut().for_each(|(_, value)| mask(value));
            text = self.render(&table)?;
        }
        text.push_str(&trailer(self.next_id, text.len()));
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
                // Half a record is worse than none; if cutting fails too, the next append cuts.
                let _ = self.cut(before);
                Err(Error::std_io(self.of.path, &error))
            }
        }
    }

    fn render(&self, document: &impl Serialize) -> Result<String> {
        let text = toml::to_string(document).map_err(|error| self.bad(error))?;
        Ok(format!("\n{text}"))
    }

    fn bad(&self, error: impl std::fmt::Display) -> Error {
        Error::malformed(self.of.path, error.to_string())
    }
}

/// Writes the `#` of what would look like a trailer in a text of several lines as `\x23`, which
/// [`crate::escape::unescape`] turns back. A document that went through this has its keys in
/// another order.
fn mask(value: &mut toml::Value) {
    match value {
        toml::Value::String(text) => *text = text.replace(TRAILER_START, r"\x23 end "),
        toml::Value::Array(values) => values.iter_mut().for_each(mask),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| mask(value)),
        _ => {}
    }
}

/// The end of such a file.
pub(super) struct End {
    /// Its last whole record, or the last one before it; none if it has no record and follows none.
    pub last: Option<u64>,
    /// Where what is whole ends.
    end: u64,
    /// What follows there.
    tail: Vec<u8>,
}

/// Finds the end of the file at `path`, which has this many bytes, from behind.
pub(super) fn find_end(file: &File, length: u64, path: &str) -> Result<End> {
    let mut tail: Vec<u8> = Vec::new();
    let mut start = length;
    loop {
        let step = STEP.min(start);
        start -= step;
        let mut chunk = vec![0; step as usize];
        file.read_exact_at(&mut chunk, start).map_err(|error| Error::std_io(path, &error))?;
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

/// The id of the last whole record in `tail`, and where its trailer ends. `whole` says that `tail`
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
