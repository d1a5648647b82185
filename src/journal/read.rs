//! Reading the whole journal.

use serde::Deserialize;

use super::{Event, Origins, PATH, check_header, parse_trailer};
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

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    event: Vec<Event>,
}

impl Journal {
    /// Reads the journal, with the origins that were found out since; an image without one has no
    /// events.
    pub fn read(root: &Root) -> Result<Journal> {
        let Some(bytes) = if_exists(root.read(PATH))? else {
            return Ok(Journal::default());
        };
        let mut journal = Journal::parse(&bytes)?;
        Origins::load(root)?.complete(&mut journal.events);
        Ok(journal)
    }

    /// Takes a journal's text apart.
    pub fn parse(bytes: &[u8]) -> Result<Journal> {
        if bytes.is_empty() {
            return Ok(Journal::default());
        }
        check_header(bytes)?;
        let (whole, after) = whole_part(bytes);
        let bad = |reason: String| Error::malformed(PATH, reason);
        let text = str::from_utf8(whole).map_err(|_| bad("not UTF-8".into()))?;
        let document: Document = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            bad(format!("line {line}: {}", error.message()))
        })?;
        let bytes = bytes.len() - whole.len();
        Ok(Journal {
            events: document.event,
            torn: (bytes > 0).then_some(Torn { after, bytes }),
        })
    }
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
