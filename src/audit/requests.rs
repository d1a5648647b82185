//! The requests that scriptlets made meanwhile: events appended to the journal.

use std::collections::BTreeMap;

use crate::error::{Result, if_exists};
use crate::journal::{self, Journal};
use crate::root::{Op, Root};

/// Events of the journal, and the paths that the shims changed on behalf of each.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Their numbers.
    pub ids: Vec<u64>,
    /// By path, escaped.
    pub paths: BTreeMap<String, u64>,
}

/// How long the journal is now.
pub(super) fn length(root: &Root) -> u64 {
    root.meta(journal::PATH).map_or(0, |meta| meta.size)
}

/// The events that were appended since the journal had `length` bytes.
pub(super) fn since(root: &Root, length: u64) -> Result<Requests> {
    let mut requests = Requests::default();
    let Some(journal) = if_exists(root.read_from(journal::PATH, length))?.filter(|new| !new.is_empty())
    else {
        return Ok(requests);
    };
    let bytes = if length == 0 {
        journal
    } else {
        [b"format = 1\n", &journal[..]].concat()
    };
    for event in Journal::parse(&bytes)?.events {
        requests.ids.push(event.id);
        for change in event.changes {
            if let (Op::Rename, Some(target)) = (change.op, change.target) {
                requests.paths.insert(target, event.id);
            }
            requests.paths.insert(change.path, event.id);
        }
    }
    Ok(requests)
}
