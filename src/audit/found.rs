//! A change that was found, with what was there before and after.

use super::compare::state::FileState;
use super::file::FileChange;

/// A change, with the states that it lies between.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub path: Vec<u8>,
    pub change: FileChange,
    pub before: Option<FileState>,
    pub after: Option<FileState>,
    /// As far as is known, only rpm changed it.
    pub by_rpm: bool,
}

/// A change with what its file held before and after, where that is taken apart.
#[derive(Debug, Clone, Copy)]
pub struct DirectChange<'c> {
    /// The path before and after.
    pub change: &'c FileChange,
    /// What the file held before.
    pub before: Option<&'c [u8]>,
    /// What it holds now.
    pub after: Option<&'c [u8]>,
}

impl Found {
    /// The change by itself.
    pub(super) fn direct(&self) -> DirectChange<'_> {
        DirectChange {
            change: &self.change,
            before: self.content_before(),
            after: self.content_after(),
        }
    }

    /// What the file held before, where that is taken apart.
    fn content_before(&self) -> Option<&[u8]> {
        self.before.as_ref()?.content.as_deref()
    }

    /// What it holds now, in the same form.
    fn content_after(&self) -> Option<&[u8]> {
        self.after.as_ref()?.content.as_deref()
    }
}
