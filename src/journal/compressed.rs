//! Closed parts are compressed as Zstandard frames (RFC 8878) with a checksum of their content, which
//! `zstd -dc` reads, too.

use std::fs::File;
use std::io::Read;

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::parts::{Part, closed};
use super::tail::MAX_LENGTH;
use super::text::{first_chunk, whole, whole_part};
use super::{DIRECTORY, HEADER};
use crate::error::{Error, Result};
use crate::root::Root;

/// Compresses every closed part that is not compressed yet, a large one as several. The plain file goes
/// once the others are on the disk.
///
/// # Errors
/// If a file cannot be read or written.
pub(super) fn compress_parts(root: &Root) -> Result<()> {
    for part in closed(root, None)?.iter().filter(|part| !part.is_compressed()) {
        let mode = root.meta(&part.path)?.mode;
        let text = whole(root.open_read(&part.path)?, &part.path)?;
        for (piece, text) in pieces(part, &text) {
            let target = piece.compressed_path();
            let packed = compress_to_vec(text.as_slice(), CompressionLevel::Fastest);
            root.write_synced(&target, &packed, Some(mode))?;
        }
        root.sync(DIRECTORY)?;
        root.remove(&part.path)?;
    }
    Ok(())
}

/// A part as several that hold few events each; as it is if it does not end as its name says.
fn pieces(part: &Part, text: &[u8]) -> Vec<(Part, Vec<u8>)> {
    let mut pieces = Vec::new();
    let mut first = part.first;
    let mut rest = str::from_utf8(text).unwrap_or_default();
    while !rest.is_empty() {
        let chunk = first_chunk(rest);
        rest = &rest[chunk.len()..];
        let last = whole_part(chunk.as_bytes()).1;
        let header = if pieces.is_empty() { "" } else { HEADER };
        let piece = Part {
            first,
            last,
            path: String::new(),
        };
        pieces.push((piece, format!("{header}{chunk}").into_bytes()));
        first = last + 1;
    }
    let is_in_order = pieces.iter().all(|(piece, _)| piece.first <= piece.last);
    match is_in_order && pieces.last().is_some_and(|(piece, _)| piece.last == part.last) {
        true => pieces,
        false => vec![(part.clone(), text.to_owned())],
    }
}

/// What a compressed file holds.
///
/// # Errors
/// One that is torn, altered or longer than any part.
pub(super) fn decompress(file: File, path: &str) -> Result<Vec<u8>> {
    let bad = |reason: String| Error::damaged(path, reason);
    let packed = whole(file, path)?;
    let mut frame = packed.as_slice();
    let mut decoder = StreamingDecoder::new(&mut frame).map_err(|error| bad(error.to_string()))?;
    let mut text = Vec::new();
    let limit = MAX_LENGTH + 1;
    decoder
        .by_ref()
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|error| bad(error.to_string()))?;
    if text.len() as u64 == limit {
        return Err(bad("holds more than any part of a journal".into()));
    }
    let frame_decoder = decoder.into_frame_decoder();
    let (noted, found) = (frame_decoder.get_checksum_from_data(), frame_decoder.get_calculated_checksum());
    if noted.is_none() || noted != found {
        return Err(bad("does not have the checksum that it was closed with".into()));
    }
    if !frame.is_empty() {
        return Err(bad("goes on after its end".into()));
    }
    Ok(text)
}
