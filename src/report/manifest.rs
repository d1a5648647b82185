//! oVirt Node's manifests of an image, `manifest-KIND.txt`, and `delta-manifest-KIND.txt`, what
//! changed since earlier ones.
//!
//! They have the lines that Node's own have, in an order and with sizes that depend on nothing but
//! the image: sorted by path, a file's length in KiB, rounded up, instead of the blocks that it takes
//! on some file system. Public keys, which rpm lists as packages, are left out.

mod delta;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use self::delta::{Units, delta};
pub use self::tree::DIRECTORY;
use self::tree::Tree;
use crate::error::{Result, if_exists};
use crate::root::Root;
use crate::rpmdb::{About, about, trial_removal};

/// The kinds, in the order in which they are written.
const KINDS: [&str; 7] = ["rpm", "srpm", "license", "file", "dir", "owns", "deps"];

/// The manifests of an image and their differences to those that are in `earlier`, by file name.
/// Where there is no earlier one, every line is new; the second value names these kinds.
///
/// # Errors
/// If the rpm database, the image or an earlier manifest cannot be read.
pub fn manifests(
    root: &Root,
    earlier: &Root,
    directory: &str,
) -> Result<(BTreeMap<String, String>, Vec<&'static str>)> {
    let packages = about(root)?;
    let tree = Tree::load(root)?;
    let (mut files, mut without) = (BTreeMap::new(), Vec::new());
    for kind in KINDS {
        let text = match kind {
            "rpm" => lines(packages.iter().map(signed)),
            "srpm" => lines(packages.iter().map(|one| or_none(&one.source))),
            "license" => lines(packages.iter().map(|one| or_none(&one.license))),
            "file" => tree.all(),
            "dir" => tree.directories(),
            "owns" => tree.owners(),
            _ => deps(root, &packages)?,
        };
        let name = format!("manifest-{kind}.txt");
        let old = if_exists(earlier.read(format!("{directory}/{name}")))?;
        if old.is_none() {
            without.push(kind);
        }
        let old = String::from_utf8_lossy(&old.unwrap_or_default()).into_owned();
        let units = match kind {
            "owns" => Units::Pairs,
            "deps" => Units::Indented,
            _ => Units::Lines,
        };
        files.insert(format!("delta-{name}"), delta(&name, units, &old, &text));
        files.insert(name, text);
    }
    Ok((files, without))
}

/// Writes manifests where oVirt Node keeps them. One that says the same as the one that is there is
/// left alone, and so is what it says of the one before it: doing it twice changes nothing.
///
/// # Errors
/// If a manifest cannot be written.
pub fn keep(root: &Root, manifests: &BTreeMap<String, String>) -> Result<()> {
    root.create_dirs(DIRECTORY, 0o755)?;
    for kind in KINDS {
        let name = format!("manifest-{kind}.txt");
        let (path, delta) = (format!("{DIRECTORY}/{name}"), format!("delta-{name}"));
        let Some(text) = manifests.get(&name) else {
            continue;
        };
        if if_exists(root.read(&path))?.is_some_and(|there| there == text.as_bytes()) {
            continue;
        }
        // The delta first: a manifest that is there tells that its delta is.
        let changed = manifests.get(&delta).map_or("", String::as_str);
        root.write(format!("{DIRECTORY}/{delta}"), changed.as_bytes(), Some(0o644))?;
        root.write(&path, text.as_bytes(), Some(0o644))?;
    }
    Ok(())
}

/// Sorted, each once.
fn lines(lines: impl Iterator<Item = String>) -> String {
    let sorted: BTreeSet<String> = lines.map(|line| one_line(&line)).collect();
    sorted.into_iter().map(|line| line + "\n").collect()
}

/// A package's text must not make a line of its own.
fn one_line(text: &str) -> String {
    crate::escape::printable(text)
}

fn or_none(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "(none)".into())
}

/// `name-version-release.arch (signature)`; rpm's `(none)` stands in the parentheses, too.
fn signed(package: &About) -> String {
    format!("{} ({})", package.nvra(), or_none(&package.signature))
}

/// What rpm says of the removal of each package.
fn deps(root: &Root, packages: &[About]) -> Result<String> {
    let mut text = String::new();
    for package in packages {
        for line in trial_removal(root, &package.nvra())? {
            text.push_str(&line);
            text.push('\n');
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_cannot_forge_a_line() {
        assert_eq!(lines(["MIT".to_owned(), "x\nGPL".into(), "MIT".into()].into_iter()), "MIT\nx\\u{a}GPL\n");
    }
}
