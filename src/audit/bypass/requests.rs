//! The requests that scriptlets made meanwhile: events appended to the journal.

use std::collections::BTreeMap;

use crate::audit::claims::Claim;
use crate::error::{Result, if_exists};
use crate::escape::Escaped;
use crate::journal::{self, Journal};
use crate::root::{Op, Root};
use crate::tool::Tool;

/// Events of the journal, and the paths that the shims changed on behalf of each.
#[derive(Debug, Default)]
pub(in crate::audit) struct Requests {
    /// Their numbers.
    pub ids: Vec<u64>,
    /// By path, canonical in the image: the tools call some by a link, as `/etc/rc3.d`.
    pub paths: BTreeMap<Escaped, u64>,
    /// What those that shims recorded say of themselves.
    pub claims: Vec<Claim>,
}

impl Requests {
    /// Takes in later ones.
    pub(crate) fn follow(&mut self, mut later: Requests) {
        self.ids.append(&mut later.ids);
        self.claims.append(&mut later.claims);
        self.paths.append(&mut later.paths);
    }
}

/// How long the journal is now.
pub(in crate::audit) fn length(root: &Root) -> u64 {
    root.meta(journal::PATH).map_or(0, |meta| meta.size)
}

/// The events that were appended since the journal had `length` bytes.
pub(in crate::audit) fn since(root: &Root, length: u64) -> Result<Requests> {
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
        if !event.tool.is_seen() && event.tool != Tool::Nodeshim {
            requests.claims.push(Claim {
                event: event.id,
                origin: event.origin,
                time: event.time,
            });
        }
        for change in event.changes {
            if let (Op::Rename, Some(target)) = (change.op, change.target) {
                requests.paths.insert(place(root, &target), event.id);
            }
            requests.paths.insert(place(root, &change.path), event.id);
        }
    }
    Ok(requests)
}

fn place(root: &Root, path: &Escaped) -> Escaped {
    Escaped::new(root.place(path.raw()))
}
