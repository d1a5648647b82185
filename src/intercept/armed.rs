//! `armed.toml`: what is diverted in an image.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::paths::tool_paths;
use super::{ARMED_PATH, REAL_DIRECTORY, SHIM_PATH};
use crate::error::{Error, Result, if_exists};
use crate::root::{Kind, Meta, Root};

const FORMAT: u64 = 1;

/// The list of diverted paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Armed {
    format: u64,
    /// Directories that were made to hold a shim, outermost first; removed again if empty.
    #[serde(default)]
    pub directories: Vec<PathBuf>,
    /// The paths.
    #[serde(default, rename = "tool")]
    pub tools: Vec<Diverted>,
}

/// One diverted path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diverted {
    /// Where the shim stands.
    pub path: PathBuf,
    /// Never put back over something that a transaction brought.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_if_missing: bool,
}

impl Diverted {
    /// Where the original waits, if there was one.
    pub fn real(&self) -> PathBuf {
        let relative = self.path.strip_prefix("/").unwrap_or(&self.path);
        Path::new(REAL_DIRECTORY).join(relative)
    }
}

impl Armed {
    /// A list to be written.
    pub(super) fn new(directories: Vec<PathBuf>, tools: Vec<Diverted>) -> Armed {
        Armed {
            format: FORMAT,
            directories,
            tools,
        }
    }

    /// Reads the list; `None` if the image is not armed.
    pub fn load(root: &Root) -> Result<Option<Armed>> {
        let Some(text) = if_exists(root.read_text(ARMED_PATH))? else {
            return Ok(None);
        };
        let armed: Armed =
            toml::from_str(&text).map_err(|error| Error::malformed(ARMED_PATH, error.message()))?;
        if armed.format > FORMAT {
            return Err(Error::NewerFormat {
                path: ARMED_PATH.into(),
                found: armed.format,
                supported: FORMAT,
            });
        }
        Ok(Some(armed))
    }

    /// What there may be to put back where a shim or an original is left without a list: every
    /// path that is ever diverted. `None` if there is neither.
    pub(super) fn without_list(root: &Root) -> Result<Option<Armed>> {
        if !root.exists(SHIM_PATH) && !root.exists(REAL_DIRECTORY) {
            return Ok(None);
        }
        let tools = tool_paths(root)?.into_iter().map(|tool| Diverted {
            path: tool.path,
            only_if_missing: tool.only_if_missing,
        });
        Ok(Some(Armed::new(Vec::new(), tools.collect())))
    }

    /// Writes the list.
    pub(super) fn save(&self, root: &Root) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Error::malformed(ARMED_PATH, error.to_string()))?;
        root.write(ARMED_PATH, text.as_bytes(), None)
    }
}

/// Tells the shim from anything else by its identity.
pub(super) struct Identity {
    shim: Option<Meta>,
}

impl Identity {
    /// Looks at the shim's own place in the image.
    pub(super) fn of_shim(root: &Root) -> Result<Identity> {
        Ok(Identity {
            shim: if_exists(root.meta(SHIM_PATH))?,
        })
    }

    /// What stands at `path`.
    pub(super) fn at(&self, root: &Root, path: &Path) -> Result<Standing> {
        Ok(match if_exists(root.meta(path))? {
            None => Standing::Nothing,
            Some(meta) if self.is_shim(&meta) => Standing::Shim,
            Some(meta) if meta.kind == Kind::Dir => Standing::Directory,
            Some(_) => Standing::Other,
        })
    }

    fn is_shim(&self, meta: &Meta) -> bool {
        self.shim.is_some_and(|shim| (shim.device, shim.inode) == (meta.device, meta.inode))
    }
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Nothing,
    /// Our shim.
    Shim,
    /// A directory, which is never diverted.
    Directory,
    /// Something else: an original.
    Other,
}
