//! What an administrator should know of a state that is settled.

use std::collections::BTreeSet;

use super::declared::Declared;
use super::unfulfilled::unfulfilled;
use super::{Facts, PolicyJudge};
use crate::config::Backend;
use crate::error::Result;
use crate::export::{Dialect, export};
use crate::firewall::detect;
use crate::intent::{DeferredVerb, Intent};
use crate::journal::Journal;
use crate::plan::Note;
use crate::root::Root;
use crate::state::{ActiveIntent, Revert, State};
use crate::unrecorded::{self, Outside};

/// Metadata that declares nothing, what waits for a boot that will not do it, and what the image's
/// firewall cannot express; each once.
///
/// # Errors
/// If metadata, policy, the journal or the rpm database cannot be read.
pub fn remarks(root: &Root, facts: &Facts, state: &State) -> Result<Vec<Note>> {
    let dialects: &[Dialect] = match detect::backend(root, &facts.config) {
        Backend::Firewalld => &[Dialect::Firewalld],
        Backend::Iptables => &[Dialect::Iptables, Dialect::Ip6tables],
        Backend::Nftables | Backend::Auto => &[Dialect::Nft],
    };
    let outside = unrecorded::packages(root, &facts.installed, state)?;
    let declared = Declared::load(root, facts, state, &Revert::default())?;
    // Only of what takes a rule that allows it has policy to be asked.
    let journal = match state.plugins.values().flat_map(|plugin| &plugin.deferred).any(isolates) {
        true => Journal::read(root)?,
        false => Journal::default(),
    };
    let judge = PolicyJudge::new(root, &declared.policy, &journal);
    let mut notes: BTreeSet<Note> =
        unfulfilled(root, state, &|plugin, want| judge.of(plugin, want)).into_iter().collect();
    notes.extend(declared.notes);
    notes.extend(outside.iter().map(Outside::note));
    for dialect in dialects {
        notes.extend(export(root, state, *dialect)?.notes);
    }
    Ok(notes.into_iter().collect())
}

fn isolates(want: &ActiveIntent) -> bool {
    matches!(
        want.intent,
        Intent::Defer {
            verb: DeferredVerb::Isolate,
            ..
        }
    )
}
