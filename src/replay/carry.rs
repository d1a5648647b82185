//! Which events of an image are carried over to another one, and in what form. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::escape::Escaped;
use crate::intent::Intent;
use crate::journal::{Event, Replayed};
use crate::state::{Plugin, State, Subject, subject};
use crate::undo::repeat::is_repeated;

/// The image that is carried over from.
#[derive(Debug, Clone, Copy)]
pub struct Old<'a> {
    /// What the image is called.
    pub image: &'a str,
    /// Its events.
    pub events: &'a [Event],
    /// What stands in it.
    pub state: &'a State,
}

/// The events behind what is in effect in an image, in their order, each with only the intents that
/// are in effect. They keep their origin; an event that was imported from another image keeps the
/// name of that image. Plugins in `left_out` are left out, and so is what is among `known`.
pub(crate) fn carry(old: &Old, known: &[Event], left_out: &BTreeSet<String>) -> Vec<Event> {
    let standing = standing(old.state);
    let known: BTreeSet<Key> = known.iter().filter_map(key).collect();
    let carried = old.events.iter().filter_map(|event| {
        let name = event.origin.name();
        let subjects =
            standing.get(&(name.as_ref(), event.id)).filter(|_| !left_out.contains(name.as_ref()))?;
        let event = carried(event, subjects, old.image);
        let is_new = key(&event).is_some_and(|key| !known.contains(&key));
        is_new.then_some(event)
    });
    carried.collect()
}

/// What the intents that stand are about, by plugin and event.
fn standing(state: &State) -> BTreeMap<(&str, u64), BTreeSet<Subject>> {
    let mut standing: BTreeMap<(&str, u64), BTreeSet<Subject>> = BTreeMap::new();
    for (name, plugin) in &state.plugins {
        for (intent, events) in intents(plugin) {
            for event in events {
                standing.entry((name, *event)).or_default().insert(subject(intent));
            }
        }
    }
    standing
}

/// All intents of a plugin, those that policy holds back too, with their events.
fn intents(plugin: &Plugin) -> impl Iterator<Item = (&Intent, &[u64])> {
    let wants = plugin.wants.iter().chain(&plugin.deferred);
    let denied = plugin.denied.iter().map(|denied| (&denied.held.intent, denied.events.as_slice()));
    wants.map(|want| (&want.intent, want.events.as_slice())).chain(denied)
}

fn carried(event: &Event, standing: &BTreeSet<Subject>, image: &str) -> Event {
    let mut carried = event.clone();
    let all = carried.intents.len();
    carried.intents.retain(|recorded| standing.contains(&subject(&recorded.intent)));
    if carried.intents.len() < all {
        // A request that is repeated must not restore what was reverted since.
        carried.intents.retain(|recorded| !is_repeated(&recorded.intent));
    }
    carried.intents.iter_mut().for_each(|recorded| recorded.changed = false);
    carried.held.retain(|held| standing.contains(&subject(&held.intent)));
    carried.changes.clear();
    carried.replayed.get_or_insert_with(|| Replayed {
        image: image.to_owned(),
        event: event.id,
    });
    carried
}

/// Whether a want of an event would be lost by [`carry`]: part of its request was reverted.
pub(super) fn is_lost(intent: &Intent, events: &[u64], plugin: &Plugin, all: &[Event]) -> bool {
    let standing: BTreeSet<Subject> = intents(plugin).map(|(intent, _)| subject(intent)).collect();
    let is_whole = |event: &Event| event.intents.iter().all(|i| standing.contains(&subject(&i.intent)));
    is_repeated(intent) && !all.iter().any(|event| events.contains(&event.id) && is_whole(event))
}

/// What makes an event of another image the same event.
type Key = (Replayed, String, Vec<Escaped>, Option<String>);

fn key(event: &Event) -> Option<Key> {
    let origin = &event.origin;
    let replayed = event.replayed.clone()?;
    Some((replayed, event.time.clone(), event.argv.clone(), origin.nevra.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{FoundBy, Origin};
    use crate::intent::{FirewallItem, RecordedIntent};
    use crate::state::{Facts, fold};
    use crate::tool::Tool;

    fn intent(port: &str, open: bool) -> Intent {
        let opening = FirewallItem::Port {
            port: port.into(),
            protocol: "tcp".into(),
        };
        match open {
            true => Intent::Allow { opening, zone: None },
            false => Intent::Withdraw { opening, zone: None },
        }
    }

    fn event(id: u64, package: &str, intents: &[(&str, bool)]) -> Event {
        let origin = Origin {
            found_by: FoundBy::RpmPlugin,
            nevra: Some(format!("{package}-1-1.noarch")),
            scriptlet: Some("%post".into()),
            arg: Some(1),
            ..Origin::default()
        };
        let recorded = |(port, open): &(&str, bool)| RecordedIntent::new(intent(port, *open), true);
        Event {
            id,
            argv: vec![Escaped::new("lokkit"), Escaped::new(id.to_string())],
            intents: intents.iter().map(recorded).collect(),
            ..Event::new("2024-01-01T00:00:00Z".into(), Tool::Lokkit, origin)
        }
    }

    fn state(events: &[Event]) -> State {
        let (installed, before) = (Default::default(), State::default());
        let facts = Facts {
            installed: &installed,
            before: &before,
            default_zone: "public",
        };
        fold(events, &facts).state
    }

    fn old<'a>(image: &'a str, events: &'a [Event], state: &'a State) -> Old<'a> {
        Old { image, events, state }
    }

    #[test]
    fn replay_carries_each_intent_in_effect_once() {
        let events = [
            event(1, "a", &[("80", true), ("81", true)]),
            event(2, "b", &[("90", true)]),
            event(3, "a", &[("81", false)]),
            event(4, "c", &[("70", true)]),
        ];
        let standing = state(&events);
        let first = old("one", &events, &standing);
        let left_out = BTreeSet::from(["c".to_owned()]);
        let carried = carry(&first, &[], &left_out);
        let ids: Vec<u64> = carried.iter().filter_map(|event| Some(event.replayed.as_ref()?.event)).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(carried[0].intents.len(), 1);
        assert_eq!(carried[0].intents[0], RecordedIntent::new(intent("80", true), false));
        assert_eq!(carry(&first, &carried, &left_out), []);
        // Through a third image they are the same events.
        let mut there = carried.clone();
        there.iter_mut().zip(1..).for_each(|(event, id)| event.id = id);
        let standing = state(&there);
        let again = carry(&old("two", &there, &standing), &[], &BTreeSet::new());
        assert_eq!(again, there);
        assert_eq!(carry(&old("two", &there, &standing), &carried, &BTreeSet::new()), []);
    }
}
