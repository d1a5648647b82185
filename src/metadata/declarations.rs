//! The metadata files of an image, and what those of installed plugins declare.

use std::collections::BTreeMap;

use super::{DIRECTORY, Metadata, NodeVersion, parse};
use crate::attribution::is_package;
use crate::error::{Result, if_exists};
use crate::plan::Note;
use crate::root::{Kind, Root};
use crate::rpmdb::{Installed, owners_of};
use crate::state::Declaration;

/// The metadata files of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// By the name that the file is called by.
    pub files: BTreeMap<String, Metadata>,
    /// The packages that own the files, by the same names; a file that no package owns has none.
    pub owners: BTreeMap<String, String>,
    /// What could not be read, one remark a file.
    pub notes: Vec<Note>,
}

/// The path of a plugin's file.
pub(super) fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}.toml")
}

/// Reads every file. One that cannot be read is remarked on and declares nothing: a package must
/// not be able to keep the others from being settled.
///
/// # Errors
/// If the directory of metadata cannot be listed, or rpm cannot be asked for the owners.
pub fn load_all(root: &Root) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut entries = if_exists(root.list(DIRECTORY))?.unwrap_or_default();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Dir) {
        let Some(name) = entry.name.to_str().and_then(|name| name.strip_suffix(".toml")) else {
            continue;
        };
        let path = path(name);
        let text = match root.read_text(&path) {
            Ok(text) => text,
            Err(error) => {
                loaded.notes.push(Note::new(None, error.to_string(), &[]));
                continue;
            }
        };
        match parse(&text) {
            Ok(metadata) => {
                loaded.files.insert(name.to_owned(), metadata);
            }
            Err(problems) => {
                let first =
                    problems.first().map_or(String::new(), |p| format!("line {}: {}", p.line, p.text));
                loaded.notes.push(Note::new(None, format!("{path} declares nothing: {first}"), &[]));
            }
        }
    }
    let names: Vec<&String> = loaded.files.keys().collect();
    let paths: Vec<String> = names.iter().map(|name| path(name)).collect();
    if !paths.is_empty() {
        let owners: BTreeMap<String, String> = owners_of(root, &paths)?.into_iter().collect();
        let owner = |name: &String| Some((name.clone(), owners.get(&path(name))?.clone()));
        loaded.owners = names.into_iter().filter_map(owner).collect();
    }
    Ok(loaded)
}

/// A file that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned<'l> {
    /// The name of the package that it is of.
    pub plugin: String,
    /// Its path.
    pub path: String,
    /// What it says.
    pub metadata: &'l Metadata,
}

/// The metadata files of installed packages. A file belongs to the package that owns it, even if it
/// has another name. A file that no package owns belongs to the package of its name, or to the package
/// that provides the plugin of its name. Files of packages that are not installed, and files that need
/// a newer node, do not count.
pub fn in_force<'l>(
    loaded: &'l Loaded,
    installed: &Installed,
    node: &NodeVersion,
) -> (Vec<Owned<'l>>, Vec<Note>) {
    let (mut owned, mut notes) = (Vec::new(), loaded.notes.clone());
    for (name, metadata) in &loaded.files {
        let path = path(name);
        let plugin = loaded.owners.get(name).unwrap_or_else(|| named(name, installed));
        if !is_package(plugin) || installed.is_known() && !installed.has(plugin) {
            let text = format!("{path} declares nothing: no package {name} is installed");
            notes.push(Note::new(None, text, &[]));
            continue;
        }
        if let Some(minimum) = &metadata.minimum_node {
            match node.is_at_least(minimum) {
                Some(true) => {}
                Some(false) => {
                    let version = node.0.as_deref().unwrap_or_default();
                    let text = format!("{path} declares nothing: it needs node {minimum}, this is {version}");
                    notes.push(Note::new(Some(plugin), text, &[]));
                    continue;
                }
                None => {
                    let text = format!("{path} needs node {minimum}; which version this is, is not known");
                    notes.push(Note::new(Some(plugin), text, &[]));
                }
            }
        }
        owned.push(Owned {
            plugin: plugin.clone(),
            path,
            metadata,
        });
    }
    (owned, notes)
}

/// The package that a file is named for: that of its name, else that which provides the plugin.
fn named<'n>(name: &'n String, installed: &'n Installed) -> &'n String {
    let provided = installed.provided();
    let at = provided.partition_point(|provided| provided.plugin < *name);
    match provided.get(at).filter(|provided| provided.plugin == *name) {
        Some(provided) if !installed.has(name) => &provided.package,
        _ => name,
    }
}

/// What the files that count declare.
pub(crate) fn declarations(
    loaded: &Loaded,
    installed: &Installed,
    node: &NodeVersion,
) -> (Vec<Declaration>, Vec<Note>) {
    let (owned, notes) = in_force(loaded, installed, node);
    let declaration = |owned: Owned| Declaration {
        nevra: installed.nevra(&owned.plugin),
        plugin: owned.plugin,
        source: owned.path,
        intents: owned.metadata.intents(),
    };
    (owned.into_iter().map(declaration).collect(), notes)
}
