//! The files that scriptlets changed, in words.

use std::process::ExitCode;

use nodeshim::error::Result;
use nodeshim::inspect::{ChangeEntry, ScriptletEntry};

use super::output::{count, json_list, print, wrapped};

/// So many hex digits of a digest tell two files apart for a reader.
const SHORT: usize = 12;

/// Prints scriptlets and what each changed.
pub fn print_all(entries: &[ScriptletEntry], as_json: bool) -> Result<ExitCode> {
    match as_json {
        true => json_list(entries)?,
        false => entries.iter().try_for_each(|entry| print(&text(entry)))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// One scriptlet and what it changed.
pub fn text(entry: &ScriptletEntry) -> String {
    let package = entry.package.as_deref().unwrap_or("unknown");
    let who = match (&entry.transaction, &entry.scriptlet) {
        (None, None) => package.to_owned(),
        (None, Some(_)) => format!("{package} {}", entry.actor()),
        (Some(_), _) => format!("{}, outside of the scriptlets that are known", entry.actor()),
    };
    let marks = [
        (entry.failed, "; failed"),
        (entry.late, "; by a process that outlived it"),
    ];
    let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
    let mut text = wrapped(&format!("{}  ", entry.time), 8, &format!("{who}{marks}"));
    for remark in entry.remarks() {
        text.push_str(&wrapped("      ", 8, &remark));
    }
    for change in &entry.changes {
        text.push_str(&change_text(change));
    }
    if entry.omitted > 0 {
        text.push_str(&format!("      and {} that were not recorded\n", count(entry.omitted, "more change")));
    }
    text
}

fn change_text(entry: &ChangeEntry) -> String {
    let change = &entry.change;
    let what = match entry.what {
        "changed" => &entry.letters,
        "came-and-went" => "gone",
        other => other,
    };
    let mut details = Vec::new();
    let from = change.from.as_ref().map_or(String::new(), |from| format!(" (was {from})"));
    details.extend(difference(entry));
    details.extend(entry.line.map(|line| format!("line {line}")));
    details.extend(entry.undeclared.then(|| "not declared".to_owned()));
    details.extend(change.request.map(|id| format!("request #{id}")));
    details.extend((!change.by.is_empty()).then(|| format!("by {}", change.by.join(", "))));
    let details = if details.is_empty() {
        String::new()
    } else {
        format!(": {}", details.join("; "))
    };
    wrapped(&format!("      {what:<8} "), 17, &format!("{}{from}{details}", change.path))
}

/// Mode, owner, target and content, before and after where they differ.
fn difference(entry: &ChangeEntry) -> Option<String> {
    let (before, after) = (entry.change.before.as_ref(), entry.change.after.as_ref());
    let of = |side: Option<&nodeshim::audit::Side<String>>| {
        side.map(|side| {
            let digest = side.sha256.as_ref().map(|digest| digest[..digest.len().min(SHORT)].to_owned());
            let target = side.target.as_ref().map(|target| format!("-> {target}"));
            let owner = format!("{}:{}", side.uid, side.gid);
            [
                Some(side.kind.clone()),
                Some(side.mode.clone()),
                Some(owner),
                target,
                digest,
            ]
        })
    };
    match (of(before), of(after)) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => {
            Some(one.into_iter().skip(1).flatten().collect::<Vec<_>>().join(" "))
        }
        (Some(before), Some(after)) => {
            let pairs = before.into_iter().zip(after).filter(|(a, b)| a != b);
            let unknown = || "?".to_owned();
            let words: Vec<String> = pairs
                .map(|(a, b)| format!("{} to {}", a.unwrap_or_else(unknown), b.unwrap_or_else(unknown)))
                .collect();
            (!words.is_empty()).then(|| words.join(", "))
        }
    }
}
