//! `nodeshim report`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nodeshim::error::{Error, Result, if_exists};
use nodeshim::export;
use nodeshim::inspect::{self, View};
use nodeshim::plan::Width;
use nodeshim::report::{self, Report};
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts};
use nodeshim::state;
use serde::Serialize;

use super::output::{complain, json, print, print_files, width, write_all};
use super::progress;

/// Report on the image and all its plugins: what each is, asked for, was denied and changed
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write to this file, or several files to this directory, which is created if it is missing
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Write the files of manifest and ovirt to where oVirt Node keeps them in the image
    #[arg(long, conflicts_with = "out")]
    in_image: bool,
    /// For manifest: the directory with the manifests to compare with, instead of the image's own
    #[arg(long, value_name = "DIR")]
    since: Option<PathBuf>,
}

impl ReportArgs {
    /// Whether the report is written into the image.
    pub fn changes_image(&self) -> bool {
        self.in_image
    }
}

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// All of it, with a versioned schema
    Json,
    /// One page for a browser
    Html,
    /// Metrics for the textfile collector of Prometheus's node exporter
    Prometheus,
    /// oVirt Node's manifests, and what changed since those in /etc/ovirt-plugins-manifests.d
    Manifest,
    /// oVirt Node's own records of plugins, and the ports of each
    Ovirt,
}

/// Reports.
pub fn report(root: &Root, args: ReportArgs, as_json: bool) -> Result<ExitCode> {
    let is_ovirts = matches!(args.format, Format::Manifest | Format::Ovirt);
    if args.since.is_some() && args.format != Format::Manifest {
        complain("--since is for --format manifest");
        return Ok(ExitCode::from(2));
    }
    if args.in_image && !is_ovirts {
        complain("--in-image is for --format manifest and ovirt");
        return Ok(ExitCode::from(2));
    }
    match args.format {
        Format::Manifest => return manifest(root, &args, as_json),
        Format::Ovirt => return ovirt(root, &args, as_json),
        Format::Text | Format::Json | Format::Html | Format::Prometheus => {}
    }
    progress::step("reading the image's records");
    let report = report::build(&report::load(root)?);
    let text = match args.format {
        Format::Html => report::html(&report),
        Format::Prometheus => metrics(root, &report)?,
        Format::Text if !as_json => {
            report::text(&report, if args.out.is_none() { width() } else { Width(None) })
        }
        _ => json_text(&report)?,
    };
    match &args.out {
        None => print(&text)?,
        Some(path) => write(path, &text)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn manifest(root: &Root, args: &ReportArgs, as_json: bool) -> Result<ExitCode> {
    let (manifests, new) = match &args.since {
        None => report::manifests(root, root, report::DIRECTORY)?,
        Some(since) => report::manifests(root, &Root::open(since)?, "/")?,
    };
    if !new.is_empty() {
        let kinds = new.join(", ");
        complain(&format!("there are no earlier manifests of {kinds}: every line counts as new"));
    }
    if args.in_image {
        report::keep(root, &manifests)?;
        return Ok(ExitCode::SUCCESS);
    }
    files(&manifests, args.out.as_deref(), as_json)
}

fn ovirt(root: &Root, args: &ReportArgs, as_json: bool) -> Result<ExitCode> {
    let state = settle::state(root, &Facts::load(root)?)?;
    let (found, mut notes) = export::ovirt_files(root, &state)?;
    if args.in_image {
        notes.extend(export::keep_ovirt_files(root, &found)?);
    }
    for note in notes {
        let plugin = note.plugin.map_or(String::new(), |plugin| format!("{plugin}: "));
        complain(&format!("{plugin}{}", note.text));
    }
    match args.in_image {
        true => Ok(ExitCode::SUCCESS),
        false => files(&found, args.out.as_deref(), as_json),
    }
}

/// What `--json` prints of the formats that have files.
#[derive(Serialize)]
struct Files<'f> {
    files: &'f BTreeMap<String, String>,
}

fn files(files: &BTreeMap<String, String>, out: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    match out {
        Some(out) => write_all(out, files)?,
        None if as_json => json(&Files { files })?,
        None => print_files(files)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn metrics(root: &Root, report: &Report) -> Result<String> {
    let differences = inspect::check(root, &View::load(root)?)?;
    let drift = differences.iter().filter(|difference| difference.is_drift()).count();
    let settled = if_exists(root.meta(state::PATH))?.map(|meta| meta.modified);
    Ok(report::prometheus(report, drift, settled))
}

fn json_text(report: &Report) -> Result<String> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(format!("{text}\n"))
}

/// Writes a file of the caller's, which is no part of the image.
fn write(path: &Path, text: &str) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::Refused(format!("{}: not a file's name", path.display())))?;
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Root::open(directory)?.write(Path::new("/").join(name), text.as_bytes(), Some(0o644))
}
