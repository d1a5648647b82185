//! oVirt's own record of plugins: a file a package in `/etc/ovirt-plugins.d`, three lines, as its
//! tools read it.

use std::collections::BTreeMap;

use crate::error::{Result, if_exists};
use crate::firewall::valid;
use crate::root::{Kind, Root};
use crate::rpmdb;

/// Where the records are. Other files there have an extension.
pub const DIRECTORY: &str = "/etc/ovirt-plugins.d";

/// The records by file name; changes nothing.
pub fn ovirt_records(root: &Root) -> Result<BTreeMap<String, String>> {
    let records = rpmdb::records(root)?.into_iter().filter(|[name, ..]| valid::name(name));
    let text = |[name, version, time]: [String; 3]| {
        let text = format!("Name:{name}\nVersion:{version}\nInstall Date:{time}\n");
        (name, text)
    };
    Ok(records.map(text).collect())
}

/// Writes the record of each package that says it is a plugin, and removes the records of packages
/// that are no longer there. Doing it twice changes nothing.
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
