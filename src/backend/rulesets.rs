//! What each plugin wants of the firewall, as the rulesets that the backends write.

use std::collections::BTreeMap;

use crate::firewall::definitions::Definitions;
use crate::firewall::ruleset::Ruleset;
use crate::intent::{FirewallItem, Intent};
use crate::plan::Note;
use crate::state::State;

/// What each plugin wants of the firewall.
pub fn rulesets(
    state: &State,
    default_zone: &str,
    definitions: &Definitions,
) -> (BTreeMap<String, Ruleset>, Vec<Note>) {
    let (mut rulesets, mut notes) = (BTreeMap::new(), Vec::new());
    for (name, plugin) in &state.plugins {
        let wanted = plugin.wants.iter().filter_map(|want| opening(&want.intent, &want.events));
        let ruleset = Ruleset::collect(wanted, default_zone, definitions);
        let not_understood = ruleset.notes.iter().map(|(text, events)| Note::new(Some(name), text, events));
        notes.extend(not_understood);
        if !ruleset.is_empty() {
            rulesets.insert(name.clone(), ruleset);
        }
    }
    (rulesets, notes)
}

fn opening<'w>(
    intent: &'w Intent,
    events: &'w [u64],
) -> Option<(&'w FirewallItem, Option<&'w str>, &'w [u64])> {
    match intent {
        Intent::Allow { opening, zone } => Some((opening, zone.as_deref(), events)),
        _ => None,
    }
}
