//! What is lost opens nothing: before anything is planned, the journal and the state have to fit.

use crate::backend::nftables;
use crate::error::{Error, Result, if_exists};
use crate::journal::{self, Journal};
use crate::root::Root;
use crate::state::{self, State};
use crate::tool::Tool;

/// Refuses to plan from incomplete records.
///
/// # Errors Names what is missing, and how to repair it.
pub(super) fn check(root: &Root, before: &State, journal: &Journal) -> Result<()> {
    before.check_journal(&journal.events, journal.through)?;
    match if_exists(root.meta(state::PATH))? {
        Some(_) => Ok(()),
        None if !was_settled(root, journal)? => Ok(()),
        None => Err(Error::damaged(
            state::PATH,
            "is missing, though the image was settled; nothing was changed",
        )),
    }
}

/// Whether the image shows that it was settled before: a journal that it closed or wrote into, or the firewall
/// that it left.
fn was_settled(root: &Root, journal: &Journal) -> Result<bool> {
    let wrote = |verb: &str| {
        let mut own = journal.events.iter().filter(|event| event.tool == Tool::Nodeshim);
        own.any(|event| event.argv.get(1).is_some_and(|word| word == verb))
    };
    let is_left = root.exists(nftables::MAIN);
    Ok(is_left || wrote("revert") || wrote("settle") || journal::has_closed_parts(root)?)
}
