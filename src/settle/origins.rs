//! Finding the origins of requests that were recorded without one since the image was settled last,
//! such as in a container build that arms the image without a run.

use crate::attribution::{FoundBy, Origins, Owners, resolve};
use crate::error::Result;
use crate::journal::Journal;
use crate::root::Root;
use crate::rpmdb::{owners, scriptlets};

/// Completes the origins of the events after `last` from the scriptlets of the packages that are
/// installed; returns all that is known of them by now.
pub(super) fn learn(root: &Root, journal: &mut Journal, last: u64) -> Result<Origins> {
    let open = journal.events.iter().filter(|event| {
        event.id > last && event.origin.found_by == FoundBy::Unknown && event.origin.script.is_some()
    });
    let open: Vec<_> = open.map(|event| (event.id, event.origin.clone())).collect();
    let mut origins = Origins::load(root)?;
    if open.is_empty() {
        return Ok(origins);
    }
    let open = open.iter().map(|(id, origin)| (*id, origin));
    resolve(open, &Owners::new(), &owners(&scriptlets(root)?), &mut origins);
    for event in &mut journal.events {
        origins.complete(event.id, &mut event.origin);
    }
    Ok(origins)
}
