//! `nodeshim export`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nodeshim::error::Result;
use nodeshim::export::Dialect;
use nodeshim::export::Language;
use nodeshim::plan::Note;
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts};
use serde::Serialize;

use super::output::{complain, foreign_json, json, print_files, write_all};

/// Print what the plugins asked for as declarations
///
/// What the format cannot express is printed on standard error; with --json, except for nft, it is in the
/// output.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// Write the files to this directory, which is created if it is missing
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
    /// firewall and services commands of a kickstart file
    Kickstart,
    /// The customizations of an osbuild blueprint
    Blueprint,
    /// Preset files of systemd
    Preset,
    /// An Ansible playbook
    Ansible,
}

impl Format {
    fn dialect(self) -> Dialect {
        match self {
            Format::Nft => Dialect::Nft,
            Format::Iptables => Dialect::Iptables,
            Format::Ip6tables => Dialect::Ip6tables,
            Format::Firewalld => Dialect::Firewalld,
            Format::OvirtFirewall => Dialect::OvirtFirewall,
            Format::Kickstart => Dialect::Recipe(Language::Kickstart),
            Format::Blueprint => Dialect::Recipe(Language::Blueprint),
            Format::Preset => Dialect::Preset,
            Format::Ansible => Dialect::Recipe(Language::Ansible),
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'e> {
    files: &'e BTreeMap<String, String>,
    notes: &'e [Note],
}

/// Exports.
pub fn export(root: &Root, args: ExportArgs, as_json: bool) -> Result<ExitCode> {
    let state = settle::state(root, &Facts::load(root)?)?;
    let exported = nodeshim::export::export(root, &state, args.format.dialect())?;
    let is_ruleset = matches!(args.format, Format::Nft);
    if !as_json || is_ruleset || args.out.is_some() {
        for note in &exported.notes {
            let plugin = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
            complain(&format!("{plugin}{}", note.text));
        }
    }
    if let Some(out) = args.out {
        write_all(&out, &exported.files)?;
    } else if is_ruleset && as_json {
        let (firewall, _) = settle::firewall(root, &state)?;
        foreign_json(&firewall.whole().into_model())?;
    } else if as_json {
        json(&Shown {
            files: &exported.files,
            notes: &exported.notes,
        })?;
    } else {
        print_files(&exported.files)?;
    }
    Ok(ExitCode::SUCCESS)
}
