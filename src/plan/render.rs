//! A plan as text.

use super::{Action, Note, Plan, PlannedChange, words};
use crate::escape::printable;

/// How many columns a line may have; without a limit a line ends where its text does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width(pub Option<usize>);

/// One block a change: what is done, and indented why; then the remarks.
pub fn render(plan: &Plan, width: Width) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        text.push_str(&wrapped(width, &format!("{:<8}", verb(change)), 10, &change.path));
        match &change.action {
            Action::Link { target } => text.push_str(&wrapped(width, "          -> ", 13, target)),
            Action::Unit { verb, unit, scope } => {
                let words = format!("{} {unit}{}", verb.word(), words::of_scope(*scope));
                text.push_str(&wrapped(width, "          ", 12, &words));
            }
            Action::Intent { intent } => {
                text.push_str(&wrapped(width, "          ", 12, &words::intent(intent)))
            }
            Action::Call { tool, args } => {
                let words = format!("{} {}", tool.name(), args.join(" "));
                text.push_str(&wrapped(width, "          ", 12, &words));
            }
            _ => {}
        }
        let why = format!("{}{}", change.why, events(&change.because));
        text.push_str(&wrapped(width, "          ", 10, &why));
    }
    plan.notes.iter().for_each(|note| text.push_str(&line(note, width)));
    text
}

fn line(note: &Note, width: Width) -> String {
    let plugin = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
    wrapped(width, "note    ", 10, &format!("{plugin}{}{}", note.text, events(&note.because)))
}

fn verb(change: &PlannedChange) -> &'static str {
    match change.action {
        Action::Write { .. } => "write",
        Action::Link { .. } => "link",
        Action::Remove | Action::RemoveDirectory => "remove",
        Action::Unit { .. } => "unit",
        Action::Intent { .. } => "ask",
        Action::Call { .. } => "call",
    }
}

/// `text` after `head`, wrapped at blanks; further lines are indented by `indent`. A word that is
/// longer than a line stays whole. Control characters are shown, not printed.
pub fn wrapped(width: Width, head: &str, indent: usize, text: &str) -> String {
    let mut lines = head.to_owned();
    let mut column = head.chars().count();
    let mut at_start = true;
    for word in printable(text).split(' ') {
        let length = word.chars().count();
        if !at_start && width.0.is_some_and(|width| column + 1 + length > width) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_at_blanks() {
        let text = wrapped(Width(Some(80)), "head  ", 6, "word ".repeat(30).trim_end());
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("      word")), "{text}");
        assert_eq!(wrapped(Width(None), "head  ", 6, "word ".repeat(30).trim_end()).lines().count(), 1);
        assert_eq!(wrapped(Width(None), "", 0, "a\x1bb"), "a\\u{1b}b\n");
    }
}
