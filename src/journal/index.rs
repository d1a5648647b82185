//! The index of the closed parts: the events in them that still count, so that no verb but those that
//! show the past reads the parts themselves. It is made of them when a part is closed, and can be made
//! again as long as they are there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compressed::compress_parts;
use super::parts::{Part, closed};
use super::tail::record;
use super::text::parse_log;
use super::{DIRECTORY, Event, HEADER};
use crate::digest::{self, digest, hex};
use crate::error::{Error, Result, if_exists};
use crate::escape::Escaped;
use crate::layout;
use crate::root::Root;

/// The index.
pub(super) const PATH: &str = layout::JOURNAL_INDEX;
/// What its second line begins with.
const DIGEST: &str = "# sha256 ";

/// What is known of closed parts without reading them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// The last event that it covers.
    pub through: u64,
    /// Parts up to this event were removed, as the configuration says; 0 if none was.
    pub removed: u64,
    /// The parts that it was made of and that were not removed, oldest first.
    pub parts: Vec<PartDigest>,
    /// A summary of the events that are not in effect any more, by the name that they are recorded
    /// under.
    pub left_out: BTreeMap<String, LeftOut>,
    /// The events that still count, in order.
    pub events: Vec<Event>,
}

/// A closed part as it was when the index was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartDigest {
    first: u64,
    last: u64,
    /// SHA-256 of its file, lower case hex.
    sha256: String,
}

/// A summary of requests that are not in effect any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// How many they were.
    pub requests: usize,
    /// The paths that they changed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<Escaped>,
}

impl PartDigest {
    fn of(root: &Root, part: &Part) -> Result<PartDigest> {
        Ok(PartDigest {
            first: part.first,
            last: part.last,
            sha256: digest_of(root, part)?,
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<Head>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    event: Vec<Event>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    through: u64,
    #[serde(default)]
    removed: u64,
    #[serde(default, rename = "part", skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartDigest>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    left_out: BTreeMap<String, LeftOut>,
}

impl Index {
    /// Reads the index; none if there is none, or one that is damaged: the parts say the same.
    ///
    /// # Errors
    /// One of a newer format, and a closed part that is not as it was when the index was made.
    pub(super) fn load(root: &Root) -> Result<Option<Index>> {
        let mut index = Index::read(root)?;
        loop {
            let Err(error) = index.as_ref().map_or(Ok(()), |index| index.check_parts(root)) else {
                return Ok(index);
            };
            // Settling may have written another, and removed old parts.
            let newer = Index::read(root)?;
            if newer == index {
                return Err(error);
            }
            index = newer;
        }
    }

    /// Reads the index without checking the parts.
    ///
    /// # Errors
    /// One of a newer format.
    pub(super) fn read(root: &Root) -> Result<Option<Index>> {
        let Some(bytes) = if_exists(root.read(PATH)).map_err(Error::of_own_file)? else {
            return Ok(None);
        };
        match Index::parse(&bytes) {
            Ok(index) => Ok(Some(index)),
            Err(error @ Error::NewerFormat { .. }) => Err(error),
            Err(error) => {
                log::warn!("{error}; the journal is read instead");
                Ok(None)
            }
        }
    }

    /// The events that still count of parts that were removed.
    pub(super) fn kept_of_removed(self) -> Vec<Event> {
        self.events.into_iter().filter(|event| event.id <= self.removed).collect()
    }

    fn parse(bytes: &[u8]) -> Result<Index> {
        super::check_header(bytes, PATH)?;
        let bad = || Error::damaged(PATH, "is not as it was written");
        let rest = bytes.strip_prefix(HEADER.as_bytes()).ok_or_else(bad)?;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(bad)?;
        let noted = rest[..end].strip_prefix(DIGEST.as_bytes());
        if noted != Some(digest(&rest[end..]).as_bytes()) {
            return Err(bad());
        }
        let mut index = Index::default();
        parse_log(bytes, PATH, |document: Document| {
            if let Some(head) = document.index {
                (index.through, index.removed) = (head.through, head.removed);
                (index.parts, index.left_out) = (head.parts, head.left_out);
            }
            index.events.extend(document.event);
        })?;
        Ok(index)
    }

    /// Compresses the closed parts, removes those all of whose events are older than the last `keep`, if
    /// that is a number, and writes what is known of the others.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub(super) fn write(mut self, root: &Root, keep: Option<u64>) -> Result<()> {
        compress_parts(root)?;
        let parts = closed(root, None)?;
        let Some(through) = parts.last().map(|part| part.last) else {
            return Ok(());
        };
        // Removing those before may have been interrupted.
        let oldest = keep.map_or(0, |keep| through.saturating_sub(keep)).max(self.removed);
        let (old, kept): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.last <= oldest);
        self.through = through;
        self.removed = old.last().map_or(self.removed, |part| part.last.max(self.removed));
        self.parts = kept.iter().map(|part| PartDigest::of(root, part)).collect::<Result<_>>()?;
        self.events.retain(|event| event.id <= through);
        root.write_synced(PATH, self.to_text()?.as_bytes(), Some(0o600))?;
        root.sync(DIRECTORY)?;
        old.iter().try_for_each(|part| root.remove(&part.path))
    }

    fn to_text(&self) -> Result<String> {
        let head = Head {
            through: self.through,
            removed: self.removed,
            parts: self.parts.clone(),
            left_out: self.left_out.clone(),
        };
        let head = Document {
            index: Some(head),
            event: Vec::new(),
        };
        let mut text = record(&head, 0, PATH)?;
        for event in &self.events {
            let one = Document {
                index: None,
                event: vec![event.clone()],
            };
            text.push_str(&record(&one, event.id, PATH)?);
        }
        Ok(format!("{HEADER}{DIGEST}{}{text}", digest(text.as_bytes())))
    }

    /// Whether the parts that it was made of are there, unaltered.
    pub(super) fn check_parts(&self, root: &Root) -> Result<()> {
        let there = closed(root, None)?;
        for known in &self.parts {
            let part = there.iter().find(|part| (part.first, part.last) == (known.first, known.last));
            let path = Part::plain_path(known.first, known.last);
            match part {
                None => return Err(Error::damaged(path, "is lost; nothing was changed")),
                Some(part) if digest_of(root, part)? != known.sha256 => {
                    let text = "is not as it was when it was closed; nothing was changed";
                    return Err(Error::damaged(&part.path, text));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn digest_of(root: &Root, part: &Part) -> Result<String> {
    let digest = digest::digest_of(root.open_read(&part.path)?);
    Ok(hex(&digest.map_err(|error| Error::std_io(&part.path, &error))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_comes_back_and_a_changed_byte_is_noticed() {
        let two = include_bytes!("../../tests/corpus/journal/two.toml");
        let mut events = Vec::new();
        parse_log(two, PATH, |document: Document| events.extend(document.event)).unwrap();
        let index = Index {
            through: 9,
            removed: 2,
            parts: vec![PartDigest {
                first: 3,
                last: 9,
                sha256: "ab".into(),
            }],
            left_out: BTreeMap::from([("a\"]".to_owned(), LeftOut::default())]),
            events,
        };
        let text = index.to_text().unwrap();
        assert_eq!(Index::parse(text.as_bytes()).unwrap(), index);
        assert!(Index::parse(text.replace("removed = 2", "removed = 3").as_bytes()).is_err());
        let newer = text.replacen("format = 1", "format = 2", 1);
        assert!(matches!(Index::parse(newer.as_bytes()), Err(Error::NewerFormat { .. })));
    }
}
