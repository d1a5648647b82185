//! Finding out what changed without the kernel's reports: by comparing before and after, and by
//! the times at which files changed.

use std::thread::sleep;
use std::time::Duration;

use super::DIGEST_LIMIT;
use super::changes::{Found, packaged_digest};
use super::compare::{compare, may_have_changed};
use super::known::{FileState, Known};
use super::record::{How, Run, hex};
use super::recorder::{blank, coarse_now, now, run_of};
use super::requests::Requests;
use super::window::Window;
use crate::error::Result;
use crate::journal::timestamp;
use crate::origin::Origin;
use crate::root::{Kind, Root};
use crate::rpmdb::{Files, files};

/// The clock's steps are not longer than this many pauses of a millisecond.
const MAX_PAUSES: usize = 20;

/// The scriptlets that ran, and what packages owned before.
#[derive(Debug, Default)]
pub(super) struct Times {
    before: Files,
    windows: Vec<(Window, Requests)>,
}

impl Times {
    /// Asks the rpm database which files are packaged.
    pub fn start(root: &Root) -> Result<Times> {
        Ok(Times {
            before: files(root)?,
            windows: Vec::new(),
        })
    }

    /// Waits until files get another time than anything that changed so far.
    pub fn settle_clock() {
        let began = now();
        for _ in 0..MAX_PAUSES {
            if coarse_now() > began {
                return;
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// A scriptlet has ended.
    pub fn note(&mut self, window: Window, requests: Requests) {
        self.windows.push((window, requests));
    }

    /// A record for each scriptlet.
    pub fn runs(self, root: &Root, known: &Known) -> Result<Vec<(Run, Vec<Found>)>> {
        let after = Known::scan(root, None)?;
        let packaged = files(root)?;
        let mut runs: Vec<(Run, Vec<Found>)> = self
            .windows
            .iter()
            .map(|(window, requests)| {
                let run = Run {
                    requests: requests.ids.clone(),
                    ..run_of(window, How::Times)
                };
                (run, Vec::new())
            })
            .collect();
        let mut elsewhere = Vec::new();
        for path in paths(known, &after) {
            let (before, now) = (known.get(path), after.get(path));
            let of_rpm = self.is_rpms(path, before, now, &packaged);
            if before.map(|state| state.status) == now.map(|state| state.status) || of_rpm {
                continue;
            }
            let Some(mut found) = self.change(root, path, before, now) else {
                continue;
            };
            match self.when(path, now, &after) {
                Some(place) => {
                    found.change.request = self.windows[place].1.paths.get(&found.change.path).copied();
                    runs[place].1.push(found);
                }
                // With scriptlets told apart, what is outside of them is rpm's.
                None if self.windows.is_empty() => elsewhere.push(found),
                None => {}
            }
        }
        if !elsewhere.is_empty() {
            let time = timestamp(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref());
            runs.push((blank(time, How::Times, Origin::default()), elsewhere));
        }
        Ok(runs)
    }

    fn change(
        &self,
        root: &Root,
        path: &[u8],
        before: Option<&FileState>,
        now: Option<&FileState>,
    ) -> Option<Found> {
        let (mut before, mut now) = (before.cloned(), now.cloned());
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
            before.digest = before.digest.or_else(|| packaged_digest(&self.before, path, before));
        }
        let change = compare(path, before.as_ref(), now.as_ref(), !same)?;
        Some(Found::of(change, before.as_ref(), now.as_ref()))
    }

    /// Whether rpm itself explains a change: the file is as its package has it, or went with it.
    fn is_rpms(
        &self,
        path: &[u8],
        before: Option<&FileState>,
        now: Option<&FileState>,
        packaged: &Files,
    ) -> bool {
        match now {
            None => self.before.contains_key(path) && !packaged.contains_key(path),
            Some(now) if now.status.kind == Kind::File => {
                let is_new = before.is_none_or(|before| may_have_changed(before, now));
                is_new
                    && packaged_digest(packaged, path, now)
                        .is_some_and(|digest| now.digest.is_none_or(|found| hex(&found) == hex(&digest)))
            }
            Some(_) => before.is_none() && packaged.contains_key(path),
        }
    }

    /// The scriptlet during which something changed. For what is gone the directory tells.
    fn when(&self, path: &[u8], now: Option<&FileState>, after: &Known) -> Option<usize> {
        let time = match now {
            Some(now) => now.status.changed,
            None => {
                let above = path.iter().rposition(|byte| *byte == b'/')?;
                after.get(&path[..above])?.status.changed
            }
        };
        self.windows.iter().position(|(window, _)| window.began <= time && time <= window.ended)
    }
}

fn paths<'k>(a: &'k Known, b: &'k Known) -> std::collections::BTreeSet<&'k Vec<u8>> {
    a.paths().chain(b.paths()).collect()
}
