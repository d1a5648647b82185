//! `nodeshim repair`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::repair;
use nodeshim::root::Root;

use serde::Serialize;

use super::output::{json, tell};

/// Repair records that a power cut, a full disk or a package has damaged; then settle
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Treat requests that the journal has lost as never made: settling reverts what they asked for
    #[arg(long)]
    accept_loss: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'r> {
    lines: &'r [String],
}

/// Repairs, and says what was done.
pub fn repair(root: &Root, args: RepairArgs, as_json: bool) -> Result<ExitCode> {
    let repaired = repair::repair(root, args.accept_loss)?;
    if as_json {
        json(&Shown {
            lines: &repaired.lines,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    repaired.lines.iter().try_for_each(|line| tell(&format!("{line}\n")))?;
    if repaired.lines.is_empty() {
        tell("nothing was damaged\n")?;
    }
    Ok(ExitCode::SUCCESS)
}
