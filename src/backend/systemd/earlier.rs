//! Rules of the image that come before what settling writes into preset files, and say otherwise: the first rule that
//! matches counts (systemd.preset(5)), so a tool that applies presets undoes what was settled.

use super::{PREFIX, PRESETS};
use crate::intent::Scope;
use crate::plan::{Content, DesiredFile};
use crate::root::Root;
use crate::unit::generation::Generation;
use crate::unit::log::Log;
use crate::unit::preset::{PresetAnswer, Presets};

/// A rule that comes before one that settling writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarlierRule {
    /// The file that settling writes.
    pub path: String,
    /// What is wrong, in words.
    pub text: String,
}

/// Those of the image against preset files among `files`.
pub(crate) fn earlier_rules(root: &Root, files: &[DesiredFile]) -> Vec<EarlierRule> {
    PRESETS
        .into_iter()
        .flat_map(|(directory, scope)| against(root, files, directory, scope))
        .collect()
}

fn against(root: &Root, files: &[DesiredFile], directory: &str, scope: Scope) -> Vec<EarlierRule> {
    let start = format!("{directory}/{PREFIX}");
    let own: Vec<&DesiredFile> = files.iter().filter(|file| file.path.starts_with(&start)).collect();
    if own.is_empty() {
        return Vec::new();
    }
    let (generation, quiet) = (Generation::detect(root), Log::default());
    let comes_before = |file: &str| file < PREFIX;
    let earlier =
        Presets::load_some(root, scope, generation, ("", &quiet), &comes_before).unwrap_or_default();
    let mut found = Vec::new();
    for file in own {
        let Content::File { text, .. } = &file.content else {
            continue;
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (Some(word), Some(unit)) = (words.next(), words.next()) else {
                continue;
            };
            let answer = earlier.query(unit, false);
            let otherwise = match (word, answer.verdict) {
                ("enable", PresetAnswer::Disable) => "disables",
                ("disable", PresetAnswer::Enable) => "enables",
                _ => continue,
            };
            // Where no rule matches, none comes before.
            if answer.source != "default" {
                let rule = &answer.source;
                found.push(EarlierRule {
                    path: file.path.clone(),
                    text: format!("{rule} comes before it and {otherwise} {unit} where presets are applied"),
                });
            }
        }
    }
    found
}
