//! Single dependencies and the default target.

use nix::errno::Errno;

use crate::unit::batch::Batch;
use crate::unit::enable::{Outcome, Placement};
use crate::unit::generation::Trait;
use crate::unit::lookup::Lookup;
use crate::unit::name;
use crate::unit::paths::join;
use crate::unit::problem::{Events, Problem};
use crate::unit::section::Install;
use crate::unit::tree::Units;

/// The unit that is booted into.
const DEFAULT_TARGET: &str = "default.target";

/// How one unit pulls another in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// `.wants/`
    Wants,
    /// `.requires/`
    Requires,
}

/// Whether a name can be that of the target to boot into.
pub(crate) fn can_be_default(target: &str) -> Result<(), Problem> {
    let fits = name::type_of(target) == Some("target") && name::is_valid(target) && target != DEFAULT_TARGET;
    if fits {
        Ok(())
    } else {
        Err(Problem::Os(Errno::EINVAL))
    }
}

impl Units<'_> {
    /// Makes `target` pull units in, without regard to their `[Install]`. Gives the target's real
    /// name and those of the units, with the outcome.
    ///
    /// `unit_file_add_dependency()` of systemd's shared/install.c.
    pub(crate) fn add_dependency(
        &mut self,
        target: &str,
        names: &[String],
        dependency: Dependency,
        place: &Placement,
        events: &mut Events,
    ) -> (Outcome, Option<String>, Vec<String>) {
        let mut batch = Batch::default();
        let lookup = Lookup::FOLLOW;
        let found = match batch.discover_usable(self, target, lookup, 0, events) {
            Ok(found) => found,
            Err(problem) => return (Err(problem), None, Vec::new()),
        };
        let target = batch.units[found].name.clone();
        let mut real = Vec::new();
        for (owner, unit) in names.iter().enumerate() {
            match batch.discover_usable(self, unit, lookup, owner, events) {
                Ok(found) => {
                    let list = vec![target.clone()];
                    let mut install = Install::default();
                    match dependency {
                        Dependency::Wants => install.wanted_by = list,
                        Dependency::Requires => install.required_by = list,
                    }
                    batch.units[found].install = install;
                    real.push(batch.units[found].name.clone());
                }
                Err(problem) => return (Err(problem), Some(target), real),
            }
        }
        (self.apply(&mut batch, place, lookup, events), Some(target), real)
    }

    /// Makes a target the one to boot into. Gives its real name.
    ///
    /// `unit_file_set_default()` of systemd's shared/install.c.
    pub(crate) fn set_default(
        &mut self,
        target: &str,
        dir: &str,
        events: &mut Events,
    ) -> Result<String, Problem> {
        can_be_default(target)?;
        let mut batch = Batch::default();
        let found = batch.discover_usable(self, target, Lookup::PLAIN, 0, events)?;
        let unit = batch.units[found].clone();
        self.make_link(unit.shown(), &join(dir, DEFAULT_TARGET), true, 0, events)?;
        Ok(unit.name)
    }

    /// The unit that is booted into.
    ///
    /// `unit_file_get_default()` of systemd's shared/install.c.
    pub(crate) fn default_target(&self) -> Result<String, Problem> {
        let mut batch = Batch::default();
        let mut events = Events::default();
        let found = if self.generation.has(Trait::GetDefaultRefusesMasked) {
            batch.discover_usable(self, DEFAULT_TARGET, Lookup::FOLLOW, 0, &mut events)?
        } else {
            batch.discover(self, DEFAULT_TARGET, Lookup::FOLLOW, 0, &mut events)?
        };
        Ok(batch.units[found].name.clone())
    }
}
