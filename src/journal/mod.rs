//! The journal: an append-only TOML file of events in the image.
//!
//! An event is written by one `write(2)` under a lock and ends with a line `# end ID LENGTH`, a
//! TOML comment. That line makes the cost of an append independent of what is recorded: the last
//! bytes of the file tell the next id, and whether a crash tore the last write. A torn tail is cut
//! off by the next append and kept aside; nothing before it is lost.
//!
//! Settling closes a large journal: it becomes `journal-FIRST-LAST.toml.zst`, and a new one begins with
//! a line `# end LAST 0`, so that its events count on. What still counts of closed parts is kept in an
//! index, so that only what shows the past reads them.

mod append;
#[cfg(feature = "admin")]
mod compressed;
#[cfg(feature = "admin")]
mod index;
mod parts;
mod private;
#[cfg(feature = "admin")]
mod read;
mod record;
mod replaced;
#[cfg(feature = "admin")]
mod salvage;
mod tail;
#[cfg(feature = "admin")]
mod text;

use std::path::Path;

use crate::attribution::SCRIPTS;
use crate::error::{Result, if_exists};
pub use crate::intent::Verdict;
use crate::layout;
use crate::root::{Kind, Root};
pub use append::Appender;
#[cfg(feature = "admin")]
pub use index::LeftOut;
pub(crate) use parts::has_closed_parts;
pub(crate) use private::keep_private;
#[cfg(feature = "admin")]
pub(crate) use read::last_closed_event;
#[cfg(feature = "admin")]
pub use read::{Journal, each_part, each_part_newest_first, last_event};
#[cfg(feature = "admin")]
pub(crate) use record::rfc3339;
#[cfg(feature = "admin")]
pub use record::seconds;
pub use record::{Event, Replayed, now, timestamp};
pub(crate) use replaced::keep_content;
pub use replaced::{is_kept, keep_replaced, replaced};
#[cfg(feature = "admin")]
pub use salvage::Salvaged;
#[cfg(feature = "admin")]
pub(crate) use salvage::{rewrite, salvage};
pub use tail::{LogFile, Tail};
#[cfg(feature = "admin")]
pub use text::Torn;
#[cfg(feature = "admin")]
pub(crate) use text::parse_log;

/// nodeshim's directory in the image, next to the rpm database of image-based systems.
pub const DIRECTORY: &str = layout::DIRECTORY;
/// The journal.
pub const PATH: &str = layout::JOURNAL;
/// A journal that is larger than this many bytes is closed when the image is settled.
pub const PART_LIMIT: u64 = 256 << 10;
/// What a torn tail is moved to.
pub const TORN_PATH: &str = layout::JOURNAL_TORN;
/// The lock that every writer holds. It is never renamed or removed.
pub(crate) const LOCK_PATH: &str = layout::LOCK;
/// The newest format that this build reads, and the one that it writes.
pub(crate) const FORMAT: u64 = 1;

const HEADER: &str = "format = 1\n";

/// What a trailer begins with, and no other line does.
const TRAILER_START: &str = "# end ";

/// Writes all records of the image through to the disk.
///
/// # Errors
/// If the disk fails.
pub fn sync(root: &Root) -> Result<()> {
    for directory in [SCRIPTS, replaced::REPLACED, DIRECTORY] {
        for entry in if_exists(root.list(directory))?.unwrap_or_default() {
            // What is compressed was written through when it was made.
            if entry.kind == Kind::File && !parts::is_compressed(&entry.name) {
                root.sync(Path::new(directory).join(entry.name))?;
            }
        }
        root.sync(directory)?;
    }
    Ok(())
}

/// Reads `format = N` off the first line of a journal.
fn check_header(start: &[u8], path: &str) -> Result<()> {
    use crate::error::Error;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let version = str::from_utf8(line)
        .ok()
        .and_then(|line| line.strip_prefix("format = "))
        .and_then(|version| version.trim().parse::<u64>().ok());
    match version {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(Error::NewerFormat {
            path: path.into(),
            found,
            supported: FORMAT,
        }),
        _ => Err(Error::malformed(path, "does not begin with a line `format = N`")),
    }
}

/// The start of a journal whose first event follows on `last`.
fn beginning(last: u64) -> String {
    match last {
        0 => HEADER.to_owned(),
        last => format!("{HEADER}{}", trailer(last, 0)),
    }
}

/// The trailer of the event with this id and length.
fn trailer(id: u64, length: usize) -> String {
    format!("{TRAILER_START}{id} {length}\n")
}

/// Takes a trailer line, without its newline, apart.
fn parse_trailer(line: &str) -> Option<(u64, usize)> {
    let (id, length) = line.strip_prefix(TRAILER_START)?.split_once(' ')?;
    Some((id.parse().ok()?, length.parse().ok()?))
}
