//! What an administrator does to single unit files: masks, links to files elsewhere, and reverting
//! both.

use nix::errno::Errno;

use crate::error::if_exists;
use crate::root::Kind;
use crate::unit::disable::Marks;
use crate::unit::enable::{Outcome, Placement, gather};
use crate::unit::generation::Trait;
use crate::unit::index::{MAX_LINKS, absolute};
use crate::unit::log::Level;
use crate::unit::lookup::{Lookup, Mode, Unit};
use crate::unit::name::{self, base_name};
use crate::unit::paths::{join, parent, simplify};
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::tree::{DEV_NULL, Units};

impl Units<'_> {
    /// Makes masks, also for units that are not there.
    ///
    /// `unit_file_mask()` of systemd's shared/install.c.
    pub(crate) fn mask(&mut self, names: &[String], place: &Placement, events: &mut Events) -> Outcome {
        let mut outcome = Ok(0);
        for (owner, unit) in names.iter().enumerate() {
            if !name::is_valid(unit) {
                gather(&mut outcome, Err(Problem::Os(Errno::EINVAL)));
                continue;
            }
            let link = join(&place.dir, unit);
            gather(&mut outcome, self.make_link(DEV_NULL, &link, place.force, owner, events).map(|()| 1));
        }
        outcome
    }

    /// Removes masks and empty files, with the links that lead to them.
    ///
    /// `unit_file_unmask()` of systemd's shared/install.c.
    pub(crate) fn unmask(&mut self, names: &[String], dir: &str, events: &mut Events) -> Outcome {
        let mut masks = Vec::new();
        let dirs = self.removal_dirs(dir);
        for (owner, unit) in names.iter().enumerate() {
            if !name::is_valid(unit) {
                return Err(Problem::Os(Errno::EINVAL));
            }
            // In another tree nothing is asked about generators, which run in this one.
            let asks_generators = !self.is_named && !self.generation.has(Trait::EarlierInstall);
            if asks_generators && self.is_masked_by_generator(unit) {
                events.push(owner, Event::MaskedByGenerator { unit: unit.clone() });
                continue;
            }
            for dir in &dirs {
                let path = join(dir, unit);
                if self.is_mask(&self.path.absolute(&path))? && !masks.iter().any(|(_, other)| *other == path)
                {
                    masks.push((owner, path));
                }
            }
        }
        let mut outcome = Ok(0);
        let mut marks = Marks::default();
        for (owner, path) in masks {
            match self.remove_one(&path, owner, events) {
                Ok(()) => drop(marks.add(&path, owner)),
                Err(problem) => gather(&mut outcome, Err(problem)),
            }
        }
        for dir in dirs {
            gather(&mut outcome, self.remove_marked(&mut marks, &dir, events).map(|()| 0));
        }
        outcome
    }

    /// `null_or_empty_path()`, as `unit_file_unmask()` calls it.
    fn is_mask(&self, path: &str) -> Result<bool, Problem> {
        match self.index.kind(path)? {
            None => Ok(false),
            Some(Kind::Link) if !self.prefix.is_empty() => self.is_mask_elsewhere(path),
            Some(_) => match self.is_empty(path) {
                Err(Problem::Missing) => Ok(false),
                empty => empty,
            },
        }
    }

    /// Whether a link in another tree (`--root`) is a mask. Absolute links lead out of that tree,
    /// and only `/dev/null` is known there.
    fn is_mask_elsewhere(&self, link: &str) -> Result<bool, Problem> {
        let mut path = link.to_owned();
        for _ in 0..MAX_LINKS {
            match self.index.kind(&path)? {
                Some(Kind::Link) => {}
                Some(_) => return self.is_empty(&path),
                None => return Ok(false),
            }
            let target = self.index.read_link(&path)?;
            if target.starts_with('/') {
                return Ok(simplify(&target) == DEV_NULL);
            }
            path = self.index.chase_parent(&absolute(&target, parent(&path)))?;
        }
        Err(Problem::LinkedFile)
    }

    /// Looks no further than the first file of this name.
    ///
    /// `unit_file_unmask()` warns of such a unit, as it stays masked.
    fn is_masked_by_generator(&self, name: &str) -> bool {
        let mut unit = Unit {
            name: name.to_owned(),
            ..Unit::default()
        };
        let found = self.search(&mut unit, Lookup::PLAIN);
        found.is_ok() && unit.mode == Some(Mode::Masked) && self.path.is_generated(unit.shown())
    }

    fn remove_one(&mut self, path: &str, owner: usize, events: &mut Events) -> Result<(), Problem> {
        let shown = format!("{}{path}", self.prefix);
        let here = self.path.absolute(path);
        self.root
            .remove(&here)
            .map_err(|error| events.fail(owner, Problem::from(&error), &shown, None))?;
        self.index.note_removed(&here);
        events.push(owner, Event::Removed { path: shown });
        Ok(())
    }

    /// Links unit files from outside the search path into it. All are looked at first.
    ///
    /// `unit_file_link()` of systemd's shared/install.c.
    pub(crate) fn link_files(&mut self, paths: &[String], place: &Placement, events: &mut Events) -> Outcome {
        let mut wanted = Vec::new();
        for (owner, path) in paths.iter().enumerate() {
            let earlier = self.generation.has(Trait::EarlierInstall);
            let check = self.check_linkable(path).map_err(|problem| match problem {
                Problem::BadName if earlier => Problem::Os(Errno::EINVAL),
                _ if earlier => problem,
                _ => events.fail(owner, problem, path, None),
            });
            match check? {
                true if !wanted.iter().any(|(_, other)| other == path) => wanted.push((owner, path.clone())),
                _ => {}
            }
        }
        let mut outcome = Ok(0);
        for (owner, path) in wanted {
            let link = join(&place.dir, base_name(&path));
            gather(&mut outcome, self.make_link(&path, &link, place.force, owner, events).map(|()| 1));
        }
        outcome
    }

    /// Since 256 a slash at the end is no part of a unit's name, but only a directory may have one.
    pub(super) fn check_slash(&self, path: &str) -> Result<(), Problem> {
        let file = simplify(path);
        if !path.ends_with('/') || file == "/" || !self.generation.has(Trait::NormalizesPaths) {
            return Ok(());
        }
        if !name::is_valid(base_name(&file)) {
            return Err(Problem::BadName);
        }
        match self.index.kind(&file)?.ok_or(Problem::Missing)? {
            Kind::Dir => Ok(()),
            _ => Err(Problem::Os(Errno::ENOTDIR)),
        }
    }

    /// Whether there is anything to do to link a file.
    fn check_linkable(&self, path: &str) -> Result<bool, Problem> {
        if !path.starts_with('/') {
            return Err(Problem::Os(Errno::EINVAL));
        }
        self.check_slash(path)?;
        if !name::is_valid(base_name(path)) {
            return Err(Problem::BadName);
        }
        match self.index.kind(path)?.ok_or(Problem::Missing)? {
            Kind::File => {}
            Kind::Link => return Err(Problem::LinkedFile),
            Kind::Dir => return Err(Problem::Os(Errno::EISDIR)),
            _ => return Err(Problem::Os(Errno::EBADFD)),
        }
        if self.path.contains(path) {
            return Ok(false);
        }
        let below = self.path.tail(path).is_some() && !self.generation.has(Trait::EarlierInstall);
        if below {
            Err(Problem::InHierarchy)
        } else {
            Ok(true)
        }
    }

    /// Takes an administrator's changes to units back: drop-ins always, unit files and masks where
    /// there is a vendor's unit behind them.
    ///
    /// `unit_file_revert()` of systemd's shared/install.c.
    pub(crate) fn revert(&mut self, names: &[String], events: &mut Events) -> Outcome {
        let mut doomed = Vec::new();
        for (owner, unit) in names.iter().enumerate() {
            if !name::is_valid(unit) {
                return Err(Problem::Os(Errno::EINVAL));
            }
            for path in self.local_changes(unit)? {
                if !doomed.iter().any(|(_, other)| *other == path) {
                    doomed.push((owner, path));
                }
            }
        }
        let mut outcome = Ok(0);
        let mut marks = Marks::default();
        for (owner, path) in doomed {
            let removed = self.check_loop(&path).and_then(|()| self.remove_tree(&path, owner, events));
            if let Err(problem) = removed {
                if self.forgiving || outcome.is_ok() {
                    gather(&mut outcome, Err(problem));
                    continue;
                }
                // What fails after something failed passes for removed (observed with 262).
                let path = format!("{}{path}", self.prefix);
                events.push(owner, Event::Removed { path });
            }
            marks.add(&path, owner);
        }
        let places = [self.path.runtime.clone(), Some(self.path.persistent.clone())];
        for dir in places.into_iter().flatten() {
            gather(&mut outcome, self.remove_marked(&mut marks, &dir, events).map(|()| 0));
        }
        outcome
    }

    /// A link that leads back to itself might lead to the root directory as well.
    fn check_loop(&self, path: &str) -> Result<(), Problem> {
        if self.forgiving || !self.generation.has(Trait::KeepsLoops) {
            return Ok(());
        }
        match self.chase_as_caller(path) {
            Err(problem @ Problem::LinkedFile) => {
                let (prefix, reason) = (&self.prefix, problem.text());
                let text =
                    format!("Failed to determine whether '{prefix}{path}' is the root file system: {reason}");
                self.log.push(Level::Error, text);
                Err(problem)
            }
            _ => Ok(()),
        }
    }

    /// The paths that `unit_file_revert()` collects; `path_shall_revert()` says which drop-ins.
    fn local_changes(&self, unit: &str) -> Result<Vec<String>, Problem> {
        let mut drop_ins = Vec::new();
        let mut files = Vec::new();
        let mut has_vendor = false;
        for dir in self.dirs() {
            let path = join(dir, unit);
            let kind = self.index.kind(&path)?;
            // In another tree the directories of generators go unrecognised.
            let is_vendor =
                self.path.is_vendor(&path) && (self.prefix.is_empty() || !self.path.is_generated(&path));
            has_vendor |= kind == Some(Kind::File) && is_vendor;
            if matches!(kind, Some(Kind::File | Kind::Link)) && self.path.is_config(&path) {
                files.push(path.clone());
            }
            let drop_in = format!("{path}.d");
            let ours =
                self.path.is_config(&path) || self.path.is_control(&path) || self.path.is_transient(&path);
            if ours && self.index.kind(&drop_in)? == Some(Kind::Dir) {
                drop_ins.push(drop_in);
            }
        }
        if has_vendor {
            drop_ins.extend(files);
        }
        Ok(drop_ins)
    }

    /// Removes a file, or a directory with all below it; what lay directly in it is reported.
    fn remove_tree(&mut self, path: &str, owner: usize, events: &mut Events) -> Result<(), Problem> {
        if self.index.kind(path)? != Some(Kind::Dir) {
            return self.remove_one(path, owner, events);
        }
        let io = |error| Problem::from(&error);
        let entries = if_exists(self.root.list(path)).map_err(io)?.unwrap_or_default();
        let mut removed = Vec::new();
        for entry in entries {
            let inside = join(path, &entry.name.to_string_lossy());
            match entry.kind {
                Kind::Dir => self.remove_tree(&inside, owner, &mut Events::default())?,
                _ => {
                    self.root.remove(&inside).map_err(io)?;
                    removed.push(inside);
                }
            }
        }
        self.root.remove_dir(path).map_err(io)?;
        self.index.note_removed(path);
        self.index.forget(path);
        removed.push(path.to_owned());
        for path in removed {
            let path = format!("{}{path}", self.prefix);
            events.push(owner, Event::Removed { path });
        }
        Ok(())
    }
}
