//! Reading the journal.

use std::fs::File;
use std::io::Read;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::parts::{closed, last_closed};
use super::tail::{check_length, find_end};
use super::{Event, PATH, TRAILER_START, check_header, parse_trailer};
use crate::attribution::Origins;
use crate::error::{Error, Result, if_exists};
use crate::root::Root;

/// All events of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// A torn tail, which the next append will cut.
    pub torn: Option<Torn>,
}

/// What a crash left at the end of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// The id of the last whole event, 0 if there is none.
    pub after: u64,
    /// Its length in bytes.
    pub bytes: usize,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    event: Vec<Event>,
}

impl Journal {
    /// Reads the journal with its closed parts, and with the origins that were found out since; an
    /// image without one has no events.
    pub fn read(root: &Root) -> Result<Journal> {
        let mut journal = Journal::default();
        journal.torn = each_part(root, |mut events| {
            journal.events.append(&mut events);
            Ok(())
        })?;
        Ok(journal)
    }

    /// Takes the text of a journal, or of a part of one, apart.
    pub fn parse(bytes: &[u8]) -> Result<Journal> {
        Journal::parse_file(bytes, PATH)
    }

    fn parse_file(bytes: &[u8], path: &str) -> Result<Journal> {
        let mut events = Vec::new();
        let torn = parse_log(bytes, path, |document: Document| events.extend(document.event))?;
        Ok(Journal { events, torn })
    }
}

/// Takes the text of a journal, or of a file like it, apart, and hands it to `take` piece by piece; an
/// empty one holds nothing. Tells of a torn tail.
pub(crate) fn parse_log<T: DeserializeOwned>(
    bytes: &[u8],
    path: &str,
    mut take: impl FnMut(T),
) -> Result<Option<Torn>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    check_header(bytes, path)?;
    let (whole, after) = whole_part(bytes);
    let bad = |reason: String| Error::damaged(path, reason);
    let text = str::from_utf8(whole).map_err(|_| bad("not UTF-8".into()))?;
    let mut start = 0;
    while start < text.len() {
        let chunk = first_chunk(&text[start..]);
        let document = toml::from_str(chunk).map_err(|error| {
            let at = start + error.span().map_or(0, |span| span.start);
            let line = text[..at].matches('\n').count() + 1;
            bad(format!("line {line}: {}", error.message()))
        })?;
        take(document);
        start += chunk.len();
    }
    let bytes = bytes.len() - whole.len();
    Ok((bytes > 0).then_some(Torn { after, bytes }))
}

/// About so many bytes are parsed at a time: what a parser keeps of its text is many times as large.
const CHUNK: usize = 256 << 10;

/// The start of a journal's text up to the end of an event.
fn first_chunk(text: &str) -> &str {
    let from = text.floor_char_boundary(CHUNK);
    let trailer = text[from..].find(&format!("\n{TRAILER_START}")).map(|at| from + at + 1);
    let newline = trailer.and_then(|at| text[at..].find('\n').map(|length| at + length + 1));
    newline.map_or(text, |end| &text[..end])
}

/// Hands the events of one part after the other to `take`, oldest first, so that no more than a part
/// has to be kept; returns the torn tail, if there is one.
pub fn each_part(root: &Root, mut take: impl FnMut(Vec<Event>) -> Result<()>) -> Result<Option<Torn>> {
    let origins = Origins::load(root)?;
    // What is open now has all that is in no closed part, even if it is closed meanwhile.
    let open = if_exists(root.open_read(PATH)).map_err(Error::of_own_file)?;
    let mut read = |file: File, path: &str| {
        let mut journal = Journal::parse_file(&whole(file, path)?, path)?;
        journal.events.iter_mut().for_each(|event| complete(event, &origins));
        take(journal.events).map(|()| journal.torn)
    };
    for part in closed(root, open.as_ref())? {
        read(root.open_read(&part.path)?, &part.path)?;
    }
    open.map_or(Ok(None), |open| read(open, PATH))
}

/// Puts in what was found out since about who made a request.
fn complete(event: &mut Event, origins: &Origins) {
    let Some(found) = origins.complete(event.id, &mut event.origin) else {
        return;
    };
    if let Some(claimed) = &found.claimed {
        event.warnings.push(format!("forged: the request says it is of {claimed}"));
    }
    if let Some(time) = &found.time {
        event.warnings.push(format!("forged: the request says it was made at {}", event.time));
        event.time.clone_from(time);
    }
}

fn whole(mut file: File, path: &str) -> Result<Vec<u8>> {
    let length = file.metadata().map_err(|error| Error::std_io(path, &error))?.len();
    check_length(length, path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Error::std_io(path, &error))?;
    Ok(bytes)
}

/// The number of the last event, 0 if there is none, from the end of the journal alone.
pub fn last_event(root: &Root) -> Result<u64> {
    let Some(file) = if_exists(root.open_read(PATH))? else {
        return last_closed(root, None);
    };
    let length = file.metadata().map_err(|error| Error::std_io(PATH, &error))?.len();
    find_end(&file, length, PATH)?.last.map_or_else(|| last_closed(root, Some(&file)), Ok)
}

/// The part of a journal up to its last trailer, or its header; and the last id.
fn whole_part(bytes: &[u8]) -> (&[u8], u64) {
    let header = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    let mut end = bytes.len();
    while let Some(newline) = bytes[..end].iter().rposition(|byte| *byte == b'\n') {
        let start = bytes[..newline].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = str::from_utf8(&bytes[start..newline]).unwrap_or_default();
        if let Some((id, _)) = parse_trailer(line) {
            return (&bytes[..=newline], id);
        }
        end = newline;
    }
    (&bytes[..header], 0)
}
