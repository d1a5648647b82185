//! What is recorded against what is there, one line a difference, in the manner of `rpm -V`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Hook, View, log};
use crate::attribution::package_name;
use crate::audit::{FileChange, Run, Side, letters};
use crate::backend::systemd;
use crate::boot::is_firewalls;
use crate::error::Result;
use crate::escape::Escaped;
use crate::firewall::{BY_ENTRY, OWN_SERVICE_FILES, detect};
use crate::intercept::ARMED_PATH;
use crate::journal::Event;
use crate::plan::{Action, Note, NoteKind, PlannedChange};
use crate::root::{Kind, Op, Root};
use crate::rpmdb::files_at;
use crate::settle::{RefusedFile, refused};
use crate::state::{self, Overruled};
use crate::tool::Tool;
use crate::unrecorded;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// `missing`, `extra`, `content`, `target`, `request`, `changed`, `state`, `hook`, `package`,
    /// `refused`, `unmet`, or `warning` for what is as it was recorded and cannot work.
    pub kind: &'static str,
    /// The path in the image; of `package` its name, version and architecture, of `unmet` the plugin.
    pub path: String,
    /// What is wrong, in words.
    pub text: String,
    /// The events that say how it should be.
    pub events: Vec<u64>,
}

impl Difference {
    /// The kind that is no difference: the image is as it was recorded.
    const WARNING: &str = "warning";

    /// Whether something is not as it was recorded.
    pub fn is_drift(&self) -> bool {
        self.kind != Difference::WARNING
    }

    fn new(kind: &'static str, path: &str, text: impl Into<String>, events: &[u64]) -> Difference {
        Difference {
            kind,
            path: path.to_owned(),
            text: text.into(),
            events: events.to_vec(),
        }
    }
}

/// Every difference: files that settling writes, paths that requests changed, the state file.
///
/// # Errors
/// If the audit's record or the image's own configuration cannot be read.
pub fn check(root: &Root, view: &View) -> Result<Vec<Difference>> {
    let mut differences: Vec<Difference> =
        view.prepared.plan.changes.iter().map(|change| planned(root, change)).collect();
    differences.extend(recorded(root, view));
    differences.extend(declared_units(root, view));
    differences.extend(found(view));
    let known: BTreeSet<String> = differences.iter().map(|difference| difference.path.clone()).collect();
    let audited = audited(root, view)?.into_iter();
    differences.extend(audited.filter(|one| !known.contains(&one.path)));
    differences.extend(view.hooks.iter().filter_map(hook));
    differences.extend(declared_hooks(view));
    differences.extend(view.outside.iter().map(|one| Difference {
        kind: "package",
        path: one.nevra.clone(),
        text: one.words(),
        events: Vec::new(),
    }));
    differences.extend(without_loader(root, view));
    differences.extend(view.prepared.earlier_rules.iter().map(earlier));
    differences.extend(refused(root, &view.journal)?.into_iter().map(of_firewalld));
    differences.extend(view.prepared.plan.notes.iter().filter_map(unmet));
    if view.prepared.before != view.prepared.fold.settled() {
        let text = "out of date; run `nodeshim settle`";
        differences.push(Difference::new("state", state::PATH, text, &[]));
    }
    if root.exists(ARMED_PATH) {
        let text = "image is still armed; run `nodeshim disarm`";
        differences.push(Difference::new("state", ARMED_PATH, text, &[]));
    }
    if let Some(torn) = view.journal.torn {
        let text = format!("has a torn tail of {} bytes after event {}", torn.bytes, torn.after);
        differences.push(Difference::new("state", crate::journal::PATH, text, &[]));
    }
    Ok(differences)
}

/// A firewall that no boot of the image loads.
fn without_loader(root: &Root, view: &View) -> Option<Difference> {
    let rules = view.prepared.desired.iter().find(|file| is_firewalls(&file.path))?;
    let missing = detect::missing(root, detect::backend(root, &view.facts.config))?;
    Some(Difference {
        kind: Difference::WARNING,
        path: rules.path.clone(),
        text: missing.to_string(),
        events: Vec::new(),
    })
}

/// A rule of the image by which applied presets undo what was settled.
fn earlier(rule: &systemd::EarlierRule) -> Difference {
    Difference::new(Difference::WARNING, &rule.path, &*rule.text, &[])
}

/// Changes that are not recorded, and that settling will record as the builder's.
fn found(view: &View) -> impl Iterator<Item = Difference> {
    let last = view.prepared.before.last_event;
    let new = view
        .journal
        .events
        .iter()
        .filter(move |event| event.id > last && unrecorded::is_found(event));
    new.flat_map(|event| event.argv.iter().map(move |path| (event, path)))
        .map(|(event, path)| {
            let change = event.changes.iter().find(|change| change.path == *path);
            let (kind, what) = match change.map(|change| (change.op, &change.was)) {
                Some((Op::Remove, _)) => ("missing", "is gone"),
                Some((Op::Create, _) | (Op::Link, None)) => ("extra", "has come"),
                Some((Op::Link, Some(_))) => ("target", "points elsewhere"),
                _ => ("changed", "was changed"),
            };
            Difference {
                kind,
                path: path.shown(),
                text: format!("{what} since the image was settled, without a record: the builder's decision"),
                events: Vec::new(),
            }
        })
}

/// A file that the image's firewalld would refuse.
fn of_firewalld(refused: RefusedFile) -> Difference {
    Difference::new("refused", &refused.path, refused.words(), &refused.events)
}

/// What a plugin relies on and no file of the image sets up.
fn unmet(note: &Note) -> Option<Difference> {
    let plugin = note.plugin.as_deref().unwrap_or_default();
    (note.kind == NoteKind::Unmet)
        .then(|| Difference::new("unmet", plugin, note.text.as_str(), &note.because))
}

fn hook(hook: &Hook) -> Option<Difference> {
    Some(Difference {
        kind: "hook",
        path: hook.path(),
        text: hook.problem.clone()?,
        events: Vec::new(),
    })
}

/// Hooks that plugins say they ship and that are not there as they say; what is wrong with those that
/// are is reported with the hooks themselves.
fn declared_hooks(view: &View) -> impl Iterator<Item = Difference> {
    let is_there = |path: &str| view.hooks.iter().any(|hook| hook.path() == path && hook.problem.is_some());
    let hooks = view
        .declared
        .values()
        .flat_map(|declared| declared.hooks.iter().map(|hook| (declared.source.as_str(), hook)));
    hooks.filter_map(move |(source, hook)| {
        let problem = hook.problem.as_ref().filter(|_| !is_there(&hook.path()))?;
        Some(Difference {
            kind: "hook",
            path: hook.path(),
            text: format!("{problem}; {source} declares it"),
            events: Vec::new(),
        })
    })
}

fn planned(root: &Root, change: &PlannedChange) -> Difference {
    let is_there = root.exists(&change.path);
    let kind = match (&change.action, is_there) {
        (Action::Remove | Action::RemoveDirectory, _) => "extra",
        (Action::Unit { .. } | Action::Intent { .. } | Action::Call { .. }, _) => "request",
        (_, false) => "missing",
        (Action::Link { .. }, true) => "target",
        (Action::Write { .. }, true) => "content",
    };
    Difference {
        kind,
        path: change.path.clone(),
        text: change.why.clone(),
        events: change.because.clone(),
    }
}

/// What the last change to a path left there.
struct Left<'e> {
    op: Op,
    target: Option<&'e Escaped>,
    event: u64,
    /// It was put back, or taken away again, by settling.
    by_settling: bool,
}

/// The requests of plugins that are still there which policy refused since, which were
/// overruled or reverted.
fn taken_back(view: &View) -> BTreeSet<u64> {
    let state = &view.prepared.fold.state;
    let denied = state.plugins.values().flat_map(|plugin| &plugin.denied);
    let denied = denied.flat_map(|denied| &denied.events).chain(&state.reverted).copied();
    let overruled = state.plugins.values().flat_map(|plugin| &plugin.overruled);
    denied.chain(overruled.flat_map(Overruled::since)).collect()
}

/// Units that settling has enabled or disabled as metadata declares, and that are not so any more.
fn declared_units<'v>(root: &'v Root, view: &'v View) -> impl Iterator<Item = Difference> + 'v {
    let units = view.prepared.before.declared.intersection(&view.prepared.fold.state.declared);
    units.filter_map(|declared| {
        let state = systemd::unit_state(root, &declared.unit)?;
        let is_so = state.is_fixed() || !state.is_masked() && state.is_enabled() == declared.enable;
        (!is_so).then(|| Difference {
            kind: "request",
            path: systemd::unit_file(root, &declared.unit).unwrap_or_else(|| declared.unit.clone()),
            text: format!(
                "was {} by settling and is {}",
                if declared.enable { "enabled" } else { "disabled" },
                state.word()
            ),
            events: Vec::new(),
        })
    })
}

/// Only `/etc` counts: what is below `/run` or `/usr` is not the tools' to keep; nor are the copies
/// of earlier files that some tools leave, and what settling writes.
fn is_kept(path: &str) -> bool {
    path.starts_with("/etc/") && !path.ends_with(".old") && !path.starts_with(OWN_SERVICE_FILES)
}

/// Links and files that requests of plugins which are still there, or putting back what others had
/// changed, had made and that are gone, and links that point elsewhere.
fn recorded(root: &Root, view: &View) -> Vec<Difference> {
    let mut paths: BTreeMap<&Escaped, Left> = BTreeMap::new();
    let plugins = &view.prepared.fold.state.plugins;
    for event in &view.journal.events {
        let by_settling = event.tool == Tool::Nodeshim;
        let counts = by_settling || plugins.contains_key(log::name(event).as_ref());
        for change in event.changes.iter().filter(|change| is_kept(&change.path.shown())) {
            if !counts {
                // Who is gone since had changed what settling had put back.
                if paths.get(&change.path).is_some_and(|left| left.by_settling) {
                    paths.remove(&change.path);
                }
                continue;
            }
            let left = Left {
                op: change.op,
                target: change.target.as_ref(),
                event: event.id,
                by_settling,
            };
            paths.insert(&change.path, left);
        }
    }
    // What these requests left is not expected any more: settling reverted them by policy.
    let refused = taken_back(view);
    let is_kept = |left: &Left| !refused.contains(&left.event);
    let kept = paths.into_iter().filter(|(_, left)| is_kept(left));
    kept.filter_map(|(path, left)| difference(root, path, &left)).collect()
}

fn difference(root: &Root, path: &Escaped, left: &Left) -> Option<Difference> {
    let real = path.raw();
    let there = root.meta(&real).ok();
    let (made, removed) = match left.by_settling {
        true => ("put back by settling", "taken away by settling"),
        false => ("made by a request", "removed by a request"),
    };
    let (kind, text) = match (left.op, there) {
        (Op::Create | Op::Write | Op::Link, None) => ("missing", format!("was {made} and is gone")),
        (Op::Link, Some(meta)) => {
            let points_to = root.read_link(&real).ok()?;
            let wanted = left.target?;
            let same = meta.kind == Kind::Link && points_to.as_os_str() == wanted.raw();
            if same {
                return None;
            }
            ("target", format!("points to {} instead of {}", points_to.display(), wanted.shown()))
        }
        (Op::Remove, Some(_)) => ("extra", format!("was {removed} and is back")),
        _ => return None,
    };
    Some(Difference {
        kind,
        path: path.shown(),
        text,
        events: vec![left.event],
    })
}

/// Where files come, change and go by themselves.
const VOLATILE: [&str; 7] = [
    "/tmp/",
    "/var/tmp/",
    "/var/cache/",
    "/var/log/",
    "/var/lock/",
    "/run/",
    "/var/run/",
];

/// Where package managers keep their own records, which change with each of their calls.
const OF_MANAGERS: [&str; 3] = [
    "/usr/lib/sysimage/libdnf5/",
    "/var/lib/PackageKit/",
    "/var/lib/dnf/",
];

/// How much of a command is shown, in characters.
const COMMAND_SHOWN: usize = 60;

/// Whose changes a record holds, in words, if it counts: a scriptlet's as long as its package is
/// there, and a command's as long as all are that it installed, since it is not known which of them
/// made which change.
fn author(view: &View, run: &Run) -> Option<String> {
    let installed = &view.facts.installed;
    let Some(transaction) = &run.transaction else {
        let name = run.origin.package().filter(|name| installed.has(name))?;
        return Some(format!("{} of {name}", run.origin.scriptlet.as_deref().unwrap_or("a scriptlet")));
    };
    let mut names = transaction.installed.iter().map(|nevra| package_name(nevra));
    if !names.all(|name| name.is_some_and(|name| installed.has(name))) {
        return None;
    }
    let command = transaction.shown().command.join(" ");
    let shown: String = command.chars().take(COMMAND_SHOWN).collect();
    let more = if shown.len() < command.len() { " ..." } else { "" };
    Some(format!("the command {shown}{more}"))
}

/// What scriptlets of packages that are still there, and commands, had left, against what is there now. What
/// settling writes, and files that are as a package has them, are not theirs any more.
fn audited(root: &Root, view: &View) -> Result<Vec<Difference>> {
    let written: BTreeSet<&str> = view.prepared.desired.iter().map(|file| file.path.as_str()).collect();
    let taken_back = taken_back(view);
    // By settling, or by the image's builder.
    let mut put_back: BTreeMap<Escaped, u64> = BTreeMap::new();
    let is_later = |event: &&Event| event.tool == Tool::Nodeshim || unrecorded::is_found(event);
    for event in view.journal.events.iter().filter(is_later) {
        let place = |path: &Escaped| Escaped::new(root.place(path.raw()));
        put_back.extend(event.changes.iter().map(|change| (place(&change.path), event.id)));
    }
    let mut left: BTreeMap<&Escaped, (Option<&Side>, String)> = BTreeMap::new();
    for run in &view.audit.runs {
        let stands = |change: &FileChange| {
            let put_back = put_back.get(&change.path);
            put_back.is_none_or(|event| run.requests.iter().any(|request| request > event))
        };
        let Some(who) = author(view, run) else {
            run.changes.iter().for_each(|change| _ = left.remove(&change.path));
            continue;
        };
        for change in run.changes.iter().filter(|change| stands(change)) {
            if change.request.is_some_and(|request| taken_back.contains(&request)) {
                left.remove(&change.path);
                continue;
            }
            left.insert(&change.path, (change.after.as_ref(), who.clone()));
        }
    }
    left.retain(|path, _| {
        let path = path.shown();
        !VOLATILE.iter().chain(&OF_MANAGERS).any(|below| path.starts_with(below))
            && !path.ends_with(".old")
            && !BY_ENTRY.iter().any(|by_entry| path.starts_with(by_entry))
            && !written.contains(path.as_str())
    });
    let mut found: Vec<(&Escaped, Difference)> = left
        .iter()
        .filter_map(|(path, (side, who))| Some((*path, drift(root, path, *side, who)?)))
        .collect();
    if !found.is_empty() {
        let paths: Vec<Vec<u8>> = found.iter().map(|(path, _)| path.raw().into_encoded_bytes()).collect();
        let packaged = files_at(root, &paths)?;
        found.retain(|(path, _)| {
            let now = Side::look(root, path).and_then(|side| side.sha256);
            let owners = packaged.get(path.raw().as_encoded_bytes());
            !owners.into_iter().flatten().any(|file| Some(&file.digest) == now.as_ref())
        });
    }
    Ok(found.into_iter().map(|(_, difference)| difference).collect())
}

fn drift(root: &Root, path: &Escaped, left: Option<&Side>, who: &str) -> Option<Difference> {
    let now = Side::look(root, path);
    let (kind, text) = match (left, now) {
        (None, None) => return None,
        (Some(_), None) => ("missing", format!("was left by {who} and is gone")),
        (None, Some(_)) => ("extra", format!("was removed by {who} and is back")),
        (Some(left), Some(now)) => {
            let letters = letters(left, &now);
            if letters.bytes().all(|letter| b".?".contains(&letter)) {
                return None;
            }
            ("changed", format!("{letters} since {who}"))
        }
    };
    Some(Difference {
        kind,
        path: path.shown(),
        text,
        events: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_with_a_backslash_is_found_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let (path, target) = (r"/etc/m.wants/mnt-p\x2dv.mount", r"/usr/lib/mnt-p\x2dv.mount");
        root.create_dirs("/etc/m.wants", 0o755).unwrap();
        root.symlink(target, path).unwrap();
        let (recorded, target) = (Escaped::new(path), Escaped::new(target));
        let left = Left {
            op: Op::Link,
            target: Some(&target),
            event: 1,
            by_settling: false,
        };
        assert!(difference(&root, &recorded, &left).is_none());
        root.remove(path).unwrap();
        let gone = difference(&root, &recorded, &left).unwrap();
        assert_eq!((gone.kind, gone.path.as_str()), ("missing", path));
    }
}
