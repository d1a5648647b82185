//! How `[Install]` sections were turned into links before systemd 250: what is wrong with a value ends or passes
//! over more, and says less; read in install.c of 239-82.el8 and 247, observed with both.

use nix::errno::Errno;

use crate::unit::alias::{AliasFor, check_alias, check_alias_link};
use crate::unit::enable::{Outcome, Placement};
use crate::unit::generation::Trait;
use crate::unit::log::Level;
use crate::unit::lookup::Unit;
use crate::unit::name;
use crate::unit::paths::join;
use crate::unit::problem::{Events, Problem};
use crate::unit::tree::Units;

/// The first outcome that is not 0 counts; later ones are ignored.
fn keep_first(sum: &mut Outcome, next: Outcome) {
    if *sum == Ok(0) {
        *sum = next;
    }
}

impl Units<'_> {
    /// Makes the links of one unit.
    pub(super) fn link_unit_earlier(
        &mut self,
        unit: &Unit,
        place: &Placement,
        events: &mut Events,
    ) -> Outcome {
        let mut outcome = self.link_aliases_earlier(unit, place, events);
        for (list, kind) in [
            (&unit.install.wanted_by, "wants"),
            (&unit.install.required_by, "requires"),
        ] {
            keep_first(&mut outcome, self.link_into_earlier(unit, list, kind, place, events));
        }
        let outside = self.link_outside_file(unit, place, events);
        keep_first(&mut outcome, outside.map(|()| 0));
        outcome
    }

    /// A specifier that cannot be expanded ends the list without a word.
    fn link_aliases_earlier(&mut self, unit: &Unit, place: &Placement, events: &mut Events) -> Outcome {
        let mut outcome = Ok(0);
        let meant = unit.install.meant_name(&unit.name);
        for alias in &unit.install.aliases {
            let expanded = self.expand_earlier(&meant, alias)?;
            let Some(link) = self.alias_earlier(unit, &expanded) else {
                continue;
            };
            let link = if link.starts_with('/') {
                link
            } else {
                join(&place.dir, &link)
            };
            let made = self.make_link(unit.shown(), &link, place.force, unit.owner, events);
            keep_first(&mut outcome, made.map(|()| 1));
        }
        outcome
    }

    /// What is missing to expand a specifier is no problem of its own yet.
    fn expand_earlier(&self, unit: &str, text: &str) -> Result<String, Problem> {
        self.specifiers.expand(unit, text).map_err(|problem| match problem {
            Problem::Unresolved => Problem::Missing,
            other => other,
        })
    }

    /// The link for an alias. 239 takes any; later releases skip an alias that does not fit, with a warning,
    /// but not a unit's own name.
    fn alias_earlier(&self, unit: &Unit, alias: &str) -> Option<String> {
        if self.generation.number() < 240 {
            return Some(alias.to_owned());
        }
        match check_alias(&unit.name, alias) {
            AliasFor::Link(link) => Some(link),
            AliasFor::Itself => Some(unit.name.clone()),
            AliasFor::Refused { alias, misfit } => {
                self.warn_of_alias(unit, &alias, misfit);
                None
            }
        }
    }

    fn warn_of_alias(&self, unit: &Unit, alias: &str, misfit: bool) {
        let Some((dir, _)) = alias.rsplit_once('/') else {
            if let Err((_, Some(reason))) = check_alias_link(alias, &unit.name) {
                self.log.push(Level::Notice, reason);
            }
            return;
        };
        let target = dir.strip_suffix(".wants").or_else(|| dir.strip_suffix(".requires"));
        self.log.warning(match target {
            _ if misfit => format!("Invalid unit {} symlink {alias}.", unit.name),
            Some(target) => format!("Invalid unit name component \"{target}\" in alias."),
            None => format!("Invalid path \"{dir}\" in alias."),
        });
    }

    fn link_into_earlier(
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
        let Some(name) = self.name_earlier(unit, events)? else {
            return Ok(1);
        };
        let meant = unit.install.meant_name(&unit.name);
        let mut outcome = Ok(0);
        for value in list {
            let target = self.expand_earlier(&meant, value)?;
            if !name::is_valid(&target) {
                outcome = Err(match self.generation.number() {
                    ..240 => Problem::Os(Errno::EINVAL),
                    _ => events.fail(unit.owner, Problem::BadName, &target, None),
                });
                continue;
            }
            let link = join(&place.dir, &format!("{target}.{kind}/{name}"));
            let made = self.make_link(unit.shown(), &link, true, unit.owner, events);
            keep_first(&mut outcome, made.map(|()| 1));
            self.warn_of_missing(unit, target, events);
        }
        outcome
    }

    /// The name that goes into `.wants` directories. A template without a default instance goes there itself in
    /// 239, and makes no link later.
    fn name_earlier(&self, unit: &Unit, events: &mut Events) -> Result<Option<String>, Problem> {
        if !name::is_template(&unit.name) {
            return Ok(Some(unit.name.clone()));
        }
        if unit.install.default_instance.is_none() {
            return Ok(Some(unit.name.clone()).filter(|_| self.generation.number() < 240));
        }
        self.default_instance(unit, events).map(Some)
    }

    /// The directories that links are removed from if new ones would be made in `dir`. 239 searches both, and
    /// none if there is no runtime directory.
    pub(super) fn removal_dirs(&self, dir: &str) -> Vec<String> {
        if !self.generation.has(Trait::RemovesEverywhere) {
            return vec![dir.to_owned()];
        }
        match &self.path.runtime {
            Some(runtime) => vec![runtime.clone(), self.path.persistent.clone()],
            None => Vec::new(),
        }
    }
}
