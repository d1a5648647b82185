//! Byte strings as text, reversibly for the journal and harmlessly for a terminal.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::{Deserialize, Serialize};

/// Bytes as records keep them: text that gives them back exactly. There is no way to print it or to take parts
/// of it as it is kept, with its backslashes doubled; it is shown, or made bytes again. It equals the bytes
/// that it represents.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Escaped(String);

impl Escaped {
    /// Keeps bytes.
    pub fn new(raw: impl AsRef<OsStr>) -> Escaped {
        Escaped(escape(raw.as_ref()))
    }

    /// The bytes.
    pub fn raw(&self) -> OsString {
        unescape(&self.0)
    }

    /// The bytes, if they are text.
    pub fn text(&self) -> Option<String> {
        self.raw().into_string().ok()
    }

    /// For people: as it was if that is text, which then can be pasted.
    pub fn shown(&self) -> String {
        match self.text() {
            Some(text) => printable(&text),
            None => printable(&self.0),
        }
    }

    /// The same with this before it.
    pub(crate) fn prefixed(&self, prefix: impl AsRef<OsStr>) -> Escaped {
        Escaped(escape(prefix.as_ref()) + &self.0)
    }

    /// As records keep it, for their digests.
    pub fn recorded(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Escaped {
    fn from(raw: &str) -> Escaped {
        Escaped::new(raw)
    }
}

impl PartialEq<str> for Escaped {
    fn eq(&self, other: &str) -> bool {
        self.raw() == other
    }
}

impl PartialEq<&str> for Escaped {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// The bytes that it represents, as quoted text, for comparing and searching.
impl fmt::Debug for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.raw().fmt(f)
    }
}

/// Writes bytes as text that [`unescape`] turns back exactly: a backslash becomes `\\`, a byte
/// that is not part of valid UTF-8 becomes `\xHH`; all else stays as it is.
fn escape(raw: &OsStr) -> String {
    let mut text = String::with_capacity(raw.len());
    for chunk in raw.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                text.push('\\');
            }
            text.push(c);
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The inverse of [`escape`]. An escape sequence that `escape` never writes stays as it is.
fn unescape(text: &str) -> OsString {
    let bytes = text.as_bytes();
    let mut raw = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\\', Some(b'\\')) => {
                raw.push(b'\\');
                at += 2;
            }
            (b'\\', Some(b'x')) => {
                let digits = bytes.get(at + 2..at + 4).and_then(|d| std::str::from_utf8(d).ok());
                match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
                    Some(byte) => {
                        raw.push(byte);
                        at += 4;
                    }
                    None => {
                        raw.push(b'\\');
                        at += 1;
                    }
                }
            }
            (byte, _) => {
                raw.push(byte);
                at += 1;
            }
        }
    }
    OsString::from_vec(raw)
}

/// Text for a terminal or a report: control characters, which could move a cursor or forge a
/// line, are shown as `\u{..}`.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let plain = !c.is_control() && !is_bidi_control(c);
            let escaped = (!plain).then(|| c.escape_unicode());
            plain.then_some(c).into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn escaped_text_is_shown_as_it_was_and_equals_it() {
        let unit = Escaped::new(r"mnt-p\x2dv.mount");
        assert_eq!(unit.shown(), r"mnt-p\x2dv.mount");
        assert_eq!(unit, r"mnt-p\x2dv.mount");
        assert_ne!(unit, r"mnt-p\\x2dv.mount");
        assert_eq!(Escaped::new(OsStr::from_bytes(b"a\xff\\")).shown(), r"a\xff\\");
        assert_eq!(Escaped::new("a\nb").shown(), "a\\u{a}b");
    }

    #[test]
    fn escapes_only_what_it_must() {
        assert_eq!(escape(OsStr::new("--port=80:tcp é")), "--port=80:tcp é");
        assert_eq!(escape(OsStr::from_bytes(b"a\xff\\x41")), r"a\xff\\x41");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[2Jb\n"), r"a\u{1b}[2Jb\u{a}");
        assert_eq!(printable("a\u{61c}b\u{202e}c"), r"a\u{61c}b\u{202e}c");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let raw = OsString::from_vec(raw);
            prop_assert_eq!(unescape(&escape(&raw)), raw);
        }
    }
}
