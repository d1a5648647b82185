//! `nodeshim completions`.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use nodeshim::error::Result;

use super::output::print;

/// Print completions of the command line for a shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the shell's script.
pub fn completions(args: CompletionsArgs, mut command: Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "nodeshim", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
