//! Making the links that enable a unit.

use nix::errno::Errno;

use crate::unit::generation::Trait;
use crate::unit::index::absolute;
use crate::unit::name::base_name;
use crate::unit::paths::{join, parent, simplify};
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::tree::{DEV_NULL, Units};

/// Mode of directories that are made for links.
const DIR_MODE: u32 = 0o755;

impl Units<'_> {
    /// Makes a link from `path` to `target`. An equivalent link stays as it is, another one is
    /// replaced under `force`; anything else in its place is a failure.
    ///
    /// `create_symlink()` of systemd's shared/install.c.
    pub(crate) fn make_link(
        &mut self,
        target: &str,
        path: &str,
        force: bool,
        owner: usize,
        events: &mut Events,
    ) -> Result<(), Problem> {
        let shown = format!("{}{path}", self.prefix);
        let path = &self.path.absolute(path);
        self.make_parent(path);
        let linked = Event::Linked {
            path: shown.clone(),
            target: target.to_owned(),
        };
        match self.root.symlink(target, path) {
            Ok(()) => {
                self.index.note_link(path);
                events.push(owner, linked);
                return Ok(());
            }
            Err(error) if error.errno() == Some(Errno::EEXIST) => {}
            Err(error) => return Err(events.fail(owner, Problem::from(&error), &shown, None)),
        }
        let Ok(present) = self.index.read_link(path) else {
            return Err(events.fail(owner, Problem::Exists, &shown, None));
        };
        if self.are_equivalent(path, &present, target) {
            return Ok(());
        }
        if !force {
            return Err(events.fail(owner, Problem::Exists, &shown, Some(&present)));
        }
        self.root
            .replace_with_symlink(target, path)
            .map_err(|error| events.fail(owner, Problem::from(&error), &shown, None))?;
        events.push(owner, Event::Removed { path: shown });
        events.push(owner, linked);
        Ok(())
    }

    /// If this fails, making the link fails too, and that error is reported.
    fn make_parent(&mut self, path: &str) {
        let dir = parent(path).to_owned();
        if dir.contains("/../") && self.generation.has(Trait::EarlierInstall) {
            return self.make_parts(&dir);
        }
        if self.index.is_dir(&dir) || self.root.create_dirs(&dir, DIR_MODE).is_err() {
            return;
        }
        self.index.forget(&dir);
        self.index.forget(parent(&dir));
        let holder = if self.path.dirs.contains(&dir) {
            dir
        } else {
            parent(&dir).to_owned()
        };
        self.note_dir(&holder);
    }

    /// Makes a directory part by part, which may go up in between; mkdir_parents_label() as create_symlink()
    /// calls it up to 249.
    fn make_parts(&mut self, dir: &str) {
        let mut made = String::new();
        for part in dir.split('/').filter(|part| !part.is_empty()) {
            if part == ".." {
                made = parent(&made).to_owned();
                continue;
            }
            made = join(&made, part);
            let known = self.index.is_dir(&made) || self.root.create_dirs(&made, DIR_MODE).is_ok();
            if !known {
                return;
            }
        }
        self.index.forget(&made);
        self.note_dir(&made);
    }

    /// Whether two targets of a link at `path` mean the same unit file: both lead to one file, or
    /// they have one name and both lie in the search path.
    ///
    /// `chroot_unit_symlinks_equivalent()` of systemd's shared/install.c; up to 249 `chroot_symlinks_same()`.
    fn are_equivalent(&self, path: &str, one: &str, other: &str) -> bool {
        let dir = parent(path);
        let (one, other) = (absolute(one, dir), absolute(other, dir));
        if one == other {
            return true;
        }
        let ends = (self.index.chase(&one), self.index.chase(&other));
        // The device need not be there, but in a tree that is looked at from outside it counts for
        // no more than any other file.
        let is_null = |path: &str| path == DEV_NULL && self.prefix.is_empty();
        if let (Ok(a), Ok(b)) = &ends
            && (a.path == b.path && (a.exists || is_null(&a.path)) || self.is_one_file(&a.path, &b.path))
        {
            return true;
        }
        if self.generation.has(Trait::EarlierInstall) {
            return simplify(&one) == simplify(&other);
        }
        // path_startswith_strv() compares targets as text, without following links.
        let is_inside = |target: &str| self.path.tail(&simplify(target)).is_some();
        base_name(&one) == base_name(&other) && is_inside(&one) && is_inside(&other)
    }

    fn is_one_file(&self, one: &str, other: &str) -> bool {
        match (self.root.meta(one), self.root.meta(other)) {
            (Ok(a), Ok(b)) => (a.device, a.inode) == (b.device, b.inode),
            _ => false,
        }
    }
}
