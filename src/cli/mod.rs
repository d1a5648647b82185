//! The command line of the admin tool: one file a verb.
//!
//! Exit codes: 0 fine, 1 differences found or failed, 2 usage. `run` ends with its command's.

mod arm;
mod run;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nodeshim::error::Result;
use nodeshim::root::Root;

/// Records what RPM scriptlets ask of a system image, and turns it into firewall and service
/// configuration that persists.
#[derive(Debug, Parser)]
#[command(name = "nodeshim", version, max_term_width = 80)]
struct Cli {
    /// The image root
    #[arg(long, global = true, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::RunArgs),
    Arm(arm::ArmArgs),
    Disarm(arm::DisarmArgs),
}

/// Reads the command line and carries out its verb.
pub fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::new().filter("NODESHIM_LOG")).init();
    let cli = Cli::parse();
    match carry_out(cli) {
        Ok(code) => code,
        Err(error) => {
            // One readable line; if nobody reads it, there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "nodeshim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(cli: Cli) -> Result<ExitCode> {
    let root = Root::open(&cli.root)?;
    match cli.verb {
        Verb::Run(args) => run::run(&root, args),
        Verb::Arm(args) => arm::arm(&root, args),
        Verb::Disarm(args) => arm::disarm(&root, args),
    }
}
