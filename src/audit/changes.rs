//! From what was touched to what changed.

use std::collections::BTreeSet;

use super::bypass::requests::Requests;
use super::compare::index::FileIndex;
use super::compare::payload::packaged_digest;
use super::compare::state::FileState;
use super::compare::{compare, may_have_changed};
use super::file::{FileChange, text};
use super::found::Found;
use super::kernel::processes::{Actor, Processes};
use super::scriptlet_run::{Marks, Touched};
use super::{DIGEST_LIMIT, is_looked_at};
use crate::error::Result;
use crate::root::{Kind, Root};
use crate::rpmdb::files_at;

/// What is needed besides the paths.
pub(super) struct Look<'l> {
    pub root: &'l Root,
    pub requests: &'l Requests,
    /// Whether the doings of a process are the scriptlet's.
    pub counts: &'l dyn Fn(i32) -> bool,
}

/// A path that a scriptlet touched.
struct Candidate {
    path: Vec<u8>,
    marks: Marks,
    before: Option<FileState>,
    after: Option<FileState>,
}

/// Looks at what was touched and returns what changed; `known` is up to date afterwards.
pub(super) fn changes(known: &mut FileIndex, touched: &mut Touched, look: &Look) -> Result<Vec<Found>> {
    add_other_names(known, touched);
    let was_there: BTreeSet<Vec<u8>> = touched
        .paths
        .values()
        .filter_map(|marks| marks.from.clone())
        .filter(|from| known.get(from).is_some())
        .collect();
    let mut candidates = Vec::new();
    for (path, mut marks) in std::mem::take(&mut touched.paths) {
        marks.from = marks.from.filter(|from| was_there.contains(from) && *from != path);
        let counts = marks.by.iter().any(|actor| (look.counts)(actor.pid));
        if !counts || !is_looked_at(&path) {
            known.refresh(look.root, &path);
            continue;
        }
        let after = state_after(look.root, &path, known.get(&path), marks.written);
        let before = known.set(path.clone(), after.clone());
        candidates.push(Candidate {
            path,
            marks,
            before,
            after,
        });
    }
    complete(look.root, &mut candidates)?;
    let processes = &touched.processes;
    let found = candidates.into_iter().filter_map(|candidate| {
        Some(Found {
            change: change(&candidate, processes, look)?,
            by_rpm: candidate.marks.by.iter().all(|actor| processes.may_be_rpm(actor.pid)),
            path: candidate.path,
            before: candidate.before,
            after: candidate.after,
        })
    });
    Ok(found.collect())
}

/// A file that was written through one name has changed under its others as well.
fn add_other_names(known: &FileIndex, touched: &mut Touched) {
    let mut more: Vec<(Vec<u8>, Marks)> = Vec::new();
    for (path, marks) in touched.paths.iter().filter(|(_, marks)| marks.from.is_none()) {
        let others = known.other_names(path).into_iter();
        more.extend(others.map(|other| (other, marks.clone())));
    }
    for (path, marks) in more {
        touched.paths.entry(path).or_insert(Marks { went: false, ..marks });
    }
}

/// Reads the file only if its content may have changed.
fn state_after(root: &Root, path: &[u8], before: Option<&FileState>, written: bool) -> Option<FileState> {
    let mut after = FileState::look(root, path, 0)?;
    if after.status.kind != Kind::File {
        return Some(after);
    }
    match before {
        Some(before) if !written && !may_have_changed(before, &after) => {
            after.digest = before.digest;
            after.content.clone_from(&before.content);
        }
        _ => after = FileState::look(root, path, DIGEST_LIMIT)?,
    }
    Some(after)
}

/// Asks the rpm database for the digests of packaged files that were as rpm had unpacked them.
fn complete(root: &Root, candidates: &mut [Candidate]) -> Result<()> {
    let is_open = |candidate: &&mut Candidate| {
        let Some(before) = candidate.before.as_ref().filter(|before| before.digest.is_none()) else {
            return false;
        };
        let same = candidate.after.as_ref().is_some_and(|after| !may_have_changed(before, after));
        before.status.kind == Kind::File && (candidate.marks.written || !same)
    };
    let paths: Vec<Vec<u8>> =
        candidates.iter_mut().filter(is_open).map(|candidate| candidate.path.clone()).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let files = files_at(root, &paths)?;
    for candidate in candidates.iter_mut().filter(is_open) {
        if let Some(before) = &mut candidate.before {
            before.digest = packaged_digest(&files, &candidate.path, before);
        }
    }
    Ok(())
}

fn change(candidate: &Candidate, processes: &Processes, look: &Look) -> Option<FileChange> {
    let Candidate {
        path,
        marks,
        before,
        after,
    } = candidate;
    let actors: Vec<Actor> = marks.by.iter().copied().filter(|actor| (look.counts)(actor.pid)).collect();
    let by_shim = actors.iter().all(|actor| processes.is_shim(*actor));
    let came_and_went = before.is_none() && after.is_none();
    if came_and_went && (marks.went || by_shim) {
        return None;
    }
    let mut change = compare(path, before.as_ref(), after.as_ref(), marks.written)?;
    change.from = marks.from.as_ref().map(|from| text(from));
    if by_shim {
        change.request = look.requests.paths.get(&change.path).or(look.requests.ids.last()).copied();
    }
    let programs: BTreeSet<&[u8]> =
        actors.iter().filter_map(|actor| processes.program(look.root, *actor)).collect();
    change.by = programs.into_iter().map(text).collect();
    Some(change)
}
