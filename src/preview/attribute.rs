//! Which package, request or settling a path that differs comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde::Serialize;

use super::files::{ChangeKind, changes};
use super::overlay::Overlay;
use crate::attribution::package_name;
use crate::error::Result;
use crate::escape::Escaped;
use crate::install::Done;
use crate::journal::Event;
use crate::plan::Plan;
use crate::root::Op;
use crate::rpmdb::{self, Packaged};

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange {
    /// Absolute in the image.
    pub path: String,
    /// What happened to it.
    pub what: ChangeKind,
    /// The package that ships it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The events that changed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<u64>,
    /// Whether settling writes or removes it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub settling: bool,
    /// Whether a scriptlet must have done it by itself, not through the tools.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}

/// Every path that differs, and where it comes from.
pub(super) fn attribute(
    overlay: &Overlay,
    events: &[Event],
    plan: &Plan,
    done: &Done,
) -> Result<Vec<FileChange>> {
    let nevras: Vec<&str> = done.packages.iter().map(|package| package.nevra.as_str()).collect();
    let shipped = rpmdb::files_of(&overlay.merged, &nevras)?;
    let mut requests: BTreeMap<PathBuf, Vec<u64>> = BTreeMap::new();
    for event in events {
        for change in &event.changes {
            let end = change.target.as_ref().filter(|_| change.op == Op::Rename);
            for path in [Some(&change.path), end].into_iter().flatten() {
                // Written as the tools call it: `/etc/rc3.d` is a link.
                requests.entry(overlay.merged.place(path.raw())).or_default().push(event.id);
            }
        }
    }
    let asked: BTreeSet<u64> =
        events.iter().filter(|event| !event.tool.is_seen()).map(|event| event.id).collect();
    let settled: BTreeSet<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    let found = changes(overlay)?;
    let mut all: Vec<FileChange> = found
        .into_iter()
        .map(|(path, what)| {
            let text = Escaped::new(&path).shown();
            let mut ids = requests.get(&path).cloned().unwrap_or_default();
            ids.dedup();
            let owner = shipped.get(path.as_os_str().as_bytes()).and_then(|same| name(same.first()?));
            let settling = settled.contains(text.as_str());
            FileChange {
                what,
                by_hand: owner.is_none() && !settling && !ids.iter().any(|id| asked.contains(id)),
                package: owner,
                requests: ids,
                settling,
                path: text,
            }
        })
        .collect();
    credit_directories(&mut all);
    Ok(all)
}

fn name(packaged: &Packaged) -> Option<String> {
    package_name(&packaged.nevra).map(str::to_owned)
}

/// A directory that was made for something has the same origin as the first of what is in it.
fn credit_directories(all: &mut [FileChange]) {
    for n in (0..all.len()).rev() {
        let (head, below) = all.split_at_mut(n + 1);
        let Some(directory) = head.last_mut().filter(|it| it.what == ChangeKind::Created && it.by_hand)
        else {
            continue;
        };
        let prefix = [directory.path.as_bytes(), b"/"].concat();
        let inside = below.first().filter(|it| it.path.as_bytes().starts_with(&prefix));
        if let Some(inside) = inside {
            directory.package.clone_from(&inside.package);
            directory.requests.clone_from(&inside.requests);
            directory.settling = inside.settling;
            directory.by_hand = inside.by_hand;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_from_whoever_put_something_in_it() {
        let change = |path: &str, requests: &[u64]| FileChange {
            path: path.into(),
            what: ChangeKind::Created,
            package: None,
            requests: requests.to_vec(),
            settling: false,
            by_hand: requests.is_empty(),
        };
        let mut all = [
            change("/etc/a", &[]),
            change("/etc/a/b", &[]),
            change("/etc/a/b/c", &[7]),
            change("/etc/d", &[]),
        ];
        credit_directories(&mut all);
        assert_eq!(all.map(|change| change.by_hand), [false, false, false, true]);
    }
}
