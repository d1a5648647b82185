//! Finding out what changed without the kernel's reports: by comparing before and after, and by
//! the times at which files changed.

use std::thread::sleep;
use std::time::Duration;

use super::filesystems::Filesystems;
use super::index::FileIndex;
use super::payload::packaged_digest;
use super::payload::{Payload, Suspect};
use super::state::FileState;
use super::{compare, may_have_changed};
use crate::audit::DIGEST_LIMIT;
use crate::audit::bypass::requests::Requests;
use crate::audit::clock::{coarse_now, now};
use crate::audit::file::{How, Run};
use crate::audit::found::Found;
use crate::audit::scriptlet_run::ScriptletRun;
use crate::error::Result;
use crate::root::{Kind, Root};
use crate::rpmdb::{Files, files};

/// The clock's steps are not longer than this many pauses of a millisecond.
const MAX_PAUSES: usize = 20;

/// The scriptlets that ran, and what packages owned before.
#[derive(Debug, Default)]
pub(in crate::audit) struct Times {
    before: Files,
    windows: Vec<(ScriptletRun, Requests)>,
}

impl Times {
    /// Asks the rpm database which files are packaged.
    pub(crate) fn start(root: &Root) -> Result<Times> {
        Ok(Times {
            before: files(root)?,
            windows: Vec::new(),
        })
    }

    /// Waits until files get another time than anything that changed so far.
    pub(crate) fn settle_clock() {
        let began = now();
        for _ in 0..MAX_PAUSES {
            if coarse_now() > began {
                return;
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// A scriptlet has ended.
    pub(crate) fn note(&mut self, window: ScriptletRun, requests: Requests) {
        self.windows.push((window, requests));
    }

    /// A record for each scriptlet, and what changed outside of all of them, `others` being the requests
    /// that were made there.
    pub(crate) fn runs(
        self,
        root: &Root,
        known: &FileIndex,
        parts: &Filesystems,
        others: &Requests,
    ) -> Result<Compared> {
        let after = FileIndex::scan(root, parts, None);
        let payload = Payload {
            before: Some(self.before),
            after: files(root)?,
        };
        let of_window = |(window, requests): &(ScriptletRun, Requests)| {
            let run = Run {
                requests: requests.ids.clone(),
                ..window.record(How::Times)
            };
            (run, Vec::new())
        };
        let mut compared = Compared {
            runs: self.windows.iter().map(of_window).collect(),
            elsewhere: Vec::new(),
        };
        for path in paths(known, &after) {
            let (before, now) = (known.get(path), after.get(path));
            let suspect = Suspect { path, before, now };
            if before.map(|state| state.status) == now.map(|state| state.status) || payload.explains(suspect)
            {
                continue;
            }
            let Some(mut found) = change(root, &payload, suspect) else {
                continue;
            };
            match when(&self.windows, path, now, &after) {
                Some(place) => {
                    found.change.request = self.windows[place].1.paths.get(&found.change.path).copied();
                    compared.runs[place].1.push(found);
                }
                None if payload.may_have_adjusted(suspect) => {}
                None => {
                    found.change.request = others.paths.get(&found.change.path).copied();
                    compared.elsewhere.push(found);
                }
            }
        }
        Ok(compared)
    }
}

/// The result of a comparison.
#[derive(Debug)]
pub(in crate::audit) struct Compared {
    /// One a scriptlet.
    pub runs: Vec<(Run, Vec<Found>)>,
    /// What is none's.
    pub elsewhere: Vec<Found>,
}

fn change(root: &Root, payload: &Payload, suspect: Suspect) -> Option<Found> {
    let path = suspect.path;
    let (mut before, mut now) = (suspect.before.cloned(), suspect.now.cloned());
    let same = match (&before, &now) {
        (Some(before), Some(now)) => !may_have_changed(before, now),
        _ => false,
    };
    if let Some(now) = &mut now
        && now.status.kind == Kind::File
        && now.digest.is_none()
        && !same
    {
        *now = FileState::look(root, path, DIGEST_LIMIT)?;
    }
    if let Some(before) = &mut before
        && before.status.kind == Kind::File
    {
        let packaged = payload.before.as_ref().and_then(|files| packaged_digest(files, path, before));
        before.digest = before.digest.or(packaged);
    }
    Some(Found {
        path: path.to_vec(),
        change: compare(path, before.as_ref(), now.as_ref(), !same)?,
        before,
        after: now,
        by_rpm: true,
    })
}

/// The scriptlet during which something changed. For what is gone the directory tells.
fn when(
    windows: &[(ScriptletRun, Requests)],
    path: &[u8],
    now: Option<&FileState>,
    after: &FileIndex,
) -> Option<usize> {
    let time = match now {
        Some(now) => now.status.changed,
        None => {
            let above = path.iter().rposition(|byte| *byte == b'/')?;
            after.get(&path[..above])?.status.changed
        }
    };
    windows.iter().position(|(window, _)| window.began <= time && time <= window.ended)
}

fn paths<'k>(a: &'k FileIndex, b: &'k FileIndex) -> std::collections::BTreeSet<&'k Vec<u8>> {
    a.paths().chain(b.paths()).collect()
}
