//! The packages of an image before a run, which several parts of it have to know.

use crate::error::Result;
use crate::root::Root;
use crate::rpmdb::Installed;

/// Asks rpm when they are first needed, and once.
pub(super) struct PackagesBefore<'r> {
    root: &'r Root,
    found: Option<Installed>,
}

impl<'r> PackagesBefore<'r> {
    pub(super) fn new(root: &'r Root) -> Self {
        PackagesBefore { root, found: None }
    }

    /// The packages.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(super) fn get(&mut self) -> Result<&Installed> {
        let found = match self.found.take() {
            Some(found) => found,
            None => Installed::load(self.root)?,
        };
        Ok(self.found.insert(found))
    }

    /// The packages, for whoever asks last.
    ///
    /// # Errors
    /// As of [`PackagesBefore::get`].
    pub(super) fn take(self) -> Result<Installed> {
        match self.found {
            Some(found) => Ok(found),
            None => Installed::load(self.root),
        }
    }
}
