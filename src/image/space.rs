//! Whether there is room, before anything is unpacked.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use crate::error::{Error, Result};

/// Fails unless `needed` bytes are free where `directory` is.
pub(super) fn check(directory: &Path, needed: u64) -> Result<()> {
    let free = statvfs(directory).map_err(|errno| Error::io(directory, errno))?;
    let free = free.blocks_available().saturating_mul(free.fragment_size());
    if free >= needed {
        return Ok(());
    }
    Err(Error::Unavailable(format!(
        "{}: {} MiB are needed here and {} MiB are free",
        directory.display(),
        needed >> 20,
        free >> 20
    )))
}

/// The sum of the lengths that `unsquashfs -lln` lists.
pub(super) fn listed(listing: &str) -> u64 {
    let lines = listing.lines().filter(|line| line.starts_with('-'));
    lines.filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_files_count() {
        let listing = "drwxr-xr-x 0/0 27 2026-11-22 15:34 squashfs-root\n-rw-r--r-- 0/0 100 2026-11-22 15:34 squashfs-root/a b\n\
                       crw-rw-rw- 0/0 1, 3 2026-11-22 15:34 squashfs-root/dev/null\n-rw-r--r-- 0/0 20 2026-11-22 15:34 x\n";
        assert_eq!(listed(listing), 120);
    }

    #[test]
    fn more_than_there_is_is_refused() {
        let here = std::env::temp_dir();
        assert!(check(&here, 1).is_ok() && check(&here, u64::MAX).is_err());
    }
}
