//! `nodeshim lint`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use nodeshim::error::Result;
use nodeshim::escape::printable;
use nodeshim::lint::{self, Finding, Severity};
use nodeshim::policy::{self, RuleSource};
use nodeshim::root::Root;
use nodeshim::run::Parts;
use serde::Serialize;

use super::output::{foreign_json, json_list, print};
use super::style::{Paint, paint};

/// Check plugins before they are installed: metadata, policy, paths, scriptlets; needs no root
///
/// nodeshim-lint(7) describes the rules.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Policy to check against: a file, or the name of a shipped one
    #[arg(long, value_name = "FILE", default_value = "node")]
    policy: PathBuf,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Exit with 1 for warnings, too
    #[arg(long)]
    strict: bool,
    /// Leave out the findings of a rule
    #[arg(long, value_name = "RULE", value_parser = PossibleValuesParser::new(lint::RULES), hide_possible_values = true)]
    disable: Vec<String>,
    /// rpm, spec and metadata files, or directories with such files
    #[arg(required = true, value_name = "FILE.rpm|FILE.spec|FILE.toml|DIR")]
    files: Vec<PathBuf>,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a finding: FILE:LINE: severity: rule: message
    #[default]
    Text,
    /// The same as --json
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Workflow commands that annotate files on GitHub
    Github,
}

/// What was found in one file.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    file: String,
    findings: Vec<Finding>,
}

/// Looks at each file. Exit 1 if anything is an error; with `--strict` for a warning, too.
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
    let context = lint::Context::load(root, &rules)?;
    let mut found = Vec::new();
    for file in lint::inputs(&args.files)? {
        let mut findings = lint::lint(&context, &file)?;
        findings.retain(|finding| !args.disable.iter().any(|rule| rule == finding.rule));
        found.push(Found {
            file: file.display().to_string(),
            findings,
        });
    }
    match args.format {
        _ if as_json => json_list(&found)?,
        Format::Json => json_list(&found)?,
        Format::Sarif => foreign_json(&sarif(&found))?,
        Format::Text => each(&found, line)?,
        Format::Github => each(&found, annotation)?,
    }
    let least = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    let bad = found.iter().flat_map(|found| &found.findings).any(|finding| finding.severity <= least);
    Ok(ExitCode::from(u8::from(bad)))
}

fn each(found: &[Found], text: impl Fn(&str, &Finding) -> String) -> Result<()> {
    for Found { file, findings } in found {
        findings.iter().try_for_each(|finding| print(&text(file, finding)))?;
    }
    Ok(())
}

/// A finding's message, with what could be written instead.
fn message(finding: &Finding) -> String {
    let instead = finding.instead.as_ref();
    let instead = instead.map_or(String::new(), |instead| format!("; in metadata: {instead}"));
    printable(&format!("{}{instead}", finding.text)).to_string()
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A workflow command of GitHub; its values must not end the command.
fn annotation(file: &str, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Note => "notice",
        _ => severity(finding),
    };
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let line = finding.line.unwrap_or(1);
    let text = format!("{}: {}", finding.place, message(finding));
    format!(
        "::{level} file={},line={line},title={}::{}\n",
        property(file),
        property(finding.rule),
        escaped(&text)
    )
}

/// The findings as a log of the Static Analysis Results Interchange Format.
fn sarif(found: &[Found]) -> serde_json::Value {
    let result = |file: &str, finding: &Finding| {
        serde_json::json!({
            "ruleId": finding.rule,
            "level": severity(finding),
            "message": {"text": message(finding)},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": file},
                    "region": {"startLine": finding.line.unwrap_or(1)},
                },
                "logicalLocations": [{"name": finding.place}],
            }],
        })
    };
    let results = found.iter().flat_map(|one| one.findings.iter().map(|finding| result(&one.file, finding)));
    let results: Vec<serde_json::Value> = results.collect();
    let rules: std::collections::BTreeSet<&str> =
        found.iter().flat_map(|one| one.findings.iter().map(|finding| finding.rule)).collect();
    let rules: Vec<serde_json::Value> = rules.iter().map(|rule| serde_json::json!({"id": rule})).collect();
    serde_json::json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "nodeshim lint",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}

/// `FILE: PLACE:LINE: severity: rule: message`
fn line(file: &str, finding: &Finding) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let place = if finding.place.ends_with(name) {
        // As it was named, so that editors find it.
        file.to_owned()
    } else {
        format!("{file}: {}", finding.place)
    };
    let line = finding.line.map_or(String::new(), |line| format!(":{line}"));
    let place = paint(Paint::Strong, &format!("{}{line}:", printable(&place)));
    let severity = format!("{}:", severity(finding));
    let severity = match finding.severity {
        Severity::Error => paint(Paint::Bad, &severity),
        Severity::Warning => paint(Paint::Careful, &severity),
        Severity::Note => severity,
    };
    format!("{place} {severity} {}: {}\n", finding.rule, message(finding))
}
