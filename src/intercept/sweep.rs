//! Removing files that were being written when a process was killed.

use std::path::Path;

use crate::error::{Result, if_exists};
use crate::journal::{self, DIRECTORY};
use crate::root::{Kind, Root, TEMPORARY_PREFIX};

/// Where the tools, their shims and settling write.
const PLACES: [&str; 4] = ["/etc", "/var/lib/systemd", "/root/.config/systemd", DIRECTORY];

/// Directories further down than this are not the tools'.
const DEPTH: usize = 8;

/// Removes what writers that died have left. The journal's lock keeps living ones away.
pub(crate) fn sweep(root: &Root) -> Result<()> {
    // Every writer takes the lock, which creates its file.
    if !root.exists(journal::LOCK_PATH) {
        return Ok(());
    }
    let _lock = root.lock_soon(journal::LOCK_PATH)?;
    PLACES.iter().try_for_each(|place| sweep_below(root, Path::new(place), DEPTH))
}

fn sweep_below(root: &Root, directory: &Path, depth: usize) -> Result<()> {
    if if_exists(root.meta(directory))?.is_none_or(|meta| meta.kind != Kind::Dir) {
        return Ok(());
    }
    for entry in root.list(directory)? {
        let path = directory.join(&entry.name);
        if entry.kind == Kind::Dir {
            if depth > 0 {
                sweep_below(root, &path, depth - 1)?;
            }
        } else if entry.name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            if_exists(root.remove(path))?;
        }
    }
    Ok(())
}
