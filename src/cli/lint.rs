//! `nodeshim lint`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::lint::{self, Finding, Severity};
use nodeshim::policy::{self, RuleSource};
use nodeshim::root::Root;
use nodeshim::run::Parts;
use serde::Serialize;

use super::output::{json, print, wrapped};

/// Look at plugins before they are installed: metadata, policy, paths, scriptlets; needs no root
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Policy to check against: a file, or the name of a shipped one
    #[arg(long, value_name = "FILE", default_value = "node")]
    policy: PathBuf,
    /// rpm files, or metadata files
    #[arg(required = true, value_name = "FILE.rpm|FILE.toml")]
    files: Vec<PathBuf>,
}

/// What was found in one file.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    file: String,
    findings: Vec<Finding>,
}

/// Looks at each file. Exit 1 if any finding is more than a note.
pub fn lint(root: &Root, args: LintArgs, as_json: bool) -> Result<ExitCode> {
    let text = Parts::find()?.policy(&args.policy)?;
    let path = args.policy.display().to_string();
    let name = args
        .policy
        .file_stem()
        .map_or_else(|| path.clone(), |stem| stem.to_string_lossy().into_owned());
    let mut loaded = policy::Loaded::default();
    loaded.add(RuleSource::File(name), &path, &text);
    let rules = loaded.checked()?.rules;
    let mut found = Vec::new();
    for file in &args.files {
        found.push(Found {
            file: file.display().to_string(),
            findings: lint::lint(root, &rules, file)?,
        });
    }
    if as_json {
        json(&found)?;
    } else {
        for Found { file, findings } in &found {
            findings.iter().try_for_each(|finding| print(&line(file, finding)))?;
        }
    }
    let mut all = found.iter().flat_map(|found| &found.findings);
    let bad = all.any(|finding| finding.severity != Severity::Note);
    Ok(ExitCode::from(u8::from(bad)))
}

fn line(file: &str, finding: &Finding) -> String {
    let file = file.rsplit('/').next().unwrap_or(file);
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let place = match (file, finding.place.as_str()) {
        (file, place) if place.ends_with(file) => place.to_owned(),
        (file, place) => format!("{file}: {place}"),
    };
    let line = finding.line.map_or(String::new(), |line| format!(":{line}"));
    let instead = finding
        .instead
        .as_ref()
        .map_or(String::new(), |instead| format!("; in metadata: {instead}"));
    wrapped("", 4, &format!("{place}{line}: {severity}: {}{instead}", finding.text))
}
