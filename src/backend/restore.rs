//! Putting back what requests had changed that no longer count: links as they were before, files
//! and directories that were made, openings that were closed.
//!
//! What a path should be is what the last request that still counts has left there, or else what
//! was there before all of them. Requests count as long as their plugin is there and nobody took
//! them back; after that while somebody else wants the same. A path that is not as the journal
//! left it was changed by somebody else since, and is left alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Result, if_exists};
use crate::escape::{escape, unescape};
use crate::firewall::BY_ENTRY;
use crate::firewall::lokkit::{config, selinux};
use crate::intent::{Opening, ServiceWant, UnitWant, Wish};
use crate::journal::{Event, replaced};
use crate::origin::digest;
use crate::plan::{Action, Note, PlannedChange};
use crate::root::{Change, Kind, Op, Replaced, Root};
use crate::state::{Fold, State, Subject, UNKNOWN, is_erasure, subject};
use crate::tool::Tool;

const FIREWALLD_CONF: &str = "/etc/firewalld/firewalld.conf";

/// What is to be put back, and what cannot be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// The changes.
    pub changes: Vec<PlannedChange>,
    /// What stays as it is, and why.
    pub left: Vec<Note>,
}

/// What a wish is about and which way it goes; none if it leaves no trace that could be put back.
type Aim = (Subject, String);

/// What is at a path as far as the journal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
enum There {
    Nothing,
    /// Where a link points, escaped.
    Link(String),
    /// A file, with the digest of its content where that is known.
    File(Option<String>),
}

/// Plans it: `before` is the state as it was settled last, `fold` what has become of it.
pub fn restore(root: &Root, events: &[Event], before: &State, fold: &Fold) -> Result<Restored> {
    let after = fold.settled();
    let scene = Scene {
        root,
        before,
        after: &after,
        wanted_before: aims(before),
        wanted_now: aims(&after),
    };
    let chains = chains(events);
    let mut restored = Restored::default();
    let mut directories = Vec::new();
    for (path, chain) in &chains {
        if !chain.iter().any(|(event, change)| scene.ends(event, change)) {
            continue;
        }
        let is_directory = chain.iter().any(|(_, change)| matches!(change.op, Op::Mkdir | Op::Rmdir));
        match is_directory {
            true => directories.push((path.as_str(), chain)),
            false => scene.path(path, chain, &mut restored)?,
        }
    }
    for (path, chain) in directories.into_iter().rev() {
        scene.directory(path, chain, &mut restored)?;
    }
    reopen(events, fold, &mut restored);
    Ok(restored)
}

/// What happened to one path, in order.
type Chain<'a> = Vec<(&'a Event, Cow<'a, Change>)>;

/// What happened to each path. A file that was renamed is gone from its old path, and was written at
/// its new one with what the old one held.
fn chains(events: &[Event]) -> BTreeMap<String, Chain<'_>> {
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    for event in events {
        for change in event.changes.iter().filter(|change| change.op != Op::Chmod) {
            let last = |path: &str| {
                let (_, change) = chains.get(path)?.last()?;
                Some(left_by(change))
            };
            let arrived = change.target.as_ref().filter(|_| change.op == Op::Rename).map(|target| Change {
                op: match last(target) {
                    Some(There::File(_)) => Op::Write,
                    _ => Op::Create,
                },
                path: target.clone(),
                target: None,
                was: None,
                before: None,
                digest: match last(&change.path) {
                    Some(There::File(digest)) => digest,
                    _ => None,
                },
            });
            chains.entry(change.path.clone()).or_default().push((event, Cow::Borrowed(change)));
            if let Some(arrived) = arrived {
                chains.entry(arrived.path.clone()).or_default().push((event, Cow::Owned(arrived)));
            }
        }
    }
    chains
}

struct Scene<'a> {
    root: &'a Root,
    before: &'a State,
    after: &'a State,
    wanted_before: BTreeSet<Aim>,
    wanted_now: BTreeSet<Aim>,
}

impl Scene<'_> {
    fn counts(&self, event: &Event, change: &Change, state: &State, wanted: &BTreeSet<Aim>) -> bool {
        if event.tool == Tool::Nodeshim {
            return false;
        }
        let aims = aims_of(event, change);
        if is_erasure(&event.origin) && !state.reverted.contains(&event.id) {
            // A package tidies up as it sees fit, unless somebody else wants the opposite.
            return !aims.iter().any(|aim| opposite(aim).is_some_and(|opposite| wanted.contains(&opposite)));
        }
        let name = event.origin.package().unwrap_or(UNKNOWN);
        let is_over = state.forgotten.get(name).is_some_and(|last| event.id <= *last);
        !is_over && !state.reverted.contains(&event.id) || aims.iter().any(|aim| wanted.contains(aim))
    }

    fn counts_now(&self, event: &Event, change: &Change) -> bool {
        self.counts(event, change, self.after, &self.wanted_now)
    }

    /// Whether a change counts for the last time, so that now is the time to put it back.
    fn ends(&self, event: &Event, change: &Change) -> bool {
        !self.counts_now(event, change) && self.counts(event, change, self.before, &self.wanted_before)
    }

    /// What the journal says is there, and what should be.
    fn compare(&self, chain: &Chain) -> (There, There) {
        let mut expected = There::Nothing;
        let mut desired = There::Nothing;
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

    fn path(&self, path: &str, chain: &Chain, restored: &mut Restored) -> Result<()> {
        let (expected, desired) = self.compare(chain);
        let desired = self.unless_dangling(path, desired);
        let actual = self.actual(path)?;
        let as_desired = actual == desired && !matches!(desired, There::File(None));
        if is_same(&expected, &desired)
            || as_desired
            || BY_ENTRY.iter().any(|by_entry| path.starts_with(by_entry))
        {
            return Ok(());
        }
        let because: Vec<u64> = chain.iter().map(|(event, _)| event.id).collect();
        let left = |text: &str| Note::new(None, format!("{path} is left as it is: {text}"), &because);
        if actual != expected && !is_known_to_match(&actual, &expected) {
            restored.left.push(left("somebody else has changed it since"));
            return Ok(());
        }
        let plain = |text: &str| unescape(text).into_string().ok();
        let Some(place) = plain(path) else {
            restored.left.push(left("its name is not UTF-8"));
            return Ok(());
        };
        let action = match desired {
            There::Link(target) => match plain(&target) {
                Some(target) => Action::Link { target },
                None => {
                    restored.left.push(left("where it pointed is not UTF-8"));
                    return Ok(());
                }
            },
            There::Nothing => Action::Remove,
            There::File(sha256) => match self.kept(sha256.as_deref()) {
                Some(action) => action,
                None => {
                    restored.left.push(left("the file that was there before is not kept"));
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
    fn unless_dangling(&self, path: &str, desired: There) -> There {
        match desired {
            There::Link(target) if target != "/dev/null" => {
                let at = unescape(path);
                let directory = Path::new(&at).parent().unwrap_or(Path::new("/"));
                if self.root.exists(directory.join(unescape(&target))) {
                    There::Link(target)
                } else {
                    There::Nothing
                }
            }
            desired => desired,
        }
    }

    fn actual(&self, path: &str) -> Result<There> {
        let at = unescape(path);
        Ok(match if_exists(self.root.meta(&at))?.map(|meta| meta.kind) {
            None => There::Nothing,
            Some(Kind::Link) => There::Link(escape(self.root.read_link(&at)?.as_os_str())),
            Some(Kind::File) => There::File(self.root.read(&at).ok().map(|content| digest(&content))),
            Some(_) => There::File(None),
        })
    }

    /// A directory that was made goes if nothing is left in it.
    fn directory(&self, path: &str, chain: &Chain, restored: &mut Restored) -> Result<()> {
        let was_made = chain.first().is_some_and(|(_, change)| change.op == Op::Mkdir);
        if !was_made || chain.iter().any(|(event, change)| self.counts_now(event, change)) {
            return Ok(());
        }
        let Ok(path) = unescape(path).into_string() else {
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

fn before(change: &Change) -> There {
    match (change.op, &change.was) {
        (Op::Link | Op::Remove, Some(was)) => There::Link(was.clone()),
        (Op::Link, None) if change.before.is_some() => There::File(change.before.clone()),
        (Op::Remove | Op::Write, _) => There::File(change.before.clone()),
        (Op::Rename, _) => There::File(None),
        _ => There::Nothing,
    }
}

fn left_by(change: &Change) -> There {
    match change.op {
        Op::Link => There::Link(change.target.clone().unwrap_or_default()),
        Op::Create | Op::Write => There::File(change.digest.clone()),
        _ => There::Nothing,
    }
}

/// Equal as far as is known of what is in a file.
fn is_same(a: &There, b: &There) -> bool {
    a == b || matches!((a, b), (There::File(None), There::File(_)) | (There::File(_), There::File(None)))
}

/// A journal of before digests were kept says nothing of a file's content: it is left alone.
fn is_known_to_match(actual: &There, expected: &There) -> bool {
    matches!((actual, expected), (There::File(Some(a)), There::File(Some(b))) if a == b)
}

/// What all plugins aim at.
fn aims(state: &State) -> BTreeSet<Aim> {
    state.wants().filter_map(|(_, want)| aim(&want.wish)).collect()
}

fn aim(wish: &Wish) -> Option<Aim> {
    let way = match wish {
        Wish::Unit { want, .. } => match want {
            UnitWant::PresetIgnore => return None,
            UnitWant::Disable | UnitWant::PresetDisable | UnitWant::Unmask | UnitWant::Revert => "off",
            _ => "on",
        },
        Wish::Service { want, .. } => match want {
            ServiceWant::Remove | ServiceWant::Off => "off",
            _ => "on",
        },
        Wish::Definition { change, .. } if change == "delete" => "off",
        Wish::Definition { .. } | Wish::Dependency { .. } => "on",
        Wish::DefaultTarget { unit } => unit,
        _ => return None,
    };
    Some((subject(wish), way.to_owned()))
}

fn opposite((subject, way): &Aim) -> Option<Aim> {
    let other = match way.as_str() {
        "on" => "off",
        "off" => "on",
        _ => return None,
    };
    Some((subject.clone(), other.to_owned()))
}

/// The aims of the event that a change served: those on the unit or service that the path names,
/// else all of them.
fn aims_of(event: &Event, change: &Change) -> Vec<Aim> {
    let name = change.path.rsplit('/').next().unwrap_or_default();
    let is_named = |wish: &Wish| match wish {
        Wish::Unit { unit, .. } | Wish::Dependency { unit, .. } => unit == name,
        Wish::Service { service, .. } => name.ends_with(service.as_str()),
        _ => false,
    };
    let all = || event.intents.iter().map(|intent| &intent.wish);
    let named: Vec<Aim> = all().filter(|wish| is_named(wish)).filter_map(aim).collect();
    if named.is_empty() {
        all().filter_map(aim).collect()
    } else {
        named
    }
}

/// Openings that plugins had closed which are gone or whose requests are taken back, and which
/// nobody else wants closed; and what of theirs cannot be put back at all.
fn reopen(events: &[Event], fold: &Fold, restored: &mut Restored) {
    let closed: BTreeSet<Subject> = fold
        .state
        .wants()
        .filter(|(_, want)| matches!(want.wish, Wish::Withdraw { .. }))
        .map(|(_, want)| subject(&want.wish))
        .collect();
    for (name, plugin) in &fold.gone {
        for want in &plugin.wants {
            let did = |event: &&Event| {
                want.events.contains(&event.id)
                    && !is_erasure(&event.origin)
                    && event.intents.iter().any(|intent| intent.changed && intent.wish == want.wish)
            };
            if !events.iter().any(|event| did(&event)) {
                continue;
            }
            match &want.wish {
                Wish::Withdraw { opening, zone } if !closed.contains(&subject(&want.wish)) => {
                    match inverse(opening, zone.as_deref()) {
                        Some((tool, path, args)) => restored.changes.push(PlannedChange {
                            path,
                            action: Action::Call { tool, args },
                            because: want.events.clone(),
                            why: format!("{name} had closed it, which no longer counts"),
                        }),
                        None => restored.left.push(not_kept(name, "what it had closed", &want.events)),
                    }
                }
                Wish::FirewallSwitch { .. } => {
                    restored.left.push(not_kept(name, "the firewall's switch", &want.events))
                }
                Wish::FirewallReset { .. } => {
                    restored.left.push(not_kept(name, "what it reset", &want.events))
                }
                Wish::DefaultZone { .. } if !is_restored(restored, FIREWALLD_CONF) => {
                    restored.left.push(not_kept(name, "the default zone", &want.events))
                }
                Wish::Selinux { .. } if !is_restored(restored, selinux::PATH) => {
                    restored.left.push(not_kept(name, "SELinux's mode", &want.events))
                }
                _ => {}
            }
        }
    }
}

fn is_restored(restored: &Restored, path: &str) -> bool {
    restored.changes.iter().any(|change| change.path == path)
}

fn not_kept(plugin: &str, what: &str, events: &[u64]) -> Note {
    Note::new(Some(plugin), format!("{what} is left as it is: what it was before is not kept"), events)
}

/// The call that opens again what was closed.
fn inverse(opening: &Opening, zone: Option<&str>) -> Option<(Tool, String, Vec<String>)> {
    let Some(zone) = zone else {
        let arg = match opening {
            Opening::Port { port, protocol } => format!("--port={port}:{protocol}"),
            Opening::FirewallService { service } => format!("--service={service}"),
            _ => return None,
        };
        return Some((Tool::Lokkit, config::PATH.into(), vec!["--quiet".into(), "--nostart".into(), arg]));
    };
    let arg = match opening {
        Opening::Port { port, protocol } => format!("--add-port={port}/{protocol}"),
        Opening::SourcePort { port, protocol } => format!("--add-source-port={port}/{protocol}"),
        Opening::Protocol { protocol } => format!("--add-protocol={protocol}"),
        Opening::FirewallService { service } => format!("--add-service={service}"),
        Opening::Source { source } => format!("--add-source={source}"),
        Opening::Interface { interface, .. } => format!("--add-interface={interface}"),
        Opening::Masquerade { interface: None } => "--add-masquerade".into(),
        Opening::BlockIcmp { icmp_type } => format!("--add-icmp-block={icmp_type}"),
        Opening::IcmpBlockInversion => "--add-icmp-block-inversion".into(),
        Opening::IntraZoneForward => "--add-forward".into(),
        Opening::RichRule { rule } => format!("--add-rich-rule={rule}"),
        _ => return None,
    };
    let path = format!("/etc/firewalld/zones/{zone}.xml");
    Some((Tool::FirewallOfflineCmd, path, vec![format!("--zone={zone}"), arg]))
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
