//! The iptables backend: a marked block in the INPUT chain of `/etc/sysconfig/iptables` and
//! `ip6tables`, before the rule that rejects what is left. Lines outside of the block stay byte
//! for byte as they are. What lokkit was asked for is in these files already; the block repeats it
//! harmlessly.

mod block;
mod rules;

use std::collections::BTreeMap;

use crate::error::{Result, if_exists};
use crate::firewall::ruleset::Ruleset;
use crate::plan::{Content, Desired, Note};
use crate::root::Root;

use super::name::stem;
use rules::Lines;

/// The two address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
}

const FILES: [(Family, &str); 2] = [
    (Family::Ipv4, "/etc/sysconfig/iptables"),
    (Family::Ipv6, "/etc/sysconfig/ip6tables"),
];

/// Adds the rule files with their block, or without one where nothing is wanted, to what is
/// `desired` already; a rule file among that gets the block too. A file that is not there is not
/// made: without it, everything is open.
pub fn files(
    root: &Root,
    rulesets: &BTreeMap<String, Ruleset>,
    default_zone: &str,
    desired: &mut Vec<Desired>,
) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let wanted: Vec<Lines> = rulesets
        .iter()
        .filter_map(|(plugin, ruleset)| {
            let events: Vec<u64> = ruleset.events.iter().copied().collect();
            let Some(stem) = stem(plugin) else {
                let text = "its name cannot be written into a file: nothing is opened for it";
                notes.push(Note::new(Some(plugin), text, &events));
                return None;
            };
            let lines = Lines::of(stem, ruleset, default_zone);
            notes.extend(lines.notes.iter().map(|text| Note::new(Some(plugin), text.as_str(), &events)));
            Some(lines)
        })
        .collect();
    let because: Vec<u64> = rulesets.values().flat_map(|ruleset| ruleset.events.iter().copied()).collect();
    for (family, path) in FILES {
        let Some(before) = text_of(root, path, desired)? else {
            continue;
        };
        let rules: Vec<String> = wanted.iter().flat_map(|lines| lines.text(family)).collect();
        match block::replace(&before, &rules) {
            Some(text) if text != before => {
                let mode = root.meta_followed(path)?.mode;
                desired.retain(|file| file.path != path);
                desired.push(Desired {
                    path: path.into(),
                    content: Content::File { text, mode },
                    because: because.clone(),
                    why: "what the plugins let through".into(),
                });
            }
            Some(_) => {}
            None => notes.push(Note::new(None, format!("{path} has no filter table and is left alone"), &[])),
        }
    }
    Ok(notes)
}

/// The text that a rule file will have; none if there is no such file, or one that is no text.
fn text_of(root: &Root, path: &str, desired: &[Desired]) -> Result<Option<String>> {
    let planned = desired.iter().find_map(|file| match &file.content {
        Content::File { text, .. } if file.path == path => Some(text.clone()),
        _ => None,
    });
    match planned {
        Some(text) => Ok(Some(text)),
        None => Ok(if_exists(root.read(path))?.and_then(|bytes| String::from_utf8(bytes).ok())),
    }
}
