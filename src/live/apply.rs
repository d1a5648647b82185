//! `nodeshim apply`: files, the running firewall, units, and what waited for a boot, in this order.
//! Each part that fails is a problem of the report and leaves the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::node::{boot_id, is_booted};
use super::report::{Report, Touched};
use super::systemd::Manager;
use super::{firewall, starts};
use crate::apply::{self, Applied, FileChange};
use crate::backend::systemd;
use crate::error::{Error, Result};
use crate::firewall::detect;
use crate::journal::{self, Appender, Journal};
use crate::plan::{self, Plan};
use crate::root::Root;
use crate::settle::{Facts, Prepared, is_due, judge, prepare};
use crate::state::State;

const RUNTIME: &str = "/run/nodeshim";
/// Held while applying: the boot and an administrator may do it at once.
const LOCK: &str = "/run/nodeshim/apply.lock";

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only say what would be done. The only way for an image that is not booted.
    pub dry_run: bool,
    /// How long all deferred jobs together may take.
    pub limit: Duration,
}

/// What is known before anything is done.
struct Known {
    journal: Journal,
    prepared: Prepared,
    facts: Facts,
    before: State,
    state: State,
    applied: Applied,
    boot: String,
}

impl Known {
    fn load(root: &Root, booted: bool) -> Result<Known> {
        let facts = Facts::load(root)?;
        let journal = Journal::read(root)?;
        let prepared = prepare(root, &facts, &journal)?;
        Ok(Known {
            state: prepared.fold.settled(),
            before: State::load(root)?,
            applied: Applied::load(root)?,
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

/// Applies. `say` is told each step as it is made.
pub fn apply(root: &Root, options: &Options, say: &mut dyn FnMut(&str)) -> Result<Report> {
    let booted = is_booted(root);
    if !booted && !options.dry_run {
        let text = format!("{}: is not the running system: only --dry-run", root.path().display());
        return Err(Error::Other(text));
    }
    if !is_due(root)? {
        return Ok(Report::default());
    }
    let _lock = match options.dry_run {
        true => None,
        false => {
            root.create_dirs(RUNTIME, 0o755)?;
            Some(root.lock(LOCK)?)
        }
    };
    let mut known = Known::load(root, booted)?;
    let mut report = Report::default();
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
        save_state(root, known)?;
    }
    Ok(report)
}

/// Writes down what was applied, and the state that the files now match.
fn save_state(root: &Root, known: Known) -> Result<()> {
    if Applied::load(root)? != known.applied {
        known.applied.save(root)?;
    }
    let mut state = known.state;
    if state != known.before {
        state.declared = systemd::declared_after(root, &known.prepared.fold.state, |_| false);
        state.save(root)?;
    }
    Ok(())
}

/// Writes what settling would, less what the node changed. Says whether a firewall's file was.
fn write_files(root: &Root, options: &Options, known: &mut Known, report: &mut Report) -> Result<bool> {
    let judged = judge(root, &known.prepared, &known.before, &known.applied)?;
    report.closed = judged.closed;
    report.files = judged.files.iter().map(Touched::from).collect();
    let carried: Vec<FileChange> = judged.files.into_iter().filter(|file| !file.kept).collect();
    let changed = carried.iter().any(|file| apply::is_firewalls(&file.change.path));
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
        plan::apply(root, &plan)?;
    }
    known.applied.files = apply::remembered(&known.prepared.desired);
    Ok(changed)
}

fn units_and_starts(
    root: &Root,
    options: &Options,
    manager: Option<&Manager>,
    known: &mut Known,
    report: &mut Report,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let recorded = apply::recorded(&known.state);
    if let Some(manager) = manager {
        let units: BTreeSet<&str> = recorded.keys().filter_map(|key| key.split(' ').next()).collect();
        let actual: BTreeMap<String, String> = units
            .into_iter()
            .filter_map(|unit| Some((unit.to_owned(), manager.file_state(unit)?)))
            .collect();
        report.units = apply::units(&known.state, &known.before, &known.applied, &actual);
        if !options.dry_run {
            change_units(manager, recorded, known, report, say);
        }
    }
    let activity = match manager {
        Some(manager) => Some(manager.activity(&apply::needs(&known.state, &known.applied))?),
        None => None,
    };
    let kept: BTreeSet<&str> =
        report.units.iter().filter(|step| step.kept).map(|step| step.unit.as_str()).collect();
    let time_of = |id| known.time_of(id);
    let judged = apply::deferred(&known.state, &known.applied, activity.as_ref(), &kept, &time_of);
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
            starts::carry_out(&input, judged, &mut known.applied, report, say)
        }
        _ => {
            let untried = |request| super::Started {
                request,
                result: None,
            };
            report.deferred = judged.into_iter().map(untried).collect();
            Ok(())
        }
    }
}

/// Brings units' links about, and remembers what is recorded of all units but those that failed.
fn change_units(
    manager: &Manager,
    recorded: BTreeMap<String, String>,
    known: &mut Known,
    report: &mut Report,
    say: &mut dyn FnMut(&str),
) {
    let (mut changed, mut failed) = (false, BTreeSet::new());
    for step in report.units.clone().into_iter().filter(|step| !step.kept) {
        match manager.change(step.verb, &[&step.unit]) {
            Ok(()) => {
                say(&format!("{:?} {}", step.verb, step.unit).to_lowercase());
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
        for key in [unit.clone(), format!("{unit} mask")] {
            match before.get(&key) {
                Some(value) => known.applied.units.insert(key, value.clone()),
                None => known.applied.units.remove(&key),
            };
        }
    }
}
