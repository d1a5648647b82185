//! `nodeshim apply`: files, the running firewall, units, and what waited for a boot, in this order.
//! Each part that fails is a problem of the report and leaves the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::node::{boot_id, is_booted};
use super::report::{Report, Touched};
use super::systemd::Manager;
use super::{firewall, starts};
use crate::apply::{self, Applied, FileChange};
use crate::backend::firewalld::keep_closed;
use crate::error::{Error, Result, if_exists};
use crate::firewall::detect;
use crate::journal::{self, Appender, Journal};
use crate::plan::{self, Content, Plan};
use crate::root::{Kind, Root};
use crate::settle::{Facts, Prepared, prepare};
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
    if if_exists(root.meta(journal::PATH))?.is_none() {
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
        save_if_changed(root, &known.applied)?;
    }
    Ok(report)
}

fn save_if_changed(root: &Root, applied: &Applied) -> Result<()> {
    if Applied::load(root)? == *applied {
        return Ok(());
    }
    applied.save(root)
}

/// Writes what settling would, less what the node changed. Says whether a firewall's file was.
fn write_files(root: &Root, options: &Options, known: &mut Known, report: &mut Report) -> Result<bool> {
    let settled = known.before == known.state;
    let mut changes = known.prepared.plan.changes.clone();
    report.closed = keep_closed(root, &known.before.placed, &mut changes)?;
    let actual = |path: &str| digest_at(root, path);
    let judged = apply::files(&changes, &known.applied, settled, &actual);
    report.files = judged.iter().map(Touched::from).collect();
    let (kept, carried): (Vec<FileChange>, Vec<FileChange>) = judged.into_iter().partition(|file| file.kept);
    drop(kept);
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
    if !settled {
        known.state.save(root)?;
    }
    known.applied.files = apply::remembered(&known.prepared.desired);
    Ok(changed)
}

fn digest_at(root: &Root, path: &str) -> String {
    let content = match root.meta(path).map(|meta| meta.kind) {
        Ok(Kind::Link) => root.read_link(path).ok().map(|target| Content::Link {
            target: target.to_string_lossy().into_owned(),
        }),
        Ok(Kind::File) => root.read(path).ok().map(|bytes| Content::File {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            mode: 0,
        }),
        _ => None,
    };
    apply::digest_of(&content.unwrap_or(Content::Nothing))
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
