//! Files to write on a node: what settling would write there, less what the node itself changed.

use std::collections::BTreeMap;

use super::applied::Applied;
use super::three_way::{Decision, decide};
use crate::backend::nftables;
use crate::digest::digest;
use crate::plan::{Action, Content, DesiredFile, PlannedChange};

/// The digest of a path with nothing at it.
const ABSENT: &str = "absent";

/// Directories of files that settling shares with the node's own configuration: they have no one
/// content that could have been recorded.
const SHARED: [&str; 2] = ["/etc/firewalld/zones/", "/etc/sysconfig/"];

/// A change that settling would make, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The change.
    pub change: PlannedChange,
    /// Whether it is left out, since the node changed the file.
    pub kept: bool,
}

/// The digest of what is at a path: a file's content, or a link's target.
pub(crate) fn digest_of(content: &Content) -> String {
    match content {
        Content::File { text, .. } => digest(text.as_bytes()),
        Content::Link { target } => format!("-> {target}"),
        Content::Nothing => ABSENT.to_owned(),
    }
}

/// Judges changes. `actual` gives the digest of what is at a path; `settled` says that settling
/// has made everything so before, so that a difference is the node's doing. Requests to be
/// repeated are left out: the service manager carries them out.
pub(crate) fn files(
    changes: &[PlannedChange],
    applied: &Applied,
    settled: bool,
    actual: &dyn Fn(&str) -> String,
) -> Vec<FileChange> {
    let mut judged = Vec::new();
    for change in changes {
        let now = match &change.action {
            Action::Write { content, .. } => digest(content.as_bytes()),
            Action::Link { target } => format!("-> {target}"),
            Action::Remove => ABSENT.to_owned(),
            Action::Unit { .. } | Action::Intent { .. } | Action::Call { .. } | Action::RemoveDirectory => {
                continue;
            }
        };
        let before = applied.files.get(&change.path);
        let is_withdrawn = change.action == Action::Remove && before.is_some();
        let decision = decide(before, &now, &actual(&change.path), settled);
        judged.push(FileChange {
            change: change.clone(),
            // A withdrawn opening is closed even if somebody edited its file.
            kept: decision == Decision::Kept && !is_withdrawn,
        });
    }
    judged
}

/// What is to be remembered of the files that are wanted now.
pub(crate) fn remembered(desired: &[DesiredFile]) -> BTreeMap<String, String> {
    let own = desired.iter().filter(|file| !SHARED.iter().any(|shared| file.path.starts_with(shared)));
    own.map(|file| (file.path.clone(), digest_of(&file.content))).collect()
}

/// Whether a change concerns the files of a firewall.
pub(crate) fn is_firewalls(path: &str) -> bool {
    let begins = [nftables::DIRECTORY, "/etc/firewalld/", "/etc/sysconfig/ip"];
    path == nftables::MAIN || begins.iter().any(|begin| path.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, content: Option<&str>) -> PlannedChange {
        PlannedChange {
            path: path.into(),
            action: content.map_or(Action::Remove, |content| Action::Write {
                content: content.into(),
                mode: 0o644,
            }),
            because: Vec::new(),
            why: String::new(),
        }
    }

    fn kept(content: Option<&str>, before: Option<&str>, actual: Option<&str>, settled: bool) -> bool {
        let of = |text: &str| digest(text.as_bytes());
        let mut applied = Applied::default();
        applied.files.extend(before.map(|before| ("/x".to_owned(), of(before))));
        let actual = actual.map_or(ABSENT.to_owned(), of);
        files(&[change("/x", content)], &applied, settled, &|_| actual.clone())[0].kept
    }

    #[test]
    fn an_edited_or_removed_file_stays_so_while_its_plugin_asks_for_the_same() {
        assert!(kept(Some("a"), Some("a"), Some("mine"), true));
        assert!(kept(Some("a"), Some("a"), None, true));
        assert!(kept(Some("a"), None, Some("mine"), true));
        assert!(kept(Some("b"), Some("a"), Some("mine"), false));
        assert!(!kept(Some("b"), Some("a"), Some("a"), false));
        assert!(!kept(Some("a"), None, None, false));
    }

    #[test]
    fn apply_removes_files_that_nobody_wants_even_if_edited() {
        assert!(!kept(None, Some("a"), Some("mine"), true));
        assert!(!kept(None, None, Some("a"), false));
        assert!(kept(None, None, Some("somebody else's"), true));
    }

    #[test]
    fn shared_files_are_not_remembered() {
        let file = |path: &str| DesiredFile {
            path: path.into(),
            content: Content::Link { target: "/y".into() },
            because: Vec::new(),
            why: String::new(),
        };
        let all = remembered(&[file("/etc/firewalld/zones/public.xml"), file("/etc/a")]);
        assert_eq!(all, BTreeMap::from([("/etc/a".to_owned(), "-> /y".to_owned())]));
    }
}
