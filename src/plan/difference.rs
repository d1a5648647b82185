//! What an image lacks of what is desired.

use std::collections::BTreeSet;

use super::{Action, PlannedChange};
use crate::error::{Result, if_exists};
use crate::root::{Kind, Root};

/// A path as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredFile {
    /// The path in the image.
    pub path: String,
    /// What should be there.
    pub content: Content,
    /// The events that justify it.
    pub because: Vec<u64>,
    /// In words.
    pub why: String,
}

/// What should be at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A regular file. A link in its place is replaced, not followed.
    File {
        /// The whole content.
        text: String,
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it points.
        target: String,
    },
    /// Nothing.
    Nothing,
}

/// The changes that make the image match what is desired, in the order given. Of the directory
/// and name prefix in each of `owned`, everything else goes.
///
/// # Errors
/// If a path of the image cannot be read.
pub fn difference(
    root: &Root,
    desired: &[DesiredFile],
    owned: &[(&str, &str)],
) -> Result<Vec<PlannedChange>> {
    let kept: BTreeSet<&str> = desired.iter().map(|desired| desired.path.as_str()).collect();
    let mut changes = Vec::new();
    for desired in desired {
        if let Some(action) = action(root, desired)? {
            changes.push(PlannedChange {
                path: desired.path.clone(),
                action,
                because: desired.because.clone(),
                why: desired.why.clone(),
            });
        }
    }
    for (directory, prefix) in owned {
        for entry in if_exists(root.list(directory))?.unwrap_or_default() {
            let Some(name) = entry.name.to_str() else { continue };
            let path = format!("{directory}/{name}");
            if name.starts_with(prefix) && entry.kind != Kind::Dir && !kept.contains(path.as_str()) {
                changes.push(PlannedChange {
                    path,
                    action: Action::Remove,
                    because: Vec::new(),
                    why: "no longer needed".into(),
                });
            }
        }
    }
    Ok(changes)
}

fn action(root: &Root, desired: &DesiredFile) -> Result<Option<Action>> {
    let there = if_exists(root.meta(&desired.path))?;
    Ok(match (&desired.content, there) {
        (Content::Nothing, None) => None,
        (Content::Nothing, Some(_)) => Some(Action::Remove),
        (Content::Link { target }, there) => {
            let is_link = there.is_some_and(|there| there.kind == Kind::Link);
            let same = is_link && root.read_link(&desired.path)?.as_os_str() == target.as_str();
            (!same).then(|| Action::Link {
                target: target.clone(),
            })
        }
        (Content::File { text, mode }, there) => {
            let is_file = there.is_some_and(|there| there.kind == Kind::File && there.mode == *mode);
            let same = is_file && root.read(&desired.path)? == text.as_bytes();
            (!same).then(|| Action::Write {
                content: text.clone(),
                mode: *mode,
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, execute};

    fn file(path: &str, text: &str) -> DesiredFile {
        DesiredFile {
            path: path.into(),
            content: Content::File {
                text: text.into(),
                mode: 0o644,
            },
            because: vec![1],
            why: "x wants it".into(),
        }
    }

    #[test]
    fn applying_a_difference_leaves_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/d", 0o755).unwrap();
        for name in ["own-stale", "own-kept", "other", "secret"] {
            root.write(format!("/etc/d/{name}"), b"old", None).unwrap();
        }
        root.symlink("/etc/d/secret", "/etc/d/own-link").unwrap();
        let desired = || {
            vec![
                file("/etc/d/own-kept", "new"),
                file("/etc/d/own-link", "mine"),
                file("/etc/new/own-file", "made"),
                DesiredFile {
                    content: Content::Link { target: "/x".into() },
                    ..file("/etc/l", "")
                },
            ]
        };
        let plan = |root: &Root| Plan {
            changes: difference(root, &desired(), &[("/etc/d", "own-"), ("/etc/none", "")]).unwrap(),
            notes: Vec::new(),
        };
        let first = plan(&root);
        let paths: Vec<&str> = first.changes.iter().map(|change| change.path.as_str()).collect();
        let expected = [
            "/etc/d/own-kept",
            "/etc/d/own-link",
            "/etc/new/own-file",
            "/etc/l",
            "/etc/d/own-stale",
        ];
        assert_eq!(paths, expected);
        execute(&root, &first).unwrap();
        assert!(plan(&root).is_empty());
        assert_eq!(root.read("/etc/d/secret").unwrap(), b"old");
        assert_eq!(root.read("/etc/d/other").unwrap(), b"old");
        assert_eq!(root.read("/etc/d/own-link").unwrap(), b"mine");
    }
}
