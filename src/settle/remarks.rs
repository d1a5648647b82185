//! What an administrator should know of a state that is settled.

use std::collections::BTreeSet;

use super::plan::Declared;
use super::{Dialect, Facts, export};
use crate::config::Backend;
use crate::error::Result;
use crate::firewall::detect;
use crate::plan::Note;
use crate::root::Root;
use crate::state::{Revert, State};

/// Metadata that declares nothing, and what the image's firewall cannot express; each once.
pub fn remarks(root: &Root, facts: &Facts, state: &State) -> Result<Vec<Note>> {
    let dialects: &[Dialect] = match detect::backend(root, &facts.config) {
        Backend::Firewalld => &[Dialect::Firewalld],
        Backend::Iptables => &[Dialect::Iptables, Dialect::Ip6tables],
        Backend::Nftables | Backend::Auto => &[Dialect::Nft],
    };
    let mut notes: BTreeSet<Note> =
        Declared::load(root, facts, state, &Revert::default())?.notes.into_iter().collect();
    for dialect in dialects {
        notes.extend(export(root, state, *dialect)?.notes);
    }
    Ok(notes.into_iter().collect())
}
