//! The characters of firewalld's XML files: what expat makes of their bytes, by a byte order mark or what
//! their declaration says.

use std::path::Path;

use crate::error::Result;
use crate::root::Root;

/// What stands for bytes that are no character: no XML document can have it, so reading ends there.
const NO_CHARACTER: char = '\u{fffe}';

/// ISO 8859-15 where it is not ISO 8859-1.
const LATIN_9: [(u8, char); 8] = [
    (0xa4, '€'),
    (0xa6, 'Š'),
    (0xa8, 'š'),
    (0xb4, 'Ž'),
    (0xb8, 'ž'),
    (0xbc, 'Œ'),
    (0xbd, 'œ'),
    (0xbe, 'Ÿ'),
];

/// Windows code page 1252 from 0x80 on; the rest is as in ISO 8859-1.
const WINDOWS: &str = "€\u{fffe}‚ƒ„…†‡ˆ‰Š‹Œ\u{fffe}Ž\u{fffe}\u{fffe}‘’“”•–—˜™š›œ\u{fffe}žŸ";

/// Reads an XML file of firewalld's.
///
/// # Errors
/// As of [`Root::read`].
pub(crate) fn read_xml(root: &Root, path: impl AsRef<Path>) -> Result<String> {
    let bytes = root.read(path)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) if !text.starts_with("<?xml") || encoding(text.as_bytes()) == "utf-8" => text,
        Ok(text) => decoded(text.as_bytes()),
        Err(error) => decoded(error.as_bytes()),
    })
}

/// The text that bytes are.
fn decoded(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, wide @ ..] => utf16(wide, u16::from_le_bytes),
        [0xfe, 0xff, wide @ ..] => utf16(wide, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => narrow(rest),
        _ => narrow(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(NO_CHARACTER)).collect()
}

fn narrow(bytes: &[u8]) -> String {
    let each = |character: fn(u8) -> char| bytes.iter().map(|byte| character(*byte)).collect();
    match encoding(bytes).as_str() {
        "utf-8" => {
            let chunks = bytes.utf8_chunks();
            chunks
                .flat_map(|chunk| {
                    let bad = (!chunk.invalid().is_empty()).then_some(NO_CHARACTER);
                    chunk.valid().chars().chain(bad)
                })
                .collect()
        }
        "iso-8859-1" | "iso8859-1" | "latin-1" | "latin1" => each(char::from),
        "iso-8859-15" | "iso8859-15" => each(|byte| {
            let other = LATIN_9.iter().find(|(from, _)| *from == byte);
            other.map_or(char::from(byte), |(_, to)| *to)
        }),
        "windows-1252" | "cp1252" => each(|byte| match byte {
            0x80..=0x9f => WINDOWS.chars().nth(usize::from(byte - 0x80)).unwrap_or(NO_CHARACTER),
            _ => char::from(byte),
        }),
        // Python's reader knows some more; `utf8` without a dash is ASCII to it (observed with 3.11).
        _ => each(|byte| {
            if byte.is_ascii() {
                char::from(byte)
            } else {
                NO_CHARACTER
            }
        }),
    }
}

/// The encoding that a document's declaration names, in small letters; UTF-8 without one.
fn encoding(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let declaration = head.strip_prefix("<?xml").and_then(|rest| Some(rest.split_once("?>")?.0));
    let named = declaration.and_then(|text| text.split_once("encoding")).map(|(_, rest)| {
        let value = rest.trim_start().trim_start_matches('=').trim_start();
        value.split(['"', '\'']).nth(1).unwrap_or_default().to_ascii_lowercase()
    });
    named.unwrap_or_else(|| "utf-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(encoding: &str, body: &[u8]) -> String {
        let head = format!("<?xml version='1.0' encoding='{encoding}'?>");
        let text = decoded(&[head.as_bytes(), body].concat());
        text.strip_prefix(&head).expect("the declaration").to_owned()
    }

    #[test]
    fn bytes_become_characters_of_the_encoding_that_a_file_declares() {
        assert_eq!(declared("UTF-8", "ä€".as_bytes()), "ä€");
        assert_eq!(declared("ISO-8859-1", b"\xe4\xa4"), "ä¤");
        assert_eq!(declared("iso-8859-15", b"\xe4\xa4"), "ä€");
        assert_eq!(declared("windows-1252", b"\xe4\x80\x81"), "ä€\u{fffe}");
        assert_eq!(declared("utf8", b"a\xc3\xa4"), "a\u{fffe}\u{fffe}");
        let wide: Vec<u8> = "<a>ä</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&[b"\xff\xfe", &wide[..]].concat()), "<a>ä</a>");
    }

    #[test]
    fn bytes_that_are_no_character_cannot_be_read_as_one() {
        assert_eq!(decoded(b"<a>\xe4</a>"), "<a>\u{fffe}</a>");
        assert_eq!(decoded(b"\xef\xbb\xbf<a/>"), "<a/>");
    }
}
