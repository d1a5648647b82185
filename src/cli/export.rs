//! `nodeshim export`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nodeshim::error::Result;
use nodeshim::escape::printable;
use nodeshim::root::Root;
use nodeshim::settle::{self, Dialect, Facts};

use super::output::{json, print};

/// Print what the plugins asked for as declarations
///
/// What the language cannot express is told on standard error.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The language to print it in
    #[arg(long, value_enum)]
    format: Format,
    /// Write the files into this directory, which must exist
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The languages.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One ruleset for nft -f; with --json for nft -j -f
    Nft,
    /// A whole file for iptables-restore
    Iptables,
    /// A whole file for ip6tables-restore
    Ip6tables,
    /// firewalld's services, and the zones that list them
    Firewalld,
    /// NAME.firewall, as oVirt Node reads it in /etc/ovirt-plugins.d
    OvirtFirewall,
}

impl Format {
    fn dialect(self) -> Dialect {
        match self {
            Format::Nft => Dialect::Nft,
            Format::Iptables => Dialect::Iptables,
            Format::Ip6tables => Dialect::Ip6tables,
            Format::Firewalld => Dialect::Firewalld,
            Format::OvirtFirewall => Dialect::OvirtFirewall,
        }
    }
}

/// Exports.
pub fn export(root: &Root, args: ExportArgs, as_json: bool) -> Result<ExitCode> {
    let state = settle::state(root, &Facts::load(root)?)?;
    let exported = settle::export(root, &state, args.format.dialect())?;
    for note in &exported.notes {
        let plugin = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
        // A remark that nobody reads is no failure.
        let _ = writeln!(std::io::stderr(), "nodeshim: {}", printable(&format!("{plugin}{}", note.text)));
    }
    if let Some(out) = args.out {
        let out = Root::open(&out)?;
        for (path, text) in &exported.files {
            if let Some((directory, _)) = path.rsplit_once('/') {
                out.create_dirs(format!("/{directory}"), 0o755)?;
            }
            out.write(format!("/{path}"), text.as_bytes(), Some(0o644))?;
        }
    } else if let (Format::Nft, true) = (args.format, as_json) {
        let (firewall, _) = settle::firewall(root, &state);
        json(&firewall.whole().into_model())?;
    } else if as_json {
        json(&exported.files)?;
    } else if let (1, Some(text)) = (exported.files.len(), exported.files.values().next()) {
        print(text)?;
    } else {
        for (path, text) in &exported.files {
            print(&format!("==> {path} <==\n{text}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
