//! Directories that settling has made for its files: they go with the last file in them.

use std::collections::BTreeSet;

use crate::error::{Result, if_exists};
use crate::plan::{Action, PlannedChange};
use crate::root::{Change, Op, Root};
use crate::rpmdb::owners_of;

/// Removes those of `made` in which the `changes` leave nothing, the inner ones first. A directory that
/// belongs to a package by now stays.
///
/// # Errors
/// A directory that cannot be listed, or an rpm database that cannot be asked.
pub(super) fn emptied(
    root: &Root,
    made: &BTreeSet<String>,
    changes: &[PlannedChange],
) -> Result<Vec<PlannedChange>> {
    let mut emptied: Vec<PlannedChange> = Vec::new();
    for directory in made.iter().rev() {
        let is_below =
            |path: &str| path.strip_prefix(directory.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let goes = |path: &str| {
            let removes = |change: &&PlannedChange| {
                change.path == path && matches!(change.action, Action::Remove | Action::RemoveDirectory)
            };
            changes.iter().chain(&emptied).any(|change| removes(&change))
        };
        let is_used = changes.iter().any(|change| {
            is_below(&change.path) && !matches!(change.action, Action::Remove | Action::RemoveDirectory)
        });
        let Some(entries) = if_exists(root.list(directory))?.filter(|_| !is_used) else {
            continue;
        };
        // A directory that somebody else has emptied is left alone.
        let loses = changes.iter().chain(&emptied).any(|change| is_below(&change.path));
        let is_left =
            |name: &std::ffi::OsStr| !name.to_str().is_some_and(|name| goes(&format!("{directory}/{name}")));
        if loses && !entries.iter().any(|entry| is_left(&entry.name)) {
            emptied.push(PlannedChange {
                path: directory.clone(),
                action: Action::RemoveDirectory,
                because: Vec::new(),
                why: "it was made for files that are gone from it".into(),
            });
        }
    }
    if !emptied.is_empty() {
        let paths: Vec<String> = emptied.iter().map(|change| change.path.clone()).collect();
        let owned: BTreeSet<String> = owners_of(root, &paths)?.into_iter().map(|(path, _)| path).collect();
        emptied.retain(|change| !owned.contains(&change.path));
    }
    Ok(emptied)
}

/// The directories to remember after `changes` were made.
pub fn remembered(root: &Root, before: &BTreeSet<String>, changes: &[Change]) -> BTreeSet<String> {
    let made = changes.iter().filter(|change| change.op == Op::Mkdir);
    let made = made.filter_map(|change| change.path.text());
    before.iter().cloned().chain(made).filter(|path| root.is_dir(path)).collect()
}
