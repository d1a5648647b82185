//! In whose words a call answers: the same is said in one way by firewall-offline-cmd, in another by
//! the daemon about its files, and in a third about what runs.

use crate::firewall::firewalld::entry::{Entry, Matching};

/// Who answers, and about what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    /// firewall-offline-cmd.
    Offline,
    /// The daemon, about a zone's file.
    Permanent,
    /// The daemon, about a zone that runs.
    RunningZone,
    /// A policy, running or permanent: the client sends the daemon all its settings in either case, so
    /// the daemon answers the same.
    Policy,
}

impl Wording {
    /// How entries are compared with what is there.
    pub(super) fn matching(self) -> Matching {
        match self {
            Wording::Offline | Wording::Policy => Matching::Spelling,
            Wording::Permanent | Wording::RunningZone => Matching::Ranges,
        }
    }

    /// How messages name an entry.
    pub(super) fn of_entry(self, entry: &Entry) -> String {
        let quotes = matches!(self, Wording::Offline | Wording::Policy);
        match entry {
            Entry::RichRule(_, typed) if self == Wording::Permanent => typed.clone(),
            Entry::Port(_) | Entry::SourcePort(_) | Entry::ForwardPort(_) if quotes => {
                format!("'{}'", entry.value())
            }
            _ => entry.value(),
        }
    }

    /// Whether values are in quotes where several are asked for.
    pub(super) fn quotes(self, stem: &str) -> bool {
        self == Wording::RunningZone || !matches!(stem, "port" | "source-port" | "forward-port")
    }
}
