//! What becomes of a service's entries when it is added or set: pure decisions, level by level, as addService()
//! and setService() of chkconfig 1.33 make them.

use super::header::Defaults;
use super::links::{Entries, Entry, Plan};
use super::order::Priorities;
use crate::runlevels::Levels;

/// Something that chkconfig does to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Entries where there are none, as the header says.
    Add,
    /// Started in the levels.
    On(Levels),
    /// Stopped in the levels.
    Off(Levels),
    /// As the header says in the levels.
    Reset(Levels),
    /// On or off as before in the levels, with the header's priorities.
    ResetPriorities(Levels),
}

impl Change {
    /// The levels in which dependency ordering takes the service to be on while it is changed.
    pub(crate) fn on_levels(self, defaults: &Defaults, entries: &Entries) -> Levels {
        match self {
            Change::Add if entries.is_empty() => defaults.levels,
            Change::Add | Change::ResetPriorities(_) => entries.on(),
            Change::On(levels) => entries.on().union(levels),
            // A slip of setService(): for each level to switch off it adds the complement, `|= ~(1 << i)`, that
            // is all other levels and bits beyond the seventh. So no dependency can match, and the service falls
            // back to its own priorities. What depends on it still sees it on, except in a single
            // level in which it is off already.
            Change::Off(levels) => {
                levels.iter().fold(entries.on(), |on, level| on.union(Levels::BEYOND_ALL.without(level)))
            }
            Change::Reset(_) => defaults.levels,
        }
    }

    /// The entries to write, with `priorities` for the new ones.
    pub(crate) fn plan(self, defaults: &Defaults, entries: &Entries, priorities: Priorities) -> Plan {
        let plan = |levels: Levels, on: &dyn Fn(usize) -> bool| {
            std::array::from_fn(|level| levels.contains(level).then(|| Entry::new(on(level), priorities)))
        };
        let header = |level| defaults.levels.contains(level);
        match self {
            Change::Add => filled(defaults, entries, priorities),
            Change::On(levels) => plan(levels, &|_| true),
            Change::Off(levels) => plan(levels, &|_| false),
            Change::Reset(levels) => plan(levels, &header),
            Change::ResetPriorities(levels) => plan(levels, &|level| entries.is_on(level)),
        }
    }

    /// As [`Change::plan`] for a service that takes part in dependency ordering: its new
    /// priorities go to every level, and levels without an entry get one; frobOneDependencies() with `target`.
    pub(crate) fn ordered_plan(self, defaults: &Defaults, entries: &Entries, priorities: Priorities) -> Plan {
        let renumbered = renumbered(entries, priorities);
        let filled = filled(defaults, entries, priorities);
        let asked = match self {
            Change::Add => Plan::default(),
            // On or off as before, and before the new entries were made already.
            Change::ResetPriorities(levels) => std::array::from_fn(|level| {
                let on = entries.first(level).map_or(defaults.levels.contains(level), Entry::is_on);
                levels.contains(level).then(|| Entry::new(on, priorities))
            }),
            other => other.plan(defaults, entries, priorities),
        };
        std::array::from_fn(|level| asked[level].or(renumbered[level]).or(filled[level]))
    }
}

/// Entries as the header says where there are none.
fn filled(defaults: &Defaults, entries: &Entries, priorities: Priorities) -> Plan {
    std::array::from_fn(|level| {
        let missing = entries.first(level).is_none();
        missing.then(|| Entry::new(defaults.levels.contains(level), priorities))
    })
}

/// The entries that are there and have another number, with the new one.
pub(crate) fn renumbered(entries: &Entries, priorities: Priorities) -> Plan {
    std::array::from_fn(|level| {
        let entry = entries.first(level)?;
        Some(Entry::new(entry.is_on(), priorities)).filter(|wanted| *wanted != entry)
    })
}

/// Every level as the header says.
pub(crate) fn everywhere(defaults: &Defaults) -> Plan {
    std::array::from_fn(|level| Some(Entry::new(defaults.levels.contains(level), own(defaults))))
}

/// Whether every entry that there is, and there is one, is what the header says.
pub(crate) fn is_unchanged(defaults: &Defaults, entries: &Entries) -> bool {
    let as_header = everywhere(defaults);
    let mut levels = as_header.iter().enumerate();
    !entries.is_empty()
        && levels.all(|(level, header)| entries.first(level).is_none_or(|entry| Some(entry) == *header))
}

/// The header's own priorities.
pub(crate) fn own(defaults: &Defaults) -> Priorities {
    Priorities {
        start: defaults.start,
        stop: defaults.stop,
    }
}
