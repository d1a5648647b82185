//! An append-only TOML file of records, each closed by a trailer line: what the journal and the
//! record of changed files have in common.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use nix::unistd::ftruncate;
use serde::Serialize;

use super::private::{OTHERS, OWNER};
use super::{HEADER, TRAILER_START, beginning, check_header, parse_trailer, trailer};
use crate::error::{Error, Result, if_exists};
use crate::root::{Kind, Root};

/// The end of a file is looked at in steps of this many bytes.
const STEP: u64 = 4096;
/// No trailer is longer: two numbers of at most 20 digits.
const MAX_TRAILER: usize = 64;
/// A longer file is refused: settling closes a journal that is larger than 4 MiB.
pub(super) const MAX_LENGTH: u64 = 256 << 20;
/// As much of a torn tail is kept, and of all torn tails together.
const MAX_TORN: u64 = 1 << 20;

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

/// Such a file, open for appending. The caller holds a lock against other writers.
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
    /// Opens the file, or makes it for its owner alone: digests of files that others may not read are in it. A newer
    /// format is refused. A torn tail is set aside and cut.
    pub fn open(root: &Root, of: LogFile) -> Result<Tail> {
        let file = root.open_append(of.path, OWNER)?;
        let io = |error: std::io::Error| Error::std_io(of.path, &error);
        let meta = file.metadata().map_err(io)?;
        let length = meta.len();
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
            // An earlier nodeshim let everybody read it.
            if meta.mode() & OTHERS != 0 {
                tail.file.set_permissions(Permissions::from_mode(OWNER)).map_err(io)?;
            }
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
        self.drop_tail(root, end.end)
    }

    fn drop_tail(&mut self, root: &Root, end: u64) -> Result<()> {
        let torn = self.length - end;
        if torn == 0 {
            return Ok(());
        }
        let mut tail = vec![0; torn.min(MAX_TORN) as usize];
        self.file
            .read_exact_at(&mut tail, end)
            .map_err(|error| Error::std_io(self.of.path, &error))?;
        let meta = if_exists(root.meta(self.of.torn_path))?;
        let mut kept = match meta {
            Some(meta) if meta.kind == Kind::File && meta.size < MAX_TORN => root.read(self.of.torn_path)?,
            _ => Vec::new(),
        };
        kept.append(&mut tail);
        kept.push(b'\n');
        // What lies in its place is not ours to remove, and no reason to record nothing more.
        if meta.is_none_or(|meta| meta.kind == Kind::File) {
            root.write(self.of.torn_path, &kept, Some(OWNER))?;
        }
        self.torn = Some(torn);
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
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Appends a document that holds one record, which carries [`Tail::next_id`], in one write.
    /// When the disk is full the file is as it was before, and the error says so.
    pub fn append(&mut self, document: &impl Serialize) -> Result<()> {
        self.write(record(document, self.next_id, self.of.path)?.as_bytes())?;
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
}

/// The text of a record of the file at `path`, with its trailer.
pub(super) fn record(document: &impl Serialize, id: u64, path: &str) -> Result<String> {
    let mut text = render(document, path)?;
    if text.lines().any(|line| line.starts_with(TRAILER_START)) {
        // Read back rather than made from the document: a second serializer for every type costs
        // the shim 15 kB.
        let parsed = text.parse::<toml::Table>();
        let mut table = parsed.map_err(|error| Error::malformed(path, error.to_string()))?;
        table.iter_mut().for_each(|(_, value)| mask(value));
        text = render(&table, path)?;
    }
    text.push_str(&trailer(id, text.len()));
    Ok(text)
}

fn render(document: &impl Serialize, path: &str) -> Result<String> {
    let text = toml::to_string(document).map_err(|error| Error::malformed(path, error.to_string()))?;
    Ok(format!("\n{text}"))
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
}

/// Finds the end of the file at `path`, which has this many bytes, from behind: each byte is looked at
/// once, however much follows the last record.
pub(super) fn find_end(file: &File, length: u64, path: &str) -> Result<End> {
    check_length(length, path)?;
    let mut from = length;
    // A trailer that begins in one piece may end in the next.
    let mut after: Vec<u8> = Vec::new();
    while from > 0 {
        let step = STEP.min(from);
        from -= step;
        let mut piece = vec![0; step as usize];
        file.read_exact_at(&mut piece, from).map_err(|error| Error::std_io(path, &error))?;
        let whole = piece.len();
        piece.extend_from_slice(&after);
        if let Some((id, end)) = last_trailer(&piece, whole, from == 0) {
            return Ok(End {
                last: Some(id),
                end: from + end as u64,
            });
        }
        piece.truncate(MAX_TRAILER);
        after = piece;
    }
    Ok(End {
        last: None,
        end: length.min(HEADER.len() as u64),
    })
}

/// Refuses a file that no nodeshim has written.
pub(super) fn check_length(length: u64, path: &str) -> Result<()> {
    match length > MAX_LENGTH {
        true => Err(Error::malformed(
            path,
            format!("is longer than {} MiB: nodeshim repair cuts it after its last record", MAX_LENGTH >> 20),
        )),
        false => Ok(()),
    }
}

/// The id of the last whole record whose trailer begins within the first `whole` bytes of `piece`, and
/// where that trailer ends. `is_start` says that `piece` begins at the start of the file.
fn last_trailer(piece: &[u8], whole: usize, is_start: bool) -> Option<(u64, usize)> {
    let mut before = whole;
    loop {
        // A trailer is a line: it follows a newline, or the file begins with it.
        let start = match piece[..before].iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None if is_start => 0,
            None => return None,
        };
        let line = &piece[start..piece.len().min(start + MAX_TRAILER)];
        if line.starts_with(TRAILER_START.as_bytes())
            && let Some(length) = line.iter().position(|byte| *byte == b'\n')
            && let Some((id, _)) = str::from_utf8(&line[..length]).ok().and_then(parse_trailer)
        {
            return Some((id, start + length + 1));
        }
        before = start.checked_sub(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(content: &[u8]) -> (Option<u64>, u64) {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        root.write("/log", content, None).unwrap();
        let end = find_end(&root.open_read("/log").unwrap(), content.len() as u64, "/log").unwrap();
        (end.last, end.end)
    }

    #[test]
    fn the_end_is_found_wherever_a_trailer_lies() {
        let whole = "format = 1\n\nx = 1\n# end 7 8\n";
        for torn in [0, 1, 40, STEP as usize - 20, STEP as usize - 5, 3 * STEP as usize] {
            for filler in [b'\0', b'\n', b'x'] {
                let content = [whole.as_bytes(), &vec![filler; torn]].concat();
                assert_eq!(end_of(&content), (Some(7), whole.len() as u64), "{torn} of {filler}");
            }
        }
        assert_eq!(end_of(b"format = 1\n# end 3 0"), (None, 11));
        assert_eq!(end_of(b"# end 3 0\n"), (Some(3), 10));
        assert_eq!(end_of(b"format = 1\nx # end 3 0\n"), (None, 11));
    }

    #[test]
    fn a_torn_tail_of_megabytes_costs_no_more_than_reading_it() {
        let content = [b"format = 1\n# end 3 0\n".as_slice(), &vec![0; 20 << 20]].concat();
        let began = std::time::Instant::now();
        assert_eq!(end_of(&content), (Some(3), 21));
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let error = check_length(8 << 30, "/log").unwrap_err().to_string();
        assert!(error.contains("nodeshim repair"), "{error}");
    }
}
