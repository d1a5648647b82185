//! Reading the whole events of a damaged journal, and writing a new journal of them.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::index::{Index, PATH as INDEX};
use super::parts::named;
use super::read::content;
use super::tail::MAX_LENGTH;
use super::{Event, HEADER, LogFile, PATH, TORN_PATH, Tail, parse_trailer};
use crate::error::{Error, Result, if_exists};
use crate::layout;
use crate::root::{Kind, Root};

/// Where a journal is written that takes the place of a damaged one.
const REBUILT: &str = layout::JOURNAL_REBUILT;

/// What could be read of an image's journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// In the order of their numbers, each once.
    pub events: Vec<Event>,
    /// The files that were not as they should be.
    pub damaged: Vec<String>,
    /// All files of the journal, closed parts first.
    pub files: Vec<String>,
    /// Up to this event parts were removed, as the configuration says.
    pub removed: u64,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    event: Vec<Event>,
}

#[derive(Serialize)]
struct One<'e> {
    event: [&'e Event; 1],
}

/// Reads all whole events of the journal and its closed parts.
///
/// # Errors
/// If a file cannot be read at all.
pub(crate) fn salvage(root: &Root) -> Result<Salvaged> {
    let mut salvaged = Salvaged::default();
    for part in named(root)? {
        match part.is_compressed() {
            true => salvaged.take(&part.path, content(root, &part).ok().map(|bytes| whole_events(&bytes))),
            false => salvaged.take_file(root, &part.path)?,
        }
    }
    salvaged.take_file(root, PATH)?;
    if root.exists(INDEX) {
        let index = Index::read(root).unwrap_or_default();
        salvaged.removed = index.as_ref().map_or(0, |index| index.removed);
        let is_good = index.as_ref().is_some_and(|index| index.check_parts(root).is_ok());
        salvaged.take(INDEX, index.map(|index| (index.events, is_good)));
    }
    salvaged.events.sort_by_key(|event| event.id);
    salvaged.events.dedup_by_key(|event| event.id);
    Ok(salvaged)
}

impl Salvaged {
    /// Takes what was read of a file: its events, and whether that is all of it; nothing if it cannot be
    /// read.
    fn take(&mut self, path: &str, read: Option<(Vec<Event>, bool)>) {
        let (mut events, is_whole) = read.unwrap_or_default();
        self.files.push(path.to_owned());
        self.events.append(&mut events);
        self.damaged.extend((!is_whole).then(|| path.to_owned()));
    }

    /// Takes a file that is not compressed, if it is there.
    fn take_file(&mut self, root: &Root, path: &str) -> Result<()> {
        let Some(meta) = if_exists(root.meta(path))? else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        if meta.kind == Kind::File {
            let file = root.open_read(path)?.take(MAX_LENGTH).read_to_end(&mut bytes);
            file.map_err(|error| Error::std_io(path, &error))?;
        }
        let (events, is_whole) = whole_events(&bytes);
        self.take(path, Some((events, is_whole && meta.size <= MAX_LENGTH)));
        Ok(())
    }
}

/// The whole events of a file's text, and whether it holds nothing else.
fn whole_events(bytes: &[u8]) -> (Vec<Event>, bool) {
    let mut is_whole = bytes.starts_with(HEADER.as_bytes());
    let mut events = Vec::new();
    let mut record: Vec<u8> = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = str::from_utf8(line).unwrap_or_default();
        if text.ends_with('\n') && parse_trailer(text.trim_end_matches('\n')).is_some() {
            match str::from_utf8(&record).ok().and_then(|text| toml::from_str::<Document>(text).ok()) {
                Some(mut document) => events.append(&mut document.event),
                None => is_whole = false,
            }
            record.clear();
        } else if line != HEADER.as_bytes() {
            record.extend_from_slice(line);
        }
    }
    (events, is_whole && record.is_empty())
}

/// Makes these events the journal; they are numbered from 1 without a gap. The old files are
/// removed: `repair` has set copies aside.
///
/// # Errors
/// If the new journal cannot be written; the old one is as it was then.
pub(crate) fn rewrite(root: &Root, events: &[Event], files: &[String]) -> Result<()> {
    const FILE: LogFile = LogFile {
        path: REBUILT,
        torn_path: TORN_PATH,
        before: |_, _| Ok(0),
    };
    if_exists(root.remove(REBUILT))?;
    let mut tail = Tail::open(root, FILE)?;
    for event in events {
        let mut event = event.clone();
        event.id = tail.next_id();
        tail.append(&One { event: [&event] })?;
    }
    root.sync(REBUILT)?;
    root.rename(REBUILT, PATH)?;
    for part in files.iter().filter(|path| *path != PATH) {
        if_exists(root.remove(part))?;
    }
    root.sync(super::DIRECTORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_events_are_found_around_damaged_ones() {
        let whole = include_str!("../../tests/corpus/journal/two.toml");
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        root.create_dirs(super::super::DIRECTORY, 0o755).unwrap();
        root.write(PATH, whole.as_bytes(), None).unwrap();
        let all = salvage(&root).unwrap();
        assert_eq!((all.events.len(), all.damaged.len()), (2, 0));
        root.write(PATH, whole.replacen("exit", "ex it", 1).as_bytes(), None).unwrap();
        let some = salvage(&root).unwrap();
        assert_eq!((some.events.len(), some.damaged.as_slice()), (1, &[PATH.to_owned()][..]));
        assert_eq!(some.events[0], all.events[1]);
        rewrite(&root, &all.events, &some.files).unwrap();
        assert_eq!(salvage(&root).unwrap(), all);
    }
}
