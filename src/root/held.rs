//! Directories that stay open while a request works in them, so that the way to what lies there is
//! resolved once and not for every link.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;

use super::Root;

/// More are not kept open.
const MOST: usize = 64;

/// The directories that are held, by path; `None` while nobody asked for it.
#[derive(Debug, Default)]
pub(super) struct DirCache(RefCell<Option<HashMap<PathBuf, Arc<OwnedFd>>>>);

/// As long as this lives a root's directories stay open.
pub struct Hold<'r>(&'r Root);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.held.0.take();
    }
}

impl Root {
    /// Keeps directories open that things are looked at, made or removed in, until the value is
    /// dropped. What somebody else renames meanwhile goes unnoticed, so it is for the time of one
    /// request alone.
    pub fn hold_dirs(&self) -> Hold<'_> {
        self.held.0.borrow_mut().get_or_insert_default();
        Hold(self)
    }

    pub(super) fn holds_dirs(&self) -> bool {
        self.held.0.borrow().is_some()
    }

    /// Opens a directory to work in, or takes the one that is held.
    pub(super) fn working_dir(&self, path: &Path) -> nix::Result<Arc<OwnedFd>> {
        let known = self.held.0.borrow().as_ref().and_then(|held| held.get(path).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let opened = Arc::new(self.open_path(path, OFlag::O_PATH | OFlag::O_DIRECTORY)?);
        if let Some(held) = self.held.0.borrow_mut().as_mut() {
            if held.len() >= MOST {
                held.clear();
            }
            held.insert(path.to_owned(), opened.clone());
        }
        Ok(opened)
    }

    /// Lets the directories go that a path led to which is no more.
    pub(super) fn let_go(&self, path: &Path) {
        if let Some(held) = self.held.0.borrow_mut().as_mut() {
            held.retain(|dir, _| !dir.starts_with(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_made_anew_is_another_one() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        let _held = root.hold_dirs();
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
