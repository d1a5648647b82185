//! A plan as text for a terminal of 80 columns.

use super::{Action, Note, Plan, PlannedChange};
use crate::escape::printable;

/// One block a change: what is done, and indented why; then the remarks.
pub fn render(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        text.push_str(&format!("{:<8}{}\n", verb(change), printable(&change.path)));
        match &change.action {
            Action::Link { target } => text.push_str(&format!("          -> {}\n", printable(target))),
            Action::Call { tool, args } => {
                text.push_str(&format!("          {} {}\n", tool.name(), printable(&args.join(" "))));
            }
            _ => {}
        }
        text.push_str(&format!("          {}{}\n", printable(&change.why), events(&change.because)));
    }
    for note in &plan.notes {
        text.push_str(&line(note));
    }
    text
}

fn line(note: &Note) -> String {
    let plugin = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
    format!("note    {}{}\n", printable(&format!("{plugin}{}", note.text)), events(&note.because))
}

fn verb(change: &PlannedChange) -> &'static str {
    match change.action {
        Action::Write { .. } => "write",
        Action::Link { .. } => "link",
        Action::Remove => "remove",
        Action::Call { .. } => "call",
    }
}

/// The first few events in brackets.
fn events(ids: &[u64]) -> String {
    const SHOWN: usize = 5;
    if ids.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = ids.iter().take(SHOWN).map(|id| format!("#{id}")).collect();
    let more = if ids.len() > SHOWN { " ..." } else { "" };
    format!(" [{}{more}]", shown.join(" "))
}
