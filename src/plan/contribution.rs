//! What one part of planning adds to a plan. Every backend, and the undoing of requests, answers in
//! this one form, and contributions add up: planning is a sum over a list of contributors.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::ops::AddAssign;

use super::{Content, DesiredFile, Note, PlannedChange};
use crate::state::{State, ZoneEntry};

/// Files as they should be, changes that are no matter of one file, remarks, and what settling has
/// to know the next time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contribution {
    /// Files and links as they should be; a later one replaces an earlier one of the same path.
    pub files: Vec<DesiredFile>,
    /// What is done before any of the files is written.
    pub changes: Vec<PlannedChange>,
    /// What is done once all of the files are written, since it changes some that are planned as a
    /// whole.
    pub after_files: Vec<PlannedChange>,
    /// What could not be expressed or done.
    pub notes: Vec<Note>,
    /// Directories and name prefixes: of these nothing stays that is not among the files.
    pub owned: Vec<(&'static str, &'static str)>,
    /// What settling has to know the next time.
    pub memory: Memory,
}

/// What settling has to know the next time of what it wrote. None says nothing:
/// what is known already stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// See [`State::placed`].
    pub placed: Option<BTreeSet<ZoneEntry>>,
    /// See [`State::originals`].
    pub originals: Option<BTreeMap<String, String>>,
    /// See [`State::own_firewall`].
    pub own_firewall: Option<bool>,
    /// See [`State::loaders`].
    pub loaders: Option<BTreeSet<String>>,
}

impl Memory {
    /// Enters it into the state.
    pub fn enter(self, state: &mut State) {
        if let Some(placed) = self.placed {
            state.placed = placed;
        }
        if let Some(originals) = self.originals {
            state.originals = originals;
        }
        state.own_firewall = self.own_firewall.unwrap_or(state.own_firewall);
        if let Some(loaders) = self.loaders {
            state.loaders = loaders;
        }
    }
}

impl Contribution {
    /// Nothing but remarks.
    pub(crate) fn of_notes(notes: impl IntoIterator<Item = Note>) -> Contribution {
        Contribution {
            notes: notes.into_iter().collect(),
            ..Contribution::default()
        }
    }

    /// The text that a path is planned to have, if it is planned as a file.
    pub fn text_of(&self, path: &str) -> Option<&str> {
        self.files.iter().find_map(|file| match &file.content {
            Content::File { text, .. } if file.path == path => Some(text.as_str()),
            _ => None,
        })
    }
}

impl AddAssign for Contribution {
    fn add_assign(&mut self, later: Contribution) {
        let replaced: BTreeSet<&str> = later.files.iter().map(|file| file.path.as_str()).collect();
        self.files.retain(|file| !replaced.contains(file.path.as_str()));
        self.files.extend(later.files);
        self.changes.extend(later.changes);
        self.after_files.extend(later.after_files);
        self.notes.extend(later.notes);
        self.owned.extend(later.owned);
        self.memory.placed = later.memory.placed.or(self.memory.placed.take());
        self.memory.originals = later.memory.originals.or(self.memory.originals.take());
        self.memory.own_firewall = later.memory.own_firewall.or(self.memory.own_firewall);
        self.memory.loaders = later.memory.loaders.or(self.memory.loaders.take());
    }
}

impl Sum for Contribution {
    fn sum<I: Iterator<Item = Contribution>>(all: I) -> Contribution {
        all.fold(Contribution::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Contribution {
        Contribution {
            files: vec![DesiredFile {
                path: path.into(),
                content: Content::File {
                    text: text.into(),
                    mode: 0o644,
                },
                because: Vec::new(),
                why: String::new(),
            }],
            ..Contribution::default()
        }
    }

    #[test]
    fn a_later_file_replaces_an_earlier_one_and_all_else_adds_up() {
        let note = |text: &str| Contribution::of_notes([Note::new(None, text, &[])]);
        let placed = Contribution {
            memory: Memory {
                placed: Some(BTreeSet::new()),
                ..Memory::default()
            },
            ..Contribution::default()
        };
        let all = [
            file("/a", "1"),
            note("x"),
            file("/b", "2"),
            placed,
            file("/a", "3"),
            note("y"),
        ];
        let sum: Contribution = all.into_iter().sum();
        let paths: Vec<&str> = sum.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/b", "/a"]);
        assert_eq!(sum.text_of("/a"), Some("3"));
        assert_eq!(sum.notes.len(), 2);
        assert_eq!(sum.memory.placed, Some(BTreeSet::new()));
        assert_eq!(sum.memory.originals, None);
    }
}
