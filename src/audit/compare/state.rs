//! What is at a path at one moment.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::audit::is_taken_apart;
use crate::root::{Kind, Listing, Root, Status};

/// A path at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct FileState {
    pub status: Status,
    /// Where a link points.
    pub target: Option<PathBuf>,
    /// Digest over the extended attributes.
    pub attributes: Option<[u8; 32]>,
    /// Digest of a file's content, if it was read.
    pub digest: Option<[u8; 32]>,
    /// The content itself, where what it says is compared.
    pub content: Option<Vec<u8>>,
}

/// A zone file that is larger is not taken apart.
const CONTENT_LIMIT: u64 = 1 << 18;

impl FileState {
    /// Looks at a name in a directory; files up to `limit` bytes are read.
    pub(super) fn of(
        root: &Root,
        listing: &Listing,
        path: &[u8],
        name: &OsStr,
        limit: u64,
    ) -> Option<FileState> {
        let status = listing.status(name).ok()?;
        let target = match status.kind {
            Kind::Link => listing.target(name),
            _ => None,
        };
        let attributes = match status.kind {
            Kind::File | Kind::Dir => listing.attributes(name),
            _ => None,
        };
        let read = status.kind == Kind::File && status.size <= limit;
        let digest = if read {
            root.digest(OsStr::from_bytes(path), limit).ok()
        } else {
            None
        };
        let kept = digest.is_some() && is_taken_apart(path) && status.size <= CONTENT_LIMIT;
        let content = if kept {
            root.read(OsStr::from_bytes(path)).ok()
        } else {
            None
        };
        Some(FileState {
            status,
            target,
            attributes,
            digest,
            content,
        })
    }

    /// Looks at a path; none if nothing is there.
    pub(crate) fn look(root: &Root, path: &[u8], limit: u64) -> Option<FileState> {
        let file = Path::new(OsStr::from_bytes(path));
        let listing = root.listing(file.parent()?).ok()?;
        FileState::of(root, &listing, path, file.file_name()?, limit)
    }
}
