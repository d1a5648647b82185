//! Planning: what is wanted, turned into changes by every contributor.

use super::Facts;
use super::declared::{Declared, declare_all};
use super::policy_check::{PolicyJudge, refuse};
use super::unfulfilled::unfulfilled;
use super::{directories, firewall, first_boot};
use crate::backend::rulesets::Undone;
use crate::backend::systemd::EarlierRule;
use crate::backend::{declared, systemd};
use crate::boot::{Applied, Postponed, is_for_boot, release};
use crate::error::Result;
use crate::intent::Intent;
use crate::journal::{Journal, last_event};
use crate::plan::{Content, Contribution, DesiredFile, Note, Plan, difference, words};
use crate::policy::Rules;
use crate::root::Root;
use crate::state::{self, EffectiveState, Fold, Overruled, Revert, State, fold_without};
use crate::undo::{instances, levels, repeat, restore};
use crate::unrecorded;

/// A plan and the fold that it comes from.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The state that settling left.
    pub before: State,
    /// What every plugin wants, and which are gone.
    pub fold: Fold,
    /// The changes.
    pub plan: Plan,
    /// The files that settling writes, also those that are already as they should be. A shared file
    /// is only among them if it is to be changed.
    pub desired: Vec<DesiredFile>,
    /// What is put back as it was, and what cannot be; both are in the plan, too.
    pub restored: Contribution,
    /// Rules of the image that come before preset files among `desired`, and are in the plan's notes, too.
    pub(crate) earlier_rules: Vec<EarlierRule>,
    /// What was overruled for the first time, by plugin.
    pub overruled: Vec<(String, Overruled)>,
    /// What policy had deferred to a boot and counts now, sorted.
    pub released: Vec<Postponed>,
    /// The rules that everything was judged by.
    pub policy: Rules,
}

/// Plans; only reads.
#[derive(Debug)]
pub struct Planner<'a> {
    root: &'a Root,
    facts: &'a Facts,
    journal: &'a Journal,
    revert: Revert,
    before: Option<State>,
    for_boot: bool,
    without_firewall: bool,
    is_partial: bool,
    only_records: bool,
}

/// What is in effect, with remarks, before any backend contributes.
struct Wanted {
    fold: Fold,
    released: Vec<Postponed>,
    overruled: Vec<(String, Overruled)>,
    notes: Vec<Note>,
}

impl<'a> Planner<'a> {
    /// Plans from the state that settling left. What policy deferred to a boot counts once this
    /// node has done it.
    pub fn new(root: &'a Root, facts: &'a Facts, journal: &'a Journal) -> Planner<'a> {
        Planner {
            root,
            facts,
            journal,
            revert: Revert::default(),
            before: None,
            for_boot: false,
            without_firewall: false,
            is_partial: false,
            only_records: false,
        }
    }

    /// For a root that may hold nothing but the records of an image: what they ask for is then not
    /// missing because its unit or script is not there.
    pub(crate) fn only_records(self, only_records: bool) -> Planner<'a> {
        Planner { only_records, ..self }
    }

    /// From a part of the events alone, left out on purpose: that some are not there is no loss.
    pub(crate) fn of_part(self) -> Planner<'a> {
        Planner {
            is_partial: true,
            ..self
        }
    }

    /// Leaves out what an administrator reverts.
    pub fn reverting(self, revert: Revert) -> Planner<'a> {
        Planner { revert, ..self }
    }

    /// With the state that settling left, where it was read already.
    pub fn since(self, before: State) -> Planner<'a> {
        Planner {
            before: Some(before),
            ..self
        }
    }

    /// For a boot: everything that policy deferred to it counts.
    pub(crate) fn for_boot(self) -> Planner<'a> {
        Planner {
            for_boot: true,
            ..self
        }
    }

    /// Without nodeshim's own firewall, unless a plugin wants something of it.
    pub fn without_firewall(self, without_firewall: bool) -> Planner<'a> {
        Planner {
            without_firewall,
            ..self
        }
    }

    /// The plan.
    ///
    /// # Errors
    /// A file of the image that decides what is wanted, and cannot be read or understood.
    pub fn plan(mut self) -> Result<Prepared> {
        let before = match self.before.take() {
            Some(before) => before,
            None => State::load(self.root)?,
        };
        if !self.is_partial {
            super::loss::check(self.root, &before, self.journal)?;
        }
        let declared = Declared::load(self.root, self.facts, &before, &self.revert)?;
        let policy = declared.policy.clone();
        let judge = PolicyJudge::new(self.root, &policy, self.journal);
        let (wanted, restored) = self.wanted_and_restored(&before, declared, &judge)?;
        let Wanted {
            mut fold,
            released,
            overruled,
            notes,
        } = wanted;
        let mut sum = Contribution::of_notes(notes);
        sum += self.contributions(&fold, &judge, &restored)?;
        let loaders = sum.memory.loaders.clone().unwrap_or_default();
        sum.files.extend(systemd::own_preset(&sum.files, &loaders));
        let earlier_rules = systemd::earlier_rules(self.root, &sum.files);
        let remark = |rule: &EarlierRule| format!("warning: {}: {}", rule.path, rule.text);
        sum.notes.extend(earlier_rules.iter().map(|rule| Note::new(None, remark(rule), &[])));
        sum.memory.enter(&mut fold.state);
        let mut plan = Plan {
            changes: sum.changes,
            notes: sum.notes,
        };
        plan.changes.extend(difference(self.root, &sum.files, &sum.owned)?);
        plan.changes.extend(sum.after_files);
        plan.changes.extend(directories::emptied(self.root, &before.directories, &plan.changes)?);
        sum.files.retain(|file| file.content != Content::Nothing);
        drop(judge);
        log::debug!("planned {} changes from {} events", plan.changes.len(), self.journal.events.len());
        Ok(Prepared {
            before,
            fold,
            plan,
            desired: sum.files,
            restored,
            earlier_rules,
            overruled,
            released,
            policy,
        })
    }

    /// What is wanted, and what is restored of what is not wanted any more. Requests without a zone are in
    /// the default zone as it is after restoring.
    fn wanted_and_restored(
        &self,
        before: &State,
        mut declared: Declared,
        judge: &PolicyJudge,
    ) -> Result<(Wanted, Contribution)> {
        let once = |declared: Declared| -> Result<(Wanted, Contribution)> {
            let default_zone = declared.default_zone.clone();
            let wanted = self.wanted(before, declared, judge)?;
            let of = (before, &wanted.fold);
            let restored = restore(self.root, &self.journal.events, of, &default_zone)?;
            Ok((wanted, restored))
        };
        let (wanted, restored) = once(declared.clone())?;
        let undone = Undone {
            restored: Some(&restored),
            ..Undone::default()
        };
        let default_zone = undone.default_zone(self.root);
        if default_zone == declared.default_zone {
            return Ok((wanted, restored));
        }
        declared.default_zone = default_zone;
        once(declared)
    }

    /// What all contributors add, in the order in which it is to be done.
    fn contributions(
        &self,
        fold: &Fold,
        judge: &PolicyJudge,
        restored: &Contribution,
    ) -> Result<Contribution> {
        let (root, state) = (self.root, &fold.state);
        // What a node's administrator has changed stays so.
        let is_node = Applied::load(root)? != Applied::default();
        let instances = match is_node {
            true => Contribution::default(),
            false => instances::contribute(root, state, restored),
        };
        let all = [
            repeat::contribute(root, state, &self.journal.events),
            levels::contribute(root, state),
            systemd::declared(root, state),
            restored.clone(),
            instances,
            systemd::presets(root, state),
            declared::contribute(root, state),
            first_boot::contribute(root, state),
            Contribution::of_notes(unfulfilled(root, state, &|plugin, want| judge.of(plugin, want))),
            firewall::contribute(root, self.facts, fold, restored, self.without_firewall)?,
        ];
        Ok(all.into_iter().sum())
    }

    /// Requests, what files declare, and policy, folded.
    fn wanted(&self, before: &State, declared: Declared, judge: &PolicyJudge) -> Result<Wanted> {
        let default_zone = declared.default_zone.clone();
        let about = state::Facts {
            installed: &self.facts.installed,
            before,
            default_zone: &default_zone,
        };
        let mut fold = fold_without(&self.journal.events, &about, &self.revert);
        fold.add_left_out(&self.journal.left_out);
        fold.state.retracted.clone_from(&declared.retracted);
        let mut notes = declare_all(declared, &mut fold);
        let done = Applied::load(self.root)?.released;
        let counts = |plugin: &str, intent: &Intent| match self.for_boot {
            true => is_for_boot(intent),
            false => done.iter().any(|of| of.plugin == plugin && of.intent == *intent),
        };
        // What cannot hold is not denied either.
        if !self.only_records {
            state::drop_missing(&mut fold, &|intent| repeat::is_there(self.root, intent));
        }
        notes.extend(refuse(judge, before, &mut fold, &counts));
        let overruled = state::decide(&mut fold, before, &default_zone);
        notes.extend(overruled.iter().map(|(plugin, one)| {
            let text = format!("{}: overruled by {}", words::intent(&one.want.intent), one.by);
            Note::new(Some(plugin), text, &one.want.events)
        }));
        let released = release(&mut fold.state, &counts);
        if !self.facts.installed.is_known() {
            let text = "the image has no rpm database: cannot tell which packages were removed";
            notes.push(Note::new(None, text, &[]));
        }
        Ok(Wanted {
            fold,
            released,
            overruled,
            notes,
        })
    }
}

/// What every plugin wants and which are gone: from the state file alone if nothing has happened
/// and nothing was declared since it was written, else from the journal.
///
/// # Errors
/// Those of [`Planner::plan`], and a damaged journal or state.
pub fn standing(root: &Root, facts: &Facts) -> Result<EffectiveState> {
    let before = State::load(root)?;
    let last = last_event(root)?;
    let found = unrecorded::find(root, last + 1)?;
    let is_new = last == before.last_event
        && found.is_empty()
        && Declared::load(root, facts, &before, &Revert::default())?.digest() == before.declarations;
    if is_new {
        return Ok(EffectiveState::settled(before, &facts.installed));
    }
    let mut journal = Journal::standing(root, before.last_event)?;
    journal.events.extend(found);
    Ok(EffectiveState::from(&Planner::new(root, facts, &journal).since(before).plan()?.fold))
}
