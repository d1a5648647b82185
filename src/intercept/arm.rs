//! Putting the shims into an image root.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::armed::{Identity, Standing};
use super::paths::tool_paths;
use super::{Armed, Diverted, SHIM_PATH, check_image, disarm};
use crate::error::{Error, Result, if_exists};
use crate::journal::DIRECTORY;
use crate::root::{Kind, Root};

/// Diverts every tool path to the shim whose bytes are given. The image must not be armed. Each
/// path is swapped in one step: there is no moment without the tool. If one cannot be, all is put
/// back as it was.
pub fn arm(root: &Root, shim: &[u8]) -> Result<Armed> {
    check_image(root)?;
    divert_all(root, shim).map_err(|error| match disarm(root) {
        Ok(_) => error,
        Err(second) => Error::Other(format!("{error}; and it could not be put back as it was: {second}")),
    })
}

fn divert_all(root: &Root, shim: &[u8]) -> Result<Armed> {
    root.create_dirs(DIRECTORY, 0o755)?;
    root.write(SHIM_PATH, shim, Some(0o755))?;
    let mut tools = Vec::new();
    let mut directories = Vec::new();
    for tool in tool_paths(root)? {
        let there = if_exists(root.meta(&tool.path))?;
        // Nobody can call a directory.
        let is_tool = there.is_none_or(|meta| meta.kind != Kind::Dir);
        if is_tool && !(tool.only_if_missing && there.is_some()) {
            missing_directories(root, &tool.path, &mut directories);
            tools.push(Diverted {
                path: tool.path,
                only_if_missing: tool.only_if_missing,
            });
        }
    }
    let armed = Armed::new(directories, tools);
    armed.save(root)?;
    let identity = Identity::of_shim(root)?;
    for tool in &armed.tools {
        divert(root, &identity, tool)?;
    }
    Ok(armed)
}

/// Puts the shim back where a transaction has replaced or erased it since the image was armed.
/// What the transaction brought is kept aside as the original; what it erased is gone.
pub fn reassert(root: &Root, armed: &Armed) -> Result<()> {
    let identity = Identity::of_shim(root)?;
    for tool in &armed.tools {
        let standing = identity.at(root, &tool.path)?;
        match standing {
            Standing::Shim | Standing::Directory => {}
            Standing::Other if tool.only_if_missing => {}
            Standing::Other => divert(root, &identity, tool)?,
            Standing::Nothing => {
                if identity.at(root, &tool.real())? != Standing::Nothing {
                    root.remove(tool.real())?;
                }
                divert(root, &identity, tool)?;
            }
        }
    }
    Ok(())
}

fn missing_directories(root: &Root, path: &Path, directories: &mut Vec<PathBuf>) {
    let parents = path.parent().into_iter().flat_map(Path::ancestors);
    let missing: Vec<&Path> =
        parents.take_while(|dir| dir.file_name().is_some() && !root.is_dir(dir)).collect();
    for dir in missing.into_iter().rev() {
        if !directories.iter().any(|known| known == dir) {
            directories.push(dir.to_owned());
        }
    }
}

/// Makes the shim stand at a path that it does not stand at.
fn divert(root: &Root, identity: &Identity, tool: &Diverted) -> Result<()> {
    let path = tool.path.display();
    swap_in(root, identity, tool).map_err(|error| match error.errno() {
        Some(Errno::EXDEV) => Error::Other(format!(
            "{path}: cannot be diverted: it lies on another file system than {DIRECTORY} of the image"
        )),
        Some(Errno::EBUSY) => Error::Other(format!("{path}: cannot be diverted: something is mounted on it")),
        _ => error,
    })
}

fn swap_in(root: &Root, identity: &Identity, tool: &Diverted) -> Result<()> {
    let path = &tool.path;
    if let Some(parent) = path.parent() {
        root.create_dirs(parent, 0o755)?;
    }
    match identity.at(root, path)? {
        Standing::Shim | Standing::Directory => Ok(()),
        Standing::Nothing => root.hard_link(SHIM_PATH, path),
        Standing::Other => {
            let real = tool.real();
            let incoming = with_suffix(&real, ".incoming");
            if let Some(parent) = real.parent() {
                root.create_dirs(parent, 0o755)?;
            }
            if root.exists(&incoming) {
                root.remove(&incoming)?;
            }
            root.hard_link(SHIM_PATH, &incoming)?;
            root.exchange(&incoming, path)?;
            root.rename(&incoming, &real)
        }
    }
}

/// The name under which an original is on its way to its waiting place.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
