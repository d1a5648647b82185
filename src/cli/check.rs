//! `nodeshim check`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::inspect::{self, Difference, View};
use nodeshim::root::Root;

use super::output::{events, json_list, print, wrapped};
use super::style::lines;

/// Compare what is recorded with what is there, as rpm -V does; exit 1 on any difference
#[derive(Debug, Args)]
pub struct CheckArgs {}

/// Checks.
pub fn check(root: &Root, _args: CheckArgs, as_json: bool) -> Result<ExitCode> {
    let differences = inspect::check(root, &View::load(root)?)?;
    if as_json {
        json_list(&differences)?;
    } else {
        for difference in &differences {
            let head = format!("{:<8}  ", difference.kind);
            let text = format!("{}: {}{}", difference.path, difference.text, events(&difference.events));
            print(&lines(&wrapped(&head, 12, &text)))?;
        }
    }
    Ok(ExitCode::from(u8::from(differences.iter().any(Difference::is_drift))))
}
