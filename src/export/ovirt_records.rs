//! oVirt's own record of plugins: a file a package in `/etc/ovirt-plugins.d`, three lines, as its
//! tools read it, and `NAME.firewall` next to it with the ports that the package wants open.

use std::collections::BTreeMap;

use super::{Dialect, export};
use crate::error::{Result, if_exists};
use crate::firewall::valid;
use crate::metadata::GENERATED;
use crate::plan::Note;
use crate::root::{Kind, Root};
use crate::rpmdb;
use crate::state::State;

/// Where the records are. Other files there have an extension.
pub const DIRECTORY: &str = "/etc/ovirt-plugins.d";

/// The records by file name; changes nothing.
fn ovirt_records(root: &Root) -> Result<BTreeMap<String, String>> {
    let records = rpmdb::records(root)?.into_iter().filter(|[name, ..]| valid::name(name));
    let text = |[name, version, time]: [String; 3]| {
        let text = format!("Name:{name}\nVersion:{version}\nInstall Date:{time}\n");
        (name, text)
    };
    Ok(records.map(text).collect())
}

/// The records, and the ports of each plugin, by file name, with what these cannot say; changes
/// nothing.
///
/// # Errors
/// If the rpm database or the image's firewall configuration cannot be read.
pub fn ovirt_files(root: &Root, state: &State) -> Result<(BTreeMap<String, String>, Vec<Note>)> {
    let exported = export(root, state, Dialect::OvirtFirewall)?;
    let mut files = ovirt_records(root)?;
    let generated = exported.files.into_iter().map(|(name, ports)| (name, format!("{GENERATED}{ports}")));
    files.extend(generated);
    Ok((files, exported.notes))
}

/// Writes such files into the image, and removes those that are no longer among them. Ports that a
/// package names in a file of its own stay as they are, which is remarked on.
///
/// # Errors
/// If the rpm database cannot be read or a file cannot be written.
pub fn keep_ovirt_files(root: &Root, files: &BTreeMap<String, String>) -> Result<Vec<Note>> {
    register(root)?;
    let mut notes = Vec::new();
    let of_ports = |name: &str| name.ends_with(".firewall");
    for (name, text) in files.iter().filter(|(name, _)| of_ports(name)) {
        let path = format!("{DIRECTORY}/{name}");
        match if_exists(root.read(&path))? {
            Some(there) if there == text.as_bytes() => continue,
            Some(there) if !there.starts_with(GENERATED.as_bytes()) => {
                let text = format!("{path} is not nodeshim's and stays as it is");
                notes.push(Note::new(name.strip_suffix(".firewall"), text, &[]));
                continue;
            }
            _ => {}
        }
        root.create_dirs(DIRECTORY, 0o755)?;
        root.write(&path, text.as_bytes(), Some(0o644))?;
    }
    for entry in if_exists(root.list(DIRECTORY))?.unwrap_or_default() {
        let Some(name) = entry.name.to_str().filter(|name| entry.kind == Kind::File && of_ports(name)) else {
            continue;
        };
        let path = format!("{DIRECTORY}/{name}");
        if !files.contains_key(name)
            && root.read(&path).is_ok_and(|there| there.starts_with(GENERATED.as_bytes()))
        {
            root.remove(&path)?;
        }
    }
    Ok(notes)
}

/// Writes the record of each package that says it is a plugin, and removes the records of packages
/// that are no longer there. Doing it twice changes nothing.
///
/// # Errors
/// If the rpm database cannot be read or a record cannot be written.
pub fn register(root: &Root) -> Result<()> {
    let records = ovirt_records(root)?;
    if !records.is_empty() {
        root.create_dirs(DIRECTORY, 0o755)?;
    }
    for (name, text) in &records {
        let path = format!("{DIRECTORY}/{name}");
        if if_exists(root.read(&path))?.is_none_or(|there| there != text.as_bytes()) {
            root.write(&path, text.as_bytes(), Some(0o644))?;
        }
    }
    for entry in if_exists(root.list(DIRECTORY))?.unwrap_or_default() {
        let Some(name) = entry.name.to_str().filter(|_| entry.kind == Kind::File) else {
            continue;
        };
        let path = format!("{DIRECTORY}/{name}");
        let is_record = root.read_text(&path).is_ok_and(|text| text.starts_with(&format!("Name:{name}\n")));
        if is_record && !records.contains_key(name) {
            root.remove(&path)?;
        }
    }
    Ok(())
}
