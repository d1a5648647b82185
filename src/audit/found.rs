//! A change that was found, with what was there before and after.

use super::compare::state::FileState;
use super::record::FileChange;

/// A change, with the states that it lies between.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub path: Vec<u8>,
    pub change: FileChange,
    pub before: Option<FileState>,
    pub after: Option<FileState>,
    /// Nobody else than an rpm, as far as is known, had to do with it.
    pub by_rpm: bool,
}

impl Found {
    /// What the file held before, where that is taken apart.
    pub fn content_before(&self) -> Option<&[u8]> {
        self.before.as_ref()?.content.as_deref()
    }

    /// What it holds now, in the same form.
    pub fn content_after(&self) -> Option<&[u8]> {
        self.after.as_ref()?.content.as_deref()
    }
}
