//! Words as the scanner reads them: text, and variables whose values are put in later.

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// A variable; in double quotes its value is not split.
    Variable {
        name: String,
        quoted: bool,
    },
}

/// A word as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Raw {
    /// The text, quotes taken off.
    pub written: String,
    pub pieces: Vec<Piece>,
    /// Its value is known only when the script runs.
    pub opaque: bool,
    /// Some of it is quoted: it is a word even if nothing is in it.
    pub quoted: bool,
    /// The line that it begins on, from 1.
    pub line: usize,
}

impl Raw {
    /// One ordinary character.
    pub(super) fn push(&mut self, c: char) {
        self.written.push(c);
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => self.pieces.push(Piece::Text(c.to_string())),
        }
    }

    /// A variable, written like this.
    pub(super) fn variable(&mut self, name: &str, written: &str, quoted: bool) {
        self.written.push_str(written);
        let name = name.to_owned();
        self.pieces.push(Piece::Variable { name, quoted });
    }

    /// Something that shows only when the script runs, written like this.
    pub(super) fn unknown(&mut self, written: &str) {
        self.written.push_str(written);
        self.opaque = true;
    }

    /// Whether there is a word at all: a continued line between words is none.
    pub(crate) fn is_word(&self) -> bool {
        self.quoted || !self.written.is_empty()
    }

    /// The text, if it is nothing but text and is not quoted.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] if !self.opaque && !self.quoted => Some(text),
            _ => None,
        }
    }

    /// `NAME=VALUE`: the name and the value.
    pub(crate) fn assignment(&self) -> Option<(String, Raw)> {
        let Some(Piece::Text(first)) = self.pieces.first() else {
            return None;
        };
        let (name, rest) = first.split_once('=')?;
        let is_name = !name.is_empty()
            && name.chars().all(is_name_char)
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !is_name {
            return None;
        }
        let mut value = self.clone();
        value.written = self.written.split_once('=').map_or(String::new(), |(_, rest)| rest.to_owned());
        value.pieces[0] = Piece::Text(rest.to_owned());
        Some((name.to_owned(), value))
    }
}

/// Whether a name may have it.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
