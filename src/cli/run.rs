//! `nodeshim run`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::root::Root;
use nodeshim::run::{self, Parts};

/// Run a command that installs packages into the image with the shims in place
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The command: rpm --root, dnf --installroot, a script
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

/// Arms, runs, disarms, and ends with the command's exit code.
pub fn run(root: &Root, args: RunArgs) -> Result<ExitCode> {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let outcome = run::run(root, &Parts::find()?, &args.command, home, std::env::temp_dir())?;
    if outcome.repaired.is_some() {
        let _ = writeln!(
            std::io::stderr(),
            "nodeshim: {}: took out the shims that an earlier run had left",
            root.path().display()
        );
    }
    Ok(ExitCode::from(outcome.finished.code()))
}
