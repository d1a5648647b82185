//! `nodeshim serve`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::root::Root;
use nodeshim::serve::{self, Options};

/// Answer questions about plugins on D-Bus, as org.ovirt.node.Plugins1, and exit when idle
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The bus's address; the system bus if none is given
    #[arg(long, value_name = "ADDRESS")]
    bus: Option<String>,
    /// How many seconds nobody may ask before it ends; 0 for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    idle: u64,
}

/// Serves.
pub fn serve(root: &Root, args: ServeArgs) -> Result<ExitCode> {
    let options = Options {
        bus: args.bus,
        idle: Duration::from_secs(args.idle),
    };
    serve::serve(root, &options)?;
    Ok(ExitCode::SUCCESS)
}
