//! Which files scriptlets changed, scriptlet by scriptlet.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::attribution::SCRIPTS;
use crate::audit::{Audit, FileChange, How, Run, Side, Transaction, letters};
use crate::escape::Escaped;
use crate::root::Root;
use crate::shell::{Command, commands, line_of};

/// One run of a scriptlet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScriptletEntry {
    /// The record's number.
    pub record: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The package, if it is known: `nevra` in JSON.
    #[serde(rename = "nevra")]
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
    /// For what is no scriptlet's as far as is known: the command that was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Transaction<String>>,
    /// How many changes were not recorded, because there were too many.
    pub omitted: usize,
    /// What changed.
    pub changes: Vec<ChangeEntry>,
}

impl ScriptletEntry {
    /// What changed it, in words: the scriptlet with its `$1`, or the command that was run.
    pub fn actor(&self) -> String {
        match &self.transaction {
            Some(transaction) => format!("the command {}", transaction.command.join(" ")),
            None => {
                let arg = self.arg.map_or(String::new(), |arg| format!("({arg})"));
                format!("{}{arg}", self.scriptlet.as_deref().unwrap_or("a scriptlet"))
            }
        }
    }

    /// Remarks for an auditor: packages that a command installed or erased, and parts of the image
    /// whose changes the kernel does not report one by one.
    pub fn remarks(&self) -> Vec<String> {
        let Some(transaction) = &self.transaction else {
            return Vec::new();
        };
        let lists = [
            ("installed", &transaction.installed),
            ("erased", &transaction.erased),
        ];
        let packages = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let unwatched = transaction.unwatched.iter().map(|place| {
            format!("{place} is another file system: changes there are not attributed to single scriptlets")
        });
        packages
            .map(|(what, list)| format!("{what} {}", list.join(", ")))
            .chain(unwatched)
            .collect()
    }
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
    pub change: FileChange<String>,
}

/// Every scriptlet that changed something or whose changes could not all be seen; all of them, or
/// those of one plugin.
pub fn files(root: &Root, audit: &Audit, plugin: Option<&str>) -> Vec<ScriptletEntry> {
    let is_wanted = |run: &&Run| {
        let package = run.origin.name();
        plugin.is_none_or(|plugin| plugin == package) && says_something(run)
    };
    let mut scripts = Scripts::default();
    audit
        .runs
        .iter()
        .filter(is_wanted)
        .map(|run| entry(root, run, &mut scripts, |_| true))
        .collect()
}

fn says_something(run: &Run) -> bool {
    let is_unwatched = |transaction: &Transaction| !transaction.unwatched.is_empty();
    !run.changes.is_empty() || run.transaction.as_ref().is_some_and(is_unwatched)
}

/// Every run that changed `path`, oldest first.
pub(crate) fn changes_of(root: &Root, audit: &Audit, path: &Escaped) -> Vec<ScriptletEntry> {
    let is_it = |change: &FileChange| change.path == *path || change.from.as_ref() == Some(path);
    let mut scripts = Scripts::default();
    let runs = audit.runs.iter().filter(|run| run.changes.iter().any(is_it));
    runs.map(|run| entry(root, run, &mut scripts, is_it)).collect()
}

/// The commands of scripts, read once each.
#[derive(Default)]
struct Scripts(BTreeMap<String, Vec<Command>>);

impl Scripts {
    fn of(&mut self, root: &Root, script: &str) -> &[Command] {
        let read = || {
            let text = root.read_text(Path::new(SCRIPTS).join(script)).ok();
            text.as_deref().map(commands).unwrap_or_default()
        };
        self.0.entry(script.to_owned()).or_insert_with(read)
    }
}

fn entry(
    root: &Root,
    run: &Run,
    scripts: &mut Scripts,
    wanted: impl Fn(&FileChange) -> bool,
) -> ScriptletEntry {
    let commands = run.origin.script.as_ref().map_or(&[][..], |script| scripts.of(root, script));
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
        programs: run.programs.iter().map(Escaped::shown).collect(),
        requests: run.requests.clone(),
        transaction: run.transaction.as_ref().map(Transaction::shown),
        omitted: run.omitted,
        changes: changes
            .map(|change| ChangeEntry {
                what: what(change),
                letters: differing(change),
                line: line_of(commands, &change.path.shown()),
                undeclared: false,
                change: change.shown(),
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
        _ => letters(&Side::<Escaped>::default(), &Side::default()),
    }
}
