//! `nodeshim export`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nodeshim::error::Result;
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts};

use super::output::{json, print};

/// Print what the plugins asked for as declarations
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The language to print it in
    #[arg(long, value_enum)]
    format: Format,
}

/// The languages.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One ruleset for nft -f; with --json for nft -j -f
    Nft,
}

/// Exports.
pub fn export(root: &Root, args: ExportArgs, as_json: bool) -> Result<ExitCode> {
    let state = settle::state(root, &Facts::load(root)?)?;
    match args.format {
        Format::Nft => {
            let (firewall, _) = settle::firewall(root, &state);
            if as_json {
                json(&firewall.whole().into_model())?;
            } else {
                print(&firewall.flattened()?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
