//! `nodeshim repair`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::repair;
use nodeshim::root::Root;

use super::output::print;

/// Put records right that a power cut, a full disk or a package has damaged; then settle
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Take requests that the journal has lost for never made: settling takes back what they asked for
    #[arg(long)]
    accept_loss: bool,
}

/// Repairs, and says what was done.
pub fn repair(root: &Root, args: RepairArgs) -> Result<ExitCode> {
    let repaired = repair::repair(root, args.accept_loss)?;
    repaired.lines.iter().try_for_each(|line| print(&format!("{line}\n")))?;
    if repaired.lines.is_empty() {
        print("nothing was damaged\n")?;
    }
    Ok(ExitCode::SUCCESS)
}
