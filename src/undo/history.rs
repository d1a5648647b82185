//! What the journal says happened to each path, and what it left there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::escape::Escaped;
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
