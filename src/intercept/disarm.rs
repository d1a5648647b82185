//! Taking the shims out of an image root, from whatever state a crash left it in.

use std::path::{Path, PathBuf};

use super::arm::with_suffix;
use super::armed::{Identity, Standing};
use super::{ARMED_PATH, Armed, Diverted, REAL_DIRECTORY, SHIM_PATH};
use crate::error::{Result, if_exists};
use crate::root::{Kind, Root};

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disarmed {
    /// Paths whose original is back, or where nothing is again.
    pub restored: Vec<PathBuf>,
    /// Paths that were left as the transaction made them.
    pub kept: Vec<PathBuf>,
}

/// Restores every diverted path, and finishes what was interrupted. `None` if there is nothing to
/// be done: the image is not armed.
pub fn disarm(root: &Root) -> Result<Option<Disarmed>> {
    let listed = Armed::load(root)?;
    let is_listed = listed.is_some();
    let Some(armed) = listed.map_or_else(|| Armed::without_list(root), |armed| Ok(Some(armed)))? else {
        return Ok(None);
    };
    let identity = Identity::of_shim(root)?;
    let mut done = Disarmed::default();
    for tool in &armed.tools {
        if restore(root, &identity, tool)? {
            done.restored.push(tool.path.clone());
        } else {
            done.kept.push(tool.path.clone());
        }
    }
    for directory in armed.directories.iter().rev() {
        // What a transaction put there since keeps it.
        if if_exists(root.list(directory))?.is_some_and(|entries| entries.is_empty()) {
            root.remove_dir(directory)?;
        }
    }
    remove_empty_tree(root, Path::new(REAL_DIRECTORY))?;
    if root.exists(SHIM_PATH) {
        root.remove(SHIM_PATH)?;
    }
    if is_listed {
        root.remove(ARMED_PATH)?;
    }
    Ok(Some(done))
}

/// Restores one path; `false` if it was left as it is.
fn restore(root: &Root, identity: &Identity, tool: &Diverted) -> Result<bool> {
    let real = tool.real();
    let incoming = with_suffix(&real, ".incoming");
    // A crash between swapping and renaming: this is the newer original.
    match identity.at(root, &incoming)? {
        Standing::Other => root.rename(&incoming, &real)?,
        Standing::Shim => root.remove(&incoming)?,
        Standing::Directory | Standing::Nothing => {}
    }
    let original = identity.at(root, &real)?;
    match identity.at(root, &tool.path)? {
        Standing::Shim if original == Standing::Other => root.rename(&real, &tool.path)?,
        Standing::Shim => root.remove(&tool.path)?,
        Standing::Other | Standing::Directory | Standing::Nothing => {
            if original != Standing::Nothing {
                root.remove(&real)?;
            }
            return Ok(false);
        }
    }
    Ok(true)
}

fn remove_empty_tree(root: &Root, directory: &Path) -> Result<()> {
    for entry in if_exists(root.list(directory))?.unwrap_or_default() {
        if entry.kind == Kind::Dir {
            remove_empty_tree(root, &directory.join(entry.name))?;
        }
    }
    if if_exists(root.list(directory))?.is_some_and(|entries| entries.is_empty()) {
        root.remove_dir(directory)?;
    }
    Ok(())
}
