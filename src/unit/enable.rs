//! `[Install]` sections turned into links.

use nix::errno::Errno;

use crate::unit::alias::{AliasFor, check_alias};
use crate::unit::batch::Batch;
use crate::unit::generation::Trait;
use crate::unit::lookup::{Lookup, Mode, Unit};
use crate::unit::name;
use crate::unit::paths::join;
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::tree::Units;

/// How links are made.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    /// The directory that they go to.
    pub dir: String,
    /// Replace other links where the unit's own name or an alias should be.
    pub force: bool,
    /// Say nothing of what a template without an instance cannot have.
    pub lenient: bool,
}

/// How many links there should be, or the first problem.
pub(crate) type Outcome = Result<usize, Problem>;

/// Adds a further outcome: a problem wins, the first of them.
pub(crate) fn gather(sum: &mut Outcome, next: Outcome) {
    *sum = match (*sum, next) {
        (Ok(a), Ok(b)) => Ok(a + b),
        (Ok(_), Err(problem)) => Err(problem),
        (failed, _) => failed,
    };
}

impl Units<'_> {
    /// Links the units that arguments name, with those that they name in `Also=`. All are looked
    /// up first; if one is not there nothing is done. A name that an administrator made for a unit
    /// ends the work when it is that name's turn.
    ///
    /// `unit_file_enable()` of systemd's shared/install.c.
    pub(crate) fn enable(&mut self, names: &[String], place: &Placement, events: &mut Events) -> Outcome {
        let mut batch = Batch::default();
        for (owner, unit) in names.iter().enumerate() {
            batch.discover_usable(self, unit, Lookup::LOAD_AND_FOLLOW, owner, events)?;
        }
        self.apply(&mut batch, place, Lookup::LOAD, events)
    }

    /// Links every unit of a batch.
    ///
    /// `install_context_apply()` of systemd's shared/install.c.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch,
        place: &Placement,
        lookup: Lookup,
        events: &mut Events,
    ) -> Outcome {
        let mut outcome = Ok(0);
        while let Some(index) = batch.take_next() {
            if let Err(problem) = batch.traverse(self, index, lookup) {
                let unit = &batch.units[index];
                if unit.auxiliary && self.generation.has(Trait::ToleratesMissingAlso) {
                    let name = unit.name.clone();
                    events.push(unit.owner, Event::AuxiliaryFailed { unit: name });
                    continue;
                }
                return Err(events.fail(unit.owner, problem, &unit.name.clone(), None));
            }
            if batch.note_masked(self, index, events) {
                // Something could have been linked here.
                gather(&mut outcome, Ok(1));
                continue;
            }
            let unit = &batch.units[index];
            if unit.mode == Some(Mode::Regular) {
                let unit = unit.clone();
                let linked = if self.generation.has(Trait::EarlierInstall) {
                    self.link_unit_earlier(&unit, place, events)
                } else {
                    self.link_unit(&unit, place, events)
                };
                gather(&mut outcome, linked);
            }
        }
        outcome
    }

    /// `install_info_apply()` of systemd's shared/install.c.
    fn link_unit(&mut self, unit: &Unit, place: &Placement, events: &mut Events) -> Outcome {
        self.link_outside_file(unit, place, events)?;
        let mut outcome = self.link_aliases(unit, place, events);
        let install = &unit.install;
        let lists = [
            (&install.wanted_by, "wants"),
            (&install.required_by, "requires"),
            (&install.upheld_by, "upholds"),
        ];
        for (list, kind) in lists {
            let linked = self.link_into(unit, list, kind, place, events);
            let counts = match outcome {
                Ok(0) => true,
                // A failure after a success was reported, and does not fail the call.
                Ok(_) => linked.is_err() && self.generation.has(Trait::LaterFailureCounts),
                Err(_) => false,
            };
            if counts {
                outcome = linked;
            }
        }
        outcome
    }

    /// A unit that came by a path outside the search path gets a link of its own name.
    ///
    /// `install_info_symlink_link()` of systemd's shared/install.c.
    pub(super) fn link_outside_file(
        &mut self,
        unit: &Unit,
        place: &Placement,
        events: &mut Events,
    ) -> Result<(), Problem> {
        let file = unit.shown();
        if self.path.contains(file) {
            return Ok(());
        }
        let link = join(&place.dir, &unit.name);
        self.make_link(file, &link, place.force, unit.owner, events)
    }

    /// `install_info_symlink_alias()` of systemd's shared/install.c.
    fn link_aliases(&mut self, unit: &Unit, place: &Placement, events: &mut Events) -> Outcome {
        let mut outcome = Ok(0);
        let outside = !self.path.contains(unit.shown());
        let target = if outside && self.generation.has(Trait::AliasesPointToLink) {
            join(&place.dir, &unit.name)
        } else {
            unit.shown().to_owned()
        };
        let meant = unit.install.meant_name(&unit.name);
        for alias in &unit.install.aliases {
            let expanded = match self.specifiers.expand(&meant, alias) {
                Ok(expanded) => expanded,
                Err(problem) => {
                    gather(&mut outcome, Err(events.fail(unit.owner, problem, alias, None)));
                    continue;
                }
            };
            match check_alias(&unit.name, &expanded) {
                AliasFor::Itself => {}
                AliasFor::Link(link) => {
                    let link = join(&place.dir, &link);
                    let made = self.is_broken_alias(&link).and_then(|is_broken| {
                        let force = place.force || is_broken;
                        self.make_link(&target, &link, force, unit.owner, events).map(|()| 1)
                    });
                    gather(&mut outcome, made.or_else(|problem| self.tolerate_taken(problem, place)));
                }
                AliasFor::Refused { alias, misfit } => {
                    let other = misfit.then_some(unit.name.as_str());
                    gather(&mut outcome, Err(events.fail(unit.owner, Problem::BadAlias, &alias, other)));
                }
            }
        }
        outcome
    }

    /// Whether an alias link is dangling and may be replaced without `--force`:
    /// `install_info_symlink_alias()` since 256.
    fn is_broken_alias(&self, link: &str) -> Result<bool, Problem> {
        if !self.generation.has(Trait::AliasesPointToLink) {
            return Ok(false);
        }
        match self.index.chase(link) {
            Ok(end) => Ok(!end.exists),
            Err(Problem::Missing) => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    fn tolerate_taken(&self, problem: Problem, place: &Placement) -> Outcome {
        let tolerated = place.lenient && self.generation.has(Trait::PresetToleratesTakenAlias);
        match problem {
            Problem::Exists if tolerated => Ok(0),
            other => Err(other),
        }
    }

    /// `install_info_symlink_wants()` of systemd's shared/install.c.
    fn link_into(
        &mut self,
        unit: &Unit,
        list: &[String],
        kind: &str,
        place: &Placement,
        events: &mut Events,
    ) -> Outcome {
        if list.is_empty() {
            return Ok(0);
        }
        let (name, needs_template) = self.instance_to_link(unit, events)?;
        let meant = unit.install.meant_name(&unit.name);
        let mut outcome = Ok(0);
        for value in list {
            let target = match self.specifiers.expand(&meant, value) {
                Ok(target) => target,
                Err(problem) => {
                    gather(&mut outcome, Err(events.fail(unit.owner, problem, value, None)));
                    continue;
                }
            };
            let problem = match name::kind(&target) {
                None => Some((Problem::BadName, None)),
                Some(name::Kind::Plain) if needs_template => {
                    Some((Problem::NotTemplate, Some(name.as_str())))
                }
                Some(_) => None,
            };
            if let Some((problem, other)) = problem {
                if !place.lenient {
                    gather(&mut outcome, Err(events.fail(unit.owner, problem, &target, other)));
                }
                continue;
            }
            let link = join(&place.dir, &format!("{target}.{kind}/{name}"));
            gather(&mut outcome, self.make_link(unit.shown(), &link, true, unit.owner, events).map(|()| 1));
            self.warn_of_missing(unit, target, events);
        }
        outcome
    }

    /// The name that goes into `.wants` directories, and whether these must be a template's or an
    /// instance's own.
    fn instance_to_link(&self, unit: &Unit, events: &mut Events) -> Result<(String, bool), Problem> {
        if !name::is_template(&unit.name) {
            return Ok((unit.name.clone(), false));
        }
        if unit.install.default_instance.is_none() {
            return Ok((unit.name.clone(), true));
        }
        Ok((self.default_instance(unit, events)?, false))
    }

    /// The instance that a template's `DefaultInstance=` names, unless it is masked.
    pub(super) fn default_instance(&self, unit: &Unit, events: &mut Events) -> Result<String, Problem> {
        let full = unit.install.default_name(&unit.name).ok_or(Problem::Os(Errno::EINVAL))?;
        let mut alone = Unit {
            name: full.clone(),
            ..Unit::default()
        };
        self.search(&mut alone, Lookup::FOLLOW)?;
        match alone.mode {
            Some(Mode::Masked) => Err(events.fail(unit.owner, Problem::Masked, &self.shown(&alone), None)),
            _ => Ok(full),
        }
    }

    pub(super) fn warn_of_missing(&self, unit: &Unit, target: String, events: &mut Events) {
        if self.generation.has(Trait::WarnsOfMissingTarget) && self.exists(&target) == Ok(false) {
            let source = self.shown(unit);
            events.push(unit.owner, Event::TargetMissing { target, source });
        }
    }
}
