//! Removing the links that enable a unit.

use std::collections::HashMap;

use nix::errno::Errno;

use crate::error::if_exists;
use crate::root::Kind;
use crate::unit::batch::Batch;
use crate::unit::generation::Trait;
use crate::unit::index::absolute;
use crate::unit::lookup::{Lookup, Mode};
use crate::unit::name::{self, base_name};
use crate::unit::paths::{join, parent, simplify};
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::tree::Units;

/// Names and paths that links are removed for, each with the argument that it is owed to.
#[derive(Debug, Default)]
pub(crate) struct Marks(HashMap<String, usize>);

impl Marks {
    /// Adds a name or path; says whether it is new.
    pub(crate) fn add(&mut self, what: &str, owner: usize) -> bool {
        let is_new = !self.0.contains_key(what);
        self.0.entry(what.to_owned()).or_insert(owner);
        is_new
    }

    fn owner(&self, what: &str) -> Option<usize> {
        self.0.get(what).copied()
    }

    /// Whether a link goes by its own name, or by its template's.
    fn of_name(&self, name: &str) -> Option<usize> {
        self.owner(name).or_else(|| self.owner(&name::template_of(name)?))
    }
}

/// A link below the directory that links are removed from.
struct Link {
    dir: String,
    name: String,
    target: String,
    /// The file that it leads to at once, over no other link: no link that goes changes that.
    file: Option<String>,
}

impl Link {
    fn path(&self) -> String {
        join(&self.dir, &self.name)
    }
}

impl Units<'_> {
    /// Removes all links below `dir` for the units that arguments name and those that they name in
    /// `Also=`. The result says whether there was anything that enabling them would have done.
    pub(crate) fn disable(
        &mut self,
        names: &[String],
        dir: &str,
        events: &mut Events,
    ) -> Result<bool, Problem> {
        let mut batch = Batch::default();
        let mut has_install = false;
        let mut missing = Ok(());
        let looks_up_first = self.generation.has(Trait::DisableLooksUpFirst);
        for (owner, unit) in names.iter().enumerate() {
            if !name::is_valid(base_name(unit)) {
                return Err(match self.generation.has(Trait::EarlierInstall) {
                    true => Problem::Os(Errno::EINVAL),
                    false => events.fail(owner, Problem::BadName, base_name(unit), None),
                });
            }
            let index = batch.add(unit, false, owner)?;
            if !looks_up_first {
                continue;
            }
            if let Err(problem) = batch.traverse(self, index, Lookup::LOAD_AND_FOLLOW) {
                events.fail(owner, problem, unit, None);
                let stops = self.generation.has(Trait::DisableStopsAtMissing) && !self.forgiving;
                if problem != Problem::Missing || stops {
                    return Err(problem);
                }
                if self.generation.has(Trait::ReportedFailureCounts) {
                    missing = Err(problem);
                }
            }
            let install = &batch.units[index].install;
            has_install |= install.has_rules() || !install.also.is_empty();
        }
        let mut marks = self.mark(&mut batch, events);
        for dir in self.removal_dirs(dir) {
            self.remove_marked(&mut marks, &dir, events)?;
        }
        missing?;
        Ok(has_install || !looks_up_first || events.any_change())
    }

    /// Finds the names that links of a batch's units can have. A unit that is gone still has
    /// links; a masked one keeps them.
    ///
    /// `install_context_mark_for_removal()` of systemd's shared/install.c.
    pub(crate) fn mark(&self, batch: &mut Batch, events: &mut Events) -> Marks {
        let mut marks = Marks::default();
        while let Some(index) = batch.take_next() {
            let found = batch.traverse(self, index, Lookup::LOAD_AND_FOLLOW);
            let unit = &batch.units[index];
            let (owner, shown) = (unit.owner, self.shown(unit));
            if let (Ok(behind), false) = (found, unit.auxiliary) {
                events.set_name(owner, &batch.units[behind].name);
            }
            match found {
                Err(Problem::Severed) => events.push(owner, Event::IsDangling { path: shown }),
                Err(Problem::Missing) if unit.auxiliary => {}
                Err(problem) => drop(events.fail(owner, problem, &shown, None)),
                Ok(_) if batch.note_masked(self, index, events) => continue,
                Ok(_) if unit.mode != Some(Mode::Regular) => continue,
                Ok(_) => {}
            }
            marks.add(&batch.units[index].name, owner);
        }
        marks
    }

    /// Removes every link below `dir` that a mark fits, again and again until none is left: a link
    /// to a removed link goes as well. Directories that become empty go, `dir` itself stays.
    ///
    /// `remove_marked_symlinks()` of systemd's shared/install.c.
    pub(crate) fn remove_marked(
        &mut self,
        marks: &mut Marks,
        dir: &str,
        events: &mut Events,
    ) -> Result<(), Problem> {
        if marks.0.is_empty() {
            return Ok(());
        }
        let mut links = Vec::new();
        let mut result = self.load_links_below(dir, &mut links);
        // A directory is empty only when no link is left in it.
        let mut left_in: HashMap<String, usize> = HashMap::new();
        for link in &links {
            *left_in.entry(link.dir.clone()).or_default() += 1;
        }
        let mut again = true;
        while again {
            again = false;
            let mut left = Vec::new();
            for mut link in links {
                match self.remove_link(marks, &mut link, &mut again, events) {
                    Ok(true) => {
                        if let Some(count) = left_in.get_mut(&link.dir) {
                            *count -= 1;
                            if *count == 0 {
                                self.remove_empty_dirs(&link.dir, dir);
                            }
                        }
                    }
                    Ok(false) => left.push(link),
                    Err(problem) => {
                        result = result.and(Err(problem));
                        left.push(link);
                    }
                }
            }
            links = left;
        }
        result
    }

    /// All links below a directory; other links to directories are not followed.
    fn load_links_below(&self, dir: &str, links: &mut Vec<Link>) -> Result<(), Problem> {
        let here = self.path.absolute(dir);
        let entries = if_exists(self.root.list_links(&here)).map_err(|error| Problem::from(&error))?;
        let Some(entries) = entries else {
            return Ok(());
        };
        self.index.learn(&here, entries.iter().map(|(entry, _)| entry));
        let mut result = Ok(());
        for (entry, target) in entries {
            let Ok(name) = entry.name.into_string() else {
                continue;
            };
            match (entry.kind, target) {
                (Kind::Dir, _) => result = result.and(self.load_links_below(&join(dir, &name), links)),
                (Kind::Link, Some(target)) if name::is_valid(&name) => links.push(Link {
                    dir: dir.to_owned(),
                    name,
                    target: target.to_string_lossy().into_owned(),
                    file: None,
                }),
                _ => {}
            }
        }
        result
    }

    /// Removes a directory, and those above it as far as `top`, while they are empty.
    ///
    /// `rmdir_parents()`, which `remove_marked_symlinks_fd()` calls for each link.
    fn remove_empty_dirs(&self, dir: &str, top: &str) {
        let mut dir = dir;
        while dir != top {
            let here = self.path.absolute(dir);
            if self.root.remove_dir(&here).is_err() {
                return;
            }
            self.index.note_removed(&here);
            self.index.forget(&here);
            dir = parent(dir);
        }
    }

    fn remove_link(
        &mut self,
        marks: &mut Marks,
        link: &mut Link,
        again: &mut bool,
        events: &mut Events,
    ) -> Result<bool, Problem> {
        let Some(owner) = self.owner_of_link(marks, link, events)? else {
            return Ok(false);
        };
        let path = link.path();
        let shown = format!("{}{path}", self.prefix);
        if self.dry_run {
            events.push(owner, Event::Removed { path: shown });
            return Ok(false);
        }
        let here = self.path.absolute(&path);
        self.root
            .remove_link(&here, &link.target)
            .map_err(|error| events.fail(owner, Problem::from(&error), &shown, None))?;
        self.index.note_removed(&here);
        events.push(owner, Event::Removed { path: shown });
        *again |= marks.add(&path, owner);
        Ok(true)
    }

    /// The argument that a link goes for: by its own name, or by what it leads to.
    ///
    /// `remove_marked_symlinks_fd()` of systemd's shared/install.c, since 250.
    fn owner_of_link(
        &self,
        marks: &Marks,
        link: &mut Link,
        events: &mut Events,
    ) -> Result<Option<usize>, Problem> {
        if self.generation.has(Trait::EarlierInstall) {
            return self.owner_of_link_earlier(marks, link);
        }
        if let Some(owner) = marks.of_name(&link.name) {
            return Ok(Some(owner));
        }
        let end = match &link.file {
            Some(file) => file.clone(),
            None => {
                let target = self.target_of(link);
                let end = match self.index.chase(&target) {
                    // Its way leads over something that is not there.
                    Err(Problem::Missing) => return Ok(None),
                    end => end.map_err(|problem| {
                        events.fail(0, problem, &format!("{}{}", self.prefix, link.path()), None)
                    })?,
                };
                link.file = Some(&end.path).filter(|path| end.exists && **path == target).cloned();
                end.path
            }
        };
        // In another tree what was removed and what is led to never have the same path.
        let by_path = marks.owner(&end).filter(|_| self.prefix.is_empty());
        Ok(by_path.or_else(|| marks.owner(base_name(&end))))
    }

    fn target_of(&self, link: &Link) -> String {
        simplify(&absolute(&link.target, &self.path.absolute(&link.dir)))
    }

    /// As up to 249: where a link leads is found out before its name counts, and the name is the whole one.
    fn owner_of_link_earlier(&self, marks: &Marks, link: &Link) -> Result<Option<usize>, Problem> {
        let end = if self.generation.has(Trait::FollowsLinks) {
            match self.chase_as_caller(&self.path.absolute(&link.path())) {
                Err(Problem::Missing) => return Ok(None),
                end => end?.path,
            }
        } else {
            link.target.clone()
        };
        let by_end = marks.owner(&end).or_else(|| marks.owner(base_name(&end)));
        Ok(by_end.or_else(|| marks.owner(&link.name)))
    }
}
