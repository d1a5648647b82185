//! Enabling and disabling units as presets say: `preset_prepare_one()` decides, `execute_preset()`
//! changes the links (systemd's shared/install.c).

use crate::intent::Scope;
use crate::root::Kind;
use crate::unit::batch::Batch;
use crate::unit::enable::{Outcome, Placement, gather};
use crate::unit::generation::Trait;
use crate::unit::lookup::Lookup;
use crate::unit::name::{self, base_name};
use crate::unit::preset::{Answer, PresetAnswer, PresetMode, Presets};
use crate::unit::problem::{Event, Events, Problem};
use crate::unit::tree::Units;

/// A unit, what the presets said of it, and the argument it was named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The unit.
    pub unit: String,
    /// The rule's answer.
    pub answer: Answer,
    /// The argument.
    pub owner: usize,
}

/// What is to be enabled and disabled.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    enable: Batch,
    disable: Batch,
    /// The verdicts, for the record.
    pub decisions: Vec<Decision>,
}

impl Plan {
    /// Looks a unit's rule up and keeps it for the record, once an argument.
    fn note(&mut self, unit: &str, presets: &Presets, owner: usize) -> Answer {
        let answer = presets.query(unit, false);
        if self.decisions.last().is_none_or(|last| last.owner != owner) {
            self.decisions.push(Decision {
                unit: unit.to_owned(),
                answer: answer.clone(),
                owner,
            });
        }
        answer
    }
}

impl Units<'_> {
    /// Applies presets to the named units.
    ///
    /// `unit_file_preset()` of systemd's shared/install.c.
    pub(crate) fn preset(
        &mut self,
        names: &[String],
        presets: &Presets,
        mode: PresetMode,
        place: &Placement,
        events: &mut Events,
    ) -> (Outcome, Vec<Decision>) {
        self.expand_as_system();
        let mut plan = Plan::default();
        let mut outcome = Ok(0);
        let mut goes_on = self.generation.has(Trait::PresetGoesOn);
        for (owner, unit) in names.iter().enumerate() {
            let decided = match outcome {
                Err(problem) if !goes_on => Err(problem),
                _ => self.decide(&mut plan, unit, presets, owner, events),
            };
            if let Err(problem) = decided {
                goes_on &= !matches!(problem, Problem::Os(_));
                gather(&mut outcome, Err(problem));
                // What presets say of a unit that is not there yet is known all the same.
                plan.note(base_name(unit), presets, owner);
            }
        }
        if outcome.is_ok() || goes_on {
            gather(&mut outcome, self.execute(&mut plan, mode, place, events));
        }
        (outcome, plan.decisions)
    }

    /// Applies presets to every unit file and alias of the search path. Units that cannot be
    /// enabled are reported and passed over.
    ///
    /// `unit_file_preset_all()` of systemd's shared/install.c.
    pub(crate) fn preset_all(
        &mut self,
        presets: &Presets,
        mode: PresetMode,
        place: &Placement,
        events: &mut Events,
    ) -> (Outcome, Vec<Decision>) {
        self.expand_as_system();
        let mut plan = Plan::default();
        let mut owner = 0;
        for dir in self.dirs().to_vec() {
            let Some(entries) = self.index.load(&dir) else {
                continue;
            };
            for (unit, kind) in entries.iter() {
                if !matches!(kind, Kind::File | Kind::Link) || !name::is_listed(unit) {
                    continue;
                }
                // Up to 249 nothing is printed about a unit that failed; see ends_preset_all() below.
                let mut unsaid = Events::default();
                let earlier = self.generation.has(Trait::EarlierInstall) && !self.forgiving;
                let told = if earlier { &mut unsaid } else { &mut *events };
                let decided = self.decide(&mut plan, unit, presets, owner, told);
                if let Err(problem) = decided
                    && !self.forgiving
                    && self.ends_preset_all(problem, unit, owner, events)
                {
                    return (Err(problem), plan.decisions);
                }
                owner += 1;
            }
        }
        let outcome = self.execute(&mut plan, mode, place, events);
        let alone = matches!(outcome, Err(problem) if self.forgiving && problem.is_of_unit());
        (if alone { Ok(1) } else { outcome }, plan.decisions)
    }

    /// Whether a unit's problem is the end of `preset-all`; up to 249 there are own messages for what does not end
    /// it, and everything else does.
    fn ends_preset_all(&self, problem: Problem, unit: &str, owner: usize, events: &mut Events) -> bool {
        if self.generation.has(Trait::PresetAllGoesOn) {
            // Since 259 only what is wrong with a unit is no reason to stop.
            return self.generation.has(Trait::PresetGoesOn) && matches!(problem, Problem::Os(_));
        }
        let path = unit.to_owned();
        match problem {
            _ if !self.generation.has(Trait::EarlierInstall) => {
                matches!(problem, Problem::Os(_) | Problem::Severed)
            }
            Problem::Masked => {
                events.push(owner, Event::IsMasked { path });
                false
            }
            Problem::Severed => {
                events.push(owner, Event::IsDangling { path });
                false
            }
            Problem::Generated => false,
            _ => true,
        }
    }

    /// Presets expanded specifiers as for the system, also for user units.
    fn expand_as_system(&mut self) {
        if self.generation.has(Trait::PresetsExpandAsSystem) {
            self.specifiers.scope = Scope::System;
        }
    }

    fn decide(
        &self,
        plan: &mut Plan,
        unit: &str,
        presets: &Presets,
        owner: usize,
        events: &mut Events,
    ) -> Result<(), Problem> {
        if plan.enable.contains(unit) || plan.disable.contains(unit) {
            return Ok(());
        }
        let mut alone = Batch::default();
        let found = alone.discover(self, unit, Lookup::FOLLOW, owner, events)?;
        if alone.units[found].name != unit {
            // An alias: the unit behind it has a rule of its own.
            return Ok(());
        }
        let answer = plan.note(unit, presets, owner);
        let lookup = Lookup::LOAD_AND_FOLLOW;
        match answer.verdict {
            PresetAnswer::Enable if answer.instances.is_empty() => {
                plan.enable.discover_usable(self, unit, lookup, owner, events).map(|_| ())
            }
            PresetAnswer::Enable => answer.instances.iter().try_for_each(|instance| {
                plan.enable.discover_usable(self, instance, lookup, owner, events).map(|_| ())
            }),
            PresetAnswer::Disable if plan.disable.adopt(&mut alone) => Ok(()),
            PresetAnswer::Disable => {
                plan.disable.discover(self, unit, Lookup::FOLLOW, owner, events).map(|_| ())
            }
            PresetAnswer::Ignore => Ok(()),
        }
    }

    fn execute(
        &mut self,
        plan: &mut Plan,
        mode: PresetMode,
        place: &Placement,
        events: &mut Events,
    ) -> Outcome {
        let mut outcome = Ok(0);
        if mode != PresetMode::EnableOnly {
            let mut marks = self.mark(&mut plan.disable, events);
            for dir in self.removal_dirs(&place.dir) {
                let removed = self.remove_marked(&mut marks, &dir, events);
                gather(&mut outcome, removed.map(|()| 0));
            }
        }
        if mode != PresetMode::DisableOnly {
            gather(&mut outcome, self.apply(&mut plan.enable, place, Lookup::LOAD, events));
        }
        outcome
    }
}
