//! Whether the journal still holds all that the state was made of. What is lost never opens anything:
//! neither settling nor applying goes on from less than was known.

use super::State;
use crate::digest::digest;
use crate::error::{Error, Result};
use crate::escape::Escaped;
use crate::journal::{Event, PATH};

/// What tells one request from another under the same number.
pub fn fingerprint(event: &Event) -> String {
    let argv: Vec<&str> = event.argv.iter().map(Escaped::recorded).collect();
    digest(format!("{} {} {argv:?} {}", event.id, event.tool.name(), event.exit).as_bytes())
}

impl State {
    /// Notes which journal it was made of.
    pub(super) fn note_ends(&mut self, events: &[Event]) {
        self.last_event = events.last().map_or(0, |event| event.id);
        self.first_request = events.first().map_or(String::new(), fingerprint);
        self.last_request = events.last().map_or(String::new(), fingerprint);
    }

    /// Notes an event that was appended since.
    pub(crate) fn note_appended(&mut self, event: &Event) {
        if self.first_request.is_empty() {
            self.first_request = fingerprint(event);
        }
        self.last_event = event.id;
        self.last_request = fingerprint(event);
    }

    /// Takes these events for the ones that it was made of, after a repair.
    pub(crate) fn note_journal(&mut self, events: &[Event]) {
        self.first_request = events.first().map_or(String::new(), fingerprint);
        let last = events.iter().find(|event| event.id == self.last_event);
        self.last_request = last.map_or(String::new(), fingerprint);
    }

    /// The numbers of events that are lost: those after `through`, up to the last one that is known, which
    /// the journal does not hold.
    pub fn lost(&self, events: &[Event], through: u64) -> Vec<u64> {
        let last = events.last().map_or(0, |event| event.id).max(self.last_event);
        let mut there = events.iter().map(|event| event.id).filter(|id| *id > through).peekable();
        (through + 1..=last).filter(|id| there.next_if(|there| there == id).is_none()).collect()
    }

    /// Whether these are events of the journal that it was made of, rather than of one that was begun
    /// when that was lost.
    pub fn is_of(&self, events: &[Event]) -> bool {
        let is_same = |known: &str, event: Option<&Event>| {
            known.is_empty() || event.is_none_or(|event| fingerprint(event) == known)
        };
        let last = events.iter().rev().find(|event| event.id <= self.last_event);
        let last = last.filter(|event| event.id == self.last_event);
        is_same(&self.first_request, events.first().filter(|event| event.id == 1))
            && is_same(&self.last_request, last)
    }

    /// Whether the journal holds all that is known. Up to the event `through` only some are kept.
    ///
    /// # Errors
    /// Says what is missing, and the way out.
    pub(crate) fn check_journal(&self, events: &[Event], through: u64) -> Result<()> {
        if !self.is_of(events) {
            let text =
                "is not the journal that state.toml was made of: that one is lost; nothing was changed";
            return Err(Error::damaged(PATH, text));
        }
        let lost = self.lost(events, through);
        match (lost.first(), lost.last()) {
            (Some(first), Some(last)) => {
                let which = match lost.len() {
                    1 => format!("event {first} is"),
                    count => format!("{count} events from {first} to {last} are"),
                };
                Err(Error::damaged(PATH, format!("{which} lost; nothing was changed")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::Origin;
    use crate::tool::Tool;

    fn event(id: u64, word: &str) -> Event {
        Event {
            id,
            argv: vec![word.into()],
            ..Event::new(String::new(), Tool::Systemctl, Origin::default())
        }
    }

    fn state_of(events: &[Event]) -> State {
        let mut state = State::default();
        state.note_ends(events);
        state
    }

    #[test]
    fn a_journal_that_lacks_events_is_refused_wherever_they_are_missing() {
        let all = [event(1, "a"), event(2, "b"), event(3, "c")];
        let state = state_of(&all);
        state.check_journal(&all, 0).unwrap();
        for (events, lost) in [
            (&all[..0], "3 events from 1 to 3"),
            (&all[..2], "event 3"),
            (&all[1..], "event 1"),
        ] {
            let error = state.check_journal(events, 0).unwrap_err().to_string();
            assert!(error.contains(lost) && error.contains("nodeshim repair"), "{error}");
        }
        let holed = [all[0].clone(), all[2].clone()];
        assert!(
            State::default()
                .check_journal(&holed, 0)
                .unwrap_err()
                .to_string()
                .contains("event 2 is lost")
        );
    }

    #[test]
    fn a_journal_that_was_begun_again_is_refused_however_long_it_is() {
        let state = state_of(&[event(1, "a"), event(2, "b")]);
        for later in [2, 3] {
            let again: Vec<Event> = (1..=later).map(|id| event(id, "x")).collect();
            let error = state.check_journal(&again, 0).unwrap_err().to_string();
            assert!(error.contains("is not the journal"), "{error}");
        }
        state.check_journal(&[event(1, "a"), event(2, "b"), event(3, "x")], 0).unwrap();
    }
}
