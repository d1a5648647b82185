//! What is kept at hand of requests that are in closed parts of the journal: those that still count, and
//! the changes that may be put back. The others are left to the parts themselves.

use super::history::needed_changes;
use crate::escape::Escaped;
use crate::journal::{Event, Journal};
use crate::state::{State, repetitions};
use crate::tool::Tool;

/// Takes the requests up to the event `through` that make no difference from now on out of `journal`, and
/// out of `state`, which was settled of it; of those that stay it takes out such changes.
pub(crate) fn leave_out(journal: &mut Journal, state: &mut State, through: u64) {
    let end = journal.events.partition_point(|event| event.id <= through);
    let events = &journal.events[..end];
    let is_over = |event: &Event| {
        let forgotten = state.forgotten.get(event.origin.name().as_ref());
        event.tool == Tool::Nodeshim
            || state.reverted.contains(&event.id)
            || forgotten.is_some_and(|last| event.id <= *last)
    };
    let changes = needed_changes(events, &is_over);
    let mut requests = repetitions(events, state);
    changes.iter().for_each(|(id, _)| _ = requests.remove(id));
    for event in journal.events.extract_if(..end, |event| requests.contains(&event.id)) {
        let left_out = journal.left_out.entry(event.origin.name().into_owned()).or_default();
        left_out.requests += 1;
        left_out.paths.extend(event.changes.into_iter().map(|change| change.path));
    }
    let is_old = |event: &&mut Event| event.id <= through && !event.changes.is_empty();
    for event in journal.events.iter_mut().filter(is_old) {
        let is_needed = |path: &Escaped| changes.contains(&(event.id, path.clone()));
        let (kept, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut event.changes).into_iter().partition(|change| is_needed(&change.path));
        event.changes = kept;
        if !others.is_empty() {
            let left_out = journal.left_out.entry(event.origin.name().into_owned()).or_default();
            left_out.paths.extend(others.into_iter().map(|change| change.path));
        }
    }
    state.leave_out(&requests);
}
