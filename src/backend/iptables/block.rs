//! Marked blocks in the text of a rule file. All other lines stay byte for byte as they are, and
//! without blocks the text is as it was before them.

use std::collections::BTreeSet;

use super::close;

const BEGIN: &str = "# nodeshim: begin";
const END: &str = "# nodeshim: end";
/// Stands in a block at the end of a text whose own last line had no end.
const UNENDED: &str = "# nodeshim: the line before has no end";
/// Stands in the first block of a file that was not there.
const MADE: &str = "# nodeshim: this file was not there";

/// Where in a table lines are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Before the first rule of a chain.
    First(&'static str),
    /// Before the rule of a chain that keeps out what is left; else at the table's end.
    BeforeClose(&'static str),
    /// At the table's end.
    End,
}

/// Lines for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Insert {
    pub table: &'static str,
    pub at: At,
    pub lines: Vec<String>,
}

/// A text with exactly these blocks; tables that it lacks are added. None if there was no text and
/// there is none now.
pub(super) fn replace(before: Option<&str>, inserts: &[Insert]) -> Option<String> {
    let stripped = strip(before.unwrap_or_default());
    let made = stripped.made || before.is_none();
    if inserts.iter().all(|insert| insert.lines.is_empty()) {
        let gone = made && stripped.lines.is_empty();
        return (!gone).then(|| stripped.text());
    }
    let mut lines = stripped.lines.clone();
    let mut splices: Vec<(usize, Vec<String>)> = Vec::new();
    let mut missing: Vec<(&str, Vec<String>)> = Vec::new();
    for insert in inserts.iter().filter(|insert| !insert.lines.is_empty()) {
        match place(&lines, insert) {
            Some(at) => splices.push((at, block(&insert.lines, None))),
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
        match at < end && close::chain_of(lines[at]).is_some() {
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

/// The line before which an insert belongs; none if the text has no such table.
fn place(lines: &[&str], insert: &Insert) -> Option<usize> {
    let heading = format!("*{}", insert.table);
    let start = lines.iter().position(|line| line.trim() == heading)?;
    let commit = lines.iter().skip(start).position(|line| line.trim() == "COMMIT")? + start;
    let table = &lines[start..commit];
    let at = match insert.at {
        At::First(chain) => table.iter().position(|line| close::chain_of(line) == Some(chain)),
        At::BeforeClose(chain) => close::closing_rule(table, chain),
        At::End => None,
    };
    Some(at.map_or(commit, |at| start + at))
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
