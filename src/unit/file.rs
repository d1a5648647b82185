//! Reading the `[Install]` section of unit files and drop-ins, line by line as systemd does:
//! continuation lines, comments, byte order marks, every kind of line end; what is wrong with a
//! line is a warning, a broken section header or text that is not UTF-8 ends the file.

use nix::errno::Errno;

use crate::unit::name;

pub(super) const COMMENTS: [u8; 2] = *b"#;";
/// What counts as blank: a form feed does not.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const INSTALL: &str = "Install";
const OTHER_SECTIONS: [&str; 1] = ["Unit"];

/// What a file says about `[Install]`, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// `KEY=VALUE`
    Assignment {
        /// Line number of its last line.
        line: usize,
        /// The key.
        key: String,
        /// The value, blanks trimmed.
        value: String,
    },
    /// A line that is passed over, and why.
    Warning {
        /// Line number.
        line: usize,
        /// The reason.
        text: String,
    },
    /// The file is broken here; nothing follows.
    Broken {
        /// Line number.
        line: usize,
        /// The reason.
        text: String,
        /// The error that it counts as.
        errno: Errno,
    },
    /// `[]`, which some take for a section.
    EmptyHeader {
        /// Line number.
        line: usize,
    },
    /// Another file is to be read here; up to 241.
    Include {
        /// Line number.
        line: usize,
        /// The file, from the directory of this one.
        path: String,
    },
    /// A line that is too long to be read; nothing follows.
    TooLong,
}

/// No line may be so long, with what continues it; LONG_LINE_MAX in def.h.
pub(crate) const LONGEST_LINE: usize = 1 << 20;

/// Parses a unit file or drop-in.
///
/// `config_parse()` of systemd's shared/conf-parser.c.
pub fn parse(content: &[u8]) -> Vec<Item> {
    let mut parser = Parser::default();
    for (line, text) in logical_lines(content, CommentLines::Skipped) {
        match text {
            Some(text) => parser.line(line, &text),
            None => parser.items.push(Item::TooLong),
        }
        if matches!(parser.items.last(), Some(Item::Broken { .. } | Item::TooLong)) {
            break;
        }
    }
    parser.items
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    None,
    Install,
    Ignored,
}

#[derive(Default)]
struct Parser {
    section: Section,
    items: Vec<Item>,
}

impl Parser {
    /// `parse_line()` of systemd's shared/conf-parser.c.
    fn line(&mut self, line: usize, raw: &[u8]) {
        let raw = trim(raw);
        if raw.is_empty() {
            return;
        }
        let Ok(text) = str::from_utf8(raw) else {
            let shown = escape_invalid(raw);
            let text = format!("String is not UTF-8 clean, ignoring assignment: {shown}");
            return self.broken(line, text, Errno::EINVAL);
        };
        if let Some(rest) = text.strip_prefix('[') {
            return self.header(line, text, rest);
        }
        match self.section {
            Section::None => self.warn(line, "Assignment outside of section. Ignoring."),
            Section::Ignored => {}
            Section::Install => self.assignment(line, text),
        }
    }

    fn header(&mut self, line: usize, text: &str, rest: &str) {
        let Some(name) = rest.strip_suffix(']') else {
            return self.broken(line, format!("Invalid section header '{text}'"), Errno::EBADMSG);
        };
        if name.is_empty() {
            self.section = Section::Ignored;
            return self.items.push(Item::EmptyHeader { line });
        }
        if name.chars().any(|c| c.is_ascii_control() || "\"'\\".contains(c)) {
            let text = format!("Bad characters in section header '{text}'");
            return self.broken(line, text, Errno::EBADMSG);
        }
        if name == INSTALL {
            self.section = Section::Install;
            return;
        }
        self.section = Section::Ignored;
        if !name.starts_with("X-") && !is_known_section(name) {
            self.warn(line, format!("Unknown section '{name}'. Ignoring."));
        }
    }

    fn assignment(&mut self, line: usize, text: &str) {
        match text.split_once('=') {
            None => self.warn(line, "Missing '=', ignoring line."),
            Some(("", _)) => self.warn(line, "Missing key name before '=', ignoring line."),
            Some((key, value)) => self.items.push(Item::Assignment {
                line,
                key: key.trim_matches(BLANKS).to_owned(),
                value: value.trim_matches(BLANKS).to_owned(),
            }),
        }
    }

    fn warn(&mut self, line: usize, text: impl Into<String>) {
        let text = text.into();
        self.items.push(Item::Warning { line, text });
    }

    fn broken(&mut self, line: usize, text: String, errno: Errno) {
        self.items.push(Item::Broken { line, text, errno });
    }
}

/// Text with a replacement character for every byte that is none of UTF-8.
pub(super) fn escape_invalid(bytes: &[u8]) -> String {
    let shown = |chunk: std::str::Utf8Chunk| {
        let replaced = "\u{fffd}".repeat(chunk.invalid().len());
        format!("{}{replaced}", chunk.valid())
    };
    bytes.utf8_chunks().map(shown).collect()
}

pub(super) fn trim(line: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !BLANKS.contains(&char::from(*byte));
    match (line.iter().position(is_text), line.iter().rposition(is_text)) {
        (Some(first), Some(last)) => line.get(first..=last).unwrap_or_default(),
        _ => &[],
    }
}

/// Every unit type has a section of its name.
fn is_known_section(section: &str) -> bool {
    let own = |unit_type: &str| {
        section.eq_ignore_ascii_case(unit_type)
            && section.starts_with(|c: char| c.is_ascii_uppercase())
            && section[1..] == unit_type[1..]
    };
    OTHER_SECTIONS.contains(&section) || name::TYPES.into_iter().any(own)
}

/// What becomes of a comment line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommentLines {
    /// It is passed over, also between lines that are continued (systemd.syntax(7)).
    Skipped,
    /// It is a line like any other, which a backslash continues, as in 239.
    Continue,
}

/// Lines after joining continuations, each with the number of its last physical line; none for one that is
/// too long, which ends them.
pub(super) fn logical_lines(content: &[u8], comments: CommentLines) -> Vec<(usize, Option<Vec<u8>>)> {
    let mut lines = Vec::new();
    let mut pending: Option<Vec<u8>> = None;
    let mut seen_mark = false;
    let mut count = 0;
    for (index, raw) in physical_lines(content).into_iter().enumerate() {
        count = index + 1;
        let pending_length = pending.as_ref().map_or(0, Vec::len);
        if raw.len() >= LONGEST_LINE || pending_length > 0 && pending_length + raw.len() > LONGEST_LINE {
            lines.push((count, None));
            return lines;
        }
        if comments == CommentLines::Skipped
            && trim(raw).first().is_some_and(|first| COMMENTS.contains(first))
        {
            continue;
        }
        let text = match raw.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if !seen_mark => {
                seen_mark = true;
                rest
            }
            _ => raw,
        };
        let mut joined = pending.take().unwrap_or_default();
        joined.extend_from_slice(text);
        // What is pending ends in a blank, so an escape can only begin in this line.
        if ends_in_escape(text) {
            joined.pop();
            joined.push(b' ');
            pending = Some(joined);
        } else {
            lines.push((count, Some(joined)));
        }
    }
    lines.extend(pending.map(|text| (count + 1, Some(text))));
    lines
}

fn ends_in_escape(text: &[u8]) -> bool {
    text.iter().fold(false, |escaped, byte| !escaped && *byte == b'\\')
}

/// Splits at line ends: any run of NUL, newline and carriage return with each of them at most once.
fn physical_lines(content: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = content;
    while let Some(end) = rest.iter().position(|byte| b"\0\n\r".contains(byte)) {
        let (line, tail) = rest.split_at(end);
        lines.push(line);
        let run = tail.iter().take(3).enumerate();
        let length = run
            .take_while(|(at, byte)| b"\0\n\r".contains(byte) && !tail[..*at].contains(byte))
            .count();
        rest = &tail[length..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignments(content: &[u8]) -> Vec<(usize, String, String)> {
        let items = parse(content).into_iter();
        items
            .filter_map(|item| match item {
                Item::Assignment { line, key, value } => Some((line, key, value)),
                _ => None,
            })
            .collect()
    }

    fn warnings(content: &[u8]) -> Vec<(usize, String)> {
        let items = parse(content).into_iter();
        items
            .filter_map(|item| match item {
                Item::Warning { line, text } | Item::Broken { line, text, .. } => Some((line, text)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn continuations_comments_marks_and_line_ends() {
        let text =
            "\u{feff}[Install]\r\n  WantedBy = a.target \\\r\n# between\r\n b.target\r\n;x\r\nAlso=c\\\n"
                .as_bytes();
        let found = assignments(text);
        assert_eq!(found[0], (4, "WantedBy".into(), "a.target   b.target".into()));
        assert_eq!(found[1], (7, "Also".into(), "c".into()));
    }

    #[test]
    fn what_is_wrong_with_a_line() {
        let text = b"Early=1\n[Unit]\nfoo\n[X-Own]\na=b\n[Weird]\nq=1\n[Install]\n=x\nfoo\n[Service]\n";
        let expected = [
            (1, "Assignment outside of section. Ignoring."),
            (6, "Unknown section 'Weird'. Ignoring."),
            (9, "Missing key name before '=', ignoring line."),
            (10, "Missing '=', ignoring line."),
        ];
        assert_eq!(warnings(text), expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(warnings(b"[service]\n"), [(1, "Unknown section 'service'. Ignoring.".to_owned())]);
    }

    #[test]
    fn a_broken_header_ends_the_file() {
        let items = parse(b"[Unit\n[Install]\nAlso=x\n");
        assert!(matches!(
            &items[..],
            [Item::Broken {
                line: 1,
                errno: Errno::EBADMSG,
                ..
            }]
        ));
        let items = parse(b"[Install]\nWantedBy=\xff.target\nAlso=x\n");
        assert!(matches!(
            &items[..],
            [Item::Broken {
                line: 2,
                errno: Errno::EINVAL,
                ..
            }]
        ));
    }

    #[test]
    fn a_form_feed_is_no_blank() {
        assert_eq!(assignments(b"[Install]\nAlso= a\x0c\t\n")[0].2, "a\x0c");
    }

    #[test]
    fn a_nul_byte_ends_a_line() {
        assert_eq!(warnings(b"[Install]\nAlso=a\0b\n"), [(3, "Missing '=', ignoring line.".to_owned())]);
    }

    #[test]
    fn a_line_of_a_mebibyte_is_too_long() {
        let text = |length: usize| format!("[Install]\n# {}\nAlso=x\n", "x".repeat(length)).into_bytes();
        assert_eq!(assignments(&text(LONGEST_LINE - 3)).len(), 1);
        assert_eq!(parse(&text(LONGEST_LINE - 2)), [Item::TooLong]);
        let continued = format!("[Install]\nAlso=\\\n{}", "yy \\\n".repeat(LONGEST_LINE / 3));
        assert_eq!(parse(continued.as_bytes()), [Item::TooLong]);
    }
}
