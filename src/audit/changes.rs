//! From what was touched to what changed.

use std::collections::BTreeSet;

use super::bypass::requests::Requests;
use super::compare::index::{FileIndex, FileState};
use super::compare::{compare, may_have_changed};
use super::kernel::processes::{Actor, Processes};
use super::record::{FileChange, text};
use super::scriptlet_run::{Marks, Touched};
use super::{DIGEST_LIMIT, is_looked_at};
use crate::error::Result;
use crate::root::{Kind, Root};
use crate::rpmdb::{Files, files_at};

/// What is needed beside the paths.
pub(super) struct Look<'l> {
    pub root: &'l Root,
    pub requests: &'l Requests,
    /// Whether the doings of a process are the scriptlet's.
    pub counts: &'l dyn Fn(i32) -> bool,
}

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

    /// What it holds now, likewise.
    pub fn content_after(&self) -> Option<&[u8]> {
        self.after.as_ref()?.content.as_deref()
    }
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

/// The digest that a package gives for a file which is as it came.
pub(super) fn packaged_digest(files: &Files, path: &[u8], state: &FileState) -> Option<[u8; 32]> {
    let same = files.get(path)?.iter().find(|packaged| {
        packaged.size == state.status.size && packaged.modified == state.status.modified.0
    })?;
    unhex(&same.digest)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
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
