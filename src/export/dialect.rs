//! What the plugins want of the firewall in any dialect, also one that the image does not use.

use std::collections::{BTreeMap, BTreeSet};

use super::{Language, ovirt};
use crate::backend::rulesets::{Undone, wanted};
use crate::backend::{firewalld, iptables, nftables, systemd};
use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::default_zone;
use crate::plan::{Content, DesiredFile, Note};
use crate::root::Root;
use crate::state::State;

/// The dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One ruleset for `nft -f -`.
    Nft,
    /// A whole file for iptables-restore.
    Iptables,
    /// A whole file for ip6tables-restore.
    Ip6tables,
    /// Service files, and the zones that list them.
    Firewalld,
    /// A file of ports a plugin, as vintage oVirt nodes read them.
    OvirtFirewall,
    /// Presets of systemd, a file a plugin.
    Preset,
    /// What another tool carries out: the firewall and the units.
    Recipe(Language),
}

/// Files for the dialect's own tool.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    /// Relative path and content.
    pub files: BTreeMap<String, String>,
    /// What could not be expressed.
    pub notes: Vec<Note>,
}

/// Writes a state in a dialect; only reads the image.
///
/// # Errors
/// If the image's firewall configuration cannot be read.
pub fn export(root: &Root, state: &State, dialect: Dialect) -> Result<Exported> {
    let default_zone = default_zone(root);
    let definitions = Definitions::new(root);
    let wanted = wanted(root, state, &Undone::default(), &definitions)?;
    let (rulesets, mut notes) = (&wanted.rulesets, wanted.notes.clone());
    let mut files = BTreeMap::new();
    match dialect {
        Dialect::Nft => {
            let firewall = nftables::Firewall::build(&wanted, &definitions);
            files.insert("nodeshim.nft".to_owned(), firewall.flattened()?);
            notes.extend(firewall.remarks_on_helpers());
            notes.extend(firewall.notes);
        }
        Dialect::Iptables | Dialect::Ip6tables => {
            let (family, name) = match dialect {
                Dialect::Iptables => (iptables::Family::Ipv4, "iptables"),
                _ => (iptables::Family::Ipv6, "ip6tables"),
            };
            let firewall = iptables::Firewall::build(&wanted, &definitions);
            files.insert(name.to_owned(), firewall.whole(family));
            notes.extend(firewall.notes);
        }
        Dialect::Firewalld => {
            let input = firewalld::Input {
                definitions: &definitions,
                rulesets,
                withdrawn: &[],
                placed: &state.placed,
                originals: &BTreeMap::new(),
                whole: true,
                default_zone: &default_zone,
            };
            let found = firewalld::contribute(root, &input)?;
            files.extend(found.files.into_iter().filter_map(|file| relative(file, "/etc/firewalld/")));
            notes.extend(found.notes);
        }
        Dialect::OvirtFirewall => {
            let (found, not_expressed) = ovirt::files(rulesets, &default_zone);
            files = found;
            notes.extend(not_expressed);
        }
        Dialect::Preset => {
            let found = systemd::presets(root, state);
            files.extend(found.files.into_iter().filter_map(|file| relative(file, "/etc/systemd/")));
            // What is wanted of the firewall is none of its business.
            notes = found.notes;
            notes.extend(systemd::not_preset(state));
        }
        Dialect::Recipe(language) => {
            let (name, text, not_said) = super::write(root, state, &default_zone, language);
            files.insert(name, text);
            notes.extend(not_said);
        }
    }
    let once: BTreeSet<Note> = notes.into_iter().collect();
    Ok(Exported {
        files,
        notes: once.into_iter().collect(),
    })
}

/// A file's path from `directory`, and its text.
fn relative(file: DesiredFile, directory: &str) -> Option<(String, String)> {
    let Content::File { text, .. } = file.content else {
        return None;
    };
    let path = file.path.strip_prefix(directory)?.to_owned();
    Some((path, text))
}
