//! Two states of a path compared.

pub(super) mod filesystems;
pub(super) mod index;
pub(super) mod payload;
pub(super) mod state;
pub(super) mod times;

use crate::audit::compare::state::FileState;
use crate::audit::file::{FileChange, Side, text};
use crate::root::Kind;

/// What changed between two states of `path`; none if nothing did that counts. Times alone do not.
/// `written` says that the content may have changed.
pub(in crate::audit) fn compare(
    path: &[u8],
    before: Option<&FileState>,
    after: Option<&FileState>,
    written: bool,
) -> Option<FileChange> {
    if let (Some(before), Some(after)) = (before, after)
        && !differ(before, after, written)
    {
        return None;
    }
    Some(FileChange {
        path: text(path),
        before: before.map(Side::of),
        after: after.map(Side::of),
        ..FileChange::default()
    })
}

fn differ(before: &FileState, after: &FileState, written: bool) -> bool {
    let (a, b) = (&before.status, &after.status);
    if (a.kind, a.mode, a.uid, a.gid) != (b.kind, b.mode, b.uid, b.gid)
        || before.target != after.target
        || before.attributes != after.attributes
    {
        return true;
    }
    a.kind == Kind::File && content_differs(before, after, written)
}

/// Where the content before is not known, its length and whether it was written tell.
fn content_differs(before: &FileState, after: &FileState, written: bool) -> bool {
    match (before.digest, after.digest) {
        (Some(before), Some(after)) => before != after,
        _ => before.status.size != after.status.size || written,
    }
}

/// Whether the content of a file may have changed, by what is known without reading it.
pub(in crate::audit) fn may_have_changed(before: &FileState, after: &FileState) -> bool {
    let (a, b) = (&before.status, &after.status);
    a.kind == Kind::File
        && b.kind == Kind::File
        && (a.inode, a.size, a.modified) != (b.inode, b.size, b.modified)
}
