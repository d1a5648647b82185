//! The units of one request, found, followed over links and loaded one after the other.

use std::collections::{HashMap, VecDeque};

use crate::unit::generation::Trait;
use crate::unit::lookup::{Lookup, Mode, Unit};
use crate::unit::name::{self, base_name};
use crate::unit::paths::simplify;
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::tree::Units;

/// As many links as are followed from one name to the unit behind it.
const MAX_FOLLOWED: usize = 64;

/// Units by name, in the order in which they turned up.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// All of them.
    pub units: Vec<Unit>,
    by_name: HashMap<String, usize>,
    queue: VecDeque<usize>,
}

impl Batch {
    /// Whether a unit of this name is in it.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The next unit that was not handed out before.
    pub(crate) fn take_next(&mut self) -> Option<usize> {
        self.queue.pop_front()
    }

    /// Adds a unit by name or absolute path; one that is there already stays.
    ///
    /// `install_info_add()` of systemd's shared/install.c.
    pub(crate) fn add(
        &mut self,
        name_or_path: &str,
        auxiliary: bool,
        owner: usize,
    ) -> Result<usize, Problem> {
        let is_path = name_or_path.starts_with('/');
        let name = if is_path {
            base_name(name_or_path)
        } else {
            name_or_path
        };
        if !name::is_valid(name) {
            return Err(Problem::Os(nix::errno::Errno::EINVAL));
        }
        if let Some(index) = self.by_name.get(name) {
            self.units[*index].auxiliary &= auxiliary;
            return Ok(*index);
        }
        Ok(self.push(Unit {
            name: name.to_owned(),
            path: is_path.then(|| simplify(name_or_path)),
            auxiliary,
            owner,
            ..Unit::default()
        }))
    }

    fn push(&mut self, unit: Unit) -> usize {
        let index = self.units.len();
        self.by_name.insert(unit.name.clone(), index);
        self.queue.push_back(index);
        self.units.push(unit);
        index
    }

    /// Adds a unit and finds what is behind it; a failure is recorded under the text given.
    ///
    /// `install_info_discover()` of systemd's shared/install.c.
    pub(crate) fn discover(
        &mut self,
        units: &Units,
        name_or_path: &str,
        lookup: Lookup,
        owner: usize,
        events: &mut Events,
    ) -> Result<usize, Problem> {
        if name_or_path == "/" && units.generation.has(Trait::NormalizesPaths) {
            let problem = match units.prefix.is_empty() {
                // It has no name, and so passes for a generator's directory.
                true => Problem::Generated,
                // Its name is that of --root's directory.
                false => Problem::Os(nix::errno::Errno::EINVAL),
            };
            return Err(events.fail(owner, problem, name_or_path, None));
        }
        let bare = match units.generation.has(Trait::NormalizesPaths) {
            true => name_or_path.trim_end_matches('/'),
            false => name_or_path,
        };
        let checked = match self.contains(base_name(bare)) {
            true => Ok(()),
            false => units.check_slash(name_or_path),
        };
        let found = checked
            .map_err(|problem| match problem {
                Problem::BadName => Problem::Os(nix::errno::Errno::EINVAL),
                other => other,
            })
            .and_then(|()| self.add(bare, false, owner))
            .and_then(|index| self.traverse(units, index, lookup));
        let index = found.map_err(|problem| events.fail(owner, problem, name_or_path, None))?;
        events.set_name(owner, &self.units[index].name);
        Ok(index)
    }

    /// Adds the one unit of a batch that [`Batch::discover`] filled with the same look-up; says
    /// whether it was the only one.
    pub(crate) fn adopt(&mut self, other: &mut Batch) -> bool {
        let only = if other.units.len() == 1 {
            other.units.pop()
        } else {
            None
        };
        only.map(|unit| self.push(unit)).is_some()
    }

    /// As [`Batch::discover`], but a unit that is masked or made at run time is a failure too.
    ///
    /// `install_info_discover_and_check()` of systemd's shared/install.c.
    pub(crate) fn discover_usable(
        &mut self,
        units: &Units,
        name_or_path: &str,
        lookup: Lookup,
        owner: usize,
        events: &mut Events,
    ) -> Result<usize, Problem> {
        let index = self.discover(units, name_or_path, lookup, owner, events)?;
        let unit = &self.units[index];
        let path = unit.shown();
        if unit.mode == Some(Mode::Masked) {
            return Err(events.fail(owner, Problem::Masked, &units.shown(unit), None));
        }
        if units.path.is_generated(path) || units.path.is_transient(path) {
            return Err(events.fail(owner, Problem::Generated, &units.shown(unit), None));
        }
        Ok(index)
    }

    /// Finds a unit's file and goes on over links until there is one, or a mask. The unit behind
    /// an alias has another name, and joins the batch.
    ///
    /// `install_info_traverse()` of systemd's shared/install.c.
    pub(crate) fn traverse(&mut self, units: &Units, start: usize, lookup: Lookup) -> Result<usize, Problem> {
        self.search(units, start, lookup)?;
        let mut index = start;
        for _ in 0..MAX_FOLLOWED {
            let unit = &self.units[index];
            let (Some(mode @ (Mode::Alias | Mode::Linked)), Some(path), Some(target)) =
                (unit.mode, unit.path.as_deref(), unit.target.clone())
            else {
                return Ok(index);
            };
            if !lookup.follow_config && units.path.is_config(path) {
                return Err(Problem::LinkedFile);
            }
            let behind = base_name(&target).to_owned();
            if mode == Mode::Linked || behind == unit.name {
                self.follow(units, index, target, lookup)?;
                continue;
            }
            index = match instance_behind(&unit.name, &behind) {
                Some(same) if same == unit.name => {
                    self.follow(units, index, target, lookup)?;
                    continue;
                }
                other => {
                    let owner = unit.owner;
                    let next = self.add(&other.unwrap_or(behind), false, owner)?;
                    self.search(units, next, lookup).map_err(|problem| match problem {
                        Problem::Missing => Problem::Severed,
                        other => other,
                    })?;
                    next
                }
            };
        }
        Err(Problem::LinkedFile)
    }

    /// `install_info_follow()` of systemd's shared/install.c.
    fn follow(&mut self, units: &Units, index: usize, target: String, lookup: Lookup) -> Result<(), Problem> {
        let unit = &mut self.units[index];
        unit.path = Some(target.clone());
        unit.mode = None;
        let loaded = units.load(unit, &target, lookup);
        self.add_also(index).and(loaded)
    }

    fn search(&mut self, units: &Units, index: usize, lookup: Lookup) -> Result<(), Problem> {
        let unit = &mut self.units[index];
        if unit.mode.is_some() {
            return Ok(());
        }
        let found = units.search(unit, lookup);
        // Units named before a file turned out to be broken count.
        self.add_also(index).and(found)
    }

    fn add_also(&mut self, index: usize) -> Result<(), Problem> {
        let owner = self.units[index].owner;
        for name in self.units[index].install.also.clone() {
            self.add(&name, true, owner)?;
        }
        Ok(())
    }

    /// Records what became of a unit that was passed over, and says whether it was.
    pub(crate) fn note_masked(&self, units: &Units, index: usize, events: &mut Events) -> bool {
        let unit = &self.units[index];
        let masked = unit.mode == Some(Mode::Masked);
        if masked {
            let path = units.shown(unit);
            events.push(unit.owner, Event::IsMasked { path });
        }
        masked
    }
}

impl Units<'_> {
    /// Whether there is a unit of this name, or which problem it has.
    pub(crate) fn exists(&self, unit: &str) -> Result<bool, Problem> {
        match Batch::default().discover(self, unit, Lookup::PLAIN, 0, &mut Events::default()) {
            Ok(_) => Ok(true),
            Err(Problem::Missing) => Ok(false),
            Err(problem) => Err(problem),
        }
    }
}

/// The unit behind an instance of an alias template, with the instance filled in.
fn instance_behind(name: &str, behind: &str) -> Option<String> {
    let instance = name::instance_of(name)?;
    name::is_template(behind).then(|| name::with_instance(behind, instance))?
}
