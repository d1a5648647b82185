//! What files held before requests overwrote or removed them, each content once under its SHA-256:
//! taking a request back restores from here.

use std::path::{Path, PathBuf};

use super::DIRECTORY;
use crate::digest::digest;
use crate::error::Result;
use crate::firewall::BY_ENTRY;
use crate::layout;
use crate::root::{Replaced, Root};

/// Where they are kept.
pub(super) const REPLACED: &str = layout::REPLACED;

/// Whether what a path held is kept: not where entries are put back one by one.
pub fn is_kept(path: &Path) -> bool {
    !path.starts_with(DIRECTORY) && !BY_ENTRY.iter().any(|prefix| is_below(path, prefix))
}

fn is_below(path: &Path, prefix: &str) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(prefix.as_bytes())
}

/// Keeps what was replaced through `root` so far. It keeps its permissions, so that it is readable
/// only for those who could read the original.
pub fn keep_replaced(root: &Root) -> Result<()> {
    let replaced = root.take_replaced();
    if !replaced.is_empty() {
        make_directory(root)?;
    }
    replaced
        .iter()
        .try_for_each(|(sha256, Replaced { content, mode })| root.keep_once(REPLACED, sha256, content, *mode))
}

/// Keeps what a file had held that was changed without a request.
pub(crate) fn keep_content(root: &Root, sha256: &str, text: &str) -> Result<()> {
    make_directory(root)?;
    root.keep_once(REPLACED, sha256, text.as_bytes(), 0o644)
}

/// The names of its files are digests, which say too much of a file that others may not read.
fn make_directory(root: &Root) -> Result<()> {
    root.create_dirs(DIRECTORY, 0o755)?;
    root.create_dirs(REPLACED, 0o700)
}

/// What is kept under a digest, with its permission bits; none if it is not there or is not what
/// its name says.
pub fn replaced(root: &Root, sha256: &str) -> Option<Replaced> {
    let place = place(sha256);
    let content = root.read(&place).ok().filter(|content| digest(content) == sha256)?;
    let mode = root.meta(&place).ok()?.mode;
    Some(Replaced { content, mode })
}

fn place(sha256: &str) -> PathBuf {
    Path::new(REPLACED).join(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_is_kept_once_with_its_permissions() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap().keeping(is_kept);
        root.create_dirs("/etc/firewalld/zones", 0o755).unwrap();
        for path in ["/etc/secret", "/etc/firewalld/zones/public.xml"] {
            root.write(path, b"before", Some(0o600)).unwrap();
            root.write(path, b"after", None).unwrap();
        }
        root.remove("/etc/secret").unwrap();
        keep_replaced(&root).unwrap();
        assert_eq!(root.meta(REPLACED).unwrap().mode, 0o700, "its names are digests");
        let kept = |content: &[u8]| replaced(&root, &digest(content)).map(|kept| (kept.content, kept.mode));
        assert_eq!(kept(b"before"), Some((b"before".to_vec(), 0o600)));
        assert_eq!(kept(b"after"), Some((b"after".to_vec(), 0o600)));
        assert_eq!(root.list(REPLACED).unwrap().len(), 2);
        let changes = root.take_changes();
        let before: Vec<_> = changes.iter().filter_map(|change| change.before.clone()).collect();
        assert_eq!(before, [digest(b"before"), digest(b"after")]);
        root.write(place(&digest(b"after")), b"forged", None).unwrap();
        assert_eq!(kept(b"after"), None);
    }
}
