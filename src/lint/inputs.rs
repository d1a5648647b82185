//! The files that are looked at where a directory is named.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::root::{Kind, Root};

/// Endings of the files that are understood.
const ENDINGS: [&str; 3] = ["rpm", "spec", "toml"];

/// Each path; of a directory the packages, spec files and metadata files in it and below it, in order.
///
/// # Errors
/// If a directory cannot be read.
pub fn inputs(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let host = Root::open("/")?;
    let mut found = Vec::new();
    for path in paths {
        match std::path::absolute(path) {
            // A directory with the name of a package is reported as no package.
            Ok(absolute) if host.is_dir(&absolute) && path.extension().is_none_or(|end| end != "rpm") => {
                below(&host, &absolute, &mut found)?;
            }
            _ => found.push(path.clone()),
        }
    }
    Ok(found)
}

fn below(host: &Root, directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = host.list(directory)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in entries {
        let path = directory.join(&entry.name);
        let is_known = || path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        match entry.kind {
            Kind::Dir => below(host, &path, found)?,
            Kind::File if is_known() => found.push(path),
            _ => {}
        }
    }
    Ok(())
}
