//! Marked blocks in the text of a rule file. All other lines stay byte for byte as they are, and
//! without blocks the text is as it was before them.

use std::collections::BTreeSet;

use super::place::{Insert, Reading, Tables, chain_of};

const BEGIN: &str = "# nodeshim: begin";
const END: &str = "# nodeshim: end";
/// Stands in a block at the end of a text whose own last line had no end.
const UNENDED: &str = "# nodeshim: the line before has no end";
/// Stands in the first block of a file that was not there.
const MADE: &str = "# nodeshim: this file was not there";

/// The text without blocks; none if there was no text and there is none now.
pub(super) fn without(before: Option<&str>) -> Option<String> {
    let stripped = strip(before.unwrap_or_default());
    let gone = (stripped.made || before.is_none()) && stripped.lines.is_empty();
    (!gone).then(|| stripped.text())
}

/// Why iptables-restore would not load a text, be it with or without its blocks.
pub(super) fn faults(text: &str, reading: Reading) -> Vec<String> {
    Tables::of(&strip(text).lines, reading).faults().to_vec()
}

/// A text with exactly these blocks; missing tables are added. None if there was no text and there
/// is none now. Remarks go to `notes`.
pub(super) fn replace(
    before: Option<&str>,
    inserts: &[Insert],
    reading: Reading,
    notes: &mut Vec<String>,
) -> Option<String> {
    if inserts.iter().all(|insert| insert.lines.is_empty()) {
        return without(before);
    }
    let stripped = strip(before.unwrap_or_default());
    let made = stripped.made || before.is_none();
    let mut lines = stripped.lines.clone();
    let tables = Tables::of(&stripped.lines, reading);
    let mut splices: Vec<(usize, Vec<String>)> = Vec::new();
    let mut missing: Vec<(&str, Vec<String>)> = Vec::new();
    for insert in inserts.iter().filter(|insert| !insert.lines.is_empty()) {
        match tables.splices(insert, notes) {
            Some(found) => {
                splices.extend(found.into_iter().map(|(at, lines)| (at, block(&lines, None))));
            }
            None => match missing.iter_mut().find(|(table, _)| *table == insert.table) {
                Some((_, lines)) => lines.extend(insert.lines.iter().cloned()),
                None => missing.push((insert.table, insert.lines.clone())),
            },
        }
    }
    let mut tail: Vec<String> = missing.into_iter().flat_map(|(table, lines)| whole(table, lines)).collect();
    let unended = !stripped.ended && !lines.is_empty();
    let mark = match (made && lines.is_empty(), unended) {
        (true, _) => Some(MADE),
        (_, true) => Some(UNENDED),
        _ => None,
    };
    if !tail.is_empty() || mark.is_some() {
        tail = block(&tail, mark);
    }
    // From below, so that places above stay what they are; the later of two at one place last.
    splices.sort_by_key(|(at, _)| *at);
    for (at, block) in splices.iter().rev() {
        lines.splice(*at..*at, block.iter().map(String::as_str));
    }
    lines.extend(tail.iter().map(String::as_str));
    let mut text = lines.join("\n");
    // iptables-restore's older form refuses a last line without its end.
    text.push('\n');
    Some(text)
}

fn block(lines: &[String], mark: Option<&str>) -> Vec<String> {
    let begin = std::iter::once(BEGIN).chain(mark).map(str::to_owned);
    begin.chain(lines.iter().cloned()).chain([END.to_owned()]).collect()
}

fn whole(table: &str, lines: Vec<String>) -> Vec<String> {
    let begin = format!("*{table}");
    std::iter::once(begin).chain(lines).chain(["COMMIT".to_owned()]).collect()
}

/// A line of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'t> {
    /// A rule in one of our blocks.
    Rule(&'t str),
    /// Any other.
    Other(&'t str),
}

impl<'t> Line<'t> {
    /// The line, without its end.
    pub(super) fn text(self) -> &'t str {
        match self {
            Line::Rule(text) | Line::Other(text) => text,
        }
    }
}

/// A text's lines. A block without an end is none of ours.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let mut end = 0;
    (0..lines.len()).map(move |at| {
        if lines[at] == BEGIN
            && let Some(length) = end_of_block(&lines[at..])
        {
            end = at + length;
        }
        match at < end && chain_of(lines[at]).is_some() {
            true => Line::Rule(lines[at]),
            false => Line::Other(lines[at]),
        }
    })
}

/// Whether a text has one of our blocks, be it an empty one.
pub(super) fn has_block(text: &str) -> bool {
    strip(text).lines.len() < text.strip_suffix('\n').unwrap_or(text).split('\n').count()
}

/// The rules in our blocks of a text.
pub(super) fn rules(text: &str) -> BTreeSet<String> {
    let rules = lines(text).filter_map(|line| match line {
        Line::Rule(rule) => Some(rule.to_owned()),
        Line::Other(_) => None,
    });
    rules.collect()
}

/// A text without its blocks.
struct Stripped<'t> {
    lines: Vec<&'t str>,
    /// Whether its last line has an end.
    ended: bool,
    /// Whether the file was not there.
    made: bool,
}

impl Stripped<'_> {
    fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        if self.ended && !self.lines.is_empty() {
            text.push('\n');
        }
        text
    }
}

fn strip(text: &str) -> Stripped<'_> {
    let mut stripped = Stripped {
        lines: Vec::new(),
        ended: text.ends_with('\n'),
        made: false,
    };
    if text.is_empty() {
        return stripped;
    }
    // split, not lines: a carriage return is somebody else's business.
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let block = if *line == BEGIN {
            end_of_block(&lines[at..])
        } else {
            None
        };
        match block {
            Some(length) => {
                let inside = &lines[at..at + length];
                stripped.made |= inside.contains(&MADE);
                stripped.ended &= !inside.contains(&UNENDED);
                at += length;
            }
            None => {
                stripped.lines.push(line);
                at += 1;
            }
        }
    }
    stripped
}

/// How many lines a block has; none if its end is missing, as after somebody's edit: what follows
/// is not ours then.
fn end_of_block(lines: &[&str]) -> Option<usize> {
    let at = lines.iter().skip(1).position(|line| *line == END || *line == BEGIN)? + 1;
    (lines.get(at) == Some(&END)).then_some(at + 1)
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
