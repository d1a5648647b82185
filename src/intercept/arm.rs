//! Putting the shims into an image root.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::armed::incoming;
use super::identity::{Identity, Standing, fingerprint};
use super::paths::tool_paths;
use super::{Armed, Diverted, KeptShim, SHIM_PATH, check_image, disarm};
use crate::digest::digest;
use crate::error::{Error, Result, if_exists};
use crate::journal::{DIRECTORY, keep_private};
use crate::root::{Kind, Root};

/// Diverts every tool path to the shim whose bytes are given. The image must not be armed. Each
/// path is swapped in one step: there is no moment without the tool. If one cannot be, all is put
/// back as it was.
///
/// # Errors
/// What [`check_image`] refuses, and a path that cannot be diverted; then everything is put back as it was.
pub fn arm(root: &Root, shim: &[u8]) -> Result<Armed> {
    check_image(root)?;
    divert_all(root, shim).map_err(|error| match disarm(root, None) {
        Ok(_) => error,
        Err(second) => error.followed_by(format!("and it could not be put back as it was: {second}")),
    })
}

fn divert_all(root: &Root, shim: &[u8]) -> Result<Armed> {
    root.create_dirs(DIRECTORY, 0o755)?;
    keep_private(root)?;
    root.write_synced(SHIM_PATH, shim, Some(0o755))?;
    let digest = digest(shim);
    let identity = Identity::of_known(&digest, root.meta(SHIM_PATH)?);
    let mut tools = Vec::new();
    let mut directories = Vec::new();
    for tool in tool_paths(root)? {
        let there = if_exists(root.meta(&tool.path))?;
        // A directory cannot be executed.
        let is_tool = there.is_none_or(|meta| meta.kind != Kind::Dir);
        if is_tool && !(tool.only_if_missing && there.is_some()) {
            missing_directories(root, &tool.path, &mut directories);
            // A shim that was left behind hides no original.
            let is_original = identity.at(root, &tool.path)? == Standing::Other;
            tools.push(Diverted {
                original: if is_original {
                    fingerprint(root, &tool.path)?
                } else {
                    None
                },
                path: tool.path,
                only_if_missing: tool.only_if_missing,
            });
        }
    }
    let armed = Armed::new(Some(digest), directories, tools);
    armed.save(root)?;
    for tool in &armed.tools {
        divert(root, &identity, tool)?;
    }
    super::disarm::sync(root, &armed)?;
    Ok(armed)
}

/// Puts the shim back where a transaction has replaced or erased it since the image was armed. What
/// the transaction installed is moved aside as the original and noted in the list; what it erased is
/// gone. `shim` is written again if the shim itself was changed.
///
/// # Errors
/// If a path cannot be read or swapped.
pub fn reassert(root: &Root, armed: &mut Armed, shim: &KeptShim, is_whole: bool) -> Result<()> {
    let digest = digest_of(armed, shim)?;
    let identity = match if_exists(root.meta(SHIM_PATH))? {
        Some(place) if is_whole => Identity::of_known(&digest, place),
        _ => Identity::of_shim(root, Some(&digest))?,
    };
    let identity = if identity.is_whole() {
        identity
    } else {
        rewrite(root, armed, &identity, &shim.bytes()?)?
    };
    let before = armed.clone();
    for tool in &mut armed.tools {
        match identity.at(root, &tool.path)? {
            Standing::Shim | Standing::Directory => {}
            Standing::Other if tool.only_if_missing => {}
            Standing::Other => {
                tool.original = fingerprint(root, &tool.path)?;
                divert(root, &identity, tool)?;
            }
            Standing::Nothing => {
                if if_exists(root.meta(tool.real()))?.is_some() {
                    root.remove(tool.real())?;
                }
                tool.original = None;
                divert(root, &identity, tool)?;
            }
        }
    }
    if *armed == before && root.exists(super::ARMED_PATH) {
        return Ok(());
    }
    armed.save(root)
}

fn digest_of(armed: &Armed, shim: &KeptShim) -> Result<String> {
    match &armed.shim {
        Some(digest) => Ok(digest.clone()),
        None => Ok(digest(&shim.bytes()?)),
    }
}

/// Writes the shim again, and takes those of its names out of the way that have something else written
/// into them: they are no originals.
fn rewrite(root: &Root, armed: &Armed, spoilt: &Identity, shim: &[u8]) -> Result<Identity> {
    let mut names = Vec::new();
    for tool in &armed.tools {
        if spoilt.at(root, &tool.path)? == Standing::Shim {
            names.push(&tool.path);
        }
    }
    root.write_synced(SHIM_PATH, shim, Some(0o755))?;
    for name in names {
        put_shim(root, name)?;
    }
    Identity::of_shim(root, Some(&digest(shim)))
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

/// Puts the shim at a path where it is not yet.
fn divert(root: &Root, identity: &Identity, tool: &Diverted) -> Result<()> {
    let path = tool.path.display();
    swap_in(root, identity, tool).map_err(|error| match error.errno() {
        Some(Errno::EXDEV) => Error::Refused(format!(
            "{path}: cannot be diverted: it is on another file system than {DIRECTORY} of the image"
        )),
        Some(Errno::EBUSY) => {
            Error::Refused(format!("{path}: cannot be diverted: something is mounted on it"))
        }
        _ => error,
    })
}

fn swap_in(root: &Root, identity: &Identity, tool: &Diverted) -> Result<()> {
    let path = &tool.path;
    if let Some(parent) = path.parent() {
        root.create_dirs(parent, 0o755)?;
    }
    match identity.at(root, path)? {
        Standing::Directory => Ok(()),
        Standing::Nothing => root.hard_link(SHIM_PATH, path),
        // It may be of another build, and is no name of this one then.
        Standing::Shim => put_shim(root, path),
        Standing::Other => {
            let real = tool.real();
            let incoming = tool.incoming();
            link_shim(root, &incoming)?;
            root.exchange(&incoming, path)?;
            root.rename(&incoming, &real)
        }
    }
}

/// Puts the shim at a path in the place of what is there.
fn put_shim(root: &Root, path: &Path) -> Result<()> {
    let incoming = incoming(path);
    link_shim(root, &incoming)?;
    root.rename(&incoming, path)?;
    // Nothing happens where both are names of one file.
    if root.exists(&incoming) {
        root.remove(&incoming)
    } else {
        Ok(())
    }
}

fn link_shim(root: &Root, incoming: &Path) -> Result<()> {
    if let Some(parent) = incoming.parent() {
        root.create_dirs(parent, 0o755)?;
    }
    if root.exists(incoming) {
        root.remove(incoming)?;
    }
    root.hard_link(SHIM_PATH, incoming)
}
