//! Direct changes as events of the journal: if a tool could have been asked for the same, with the
//! same intent, so that it is counted, checked and reverted like a request; else with a note.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bypass, of_path};
use super::{lokkit, zone};
use crate::audit::file::{FileChange, Run, Side};
use crate::audit::found::{DirectChange, Found};
use crate::audit::named::{NamedProgram, named, where_and_by};
use crate::escape::Escaped;
use crate::intent::{Intent, NoteSeverity, RecordedIntent, Scope, ServiceWant, UnitWant};
use crate::journal::Event;
use crate::root::{Change, Op, Root};
use crate::shell::{Command, line_of};
use crate::system::programs::{FIREWALL, past_the_tools};
use crate::tool::Tool;
use crate::unit::name::pulled_in_by;

/// The events that one scriptlet's changes and its commands, where its text is known, come to.
pub(in crate::audit) fn events(root: &Root, run: &Run, found: &[Found], commands: &[Command]) -> Vec<Event> {
    let direct = found.iter().filter(|one| one.change.request.is_none()).map(Found::direct);
    let asked = asked_for(root, direct).into_iter();
    let mut events: Vec<Event> = asked.map(|asked| event(run, asked, commands)).collect();
    events.extend(programs(root, run, commands));
    events
}

/// Changes that belong together, and what a tool would have been asked for to bring them about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedByHand<'c> {
    /// The changes.
    pub changes: Vec<&'c FileChange>,
    /// What would have been asked for; nothing where it is not that plain.
    pub intents: Vec<Intent>,
}

/// What changes around the tools come to; others are left out.
pub(crate) fn asked_for<'c>(
    root: &Root,
    direct: impl IntoIterator<Item = DirectChange<'c>>,
) -> Vec<AskedByHand<'c>> {
    let mut asked = Vec::new();
    let mut levels: BTreeMap<String, Vec<&FileChange>> = BTreeMap::new();
    for one in direct {
        let change = one.change;
        let path = change.path.shown();
        let Some(bypass) = of_path(&path).filter(|_| change.is_of_content()) else {
            continue;
        };
        match (bypass, run_level(&path)) {
            (Bypass::RunLevel, Some((_, _, service))) => {
                levels.entry(service.to_owned()).or_default().push(change)
            }
            _ => asked.push(AskedByHand {
                changes: vec![change],
                intents: intents(root, bypass, &one),
            }),
        }
    }
    asked.extend(levels.into_iter().map(|(service, changes)| AskedByHand {
        intents: service_intents(&service, &changes),
        changes,
    }));
    asked
}

fn event(run: &Run, asked: AskedByHand, commands: &[Command]) -> Event {
    let AskedByHand { changes, mut intents } = asked;
    if intents.is_empty() {
        let notes = changes.iter().filter_map(|change| Some(note(of_path(&change.path.shown())?, change)));
        intents.extend(notes);
    }
    let line = changes.iter().find_map(|change| line_of(commands, &change.path.shown()));
    Event {
        argv: changes.iter().map(|change| change.path.clone()).collect(),
        message: where_and_by(line, changes.iter().copied()),
        intents: intents.into_iter().map(|intent| RecordedIntent::new(intent, true)).collect(),
        changes: changes.into_iter().map(journal_change).collect(),
        ..run.event(Tool::Bypass)
    }
}

/// A change as the journal has it.
pub(crate) fn journal_change(change: &FileChange) -> Change {
    let target = |side: &Option<Side>| side.as_ref().and_then(|side| side.target.clone());
    let op = match (&change.before, &change.after) {
        (_, None) => Op::Remove,
        (_, Some(after)) if after.target.is_some() => Op::Link,
        (None, Some(_)) => Op::Create,
        (Some(_), Some(_)) => Op::Write,
    };
    Change {
        op,
        path: change.path.clone(),
        target: target(&change.after),
        was: target(&change.before),
        digest: change.after.as_ref().and_then(|after| after.sha256.clone()),
        before: None,
    }
}

fn note(bypass: Bypass, change: &FileChange) -> Intent {
    let severity = if bypass.is_grave() {
        NoteSeverity::High
    } else {
        NoteSeverity::Low
    };
    Intent::Note {
        severity,
        text: format!("{}: {}", bypass.words(), change.path.shown()),
    }
}

/// What a tool would have been asked for; nothing if it is not that plain.
fn intents(root: &Root, bypass: Bypass, direct: &DirectChange) -> Vec<Intent> {
    match bypass {
        Bypass::Wants => pulled_in(root, direct.change),
        Bypass::DropIn => drop_in(direct.change).into_iter().collect(),
        Bypass::LocalUnit => local_unit(root, direct.change).into_iter().collect(),
        Bypass::Firewalld => zone::intents(root, direct),
        Bypass::SavedFirewall => lokkit::intents(root, direct),
        _ => Vec::new(),
    }
}

/// What a link in `X.target.wants` asks for, or all that are in it where a link leads to the directory.
fn pulled_in(root: &Root, change: &FileChange) -> Vec<Intent> {
    let Some(path) = change.path.text() else {
        return Vec::new();
    };
    let made = change.after.is_some();
    let Some((directory, name)) = path.rsplit_once('/') else {
        return Vec::new();
    };
    if pulled_in_by(name).is_none() {
        return link_in(directory, name, made).into_iter().collect();
    }
    let entries = root.list(&path).unwrap_or_default();
    let names = entries.iter().filter_map(|entry| entry.name.to_str());
    names.filter_map(|name| link_in(&path, name, made)).collect()
}

/// A link in `X.target.wants` enables the unit; one that other units pull in is a dependency.
fn link_in(directory: &str, unit: &str, made: bool) -> Option<Intent> {
    let (_, directory) = directory.rsplit_once('/')?;
    let (target, dependency) = pulled_in_by(directory)?;
    if target.ends_with(".target") {
        let want = if made { UnitWant::Enable } else { UnitWant::Disable };
        return Some(unit_intent(unit, want));
    }
    made.then(|| Intent::Dependency {
        unit: unit.into(),
        target: target.into(),
        dependency: dependency.into(),
    })
}

fn unit_intent(unit: &str, want: UnitWant) -> Intent {
    Intent::Unit {
        unit: unit.into(),
        want,
        scope: Scope::System,
        rule: None,
    }
}

/// A drop-in edits its unit: it may pull in others, or run something else.
fn drop_in(change: &FileChange) -> Option<Intent> {
    let path = change.path.text()?;
    let (directory, _) = path.strip_suffix(".conf")?.rsplit_once('/')?;
    let (_, unit) = directory.strip_suffix(".d")?.rsplit_once('/')?;
    (change.after.is_some() && unit.contains('.')).then(|| unit_intent(unit, UnitWant::Edit))
}

/// A mask or the default target.
fn local_unit(root: &Root, change: &FileChange) -> Option<Intent> {
    let path = change.path.text()?;
    let name = path.strip_prefix("/etc/systemd/system/").filter(|name| !name.contains('/'))?;
    let target = |side: &Option<Side>| side.as_ref().and_then(|side| side.target.as_ref()?.text());
    let (before, after) = (target(&change.before), target(&change.after));
    match (before.as_deref(), after.as_deref()) {
        (_, Some("/dev/null")) => Some(unit_intent(name, UnitWant::Mask)),
        (Some("/dev/null"), _) => Some(unit_intent(name, UnitWant::Unmask)),
        (_, Some(target)) if name == DEFAULT_TARGET => Some(default_target(target)),
        // What the image's own link says counts again.
        (Some(_), None) if name == DEFAULT_TARGET => {
            let shipped = SHIPPED_UNITS.iter().find_map(|at| root.read_link(format!("{at}/{name}")).ok())?;
            Some(default_target(shipped.to_str()?))
        }
        _ => None,
    }
}

const DEFAULT_TARGET: &str = "default.target";
const SHIPPED_UNITS: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];

fn default_target(target: &str) -> Intent {
    Intent::DefaultTarget {
        unit: target.rsplit('/').next().unwrap_or(target).into(),
    }
}

/// Level, `S` or `K`, and service of a run level's link.
fn run_level(path: &str) -> Option<(char, char, &str)> {
    let (directory, name) = path.rsplit_once('/')?;
    let level = directory.strip_suffix(".d")?.chars().next_back()?;
    let kind = name.chars().next()?;
    let service = name.get(1..)?.trim_start_matches(|c: char| c.is_ascii_digit());
    (!service.is_empty()).then_some((level, kind, service))
}

/// Levels in which a service is started now, and those in which it is not started any more.
fn service_intents(service: &str, links: &[&FileChange]) -> Vec<Intent> {
    let levels = |wanted: &dyn Fn(char, bool) -> bool| -> BTreeSet<char> {
        let of = |link: &FileChange| {
            let path = link.path.shown();
            let (level, kind, _) = run_level(&path)?;
            wanted(kind, link.after.is_some()).then_some(level)
        };
        links.iter().filter_map(|link| of(link)).collect()
    };
    let on = levels(&|kind, is_there| kind == 'S' && is_there);
    let mut off = levels(&|kind, is_there| (kind == 'K') == is_there);
    off.retain(|level| !on.contains(level));
    [(on, ServiceWant::On), (off, ServiceWant::Off)]
        .into_iter()
        .filter(|(levels, _)| !levels.is_empty())
        .map(|(levels, want)| Intent::Service {
            service: service.into(),
            want,
            levels: Some(levels.into_iter().collect()),
        })
        .collect()
}

/// Programs that go around the tools: what the text names, and what was seen to run.
fn programs(root: &Root, run: &Run, commands: &[Command]) -> Vec<Event> {
    let named = named(root, run, commands, past_the_tools).into_values();
    named.map(|program| program_event(run, &program)).collect()
}

fn program_event(run: &Run, program: &NamedProgram) -> Event {
    let severity = if program.ran && program.about == FIREWALL {
        NoteSeverity::High
    } else {
        NoteSeverity::Low
    };
    let intent = Intent::Note {
        severity,
        text: program.words(run.how),
    };
    Event {
        argv: vec![Escaped::new(program.command())],
        message: program.lines_in_words(),
        intents: vec![RecordedIntent::new(intent, program.ran)],
        ..run.event(Tool::Bypass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_a_mask_of_a_name_with_a_backslash_are_of_the_unit() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let made = |path: &str, target: &str| FileChange {
            path: Escaped::new(path),
            after: Some(Side {
                kind: "link".into(),
                target: Some(Escaped::new(target)),
                ..Side::default()
            }),
            ..FileChange::default()
        };
        let unit = r"mnt-p\x2dv.mount";
        let wanted = |by: &str| made(&format!("/etc/systemd/system/{by}.wants/{unit}"), unit);
        assert_eq!(pulled_in(&root, &wanted("multi-user.target")), [unit_intent(unit, UnitWant::Enable)]);
        let by = r"w@a\x2db.service";
        let dependency = Intent::Dependency {
            unit: unit.into(),
            target: by.into(),
            dependency: "wants".into(),
        };
        assert_eq!(pulled_in(&root, &wanted(by)), [dependency]);
        let mask = made(&format!("/etc/systemd/system/{unit}"), "/dev/null");
        assert_eq!(local_unit(&root, &mask), Some(unit_intent(unit, UnitWant::Mask)));
    }
}
