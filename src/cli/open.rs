//! `nodeshim ports` and `units`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::inspect::{self, BootUnit, OpenPort};
use nodeshim::journal::Journal;
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts};

use super::output::{columns, declared_in, events, json_list, print};

/// List what the firewall lets in, port by port, and who asked for it
#[derive(Debug, Args)]
pub struct PortsArgs {
    /// Also what the image's own zones let in
    #[arg(long)]
    all: bool,
}

/// List what starts at boot, and who asked for it
#[derive(Debug, Args)]
pub struct UnitsArgs {
    /// Also the unit files and init scripts that the image itself enables
    #[arg(long)]
    all: bool,
}

/// Lists ports.
pub fn ports(root: &Root, args: PortsArgs, as_json: bool) -> Result<ExitCode> {
    let standing = settle::standing(root, &Facts::load(root)?)?;
    let open = inspect::ports(root, &standing, args.all)?;
    if as_json {
        json_list(&open)?;
    } else {
        print(&columns(["PORT", "ZONE", "BY", "THROUGH"], open.iter().map(port)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn port(open: &OpenPort) -> [String; 4] {
    let through = format!("{}{}{}", open.how(), events(&open.events), declared_in(&open.declared));
    [
        open.what(),
        open.zone.clone().unwrap_or("-".into()),
        open.by.clone(),
        through,
    ]
}

/// Lists units.
pub fn units(root: &Root, args: UnitsArgs, as_json: bool) -> Result<ExitCode> {
    let standing = settle::standing(root, &Facts::load(root)?)?;
    let units = inspect::units(root, &standing, &Journal::read(root)?, args.all);
    if as_json {
        json_list(&units)?;
    } else {
        print(&columns(["UNIT", "BY", "REQUESTED", "HOW"], units.iter().map(unit)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn unit(unit: &BootUnit) -> [String; 4] {
    let how = format!("{}{}{}", unit.how, events(&unit.events), declared_in(&unit.declared));
    [
        unit.unit.clone(),
        unit.by.clone(),
        unit.requested.clone().unwrap_or("-".into()),
        how,
    ]
}
