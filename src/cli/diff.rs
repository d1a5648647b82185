//! `nodeshim diff`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::intercept::check_is_image;
use nodeshim::report;
use nodeshim::root::Root;
use serde_json::Value;

use super::output::{json_list, print, wrapped};
use super::style::lines;

/// Show what differs between two images; exit 1 on any difference
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// An image root, or a report saved with `report --format json`
    before: PathBuf,
    /// The image root or report to compare it with
    after: PathBuf,
}

/// Compares.
pub fn diff(args: DiffArgs, as_json: bool) -> Result<ExitCode> {
    let distinct = report::diff(&load(&args.before)?, &load(&args.after)?);
    if as_json {
        json_list(&distinct)?;
    } else {
        for one in &distinct {
            let sign = if one.change == "added" { "+" } else { "-" };
            let head = format!("{sign} {:<10}  ", one.what);
            print(&lines(&wrapped(&head, head.len(), &format!("{}: {}", one.plugin, one.text))))?;
        }
    }
    Ok(ExitCode::from(u8::from(!distinct.is_empty())))
}

fn load(path: &Path) -> Result<Value> {
    let path = std::path::absolute(path).map_err(|error| Error::std_io(path, &error))?;
    let host = Root::open("/")?;
    if !host.is_dir(&path) {
        return report::parse(&path.display().to_string(), &host.read_text(&path)?);
    }
    let root = Root::open(&path)?;
    check_is_image(&root)?;
    let report = report::build(&report::load(&root)?);
    serde_json::to_value(report).map_err(|error| Error::Internal(error.to_string()))
}
