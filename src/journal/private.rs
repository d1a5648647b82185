//! Records that are for root alone: digests and texts of files that others may not read are in them.

use std::path::Path;

use super::DIRECTORY;
use super::replaced::REPLACED;
use crate::error::{Result, if_exists};
use crate::root::{Kind, Root};

/// How names of such records in nodeshim's directory begin; parts of the journal, its index and what was
/// torn off are among them.
const RECORDS: [&str; 4] = ["journal", "changes", "state.toml", "left.toml"];
/// The mode of such a file.
pub(super) const OWNER: u32 = 0o600;
/// What the group and others may do.
pub(super) const OTHERS: u32 = 0o077;

/// Takes records from others that an earlier nodeshim let everybody read.
///
/// # Errors
/// If the directory cannot be listed, or a mode cannot be set.
pub(crate) fn keep_private(root: &Root) -> Result<()> {
    let is_record = |name: &str| RECORDS.iter().any(|record| name.starts_with(record));
    let records = root.list_where(DIRECTORY, |name| name.to_str().is_some_and(is_record));
    for entry in if_exists(records)?.unwrap_or_default() {
        if entry.kind == Kind::File {
            close(root, &Path::new(DIRECTORY).join(entry.name), OWNER)?;
        }
    }
    match if_exists(root.meta(REPLACED))?.map(|meta| meta.kind) {
        Some(Kind::Dir) => close(root, Path::new(REPLACED), 0o700),
        _ => Ok(()),
    }
}

fn close(root: &Root, path: &Path, mode: u32) -> Result<()> {
    match root.meta(path)?.mode & OTHERS {
        0 => Ok(()),
        _ => root.chmod(path, mode),
    }
}
