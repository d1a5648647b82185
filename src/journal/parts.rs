//! The parts of a journal that were closed: `journal-FIRST-LAST.toml`, named by the events in them, and
//! with `.zst` behind that once they are compressed. A large journal is closed and a new one begun, so
//! that readers of new events need not read all old ones.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt;

use super::DIRECTORY;
use crate::error::{Result, if_exists};
use crate::root::{Kind, Root};

/// What the name of a compressed part ends with.
const COMPRESSED: &str = ".zst";

/// A closed part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its first event.
    pub first: u64,
    /// Its last event.
    pub last: u64,
    /// Its file.
    pub path: String,
}

impl Part {
    /// The path of a part with these events that is not compressed.
    pub(super) fn plain_path(first: u64, last: u64) -> String {
        format!("{DIRECTORY}/journal-{first}-{last}.toml")
    }

    /// Whether it is compressed.
    pub(super) fn is_compressed(&self) -> bool {
        self.path.ends_with(COMPRESSED)
    }

    /// Whether all events of `other` are in it, too.
    pub(super) fn holds(&self, other: &Part) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// The path that it has once it is compressed.
    #[cfg(feature = "admin")]
    pub(super) fn compressed_path(&self) -> String {
        format!("{}{COMPRESSED}", Part::plain_path(self.first, self.last))
    }
}

/// The closed parts, oldest first. A name that closing gave to what is the `open` journal still, as
/// it was interrupted, does not count; nor do compressed parts of one that is there plain, as compressing it
/// was interrupted.
pub(super) fn closed(root: &Root, open: Option<&File>) -> Result<Vec<Part>> {
    let mut parts = named(root)?;
    parts.retain(|part| part.is_compressed() || !is_same(root, part, open));
    let plain: Vec<Part> = parts.iter().filter(|part| !part.is_compressed()).cloned().collect();
    parts.retain(|part| !part.is_compressed() || !plain.iter().any(|plain| plain.holds(part)));
    Ok(parts)
}

/// Whether a journal was ever closed here.
pub(crate) fn has_closed_parts(root: &Root) -> Result<bool> {
    Ok(!named(root)?.is_empty())
}

/// The last event of the closed parts, 0 if there are none; a part that is `open` still is none.
pub(super) fn last_closed(root: &Root, open: Option<&File>) -> Result<u64> {
    Ok(closed(root, open)?.last().map_or(0, |part| part.last))
}

/// Every file that has the name of a closed part, by its first event.
pub(super) fn named(root: &Root) -> Result<Vec<Part>> {
    let entries =
        if_exists(root.list_where(DIRECTORY, |name| name.as_encoded_bytes().starts_with(b"journal-")))?;
    let files = entries.into_iter().flatten().filter(|entry| entry.kind == Kind::File);
    let mut parts: Vec<Part> = files.filter_map(|entry| part(entry.name.to_str()?)).collect();
    parts.sort_by_key(|part| part.first);
    Ok(parts)
}

/// Whether this is the name of a compressed part, which is never written to again.
pub(super) fn is_compressed(name: &OsStr) -> bool {
    name.to_str().and_then(part).is_some_and(|part| part.is_compressed())
}

fn part(name: &str) -> Option<Part> {
    let plain = name.strip_suffix(COMPRESSED).unwrap_or(name);
    let (first, last) = plain.strip_prefix("journal-")?.strip_suffix(".toml")?.split_once('-')?;
    Some(Part {
        first: first.parse().ok()?,
        last: last.parse().ok()?,
        path: format!("{DIRECTORY}/{name}"),
    })
}

/// Whether a part is the file that is `open` as the journal.
pub(super) fn is_same(root: &Root, part: &Part, open: Option<&File>) -> bool {
    let open = open.and_then(|open| open.metadata().ok()).map(|meta| (meta.dev(), meta.ino()));
    let there = root.meta(&part.path).ok().map(|meta| (meta.device, meta.inode));
    open.is_some() && there == open
}
