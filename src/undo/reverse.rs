//! Opens again what was closed by requests that are not in effect any more.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::firewall::lokkit::{config, selinux};
use crate::intent::Intent;
use crate::journal::Event;
use crate::plan::{Action, Contribution, Note, PlannedChange};
use crate::request::Command;
use crate::state::{ActiveIntent, Fold, State, Subject, is_erasure, subject};
use crate::tool::Tool;

const FIREWALLD_CONF: &str = "/etc/firewalld/firewalld.conf";

/// Opens again what plugins had closed and turns their switches back, if the plugin is gone or the request is
/// reverted or denied, and no other plugin wants the same. Notes what cannot be restored. What only such
/// requests had opened stays closed.
pub(super) fn reopen(events: &[Event], fold: &Fold, default_zone: &str, restored: &mut Contribution) {
    let is_undone_alone =
        |intent: &Intent| matches!(intent, Intent::Withdraw { .. } | Intent::FirewallSwitch { .. });
    let wanted: BTreeSet<Subject> = fold
        .state
        .wants()
        .filter(|(_, want)| is_undone_alone(&want.intent))
        .map(|(_, want)| subject(&want.intent))
        .collect();
    let gone = fold
        .gone
        .iter()
        .flat_map(|(name, plugin)| plugin.wants.iter().map(move |want| (name, want, false)));
    let refused = fold.refused.iter().map(|(name, want)| (name, want, true));
    let openings = LazyCell::new(|| Openings::of(events, &fold.state, default_zone));
    for (name, want, is_refused) in gone.chain(refused) {
        let made = made(events, want);
        let stays_closed = || {
            matches!(want.intent, Intent::Withdraw { .. })
                && !openings.would_be_open(&subject(&want.intent).in_zone(default_zone))
        };
        if !made.is_empty() && !wanted.contains(&subject(&want.intent)) && !stays_closed() {
            // Somebody took it back, or policy did; else its package is gone.
            let asked_by_name = is_refused
                || fold.reverted_plugins.contains(name)
                || made.iter().all(|event| fold.reverted.contains(&event.id));
            undo(name, want, (&made, asked_by_name), restored);
        }
    }
    for (name, want) in fold.refused.iter().filter(|(_, want)| matches!(want.intent, Intent::Note { .. })) {
        let made = made(events, want);
        let mut paths =
            made.iter().flat_map(|event| &event.changes).map(|change| change.path.text()).peekable();
        let is_put_back =
            paths.peek().is_some() && paths.all(|path| path.is_some_and(|path| is_restored(restored, &path)));
        if !made.is_empty() && !is_put_back {
            restored.notes.push(not_kept(name, "its direct changes", &want.events));
        }
    }
}

/// Items of the firewall that would be open without what is reverted.
struct Openings {
    /// Whether the first request that changed an item opened it.
    first_opens: BTreeMap<Subject, bool>,
    /// What somebody wants open now.
    wanted: BTreeSet<Subject>,
}

impl Openings {
    fn of(events: &[Event], state: &State, default_zone: &str) -> Openings {
        let item = |intent: &Intent| match intent {
            Intent::Allow { .. } => Some((subject(intent).in_zone(default_zone), true)),
            Intent::Withdraw { .. } => Some((subject(intent).in_zone(default_zone), false)),
            _ => None,
        };
        let mut first_opens = BTreeMap::new();
        let intents = events.iter().flat_map(|event| &event.intents).filter(|recorded| recorded.changed);
        for (item, opens) in intents.filter_map(|recorded| item(&recorded.intent)) {
            first_opens.entry(item).or_insert(opens);
        }
        let wanted = state.wants().filter_map(|(_, want)| item(&want.intent));
        Openings {
            first_opens,
            wanted: wanted.filter(|(_, opens)| *opens).map(|(item, _)| item).collect(),
        }
    }

    /// Whether an item was open before any request, as is known by what the first one that changed it did, or
    /// somebody wants it open now.
    fn would_be_open(&self, item: &Subject) -> bool {
        self.first_opens.get(item) == Some(&false) || self.wanted.contains(item)
    }
}

/// The requests that carried out an intent, other than to tidy up.
fn made<'e>(events: &'e [Event], want: &ActiveIntent) -> Vec<&'e Event> {
    let did = |event: &&Event| {
        !is_erasure(&event.origin)
            && event.intents.iter().any(|recorded| recorded.changed && recorded.intent == want.intent)
    };
    let at = |id: &u64| events.binary_search_by_key(id, |event| event.id).ok();
    want.events.iter().filter_map(at).map(|index| &events[index]).filter(did).collect()
}

fn undo(
    name: &str,
    want: &ActiveIntent,
    (made, asked_by_name): (&[&Event], bool),
    restored: &mut Contribution,
) {
    let ask = |intent, path: String, what: &str| PlannedChange {
        path,
        action: Action::Intent { intent },
        because: want.events.clone(),
        why: format!("{name} had {what} it, which no longer counts"),
    };
    let cannot = |what| not_kept(name, what, &want.events);
    match &want.intent {
        Intent::Withdraw { opening, zone } => {
            let open = Intent::Allow {
                opening: opening.clone(),
                zone: zone.clone(),
            };
            match Command::for_intent(&open) {
                Some(_) => restored.after_files.push(ask(open, file_of(zone.as_deref()), "closed")),
                None => restored.notes.push(cannot("what it had closed")),
            }
        }
        // A firewall that an image was given stays when the package goes.
        Intent::FirewallSwitch { on: true } if !asked_by_name => {}
        // That of firewalld is links, which are put back as such.
        Intent::FirewallSwitch { on }
            if made.iter().any(|event| matches!(event.tool, Tool::Lokkit | Tool::Bypass)) =>
        {
            let back = Intent::FirewallSwitch { on: !on };
            restored.after_files.push(ask(back, config::PATH.into(), "switched"));
        }
        Intent::FirewallReset { .. } => restored.notes.push(cannot("what it reset")),
        Intent::DefaultZone { .. } if !is_restored(restored, FIREWALLD_CONF) => {
            restored.notes.push(cannot("the default zone"));
        }
        Intent::Selinux { .. } if !is_restored(restored, selinux::PATH) => {
            restored.notes.push(cannot("SELinux's mode"));
        }
        _ => {}
    }
}

/// The file that an opening is in; without a zone it is lokkit's.
fn file_of(zone: Option<&str>) -> String {
    zone.map_or_else(|| config::PATH.to_owned(), |zone| format!("/etc/firewalld/zones/{zone}.xml"))
}

fn is_restored(restored: &Contribution, path: &str) -> bool {
    restored.changes.iter().any(|change| change.path == path)
}

fn not_kept(plugin: &str, what: &str, events: &[u64]) -> Note {
    Note::new(Some(plugin), format!("{what} is left as it is: what it was before is not kept"), events)
}
