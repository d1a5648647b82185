//! Reading an image's policy files.

use std::collections::BTreeMap;

use crate::error::{Error, LineError, Result, if_exists};
use crate::layout;
use crate::policy::{RuleSource, Rules, parse};
use crate::root::Root;

/// The directories of policy files: shipped ones first. A file in the second replaces the file of
/// the same name in the first; an empty one switches it off.
pub const DIRECTORIES: [&str; 2] = ["/usr/lib/nodeshim/policy.d", "/etc/nodeshim/policy.d"];
/// The file that `run --policy` adds while it runs; its rules come last.
pub(crate) const RUN_PATH: &str = layout::RUN_POLICY;

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the image.
    pub path: String,
    /// How many rules it has.
    pub rules: usize,
}

/// An image's policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The rules of the files that could be read.
    pub rules: Rules,
    /// The files, in the order in which they count.
    pub files: Vec<File>,
    /// What is wrong, with the file's path.
    pub problems: Vec<(String, LineError)>,
}

impl Loaded {
    /// The rules, or what is wrong with the first file that has a problem: for the admin tool.
    ///
    /// # Errors
    /// The first file with a problem, and the line.
    pub fn checked(self) -> Result<Loaded> {
        match self.problems.first() {
            None => Ok(self),
            Some((path, problem)) => {
                Err(Error::malformed(path, format!("line {}: {}", problem.line, problem.text)))
            }
        }
    }
}

/// Puts the file of one run in place, or takes away what an earlier one has left, and looks whether
/// the whole policy can be read.
pub(crate) fn begin_run(root: &Root, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) => root.write_synced(RUN_PATH, text.as_bytes(), Some(0o644))?,
        None => end_run(root)?,
    }
    load(root).checked().map(drop).inspect_err(|_| {
        // The first error says more.
        let _ = end_run(root);
    })
}

/// Takes the file of one run away.
///
/// # Errors
/// If it cannot be removed.
pub fn end_run(root: &Root) -> Result<()> {
    if_exists(root.remove(RUN_PATH)).map(drop)
}

/// Reads all policy files. A file that cannot be read adds no rules and makes the rest cautious: the
/// rules that it may have held are not known, so requests that affect the whole system are denied;
/// settling can revert everything else once the policy can be read.
pub fn load(root: &Root) -> Loaded {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut loaded = Loaded::default();
    for directory in DIRECTORIES {
        let entries = match root.list(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_missing() => continue,
            Err(error) => {
                loaded.refuse(directory, error.to_string());
                continue;
            }
        };
        for entry in entries {
            if let Some(name) = entry.name.to_str().filter(|name| name.ends_with(".toml")) {
                files.insert(name.to_owned(), format!("{directory}/{name}"));
            }
        }
    }
    for (name, path) in files {
        loaded.read(root, RuleSource::File(name), &path);
    }
    if root.is_file(RUN_PATH) {
        loaded.read(root, RuleSource::Run, RUN_PATH);
    }
    loaded
}

/// Reads all policy files as they count in a run that adds `of_run`.
pub fn load_for(root: &Root, of_run: Option<&str>) -> Loaded {
    let mut loaded = load(root);
    if let Some(text) = of_run {
        loaded.add(RuleSource::Run, RUN_PATH, text);
    }
    loaded
}

impl Loaded {
    fn refuse(&mut self, path: &str, text: String) {
        self.rules.cautious = true;
        self.problems.push((path.to_owned(), LineError { line: 1, text }));
    }

    fn read(&mut self, root: &Root, source: RuleSource, path: &str) {
        let text = match root.read_text(path) {
            Ok(text) => text,
            Err(error) => return self.refuse(path, error.to_string()),
        };
        self.add(source, path, &text);
    }

    /// Adds the rules of a file's text.
    pub fn add(&mut self, source: RuleSource, path: &str, text: &str) {
        match parse(source, text) {
            Ok(parsed) => {
                self.files.push(File {
                    path: path.to_owned(),
                    rules: parsed.rules.len(),
                });
                self.rules.rules.extend(parsed.rules);
                self.rules.prefer = parsed.prefer.unwrap_or(self.rules.prefer);
            }
            Err(problem) => {
                self.rules.cautious = true;
                self.problems.push((path.to_owned(), problem));
            }
        }
    }
}
