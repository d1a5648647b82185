//! `nodeshim report`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nodeshim::error::{Error, Result};
use nodeshim::report::{self, Report};
use nodeshim::root::Root;
use nodeshim::settle;

use super::output::{json, print, print_files, write_all};

/// Report on the image and all its plugins: what each is, asked for, was denied and changed
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write it into this file, or several files into this directory, which must exist
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
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
    /// oVirt Node's manifests, and what changed since those in /etc/ovirt-plugins-manifests.d
    Manifest,
    /// oVirt Node's own records of plugins
    Ovirt,
}

/// Reports.
pub fn report(root: &Root, args: ReportArgs, as_json: bool) -> Result<ExitCode> {
    match args.format {
        Format::Manifest => return manifest(root, args.out.as_deref(), as_json),
        Format::Ovirt => return files(&settle::ovirt_records(root)?, args.out.as_deref(), as_json),
        Format::Text | Format::Json | Format::Html => {}
    }
    let report = report::build(&report::load(root)?);
    let text = match args.format {
        Format::Html => report::html(&report),
        Format::Text if !as_json => report::text(&report),
        _ => json_text(&report)?,
    };
    match &args.out {
        None => print(&text)?,
        Some(path) => write(path, &text)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn manifest(root: &Root, out: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let (manifests, new) = report::manifests(root, root, report::DIRECTORY)?;
    if !new.is_empty() {
        let kinds = new.join(", ");
        // A remark that nobody reads is no failure.
        let _ = writeln!(
            std::io::stderr(),
            "nodeshim: the image has no earlier manifests of {kinds}: every line counts as new"
        );
    }
    files(&manifests, out, as_json)
}

fn files(files: &BTreeMap<String, String>, out: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    match out {
        Some(out) => write_all(out, files)?,
        None if as_json => json(files)?,
        None => print_files(files)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn json_text(report: &Report) -> Result<String> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Error::Other(error.to_string()))?;
    Ok(format!("{text}\n"))
}

/// Writes a file of the caller's, which is no part of the image.
fn write(path: &Path, text: &str) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::Other(format!("{}: not a file's name", path.display())))?;
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Root::open(directory)?.write(Path::new("/").join(name), text.as_bytes(), Some(0o644))
}
