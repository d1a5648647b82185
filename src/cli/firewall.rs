//! `nodeshim firewall`: nodeshim's own firewall, and taking it away.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use nodeshim::backend::nftables;
use nodeshim::error::{Error, Result};
use nodeshim::firewall::detect;
use nodeshim::journal::Journal;
use nodeshim::plan::{Plan, render};
use nodeshim::root::Root;
use nodeshim::settle::{Facts, Planner, Prepared, SettleOptions};
use serde::Serialize;

use super::output::{count, json, print, tell, width};
use super::settle::settle_with;

/// Show or remove the firewall that nodeshim gave the image
#[derive(Debug, Args)]
pub struct FirewallArgs {
    #[command(subcommand)]
    verb: FirewallVerb,
}

impl FirewallArgs {
    /// Whether the firewall is taken away.
    pub fn changes_image(&self) -> bool {
        matches!(self.verb, FirewallVerb::Remove { dry_run: false })
    }
}

#[derive(Debug, Subcommand)]
enum FirewallVerb {
    /// Show the backend, whether nodeshim's own firewall is installed, and what is missing
    Show,
    /// Remove nodeshim's own firewall; refused while a plugin needs it
    Remove {
        /// Show what would change, change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// What `firewall show --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    backend: &'static str,
    own: bool,
    plugins: Vec<String>,
    missing: Option<String>,
}

/// Shows or removes.
pub fn firewall(root: &Root, args: FirewallArgs, as_json: bool) -> Result<ExitCode> {
    match args.verb {
        FirewallVerb::Show => show(root, as_json),
        FirewallVerb::Remove { dry_run } => remove(root, dry_run, as_json),
    }
}

fn show(root: &Root, as_json: bool) -> Result<ExitCode> {
    let facts = Facts::load(root)?;
    let journal = Journal::read(root)?;
    let prepared = Planner::new(root, &facts, &journal).plan()?;
    let backend = detect::backend(root, &facts.config);
    let shown = Shown {
        backend: backend.word(),
        own: is_planned(&prepared),
        plugins: openers(&prepared),
        missing: detect::missing(root, backend).map(|missing| missing.to_string()),
    };
    if as_json {
        json(&shown)?;
    } else {
        let own = match (shown.own, shown.plugins.is_empty()) {
            (false, _) => "nodeshim's own firewall is not used",
            (true, true) => "nodeshim's own firewall lets in secure shell alone",
            (true, false) => "nodeshim's own firewall lets in secure shell and what plugins want",
        };
        let plugins = match shown.plugins.as_slice() {
            [] => String::new(),
            plugins => format!("plugins   {}\n", plugins.join(", ")),
        };
        let missing = shown.missing.map_or(String::new(), |missing| format!("warning   {missing}\n"));
        print(&format!("backend   {}\nown       {own}\n{plugins}{missing}", shown.backend))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether nodeshim's own firewall is among what settling writes.
fn is_planned(prepared: &Prepared) -> bool {
    prepared.desired.iter().any(|file| file.path == nftables::MAIN)
}

/// The plugins that have files of nodeshim's own firewall.
fn openers(prepared: &Prepared) -> Vec<String> {
    let files = prepared.desired.iter().filter_map(|file| {
        let name = file.path.strip_prefix(nftables::DIRECTORY)?.strip_prefix('/')?;
        name.strip_suffix(".nft").map(str::to_owned)
    });
    files.collect()
}

fn remove(root: &Root, dry_run: bool, as_json: bool) -> Result<ExitCode> {
    let facts = Facts::load(root)?;
    let journal = Journal::read(root)?;
    let prepared = Planner::new(root, &facts, &journal).without_firewall(true).plan()?;
    if is_planned(&prepared) {
        let wanted = openers(&prepared).join(", ");
        let text = format!("the firewall stays: {wanted} want something of it; remove or revert them first");
        return Err(Error::Refused(text));
    }
    let plan: Plan = match dry_run {
        true => prepared.plan,
        false => {
            let options = SettleOptions {
                without_firewall: true,
                ..SettleOptions::default()
            };
            settle_with(root, &facts, &options)?.plan
        }
    };
    if as_json {
        json(&plan)?;
    } else {
        tell(&format!("{}{}\n", render(&plan, width()), count(plan.changes.len(), "change")))?;
    }
    Ok(ExitCode::SUCCESS)
}
