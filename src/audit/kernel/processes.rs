//! Which program a process runs, as far as the kernel reported it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::audit::is_of_tool;
use crate::root::Root;

/// What processes have run, by number.
#[derive(Debug, Default)]
pub(in crate::audit) struct Processes {
    ran: HashMap<i32, Vec<Vec<u8>>>,
    /// Those that have run something since [`Processes::take_new`] was called last.
    new: HashSet<i32>,
    /// Who wrote the rpm database.
    rpms: HashSet<i32>,
}

/// The number for changes whose process is not known.
pub(in crate::audit) const NOBODY: i32 = 0;

/// A process while it runs one program, identified by how many programs it has run so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) struct Actor {
    pub pid: i32,
    step: usize,
}

/// Processes that had to do with a path, in order. Of most paths it is one, for which a set would make room for eleven:
/// of a package with many files that is more than all else that is known of them.
#[derive(Debug, Clone, Default)]
pub(in crate::audit) struct Actors(Vec<Actor>);

impl Actors {
    /// Adds one, once.
    pub(crate) fn add(&mut self, actor: Actor) {
        if let Err(place) = self.0.binary_search(&actor) {
            if self.0.is_empty() {
                self.0.reserve_exact(1);
            }
            self.0.insert(place, actor);
        }
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Actor> {
        self.0.iter()
    }
}

impl Processes {
    /// A process as it is now.
    pub(crate) fn actor(&self, pid: i32) -> Actor {
        Actor {
            pid,
            step: self.ran.get(&pid).map_or(0, Vec::len),
        }
    }

    /// A process opened a file to run it: the program, the interpreter of a script, or the loader.
    pub(crate) fn ran(&mut self, pid: i32, path: Vec<u8>) {
        if !is_loader(&path) {
            self.ran.entry(pid).or_default().push(path);
            self.new.insert(pid);
        }
    }

    /// The program that a process runs: a script rather than its interpreter.
    pub(crate) fn program(&self, root: &Root, actor: Actor) -> Option<&[u8]> {
        let ran = self.until(actor);
        let last = ran.last()?;
        match ran.get(ran.len().wrapping_sub(2)) {
            Some(script) if is_script(root, script) => Some(script),
            _ => Some(last),
        }
    }

    fn until(&self, actor: Actor) -> &[Vec<u8>] {
        let ran = self.ran.get(&actor.pid).map_or(&[][..], Vec::as_slice);
        ran.get(..actor.step).unwrap_or(ran)
    }

    /// A process wrote the rpm database: whether it says so or not, it is an rpm.
    pub(crate) fn wrote_database(&mut self, pid: i32) {
        self.rpms.insert(pid);
    }

    /// Whether a process is known to be an rpm, or not known at all.
    pub(crate) fn may_be_rpm(&self, pid: i32) -> bool {
        pid == NOBODY || self.rpms.contains(&pid)
    }

    /// Whether a process has run anything.
    pub(crate) fn has_run(&self, pid: i32) -> bool {
        self.ran.contains_key(&pid)
    }

    /// Whether a process is a shim.
    pub(crate) fn is_shim(&self, actor: Actor) -> bool {
        self.until(actor).last().is_some_and(|path| is_of_tool(path))
    }

    /// Whether a process had not yet run anything: rpm's own child, before it becomes a scriptlet.
    pub(crate) fn is_fresh(&self, actor: Actor) -> bool {
        actor.step == 0
    }

    /// Every program that was run, scripts rather than their interpreters, and how often.
    pub(crate) fn all(&self, root: &Root) -> BTreeMap<Vec<u8>, usize> {
        let mut all = BTreeMap::new();
        for ran in self.ran.values() {
            for path in without_interpreters(ran, root) {
                *all.entry(path.clone()).or_default() += 1;
            }
        }
        all
    }

    /// As [`Processes::all`], of the processes that have run something since this was called last.
    pub(crate) fn take_new(&mut self, root: &Root) -> BTreeSet<Vec<u8>> {
        let new = std::mem::take(&mut self.new);
        let ran = new.iter().filter_map(|pid| self.ran.get(pid));
        ran.flat_map(|ran| without_interpreters(ran, root)).cloned().collect()
    }
}

fn without_interpreters<'p>(ran: &'p [Vec<u8>], root: &Root) -> impl Iterator<Item = &'p Vec<u8>> {
    let mut after_script = false;
    ran.iter().filter(move |path| {
        let is_interpreter = after_script;
        after_script = !is_interpreter && is_script(root, path);
        !is_interpreter
    })
}

/// The dynamic loader is opened along with every program.
fn is_loader(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    [&b"ld-"[..], b"ld.so", b"ld64.so"].iter().any(|start| name.starts_with(start))
}

fn is_script(root: &Root, path: &[u8]) -> bool {
    root.starts_with(Path::new(OsStr::from_bytes(path)), b"#!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_that_touched_a_path_is_kept_once_in_order() {
        let processes = Processes::default();
        let mut actors = Actors::default();
        [7, 3, 7, 5, 3].into_iter().for_each(|pid| actors.add(processes.actor(pid)));
        assert_eq!(actors.iter().map(|actor| actor.pid).collect::<Vec<_>>(), [3, 5, 7]);
    }

    #[test]
    fn programs_that_were_asked_for_before_are_not_looked_at_again() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        root.write("/script", b"#!/bin/sh\n", None).unwrap();
        let mut processes = Processes::default();
        processes.ran(1, b"/script".to_vec());
        processes.ran(1, b"/bin/sh".to_vec());
        processes.ran(2, b"/bin/true".to_vec());
        let named = |found: BTreeSet<Vec<u8>>| found.into_iter().collect::<Vec<_>>().join(&b' ');
        assert_eq!(named(processes.take_new(&root)), b"/bin/true /script");
        assert_eq!(named(processes.take_new(&root)), b"");
        processes.ran(3, b"/bin/ls".to_vec());
        assert_eq!(named(processes.take_new(&root)), b"/bin/ls");
        assert_eq!(processes.all(&root).len(), 3);
    }
}
