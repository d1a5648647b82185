//! Printing: text for a terminal of 80 columns, or JSON.

use std::io::{self, Write};

use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
use serde::Serialize;

const WIDTH: usize = 80;

/// Prints to standard output. A reader that went away is no error.
pub fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::std_io("standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, indented, with a newline at the end.
pub fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Other(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// `text` after `head`, wrapped at blanks; further lines are indented by `indent`. A word that is
/// longer than a line stays whole. Control characters are shown, not printed.
pub fn wrapped(head: &str, indent: usize, text: &str) -> String {
    let mut lines = head.to_owned();
    let mut column = head.chars().count();
    let mut at_start = true;
    for word in printable(text).split(' ') {
        let length = word.chars().count();
        if !at_start && column + 1 + length > WIDTH {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if !at_start {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
        at_start = false;
    }
    lines.push('\n');
    lines
}

/// Event numbers in brackets, the first few of them.
pub fn events(ids: &[u64]) -> String {
    const SHOWN: usize = 4;
    if ids.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = ids.iter().take(SHOWN).map(|id| format!("#{id}")).collect();
    let more = if ids.len() > SHOWN { " ..." } else { "" };
    format!(" [{}{more}]", shown.join(" "))
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_at_blanks() {
        let text = wrapped("head  ", 6, &"word ".repeat(30));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("      word")), "{text}");
        assert_eq!(wrapped("", 0, "a\x1bb"), "a\\u{1b}b\n");
    }
}
