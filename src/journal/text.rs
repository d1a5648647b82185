//! Taking the text of the journal, and of files like it, apart.

use std::fs::File;
use std::io::Read;

use serde::de::DeserializeOwned;

use super::tail::check_length;
use super::{TRAILER_START, check_header, parse_trailer};
use crate::error::{Error, Result};

/// What a crash left at the end of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// The id of the last whole event, 0 if there is none.
    pub after: u64,
    /// Its length in bytes.
    pub bytes: usize,
}

/// Splits the text of a journal, or of a file like it, and passes it to `take` piece by piece; an
/// empty one has no pieces. Returns the torn tail, if there is one.
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
pub(super) fn first_chunk(text: &str) -> &str {
    let from = text.floor_char_boundary(CHUNK);
    let trailer = text[from..].find(&format!("\n{TRAILER_START}")).map(|at| from + at + 1);
    let newline = trailer.and_then(|at| text[at..].find('\n').map(|length| at + length + 1));
    newline.map_or(text, |end| &text[..end])
}

/// All of a file.
pub(super) fn whole(mut file: File, path: &str) -> Result<Vec<u8>> {
    let length = file.metadata().map_err(|error| Error::std_io(path, &error))?.len();
    check_length(length, path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Error::std_io(path, &error))?;
    Ok(bytes)
}

/// The part of a journal up to its last trailer, or its header; and the last id.
pub(super) fn whole_part(bytes: &[u8]) -> (&[u8], u64) {
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
