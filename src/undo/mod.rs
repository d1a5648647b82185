//! Restoring what requests had changed that are not in effect any more: links as they were before,
//! files and directories that were created, openings that were closed.
//!
//! A path should be as the last request that is in effect left it, or else as it was before all of them. A request is
//! in effect while its plugin is installed, it is not reverted and policy does not deny it; and after that while
//! another plugin wants the same. A path that is not as the journal recorded it was changed by somebody else since,
//! and is left alone.

mod effect;
mod history;
pub(crate) mod instances;
pub(crate) mod levels;
pub(crate) mod repeat;
mod retain;
mod reverse;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use effect::{Aims, Effect, aim, aims_of, opposite};
use history::{Chain, PathState, before, chains, is_known_to_match, is_same, left_by};
use reverse::reopen;

pub(crate) use retain::leave_out;

use crate::digest::digest;
use crate::error::{Result, if_exists};
use crate::escape::Escaped;
use crate::firewall::BY_ENTRY;
use crate::intent::{DefinitionChange, Intent, RecordedIntent};
use crate::journal::{Event, replaced};
use crate::plan::{Action, Contribution, Note, PlannedChange};
use crate::root::{Change, Kind, Op, Replaced, Root};
use crate::state::{Fold, State, is_erasure};
use crate::tool::Tool;

/// Plans it: `before` is the state as it was settled last, `fold` what has become of it.
/// What names no zone is in `default_zone`.
pub(crate) fn restore(
    root: &Root,
    events: &[Event],
    (before, fold): (&State, &Fold),
    default_zone: &str,
) -> Result<Contribution> {
    let after = fold.settled();
    let mut edits: BTreeMap<&[Escaped], Vec<u64>> = BTreeMap::new();
    for event in events.iter().filter(|event| is_edit(event)) {
        edits.entry(&event.argv[1..]).or_default().push(event.id);
    }
    let scene = RestoreContext {
        root,
        edits,
        before: Aims::of(before, &[]),
        after: Aims::of(&after, &fold.refused),
        reverted_plugins: &fold.reverted_plugins,
    };
    let chains = chains(events);
    let mut restored = Contribution::default();
    let mut directories = Vec::new();
    for (path, chain) in &chains {
        if !chain.iter().any(|(event, change)| scene.ends(event, change)) {
            continue;
        }
        let is_directory = chain.iter().any(|(_, change)| matches!(change.op, Op::Mkdir | Op::Rmdir));
        match is_directory {
            true => directories.push((path, chain)),
            false => scene.path(path, chain, &mut restored)?,
        }
    }
    for (path, chain) in directories.into_iter().rev() {
        scene.directory(path, chain, &mut restored)?;
    }
    reopen(events, fold, default_zone, &mut restored);
    Ok(restored)
}

struct RestoreContext<'a> {
    root: &'a Root,
    /// Requests that edit definitions, by their words after the tool's name.
    edits: BTreeMap<&'a [Escaped], Vec<u64>>,
    before: Aims<'a>,
    after: Aims<'a>,
    /// Plugins whose requests are all reverted now.
    reverted_plugins: &'a BTreeSet<String>,
}

/// Whether a change belongs to a firewall's being switched on, which stays when the package goes that asked
/// for it.
fn starts_firewall(event: &Event, change: &Change) -> bool {
    let switches_on = |recorded: &RecordedIntent| recorded.intent == Intent::FirewallSwitch { on: true };
    let path = change.path.shown();
    let name = path.rsplit('/').next().unwrap_or_default();
    event.intents.iter().any(switches_on) && FIREWALLS.iter().any(|firewall| name.contains(firewall))
}

/// Whether a request or a direct change edits a definition of firewalld and nothing else.
fn is_edit(event: &Event) -> bool {
    let edits = |recorded: &RecordedIntent| {
        matches!(
            &recorded.intent,
            Intent::Definition {
                change: DefinitionChange::Edit,
                ..
            }
        )
    };
    !event.argv.is_empty() && !event.intents.is_empty() && event.intents.iter().all(edits)
}

/// What the names of the links have in common that start a firewall.
const FIREWALLS: [&str; 3] = ["firewalld", "FirewallD1", "iptables"];

impl RestoreContext<'_> {
    fn counts(&self, event: &Event, change: &Change, of: &Aims) -> bool {
        let state = of.state;
        if event.tool == Tool::Nodeshim {
            return false;
        }
        let aims = aims_of(event, change);
        if is_erasure(&event.origin) && !state.reverted.contains(&event.id) {
            // A package tidies up as it sees fit, unless somebody else wants the opposite.
            return !aims
                .iter()
                .any(|aim| opposite(aim).is_some_and(|opposite| of.wanted.contains(&opposite)));
        }
        let name = event.origin.name();
        let is_reverted = state.reverted.contains(&event.id) || self.reverted_plugins.contains(name.as_ref());
        if !is_reverted && starts_firewall(event, change) && !is_refused(event, &aims, of) {
            return true;
        }
        let is_over = state.forgotten.get(name.as_ref()).is_some_and(|last| event.id <= *last)
            || state.reverted.contains(&event.id)
            || is_refused(event, &aims, of)
            || of.is_superseded(event, change, &aims);
        !is_over || self.is_shared(event, change, &aims, of)
    }

    /// Whether somebody else wants what a change was for. An object that two edit is left with what the other's
    /// requests made of it; only the same request is the same edit.
    fn is_shared(&self, event: &Event, change: &Change, aims: &[Effect], of: &Aims) -> bool {
        if !is_edit(event) {
            return of.wants_any(aims, change);
        }
        let same = self.edits.get(&event.argv[1..]).into_iter().flatten();
        same.filter(|id| **id != event.id)
            .any(|id| of.state.wants().any(|(_, want)| want.events.contains(id)))
    }

    fn counts_now(&self, event: &Event, change: &Change) -> bool {
        self.counts(event, change, &self.after)
    }

    /// Whether a change counts for the last time, so that now is the time to put it back.
    fn ends(&self, event: &Event, change: &Change) -> bool {
        !self.counts_now(event, change) && self.counts(event, change, &self.before)
    }

    /// What the journal says is there, and what should be.
    fn compare(&self, chain: &Chain) -> (PathState, PathState) {
        let mut expected = PathState::Nothing;
        let mut desired = PathState::Nothing;
        for (number, (event, change)) in chain.iter().enumerate() {
            let was = before(change);
            if number == 0 || !is_same(&was, &expected) {
                // It begins here, or somebody else was at it in between.
                desired = was;
            }
            expected = left_by(change);
            if self.counts_now(event, change) {
                desired = expected.clone();
            }
        }
        (expected, desired)
    }

    fn path(&self, path: &Escaped, chain: &Chain, restored: &mut Contribution) -> Result<()> {
        let (expected, desired) = self.compare(chain);
        let desired = self.unless_dangling(path, desired);
        let actual = self.actual(path)?;
        let as_desired = actual == desired && !matches!(desired, PathState::File(None));
        if is_same(&expected, &desired)
            || as_desired
            || path.text().is_some_and(|path| BY_ENTRY.iter().any(|by_entry| path.starts_with(by_entry)))
        {
            return Ok(());
        }
        let because: Vec<u64> = chain.iter().map(|(event, _)| event.id).collect();
        let left =
            |text: &str| Note::new(None, format!("{} is left as it is: {text}", path.shown()), &because);
        if actual != expected && !is_known_to_match(&actual, &expected) {
            restored.notes.push(left("somebody else has changed it since"));
            return Ok(());
        }
        let Some(place) = path.text() else {
            restored.notes.push(left("its name is not UTF-8"));
            return Ok(());
        };
        let action = match desired {
            PathState::Link(target) => match target.text() {
                Some(target) => Action::Link { target },
                None => {
                    restored.notes.push(left("where it pointed is not UTF-8"));
                    return Ok(());
                }
            },
            PathState::Nothing => Action::Remove,
            PathState::File(sha256) => match self.kept(sha256.as_deref()) {
                Some(action) => action,
                None => {
                    restored.notes.push(left("the file that was there before is not kept"));
                    return Ok(());
                }
            },
        };
        restored.changes.push(PlannedChange {
            path: place,
            action,
            because,
            why: "as it was before requests that no longer count".into(),
        });
        Ok(())
    }

    /// Writes the content with this digest, if it is kept and is text.
    fn kept(&self, sha256: Option<&str>) -> Option<Action> {
        let Replaced { content, mode } = replaced(self.root, sha256?)?;
        let content = String::from_utf8(content).ok()?;
        Some(Action::Write { content, mode })
    }

    /// A link that would lead nowhere is not put back.
    fn unless_dangling(&self, path: &Escaped, desired: PathState) -> PathState {
        match desired {
            PathState::Link(target) if target != "/dev/null" => {
                let at = path.raw();
                let directory = Path::new(&at).parent().unwrap_or(Path::new("/"));
                if self.root.exists(directory.join(target.raw())) {
                    PathState::Link(target)
                } else {
                    PathState::Nothing
                }
            }
            desired => desired,
        }
    }

    fn actual(&self, path: &Escaped) -> Result<PathState> {
        let at = path.raw();
        Ok(match if_exists(self.root.meta(&at))?.map(|meta| meta.kind) {
            None => PathState::Nothing,
            Some(Kind::Link) => PathState::Link(Escaped::new(self.root.read_link(&at)?)),
            Some(Kind::File) => PathState::File(self.root.read(&at).ok().map(|content| digest(&content))),
            Some(_) => PathState::File(None),
        })
    }

    /// A directory that was made goes if nothing is left in it.
    fn directory(&self, path: &Escaped, chain: &Chain, restored: &mut Contribution) -> Result<()> {
        let was_made = chain.first().is_some_and(|(_, change)| change.op == Op::Mkdir);
        if !was_made || chain.iter().any(|(event, change)| self.counts_now(event, change)) {
            return Ok(());
        }
        let Some(path) = path.text() else {
            return Ok(());
        };
        let entries = if_exists(self.root.list(&path))?;
        let goes = |name: &std::ffi::OsStr| {
            let inner = name.to_str().map(|name| format!("{path}/{name}"));
            restored.changes.iter().any(|change| {
                inner.as_ref() == Some(&change.path)
                    && matches!(change.action, Action::Remove | Action::RemoveDirectory)
            })
        };
        if entries.is_some_and(|entries| entries.iter().all(|entry| goes(&entry.name))) {
            restored.changes.push(PlannedChange {
                path,
                action: Action::RemoveDirectory,
                because: chain.iter().map(|(event, _)| event.id).collect(),
                why: "it was made for what is gone from it".into(),
            });
        }
        Ok(())
    }
}

/// Whether policy refuses all that a change was for, or puts it off.
fn is_refused(event: &Event, aims: &[Effect], of: &Aims) -> bool {
    let plugin = of.state.plugins.get(event.origin.name().as_ref());
    let denied = plugin.into_iter().flat_map(|plugin| &plugin.denied);
    let denied = denied.map(|denied| (&denied.held.intent, &denied.events));
    let postponed = plugin.into_iter().flat_map(|plugin| &plugin.deferred);
    let postponed = postponed.map(|want| (&want.intent, &want.events));
    let overruled = plugin.into_iter().flat_map(|plugin| &plugin.overruled);
    let overruled = overruled.filter(|one| one.since().contains(&event.id));
    let overruled = overruled.map(|one| (&one.want.intent, &one.want.events));
    // What is ignored is in no state.
    let now = of.refused.iter().map(|(_, want)| (&want.intent, &want.events));
    let refused: BTreeSet<&Intent> = denied
        .chain(postponed)
        .chain(overruled)
        .chain(now)
        .filter(|(_, events)| events.contains(&event.id))
        .map(|(intent, _)| intent)
        .collect();
    if refused.is_empty() {
        return false;
    }
    if aims.is_empty() {
        return event.intents.iter().all(|recorded| refused.contains(&recorded.intent));
    }
    let refused: BTreeSet<Effect> = refused.into_iter().filter_map(aim).collect();
    aims.iter().all(|aim| refused.contains(aim))
}

#[cfg(test)]
mod tests;
