//! Reading the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use serde::Deserialize;

use super::compressed::decompress;
use super::index::{Index, LeftOut};
use super::parts::{Part, closed, last_closed};
use super::tail::find_end;
use super::text::{Torn, parse_log, whole};
use super::{Event, PATH};
use crate::attribution::Origins;
use crate::error::{Error, Result, if_exists};
use crate::root::Root;

/// The events of an image: all, or those that still count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// A torn tail, which the next append will cut.
    pub torn: Option<Torn>,
    /// Up to this event only those that still count are among the events.
    pub through: u64,
    /// Up to this event the journal's parts were removed, as the configuration says.
    pub removed: u64,
    /// What is left of the requests that are not among the events, by whom they are recorded under.
    pub left_out: BTreeMap<String, LeftOut>,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    event: Vec<Event>,
}

impl Journal {
    /// Reads the journal with its closed parts, and with the origins that were found out since; an
    /// image without one has no events.
    ///
    /// # Errors
    /// A damaged journal, part or index, and one of a newer format.
    pub fn read(root: &Root) -> Result<Journal> {
        Journal::complete(root, Index::load(root)?)
    }

    /// Reads what still counts: of closed parts by their index, if that is of what was settled last, up
    /// to the event `settled`, else all.
    ///
    /// # Errors
    /// As of [`Journal::read`], and a closed part that is not as it was when it was closed.
    pub fn standing(root: &Root, settled: u64) -> Result<Journal> {
        let index = match Index::load(root)? {
            Some(index) if index.through <= settled => index,
            other => return Journal::complete(root, other),
        };
        let mut files = Files::open(root)?;
        let mut journal = Journal {
            events: files.completed(index.events),
            torn: None,
            through: index.through,
            removed: index.removed,
            left_out: index.left_out,
        };
        journal.torn = files.each_from(journal.through + 1, |mut events| {
            journal.events.append(&mut events);
            Ok(())
        })?;
        Ok(journal)
    }

    /// The events from `first` on; older parts are not read.
    ///
    /// # Errors
    /// As of [`Journal::read`].
    pub fn since(root: &Root, first: u64) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        Files::open(root)?.each_from(first, |part| {
            events.extend(part.into_iter().filter(|event| event.id >= first));
            Ok(())
        })?;
        Ok(events)
    }

    /// All events: what the index has of parts that were removed, and what is in the others.
    fn complete(root: &Root, index: Option<Index>) -> Result<Journal> {
        let mut files = Files::open(root)?;
        let mut journal = Journal::default();
        let mut counted = BTreeSet::new();
        if let Some(index) = index.filter(|index| index.removed > 0) {
            journal.removed = index.removed;
            journal.through = index.removed;
            journal.left_out = index.left_out;
            counted.extend((1..=index.through).filter(|id| *id > index.removed));
            index.events.iter().for_each(|event| _ = counted.remove(&event.id));
            journal.events = files.completed(index.events);
            journal.events.retain(|event| event.id <= journal.removed);
        }
        journal.torn = files.each_from(journal.removed + 1, |mut events| {
            for event in events.iter().filter(|event| counted.contains(&event.id)) {
                if let Some(left_out) = journal.left_out.get_mut(event.origin.name().as_ref()) {
                    left_out.requests = left_out.requests.saturating_sub(1);
                }
            }
            journal.events.append(&mut events);
            Ok(())
        })?;
        Ok(journal)
    }

    /// Compresses the closed parts, removes those all of whose events are older than the last `keep`, if
    /// that is a number, and writes the index of them: these events are what still counts.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn write_index(&self, root: &Root, keep: Option<u64>) -> Result<()> {
        let index = Index {
            removed: self.removed,
            left_out: self.left_out.clone(),
            events: self.events.clone(),
            ..Index::default()
        };
        index.write(root, keep)
    }

    /// Whether every event that is not among these is one whose part was removed.
    pub fn is_complete(&self) -> bool {
        self.through == self.removed
    }

    /// Takes the text of a journal, or of a part of one, apart.
    ///
    /// # Errors
    /// Damaged text, and a newer format.
    pub fn parse(bytes: &[u8]) -> Result<Journal> {
        Journal::parse_file(bytes, PATH)
    }

    fn parse_file(bytes: &[u8], path: &str) -> Result<Journal> {
        let mut events = Vec::new();
        let torn = parse_log(bytes, path, |document: Document| events.extend(document.event))?;
        Ok(Journal {
            events,
            torn,
            ..Journal::default()
        })
    }
}

/// Hands the events of one part after the other to `take`, oldest first, so that no more than a part
/// has to be kept; returns the torn tail, if there is one.
///
/// # Errors
/// A damaged or missing part, and what `take` returns.
pub fn each_part(root: &Root, mut take: impl FnMut(Vec<Event>) -> Result<()>) -> Result<Option<Torn>> {
    let index = Index::load(root)?.filter(|index| index.removed > 0);
    let mut files = Files::open(root)?;
    let mut first = 1;
    if let Some(index) = index {
        first = index.removed + 1;
        take(files.completed(index.kept_of_removed()))?;
    }
    files.each_from(first, take)
}

/// Hands the events of one part after the other to `take`, the newest first, until that says that it has
/// enough.
///
/// # Errors
/// As of [`Journal::read`], of the parts that are read.
pub fn each_part_newest_first(root: &Root, mut take: impl FnMut(Vec<Event>) -> Result<bool>) -> Result<()> {
    let mut files = Files::open(root)?;
    let closed = std::mem::take(&mut files.closed);
    if !take(files.of_open()?.events)? {
        return Ok(());
    }
    for part in closed.iter().rev() {
        if !take(files.of_closed(part)?)? {
            return Ok(());
        }
    }
    match Index::load(root)?.filter(|index| index.removed > 0) {
        Some(index) => take(files.completed(index.kept_of_removed())).map(drop),
        None => Ok(()),
    }
}

/// The files of a journal at one moment.
struct Files<'r> {
    root: &'r Root,
    origins: Origins,
    open: Option<File>,
    closed: Vec<Part>,
}

impl Files<'_> {
    fn open(root: &Root) -> Result<Files<'_>> {
        let origins = Origins::load(root)?;
        // What is open now has all that is in no closed part, even if it is closed meanwhile.
        let open = if_exists(root.open_read(PATH)).map_err(Error::of_own_file)?;
        let closed = closed(root, open.as_ref())?;
        Ok(Files {
            root,
            origins,
            open,
            closed,
        })
    }

    /// Hands the events of the parts that have the event `first` or a later one to `take`, the oldest first;
    /// returns the torn tail, if there is one.
    fn each_from(
        &mut self,
        first: u64,
        mut take: impl FnMut(Vec<Event>) -> Result<()>,
    ) -> Result<Option<Torn>> {
        for part in self.closed.iter().filter(|part| part.last >= first) {
            take(self.of_closed(part)?)?;
        }
        let journal = self.of_open()?;
        take(journal.events)?;
        Ok(journal.torn)
    }

    fn of_closed(&self, part: &Part) -> Result<Vec<Event>> {
        let Some(bytes) = if_exists(content(self.root, part))? else {
            return self.of_compressed_since(part);
        };
        Ok(self.completed(Journal::parse_file(&bytes, &part.path)?.events))
    }

    /// The events of a part that was compressed, and its plain file removed, after the parts were listed.
    fn of_compressed_since(&self, plain: &Part) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for part in closed(self.root, None)?.iter().filter(|part| plain.holds(part)) {
            let bytes = content(self.root, part)?;
            events.append(&mut Journal::parse_file(&bytes, &part.path)?.events);
        }
        match events.last().is_some_and(|event| event.id == plain.last) {
            true => Ok(self.completed(events)),
            false => Err(Error::damaged(&plain.path, "is lost; nothing was changed")),
        }
    }

    fn of_open(&mut self) -> Result<Journal> {
        let Some(open) = self.open.take() else {
            return Ok(Journal::default());
        };
        let journal = Journal::parse_file(&whole(open, PATH)?, PATH)?;
        Ok(Journal {
            events: self.completed(journal.events),
            ..journal
        })
    }

    /// With what was found out since about who made the requests.
    fn completed(&self, mut events: Vec<Event>) -> Vec<Event> {
        events.iter_mut().for_each(|event| complete(event, &self.origins));
        events
    }
}

/// What a closed part holds.
pub(super) fn content(root: &Root, part: &Part) -> Result<Vec<u8>> {
    let file = root.open_read(&part.path)?;
    match part.is_compressed() {
        true => decompress(file, &part.path),
        false => whole(file, &part.path),
    }
}

/// Puts in what was found out since about who made a request. The index may have an event with it already.
fn complete(event: &mut Event, origins: &Origins) {
    let Some(found) = origins.complete(event.id, &mut event.origin) else {
        return;
    };
    if let Some(claimed) = &found.claimed {
        let warning = format!("forged: the request says it is of {claimed}");
        if !event.warnings.contains(&warning) {
            event.warnings.push(warning);
        }
    }
    if let Some(time) = found.time.as_ref().filter(|time| **time != event.time) {
        event.warnings.push(format!("forged: the request says it was made at {}", event.time));
        event.time.clone_from(time);
    }
}

/// The number of the last event in a closed part, 0 if there is none.
///
/// # Errors
/// If the parts cannot be listed.
pub(crate) fn last_closed_event(root: &Root) -> Result<u64> {
    let open = if_exists(root.open_read(PATH)).map_err(Error::of_own_file)?;
    last_closed(root, open.as_ref())
}

/// The number of the last event, 0 if there is none, from the end of the journal alone.
///
/// # Errors
/// A damaged end of the journal, and a file that cannot be read.
pub fn last_event(root: &Root) -> Result<u64> {
    let Some(file) = if_exists(root.open_read(PATH))? else {
        return last_closed(root, None);
    };
    let length = file.metadata().map_err(|error| Error::std_io(PATH, &error))?.len();
    find_end(&file, length, PATH)?.last.map_or_else(|| last_closed(root, Some(&file)), Ok)
}
