//! Which paths of an image root the tools are called by.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Result, if_exists};
use crate::root::Root;
use crate::tool::{Tool, UPDATE_HELPER};

/// The directories that scriptlets find commands in, in any order of their `PATH`.
const DIRECTORIES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/// A path that a shim is put at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolPath {
    /// Absolute, through no link.
    pub path: PathBuf,
    /// A stand-in for what is missing, never for what is there.
    pub only_if_missing: bool,
}

/// Every path of every tool, each once however many links lead to its directory.
pub(super) fn tool_paths(root: &Root) -> Result<Vec<ToolPath>> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for directory in DIRECTORIES {
        let found = if_exists(root.resolve(directory))?.filter(|found| root.is_dir(found));
        // An image that is only being filled may lack even this one.
        let wanted = found.or_else(|| (directory == "/usr/bin").then(|| directory.into()));
        if let Some(wanted) = wanted.filter(|wanted| !directories.contains(wanted)) {
            directories.push(wanted);
        }
    }
    let mut paths: Vec<ToolPath> = directories
        .iter()
        .flat_map(|directory| Tool::COMMANDS.map(|tool| directory.join(tool.name())))
        .map(|path| ToolPath {
            path,
            only_if_missing: false,
        })
        .collect();
    // A script calls systemctl; a program may make links without it.
    let helper = resolve_parent(root, Path::new(UPDATE_HELPER))?;
    paths.push(ToolPath {
        only_if_missing: !is_program(root, &helper),
        path: helper,
    });
    Ok(paths)
}

/// Whether a file is no script: elf(5).
fn is_program(root: &Root, path: &Path) -> bool {
    const MAGIC: [u8; 4] = *b"\x7fELF";
    let mut start = [0; MAGIC.len()];
    root.open_read(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && start == MAGIC
}

fn resolve_parent(root: &Root, path: &Path) -> Result<PathBuf> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(path.to_owned());
    };
    Ok(if_exists(root.resolve(parent))?.unwrap_or_else(|| parent.to_owned()).join(name))
}
