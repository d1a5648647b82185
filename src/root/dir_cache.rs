//! Directories that stay open while a request works in them, so that a path to them is resolved once and
//! not for every link.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// At most this many directories are kept open.
const MOST: usize = 64;

/// Open directories by path; `None` while they are not kept.
#[derive(Debug, Default)]
pub(super) struct DirCache(RefCell<Option<HashMap<PathBuf, Arc<OwnedFd>>>>);

/// While this lives a root's directories stay open.
pub struct CachedDirs<'r>(&'r DirCache);

impl Drop for CachedDirs<'_> {
    fn drop(&mut self) {
        self.0.0.take();
    }
}

impl DirCache {
    /// Keeps directories open from now on.
    pub(crate) fn turn_on(&self) -> CachedDirs<'_> {
        self.0.borrow_mut().get_or_insert_default();
        CachedDirs(self)
    }

    /// Whether directories are kept open.
    pub(crate) fn is_on(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The directory if it is open already, else what `open` gives.
    pub(super) fn get(
        &self,
        path: &Path,
        open: impl FnOnce() -> nix::Result<OwnedFd>,
    ) -> nix::Result<Arc<OwnedFd>> {
        let known = self.0.borrow().as_ref().and_then(|dirs| dirs.get(path).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let opened = Arc::new(open()?);
        if let Some(dirs) = self.0.borrow_mut().as_mut() {
            if dirs.len() >= MOST {
                dirs.clear();
            }
            dirs.insert(path.to_owned(), opened.clone());
        }
        Ok(opened)
    }

    /// Closes the directories at and below a path that was removed or renamed.
    pub(crate) fn forget(&self, path: &Path) {
        if let Some(dirs) = self.0.borrow_mut().as_mut() {
            // Links are removed by the hundred, and their paths are longer than those of most directories.
            let least: usize = path.components().map(|part| part.as_os_str().len()).sum();
            dirs.retain(|dir, _| dir.as_os_str().len() < least || !dir.starts_with(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    #[test]
    fn a_cached_directory_is_opened_again_after_it_was_removed_or_renamed() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        let _dirs = root.cache_dirs();
        for target in ["x", "y"] {
            root.create_dirs("/d/e", 0o755).unwrap();
            root.symlink(target, "/d/e/link").unwrap();
            assert_eq!(root.read_link("/d/e/link").unwrap(), Path::new(target));
            assert!(root.meta("/d/e/link/").is_ok() && root.meta("/d/e").is_ok());
            root.remove("/d/e/link").unwrap();
            assert!(root.meta("/d/e/link").unwrap_err().is_missing());
            root.remove_dir("/d/e").unwrap();
            assert!(root.meta("/d/e/link").is_err() && root.symlink("x", "/d/e/link").is_err());
        }
        root.symlink("/", "/d/e").unwrap();
        assert!(root.meta("/d/e/d").is_ok());
        root.replace_with_symlink("/d/none", "/d/e").unwrap();
        assert!(root.meta("/d/e/d").is_err());
        root.create_dirs("/d/none", 0o755).unwrap();
        root.rename("/d/none", "/d/other").unwrap();
        assert!(root.meta("/d/none/x").is_err() && root.meta("/").is_ok());
    }
}
