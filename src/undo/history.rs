//! What the journal says happened to each path, and what it left there.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::escape::Escaped;
use crate::firewall::BY_ENTRY;
use crate::journal::Event;
use crate::root::{Change, Op};

/// What is at a path as far as the journal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathState {
    Nothing,
    /// Where a link points.
    Link(Escaped),
    /// A file, with the digest of its content where that is known.
    File(Option<String>),
}

/// What happened to one path, in order.
pub(super) type Chain<'a> = Vec<(&'a Event, Cow<'a, Change>)>;

/// What happened to each path. A file that was renamed is gone from its old path, and was written at
/// its new one with what the old one held.
pub(super) fn chains(events: &[Event]) -> BTreeMap<Escaped, Chain<'_>> {
    let mut chains: BTreeMap<Escaped, Chain> = BTreeMap::new();
    for event in events {
        for change in event.changes.iter().filter(|change| change.op != Op::Chmod) {
            let last = |path: &Escaped| {
                let (_, change) = chains.get(path)?.last()?;
                Some(left_by(change))
            };
            let arrived = change.target.as_ref().filter(|_| change.op == Op::Rename).map(|target| Change {
                op: match last(target) {
                    Some(PathState::File(_)) => Op::Write,
                    _ => Op::Create,
                },
                path: target.clone(),
                target: None,
                was: None,
                before: None,
                digest: match last(&change.path) {
                    Some(PathState::File(digest)) => digest,
                    _ => None,
                },
            });
            chains.entry(change.path.clone()).or_default().push((event, Cow::Borrowed(change)));
            if let Some(arrived) = arrived {
                chains.entry(arrived.path.clone()).or_default().push((event, Cow::Owned(arrived)));
            }
        }
    }
    chains
}

pub(super) fn before(change: &Change) -> PathState {
    match (change.op, &change.was) {
        (Op::Link | Op::Remove, Some(was)) => PathState::Link(was.clone()),
        (Op::Link, None) if change.before.is_some() => PathState::File(change.before.clone()),
        (Op::Remove | Op::Write, _) => PathState::File(change.before.clone()),
        (Op::Rename, _) => PathState::File(None),
        _ => PathState::Nothing,
    }
}

pub(super) fn left_by(change: &Change) -> PathState {
    match change.op {
        Op::Link => PathState::Link(change.target.clone().unwrap_or_default()),
        Op::Create | Op::Write => PathState::File(change.digest.clone()),
        _ => PathState::Nothing,
    }
}

/// Those changes of these events that still determine what is at a path, or what is to be restored there:
/// event and path. `is_over` says which events are not in effect any more.
pub(super) fn needed_changes(events: &[Event], is_over: &dyn Fn(&Event) -> bool) -> BTreeSet<(u64, Escaped)> {
    let mut needed = BTreeSet::new();
    for (path, chain) in chains(events) {
        let start = match is_by_entry(&path) {
            // Only whether it is there is looked at.
            true => chain.len() - 1,
            false => begins_anew(&chain),
        };
        let since = &chain[start..];
        if is_back(since) && since.iter().all(|(event, _)| is_over(event)) {
            continue;
        }
        needed.extend(since.iter().map(|(event, change)| (event.id, change.path.clone())));
    }
    // What was at a file's old name shows what is at its new one.
    let all = || events.iter().flat_map(|event| event.changes.iter().map(move |change| (event.id, change)));
    let renames = all().filter(|(_, change)| change.op == Op::Rename && !is_by_entry(&change.path));
    let renamed: BTreeSet<&Escaped> = renames.flat_map(|(_, change)| paths(change)).collect();
    let of_these = all().filter(|(_, change)| paths(change).any(|path| renamed.contains(path)));
    needed.extend(of_these.map(|(id, change)| (id, change.path.clone())));
    needed
}

fn is_by_entry(path: &Escaped) -> bool {
    let path = path.raw();
    BY_ENTRY.iter().any(|by_entry| path.as_encoded_bytes().starts_with(by_entry.as_bytes()))
}

/// The paths that a change is about.
fn paths(change: &Change) -> impl Iterator<Item = &Escaped> {
    let target = change.target.as_ref().filter(|_| change.op == Op::Rename);
    std::iter::once(&change.path).chain(target)
}

/// Where a path was not as the change before had left it: what happened until then is of no account.
fn begins_anew(chain: &Chain) -> usize {
    let pairs = chain.windows(2).enumerate();
    let mut anew = pairs.rev().filter(|(_, pair)| match pair {
        [(_, earlier), (_, later)] => {
            let is_directory = matches!(later.op, Op::Mkdir | Op::Rmdir);
            !is_directory && !is_same(&before(later), &left_by(earlier))
        }
        _ => false,
    });
    anew.next().map_or(0, |(index, _)| index + 1)
}

/// Whether the last change has left a path as it was before the first.
fn is_back(chain: &[(&Event, Cow<Change>)]) -> bool {
    let (Some((_, first)), Some((_, last))) = (chain.first(), chain.last()) else {
        return true;
    };
    let (was, is) = (before(first), left_by(last));
    last.op != Op::Mkdir && was == is && !matches!(is, PathState::File(None))
}

/// Equal as far as is known of what is in a file.
pub(super) fn is_same(a: &PathState, b: &PathState) -> bool {
    a == b
        || matches!(
            (a, b),
            (PathState::File(None), PathState::File(_)) | (PathState::File(_), PathState::File(None))
        )
}

/// A journal of before digests were kept says nothing of a file's content: it is left alone.
pub(super) fn is_known_to_match(actual: &PathState, expected: &PathState) -> bool {
    matches!((actual, expected), (PathState::File(Some(a)), PathState::File(Some(b))) if a == b)
}
