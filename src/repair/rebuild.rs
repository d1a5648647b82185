//! Events in the place of lost ones, from what the state knows of them.

use std::collections::BTreeMap;

use crate::attribution::{FoundBy, Origin};
use crate::escape::Escaped;
use crate::intent::RecordedIntent;
use crate::journal::{Event, now};
use crate::state::State;
use crate::tool::Tool;

/// An event for each number that is `lost`, with the intents that still stood when the image was settled
/// last, unless the loss is accepted; and how many of them have none.
pub(super) fn placeholders(state: &State, lost: &[u64], accept_loss: bool) -> (Vec<Event>, usize) {
    let mut known: BTreeMap<u64, (Option<String>, Vec<RecordedIntent>)> = BTreeMap::new();
    for plugin in state.plugins.values().filter(|_| !accept_loss) {
        for active in plugin.wants.iter().chain(&plugin.deferred) {
            for id in active.events.iter().filter(|id| lost.contains(id)) {
                let (nevra, intents) = known.entry(*id).or_default();
                nevra.clone_from(&plugin.nevra);
                intents.push(RecordedIntent {
                    intent: active.intent.clone(),
                    changed: true,
                    runtime: active.runtime,
                    refused: false,
                });
            }
        }
    }
    let unknown = lost.iter().filter(|id| !known.contains_key(id)).count();
    let events = lost.iter().map(|id| event(*id, known.remove(id)));
    (events.collect(), unknown)
}

fn event(id: u64, known: Option<(Option<String>, Vec<RecordedIntent>)>) -> Event {
    let warning = match known {
        Some(_) => "this event was lost; what it asked for is known from the state",
        None => "this event was lost; nothing is known of it",
    };
    let (nevra, intents) = known.unwrap_or_default();
    let time = now();
    let origin = Origin {
        found_by: if nevra.is_some() {
            FoundBy::Ownership
        } else {
            FoundBy::Unknown
        },
        nevra,
        ..Origin::default()
    };
    Event {
        id,
        argv: vec![Escaped::new("nodeshim"), Escaped::new("repair")],
        warnings: vec![warning.to_owned()],
        intents,
        ..Event::new(time, Tool::Nodeshim, origin)
    }
}
