//! The changes that were made through a root, in the order in which they were made.

use std::cell::RefCell;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::escape::Escaped;

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What was done.
    pub op: Op,
    /// The path in the image, absolute.
    pub path: Escaped,
    /// Where a link that was made points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Escaped>,
    /// Where a link that was replaced or removed pointed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Escaped>,
    /// SHA-256 of what a file that was written holds now, in lower case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// SHA-256 of what a file that was overwritten or removed had held, if that was to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What a file held before it was overwritten or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// All of it.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// A file that was not there was written.
    Create,
    /// A file that was there was written.
    Write,
    /// A symbolic link was made or replaced.
    Link,
    /// A directory was made.
    Mkdir,
    /// A file or link was removed.
    Remove,
    /// An empty directory was removed.
    Rmdir,
    /// A file was renamed; `target` is the new name.
    Rename,
    /// Permission bits were changed.
    Chmod,
}

/// A change as it is kept until it is taken. Most are never taken, so that digests are made only
/// then.
#[derive(Debug)]
struct Noted {
    change: Change,
    content: Option<Vec<u8>>,
}

impl Noted {
    fn into_change(self) -> Change {
        Change {
            digest: self.content.map(|content| digest(&content)),
            ..self.change
        }
    }
}

/// Changes that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct ChangeLog {
    noted: RefCell<Vec<Noted>>,
    replaced: RefCell<Vec<(String, Replaced)>>,
}

impl ChangeLog {
    /// Notes a change, with a link's new and former target.
    pub(super) fn note(&self, op: Op, path: &Path, target: Option<&Path>, was: Option<&Path>) {
        let change = Change {
            op,
            path: Escaped::new(Path::new("/").join(path)),
            target: target.map(Escaped::new),
            was: was.map(Escaped::new),
            digest: None,
            before: None,
        };
        self.noted.borrow_mut().push(Noted {
            change,
            content: None,
        });
    }

    /// Adds to the last change what the file holds now.
    pub(crate) fn note_content(&self, content: &[u8]) {
        if let Some(noted) = self.noted.borrow_mut().last_mut() {
            noted.content = Some(content.to_owned());
        }
    }

    /// Adds to the last change what the file held before.
    pub(crate) fn note_replaced(&self, before: Option<Replaced>) {
        let Some(before) = before else { return };
        let digest = digest(&before.content);
        if let Some(noted) = self.noted.borrow_mut().last_mut() {
            noted.change.before = Some(digest.clone());
        }
        self.replaced.borrow_mut().push((digest, before));
    }

    /// The changes, oldest first; none are left.
    pub(super) fn take(&self) -> Vec<Change> {
        self.noted.take().into_iter().map(Noted::into_change).collect()
    }

    /// Leaves no changes, without a digest of what was written.
    pub(super) fn forget(&self) {
        self.noted.take();
        self.replaced.take();
    }

    /// What files held that were overwritten or removed, by SHA-256; nothing is left.
    pub(crate) fn take_replaced(&self) -> Vec<(String, Replaced)> {
        self.replaced.take()
    }

    /// Takes over the changes of another log, whose paths begin at the directory `dir`.
    pub(crate) fn take_over(&self, dir: &str, inner: &ChangeLog) {
        let mut changes = inner.noted.take();
        changes.iter_mut().for_each(|noted| noted.change.path = noted.change.path.prefixed(dir));
        self.noted.borrow_mut().append(&mut changes);
        self.replaced.borrow_mut().append(&mut inner.replaced.take());
    }
}
