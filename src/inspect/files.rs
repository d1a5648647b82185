//! Which files scriptlets changed, scriptlet by scriptlet.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::audit::{Audit, FileChange, How, Run, Side, letters, line_of};
use crate::journal::SCRIPTLETS;
use crate::root::Root;

/// One run of a scriptlet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScriptletEntry {
    /// The record's number.
    pub record: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The package, if it is known.
    pub package: Option<String>,
    /// The scriptlet, if it is known.
    pub scriptlet: Option<String>,
    /// Its `$1`, if it is known.
    pub arg: Option<u32>,
    /// Digest of the script; its body is kept under this name.
    pub script: Option<String>,
    /// How the changes were found.
    pub how: How,
    /// Whether rpm took it for a failure.
    pub failed: bool,
    /// Whether a process did it that outlived the scriptlet.
    pub late: bool,
    /// The programs that were run.
    pub programs: Vec<String>,
    /// The events that it made in the journal.
    pub requests: Vec<u64>,
    /// How many changes were not recorded, because there were too many.
    pub omitted: usize,
    /// What changed.
    pub changes: Vec<ChangeEntry>,
}

/// One path that a scriptlet changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeEntry {
    /// `created`, `changed`, `removed` or `came-and-went`.
    pub what: &'static str,
    /// What differs, in the letters of `rpm -V`; dots where it was created or removed.
    pub letters: String,
    /// Where the scriptlet's text names it, if it does.
    pub line: Option<usize>,
    /// Whether the plugin's metadata should have declared it and does not.
    pub undeclared: bool,
    /// The change as it was recorded.
    #[serde(flatten)]
    pub change: FileChange,
}

/// Every run that changed something, or those of one plugin.
pub fn files(root: &Root, audit: &Audit, plugin: Option<&str>) -> Vec<ScriptletEntry> {
    let is_wanted = |run: &&Run| {
        let package = run.origin.package().unwrap_or(crate::state::UNKNOWN);
        plugin.is_none_or(|plugin| plugin == package) && !run.changes.is_empty()
    };
    let mut texts = Texts::default();
    audit
        .runs
        .iter()
        .filter(is_wanted)
        .map(|run| entry(root, run, &mut texts, |_| true))
        .collect()
}

/// Every run that changed `path`, escaped as in the records, oldest first.
pub fn changes_of(root: &Root, audit: &Audit, path: &str) -> Vec<ScriptletEntry> {
    let is_it = |change: &FileChange| change.path == path || change.from.as_deref() == Some(path);
    let mut texts = Texts::default();
    let runs = audit.runs.iter().filter(|run| run.changes.iter().any(is_it));
    runs.map(|run| entry(root, run, &mut texts, is_it)).collect()
}

/// Bodies of scripts, read once each.
#[derive(Default)]
struct Texts(BTreeMap<String, Option<String>>);

impl Texts {
    fn of(&mut self, root: &Root, script: &str) -> Option<&str> {
        let read = || root.read_text(Path::new(SCRIPTLETS).join(script)).ok();
        self.0.entry(script.to_owned()).or_insert_with(read).as_deref()
    }
}

fn entry(root: &Root, run: &Run, texts: &mut Texts, wanted: impl Fn(&FileChange) -> bool) -> ScriptletEntry {
    let text = run.origin.script.as_ref().and_then(|script| texts.of(root, script));
    let changes = run.changes.iter().filter(|change| wanted(change));
    ScriptletEntry {
        record: run.id,
        time: run.time.clone(),
        package: run.origin.nevra.clone(),
        scriptlet: run.origin.scriptlet.clone(),
        arg: run.origin.arg,
        script: run.origin.script.clone(),
        how: run.how,
        failed: run.failed,
        late: run.late,
        programs: run.programs.clone(),
        requests: run.requests.clone(),
        omitted: run.omitted,
        changes: changes
            .map(|change| ChangeEntry {
                what: what(change),
                letters: differing(change),
                line: text.and_then(|text| line_of(text, &change.path)),
                undeclared: false,
                change: change.clone(),
            })
            .collect(),
    }
}

fn what(change: &FileChange) -> &'static str {
    match (&change.before, &change.after) {
        (None, None) => "came-and-went",
        (None, Some(_)) => "created",
        (Some(_), None) => "removed",
        (Some(_), Some(_)) => "changed",
    }
}

fn differing(change: &FileChange) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => letters(before, after),
        _ => letters(&Side::default(), &Side::default()),
    }
}
