//! `nodeshim serve`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::root::Root;
use nodeshim::serve::{self, Options};
use serde::Serialize;

use super::output::json;

/// Answer questions about plugins on D-Bus, as org.ovirt.node.Plugins1, and exit when idle
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address of the bus, instead of the system bus
    #[arg(long, value_name = "ADDRESS")]
    bus: Option<String>,
    /// Exit after this many seconds without a call; 0 means never
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    idle: u64,
}

/// What `serve --json` prints at its end.
#[derive(Serialize)]
struct Served {
    /// How many calls it answered.
    calls: usize,
}

/// Serves.
pub fn serve(root: &Root, args: ServeArgs, as_json: bool) -> Result<ExitCode> {
    let options = Options {
        bus: args.bus,
        idle: Duration::from_secs(args.idle),
    };
    let calls = serve::serve(root, &options)?;
    if as_json {
        json(&Served { calls })?;
    }
    Ok(ExitCode::SUCCESS)
}
