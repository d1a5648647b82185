//! The time between two boundaries: what was touched meanwhile, and by whom.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::index::FileIndex;
use super::file::{How, Run};
use super::kernel::processes::{Actor, Actors, Processes};
use super::kernel::watch::{Act, Touch};
use super::{is_below, is_looked_at, is_ours, join};
use crate::attribution::Origin;
use crate::rpmdb::DATABASES;

/// Paths that were touched, and how.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub paths: BTreeMap<Vec<u8>, Marks>,
    /// Paths of nodeshim's own, and who touched them.
    pub ours: BTreeMap<Vec<u8>, BTreeSet<Actor>>,
    pub processes: Processes,
    /// The kernel could not report everything.
    pub lost: bool,
    /// Directories that came from outside of the image, and who brought them.
    pub came: Vec<(Vec<u8>, i32)>,
}

/// What happened to one path.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub by: Actors,
    /// The content may have changed.
    pub written: bool,
    /// Where it was before.
    pub from: Option<Vec<u8>>,
    /// It was renamed to another path.
    pub went: bool,
}

impl Touched {
    /// Takes in a report. A renamed directory takes what is known of its content along.
    pub(super) fn take(&mut self, touch: Touch, known: &mut FileIndex) {
        let Touch { path, pid, act } = touch;
        match act {
            Act::Ran => return self.processes.ran(pid, path),
            Act::Lost => {
                self.lost = true;
                return;
            }
            _ => {}
        }
        if DATABASES.iter().any(|database| is_below(&path, database.as_bytes())) {
            self.processes.wrote_database(pid);
        }
        if is_ours(&path) {
            let actor = self.processes.actor(pid);
            self.ours.entry(path.clone()).or_default().insert(actor);
        }
        if !is_looked_at(&path) {
            return;
        }
        match act {
            Act::Renamed(from) => self.renamed(from, path, pid),
            Act::MovedDir(from) => {
                known.renamed(&from, &path);
                self.rename_below(&from, &path);
                self.renamed(from, path, pid);
            }
            Act::LeftDir => {
                let prefix = join(&path, b"");
                let below: Vec<Vec<u8>> = known.paths().filter(|p| p.starts_with(&prefix)).cloned().collect();
                below.into_iter().for_each(|path| self.mark(path, pid, false));
                self.mark(path, pid, false);
            }
            Act::CameDir => {
                self.came.push((path.clone(), pid));
                self.mark(path, pid, false);
            }
            act => self.mark(path, pid, act == Act::Written),
        }
    }

    pub(super) fn mark(&mut self, path: Vec<u8>, pid: i32, written: bool) {
        let actor = self.processes.actor(pid);
        let marks = self.paths.entry(path).or_default();
        marks.by.add(actor);
        marks.written |= written;
    }

    fn renamed(&mut self, from: Vec<u8>, to: Vec<u8>, pid: i32) {
        let actor = self.processes.actor(pid);
        let old = self.paths.entry(from.clone()).or_default();
        old.went = true;
        old.by.add(actor);
        let (by, first) = (old.by.clone(), old.from.clone());
        let new = self.paths.entry(to).or_default();
        by.iter().for_each(|actor| new.by.add(*actor));
        new.written = true;
        new.went = false;
        new.from = Some(first.unwrap_or(from));
    }

    fn rename_below(&mut self, from: &[u8], to: &[u8]) {
        let prefix = join(from, b"");
        let below: Vec<Vec<u8>> =
            self.paths.keys().filter(|path| path.starts_with(&prefix)).cloned().collect();
        for path in below {
            if let Some(marks) = self.paths.remove(&path) {
                self.paths.insert(join(to, &path[prefix.len()..]), marks);
            }
        }
    }
}

/// A scriptlet that is running.
#[derive(Debug)]
pub(super) struct ScriptletRun {
    /// When it began, as an event's time.
    pub time: String,
    /// When it began and ended by the clock that stamps files, seconds and nanoseconds.
    pub began: (i64, i64),
    pub ended: (i64, i64),
    /// rpm itself.
    pub rpm: i32,
    pub origin: Origin,
    /// A process was made for it; without one it ran within rpm.
    pub forked: bool,
    pub failed: bool,
    /// How long the journal was.
    pub journal: u64,
    pub touched: Touched,
}

impl ScriptletRun {
    /// The record of it, without what changed.
    pub(super) fn record(&self, how: How) -> Run {
        Run {
            failed: self.failed,
            ..Run::new(self.time.clone(), how, self.origin.clone())
        }
    }
}
