//! `nodeshim apply`: files, the running firewall, units, and what waited for a boot, in this order.
//! Each part that fails is a problem of the report and leaves the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nix::errno::Errno;

use super::node::{boot_id, is_running_system};
use super::result::{ApplyResult, Touched};
use super::stamp::stamp;
use super::systemd::Manager;
use super::{firewall, starts};
use crate::backend::{iptables, systemd};
use crate::boot::{self, Applied, Deferred, FileChange, Look, RecordedUnits, UnitAspect};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::firewall::detect;
use crate::journal::{self, Appender, Journal};
use crate::plan::{self, Plan};
use crate::root::Root;
use crate::settle::{Facts, Planner, PolicyJudge, Prepared, is_due, judge, remembered_directories};
use crate::state::{ActiveIntent, State};

const RUNTIME: &str = "/run/nodeshim";
/// Locked while applying: the boot and an administrator may do it at once.
const LOCK: &str = "/run/nodeshim/apply.lock";

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only say what would be done. The only way for an image that is not booted.
    pub dry_run: bool,
    /// Only see to the running firewall if nothing that applying depends on has changed since.
    pub if_changed: bool,
    /// How long all deferred jobs together may take.
    pub limit: Duration,
}

/// What is known before anything is done.
struct ApplyContext {
    journal: Journal,
    prepared: Prepared,
    facts: Facts,
    state: State,
    applied: Applied,
    boot: String,
}

impl ApplyContext {
    fn load(root: &Root, booted: bool) -> Result<ApplyContext> {
        let facts = Facts::load(root)?;
        let before = State::load(root)?;
        let journal = Journal::standing(root, before.last_event)?;
        let prepared = Planner::new(root, &facts, &journal).since(before).for_boot().plan()?;
        let mut applied = Applied::load(root)?;
        if prepared.released != applied.released && applied.files.is_empty() {
            // A new intent replaces what settling left in the image.
            let image = Planner::new(root, &facts, &journal).since(prepared.before.clone()).plan()?;
            if image.fold.settled() == image.before {
                applied.files = boot::remembered(&image.desired);
            }
        }
        Ok(ApplyContext {
            state: prepared.fold.settled(),
            applied,
            boot: if booted { boot_id(root)? } else { String::new() },
            journal,
            prepared,
            facts,
        })
    }

    /// When an event was recorded.
    fn time_of(&self, id: u64) -> u64 {
        let found = self.journal.events.binary_search_by_key(&id, |event| event.id);
        let event = found.ok().and_then(|index| self.journal.events.get(index));
        event.and_then(|event| journal::seconds(&event.time)).unwrap_or(0)
    }
}

/// Applies. `say` is called with each step as it is made.
///
/// # Errors
/// A root that is not the running system, without a dry run, and records that cannot be read. What systemd,
/// firewalld or nft refuse is in the result.
pub fn apply(root: &Root, options: &Options, say: &mut dyn FnMut(&str)) -> Result<ApplyResult> {
    let booted = is_running_system(root);
    if !booted && !options.dry_run {
        let text = format!("{}: is not the running system: only --dry-run", root.path().display());
        return Err(Error::Refused(text));
    }
    if !is_due(root)? {
        return Ok(ApplyResult::default());
    }
    let _lock = match options.dry_run {
        true => None,
        false => {
            root.create_dirs(RUNTIME, 0o755)?;
            Some(root.lock(LOCK)?)
        }
    };
    // Before anything is read: what changes from here on is seen the next time.
    let stamp = if booted { stamp(root, &[]) } else { None };
    if booted && options.if_changed && stamp.is_some() {
        let applied = Applied::load(root)?;
        if applied.stamp == stamp && !applied.pending {
            return unchanged(root, options, applied);
        }
    }
    let mut known = ApplyContext::load(root, booted)?;
    let mut report = ApplyResult::default();
    let manager = match booted {
        true => Manager::connect().map_err(|error| report.problem(error.to_string())).ok(),
        false => None,
    };
    let changed = write_files(root, options, &mut known, &mut report)?;
    if booted {
        if changed {
            say("files written");
        }
        let input = firewall::Input {
            root,
            backend: detect::backend(root, &known.facts.config),
            boot: &known.boot,
            changed,
            dry_run: options.dry_run,
            manager: manager.as_ref(),
        };
        firewall::bring_up(&input, &mut known.applied, &mut report);
    }
    units_and_starts(root, options, manager.as_ref(), &mut known, &mut report, say)?;
    if booted && !options.dry_run {
        known.applied.boot.clone_from(&known.boot);
        known.applied.stamp = stamp.filter(|_| report.is_final());
        save_state(root, known)?;
    }
    Ok(report)
}

/// Nothing but the running firewall can differ from what was applied.
fn unchanged(root: &Root, options: &Options, mut applied: Applied) -> Result<ApplyResult> {
    let mut report = ApplyResult {
        unchanged: true,
        ..ApplyResult::default()
    };
    let boot = boot_id(root)?;
    let manager = Manager::connect().map_err(|error| report.problem(error.to_string())).ok();
    let before = applied.clone();
    let input = firewall::Input {
        root,
        backend: detect::backend(root, &Config::load(root)?.0),
        boot: &boot,
        changed: false,
        dry_run: options.dry_run,
        manager: manager.as_ref(),
    };
    firewall::bring_up(&input, &mut applied, &mut report);
    applied.boot = boot;
    if applied != before && !options.dry_run {
        applied.save(root)?;
    }
    Ok(report)
}

/// Writes down what was applied, and the state that the files now match.
fn save_state(root: &Root, known: ApplyContext) -> Result<()> {
    if Applied::load(root)? != known.applied {
        known.applied.save(root)?;
    }
    let mut state = known.state;
    if state != known.prepared.before {
        state.declared = systemd::declared_after(root, &known.prepared.fold.state, &[]);
        // A `/usr` that cannot be written keeps the image's state; the journal tells the same again.
        match state.save(root) {
            Err(error) if error.errno() == Some(Errno::EROFS) => {}
            saved => drop(saved?),
        }
    }
    Ok(())
}

/// Writes what settling would, less what the node changed. Says whether a firewall's file was.
fn write_files(
    root: &Root,
    options: &Options,
    known: &mut ApplyContext,
    report: &mut ApplyResult,
) -> Result<bool> {
    let judged = judge(root, &known.prepared, &known.applied)?;
    report.closed = judged.closed;
    report.files = judged.files.iter().map(Touched::from).collect();
    let rules = iptables::rules_in_blocks(root, &known.prepared.plan.changes)?;
    let carried: Vec<FileChange> = judged.files.into_iter().filter(|file| !file.kept).collect();
    let changed = carried.iter().any(|file| boot::is_firewalls(&file.change.path));
    if options.dry_run {
        return Ok(changed);
    }
    if !carried.is_empty() {
        // A crash from here on leaves a note that the running firewall is behind its files.
        known.applied.pending |= changed;
        known.applied.boot.clone_from(&known.boot);
        known.applied.save(root)?;
        let _lock = Appender::open(root)?;
        let plan = Plan {
            changes: carried.into_iter().map(|file| file.change).collect(),
            notes: Vec::new(),
        };
        root.forget_changes();
        plan::execute(root, &plan)?;
        known.state.directories =
            remembered_directories(root, &known.state.directories, &root.take_changes());
    }
    known.applied.rules = rules;
    known.applied.files = boot::remembered(&known.prepared.desired);
    known.applied.released.clone_from(&known.prepared.released);
    Ok(changed)
}

fn units_and_starts(
    root: &Root,
    options: &Options,
    manager: Option<&Manager>,
    known: &mut ApplyContext,
    report: &mut ApplyResult,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let recorded = boot::recorded(&known.state);
    if let Some(manager) = manager {
        let units: BTreeSet<&str> = recorded.keys().map(|aspect| aspect.unit.as_str()).collect();
        let actual = manager.file_states(root, units);
        report.units = boot::units(&known.state, &known.prepared.before, &known.applied.units, &actual);
        if !options.dry_run {
            change_units(manager, recorded, known, report, say);
        }
    }
    let judged = judge_deferred(root, manager, known, report)?;
    match manager {
        Some(manager) if !options.dry_run => {
            let plugins = &known.state.plugins;
            known.applied.attempts.retain(|attempt| plugins.contains_key(&attempt.plugin));
            let input = starts::Input {
                root,
                boot: &known.boot,
                manager,
                limit: options.limit,
            };
            starts::execute(&input, judged, &mut known.applied, report, say)
        }
        _ => {
            report.deferred.extend(judged.into_iter().map(super::JobOutcome::untried));
            Ok(())
        }
    }
}

/// What is to be done of the deferred requests; what never is goes into the report.
fn judge_deferred(
    root: &Root,
    manager: Option<&Manager>,
    known: &ApplyContext,
    report: &mut ApplyResult,
) -> Result<Vec<Deferred>> {
    let (activity, matches) = match manager {
        Some(manager) => {
            let matches = matches(manager, known, report);
            let units = boot::needs(&known.state, &known.applied, &matches);
            (Some(manager.activity(root, &units)?), matches)
        }
        None => (None, BTreeMap::new()),
    };
    let kept: BTreeSet<&str> =
        report.units.iter().filter(|step| step.kept).map(|step| step.unit.as_str()).collect();
    let judge = PolicyJudge::new(root, &known.prepared.policy, &known.journal);
    let decision = |plugin: &str, want: &ActiveIntent| judge.of(plugin, want);
    let skipped = boot::skipped(&known.state, &decision);
    report.deferred.extend(skipped.into_iter().map(super::JobOutcome::untried));
    let look = Look {
        applied: &known.applied,
        activity: activity.as_ref(),
        matches: &matches,
        kept: &kept,
        time_of: &|id| known.time_of(id),
        decision: &decision,
    };
    Ok(boot::deferred(&known.state, &look))
}

/// The units that each pattern matches. A pattern that cannot be looked up is left for the next time.
fn matches(
    manager: &Manager,
    known: &ApplyContext,
    report: &mut ApplyResult,
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for pattern in boot::patterns(&known.state, &known.applied) {
        match manager.matching(&pattern) {
            Ok(mut units) => {
                units.sort();
                found.insert(pattern, units);
            }
            Err(error) => report.problem(format!("{pattern}: {error}")),
        }
    }
    found
}

/// Brings units' links about, and remembers what is recorded of all units but those that failed.
fn change_units(
    manager: &Manager,
    recorded: RecordedUnits,
    known: &mut ApplyContext,
    report: &mut ApplyResult,
    say: &mut dyn FnMut(&str),
) {
    let (mut changed, mut failed) = (false, BTreeSet::new());
    for step in report.units.clone().into_iter().filter(|step| !step.kept) {
        match manager.change(step.verb, &[&step.unit]) {
            Ok(()) => {
                say(&format!("{} {}", step.verb.word(), step.unit));
                changed = true;
            }
            Err(error) => {
                report.problem(format!("{}: {}: {error}", step.plugin, step.unit));
                failed.insert(step.unit);
            }
        }
    }
    let is_systemds = |file: &Touched| !file.kept && file.path.contains("/systemd/");
    let is_stale = changed || report.files.iter().any(is_systemds);
    if is_stale && let Err(error) = manager.reload() {
        report.problem(error.to_string());
    }
    let before = std::mem::replace(&mut known.applied.units, recorded);
    for unit in failed {
        for mask in [false, true] {
            let unit = unit.clone();
            let aspect = UnitAspect { unit, mask };
            match before.get(&aspect) {
                Some(state) => known.applied.units.insert(aspect, *state),
                None => known.applied.units.remove(&aspect),
            };
        }
    }
}
