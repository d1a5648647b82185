//! From what was left and what is there to what a tool would have been asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::left::Left;
use crate::audit::{AskedByHand, DirectChange, FileChange, Side, asked_for, journal_change};
use crate::backend::systemd::{script, there};
use crate::digest::digest;
use crate::escape::Escaped;
use crate::firewall::firewalld::{Grammar, Kind, Service};
use crate::firewall::items::of_service;
use crate::intent::{DefinitionChange, FirewallItem, Intent, Scope, UnitWant};
use crate::root::{Change, Op, Root};
use crate::unit::generation::Generation;
use crate::unit::log::Log;
use crate::unit::name::pulled_in_by;
use crate::unit::preset::{PresetAnswer, Presets};

/// A change that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The paths that are not as they were left.
    pub paths: Vec<Escaped>,
    /// What a tool would have been asked for.
    pub intents: Vec<Intent>,
    /// The changes of files; none of one that is more than what was asked for.
    pub changes: Vec<Change>,
}

/// Definitions of services and the like that somebody wrote, changed or removed.
fn definitions(left: &Left, now: &Left) -> Vec<Found> {
    let (Some(left), Some(now)) = (&left.definitions, &now.definitions) else {
        return Vec::new();
    };
    let found = differing(left, now).filter_map(|path| {
        let (before, after) = (left.get(path), now.get(path));
        let (op, change) = match (before, after) {
            (None, _) => (Op::Create, DefinitionChange::New),
            (Some(_), None) => (Op::Remove, DefinitionChange::Delete),
            (Some(_), Some(_)) => (Op::Write, DefinitionChange::Edit),
        };
        let (object, name) = object_at(path)?;
        Some(Found {
            paths: vec![path.clone()],
            intents: vec![Intent::Definition {
                object: object.object(),
                name,
                change,
            }],
            changes: vec![Change {
                op,
                path: path.clone(),
                target: None,
                was: None,
                digest: after.map(|text| digest(text.as_bytes())),
                before: before.map(|text| digest(text.as_bytes())),
            }],
        })
    });
    found.collect()
}

/// The object of firewalld that a local file defines.
fn object_at(path: &Escaped) -> Option<(Kind, String)> {
    let path = path.text()?;
    let (directory, file) = path.strip_prefix(FIREWALLD)?.strip_prefix('/')?.split_once('/')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.directory() == directory)?;
    Some((kind, file.strip_suffix(".xml")?.to_owned()))
}

/// Names of units and services that are nodeshim's own: settling writes them.
const OWN: &str = "nodeshim-";
const FIREWALLD: &str = "/etc/firewalld";
const FIREWALLD_CONF: &str = "/etc/firewalld/firewalld.conf";

/// The changes between two states of an image. If a whole directory below `/etc` is gone, as in an
/// image whose `/etc` was created again, that is no decision.
pub(super) fn between(root: &Root, left: &Left, now: &Left) -> Vec<Found> {
    let left = &without_lost(root, left);
    let changes: Vec<FileChange> = links(left, now).chain(files(left, now)).collect();
    let text = |of: &Left, change: &FileChange| of.files.get(&change.path).cloned();
    let texts: Vec<_> = changes.iter().map(|change| (text(left, change), text(now, change))).collect();
    let direct = changes.iter().zip(&texts).map(|(change, (before, after))| DirectChange {
        change,
        before: before.as_deref().map(str::as_bytes),
        after: after.as_deref().map(str::as_bytes),
    });
    let mut found: Vec<Found> = asked_for(root, direct)
        .into_iter()
        .map(|asked| found(root, left, now, asked))
        .filter(|found| !found.intents.is_empty())
        .collect();
    leave_to_presets(root, &mut found);
    found.extend(definitions(left, now));
    found.extend(default_zone(left, now).filter(|_| root.is_dir(FIREWALLD)));
    found
}

fn without_lost(root: &Root, left: &Left) -> Left {
    let mut left = left.clone();
    let is_there = |path: &Escaped| {
        let path = path.raw();
        let top: PathBuf = Path::new(&path).components().take(3).collect();
        root.is_dir(top)
    };
    left.links.retain(|path, _| is_there(path));
    left.files.retain(|path, _| is_there(path));
    left.definitions.iter_mut().for_each(|of| of.retain(|path, _| is_there(path)));
    left
}

fn links<'l>(left: &'l Left, now: &'l Left) -> impl Iterator<Item = FileChange> + 'l {
    let side = |target: &Escaped| Side {
        kind: "link".into(),
        target: Some(target.clone()),
        ..Side::default()
    };
    differing(&left.links, &now.links).map(move |path| FileChange {
        path: path.clone(),
        before: left.links.get(path).map(side),
        after: now.links.get(path).map(side),
        ..FileChange::default()
    })
}

fn files<'l>(left: &'l Left, now: &'l Left) -> impl Iterator<Item = FileChange> + 'l {
    let side = |_: &String| Side {
        kind: "file".into(),
        ..Side::default()
    };
    differing(&left.files, &now.files).map(move |path| FileChange {
        path: path.clone(),
        before: left.files.get(path).map(side),
        after: now.files.get(path).map(side),
        ..FileChange::default()
    })
}

/// The paths that are not the same in both, in order.
fn differing<'m, T: PartialEq>(
    left: &'m BTreeMap<Escaped, T>,
    now: &'m BTreeMap<Escaped, T>,
) -> impl Iterator<Item = &'m Escaped> {
    let gone_or_changed = left.iter().filter(|(path, held)| now.get(*path) != Some(held));
    let new = now.iter().filter(|(path, _)| !left.contains_key(*path));
    let paths: std::collections::BTreeSet<&Escaped> =
        gone_or_changed.chain(new).map(|(path, _)| path).collect();
    paths.into_iter()
}

fn found(root: &Root, left: &Left, now: &Left, asked: AskedByHand) -> Found {
    let intents = asked
        .intents
        .into_iter()
        .flat_map(|intent| counting(root, left, now, intent, &asked.changes));
    Found {
        paths: asked.changes.iter().map(|change| change.path.clone()).collect(),
        intents: intents.collect(),
        changes: asked.changes.iter().map(|change| journal_change(change)).collect(),
    }
}

/// What of an intent counts. Of several links to a unit only the last one that goes disables it, and only
/// the first one that comes enables it.
fn counting(root: &Root, left: &Left, now: &Left, intent: Intent, changes: &[&FileChange]) -> Vec<Intent> {
    match &intent {
        Intent::Unit { unit, .. } | Intent::Dependency { unit, .. } if unit.starts_with(OWN) => Vec::new(),
        // What goes with its package is no decision.
        Intent::Unit {
            want: UnitWant::Enable | UnitWant::Disable,
            unit,
            ..
        } if there(root, unit).is_none() => Vec::new(),
        Intent::Service { service, .. } if script(root, service).is_none() => Vec::new(),
        Intent::Unit {
            unit,
            want: UnitWant::Disable,
            ..
        } if is_pulled_in(now, unit) => Vec::new(),
        Intent::Unit {
            unit,
            want: UnitWant::Enable,
            ..
        } if is_pulled_in(left, unit) => {
            let dependency = changes.first().and_then(|change| dependency(&change.path, unit));
            dependency.into_iter().collect()
        }
        Intent::Allow { opening, .. } if own_service(opening).is_some() => Vec::new(),
        Intent::Withdraw { opening, zone } => match own_service(opening) {
            Some(service) => withdrawn(root, service, zone.as_deref()),
            None => vec![intent],
        },
        _ => vec![intent],
    }
}

/// Whether a link of a `.wants` directory or the like leads to a unit.
fn is_pulled_in(of: &Left, unit: &str) -> bool {
    of.links.keys().any(|path| dependency(path, unit).is_some())
}

/// What a link at a path says, if it is one of this unit in a `.wants` directory or the like.
fn dependency(path: &Escaped, unit: &str) -> Option<Intent> {
    let path = path.text()?;
    let (directory, name) = path.rsplit_once('/')?;
    let (target, kind) = pulled_in_by(directory.rsplit_once('/')?.1)?;
    (name == unit).then(|| Intent::Dependency {
        unit: unit.to_owned(),
        target: target.to_owned(),
        dependency: kind.to_owned(),
    })
}

fn own_service(opening: &FirewallItem) -> Option<&str> {
    match opening {
        FirewallItem::FirewallService { service } if service.starts_with(OWN) => Some(service),
        _ => None,
    }
}

/// Who takes the service of a plugin out of a zone closes what is in it.
fn withdrawn(root: &Root, service: &str, zone: Option<&str>) -> Vec<Intent> {
    let text = root.read_text(Path::new("/etc/firewalld/services").join(format!("{service}.xml")));
    let Ok(service) = Service::parse(&text.unwrap_or_default(), &Grammar::none()) else {
        return Vec::new();
    };
    let withdraw = |opening| Intent::Withdraw {
        opening,
        zone: zone.map(str::to_owned),
    };
    of_service(&service).into_iter().map(withdraw).collect()
}

/// If all changed units are now as the image's presets say, the presets were applied, as image builders
/// do after the packages: that is no decision about a single unit.
fn leave_to_presets(root: &Root, found: &mut [Found]) {
    let generation = Generation::detect(root);
    let log = Log::default();
    let Ok(presets) = Presets::load(root, Scope::System, generation, "", &log) else {
        return;
    };
    let mut units: Vec<&mut Intent> = found
        .iter_mut()
        .flat_map(|found| &mut found.intents)
        .filter(|intent| {
            matches!(
                intent,
                Intent::Unit {
                    want: UnitWant::Enable | UnitWant::Disable,
                    ..
                }
            )
        })
        .collect();
    let answers: Option<Vec<(UnitWant, String)>> =
        units.iter().map(|intent| as_preset(&presets, intent)).collect();
    for (intent, (preset, source)) in units.iter_mut().zip(answers.unwrap_or_default()) {
        if let Intent::Unit { want, rule, .. } = intent {
            *want = preset;
            *rule = Some(source);
        }
    }
}

/// What the presets would be asked for, if they say the same of a unit in so many words.
fn as_preset(presets: &Presets, intent: &Intent) -> Option<(UnitWant, String)> {
    let Intent::Unit { unit, want, .. } = intent else {
        return None;
    };
    let answer = presets.query(unit, false);
    let want = match (want, answer.verdict) {
        (UnitWant::Enable, PresetAnswer::Enable) => UnitWant::PresetEnable,
        (UnitWant::Disable, PresetAnswer::Disable) => UnitWant::PresetDisable,
        _ => return None,
    };
    (answer.source != "default").then_some((want, answer.source))
}

fn default_zone(left: &Left, now: &Left) -> Option<Found> {
    (left.default_zone != now.default_zone).then(|| Found {
        intents: vec![Intent::DefaultZone {
            zone: now.default_zone.clone(),
        }],
        paths: vec![FIREWALLD_CONF.into()],
        changes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_of_a_name_with_a_backslash_is_of_the_unit() {
        let unit = r"w@a\x2db.service";
        let path = Escaped::new(format!("/etc/systemd/system/multi-user.target.requires/{unit}"));
        let expected = Intent::Dependency {
            unit: unit.into(),
            target: "multi-user.target".into(),
            dependency: "requires".into(),
        };
        assert_eq!(dependency(&path, unit), Some(expected));
    }
}
