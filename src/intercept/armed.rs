//! `armed.toml`: what is diverted in an image.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::paths::tool_paths;
use super::{ARMED_PATH, REAL_DIRECTORY, SHIM_PATH};
use crate::error::{Error, Result};
use crate::journal::DIRECTORY;
use crate::root::Root;

/// Since 2 with digests.
const FORMAT: u64 = 2;

/// The list of diverted paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Armed {
    format: u64,
    /// SHA-256 of the shim, lower case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shim: Option<String>,
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
    /// The path that the shim is at.
    pub path: PathBuf,
    /// Never put back over something that a transaction brought.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_if_missing: bool,
    /// The original that waits: SHA-256 of a file, `-> TARGET` of a link; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

impl Diverted {
    /// Where the original waits, if there was one.
    pub fn real(&self) -> PathBuf {
        below(REAL_DIRECTORY, &self.path)
    }

    /// Where it is on its way there or back.
    pub(super) fn incoming(&self) -> PathBuf {
        incoming(&self.path)
    }
}

/// Where what is swapped in or out at a tool's path is for a moment.
pub(super) fn incoming(path: &Path) -> PathBuf {
    let mut name = below(REAL_DIRECTORY, path).into_os_string();
    name.push(".incoming");
    name.into()
}

/// A path of the image below a directory of ours.
pub(super) fn below(directory: &str, path: &Path) -> PathBuf {
    Path::new(directory).join(path.strip_prefix("/").unwrap_or(path))
}

impl Armed {
    /// A list to be written.
    pub(super) fn new(shim: Option<String>, directories: Vec<PathBuf>, tools: Vec<Diverted>) -> Armed {
        Armed {
            format: FORMAT,
            shim,
            directories,
            tools,
        }
    }

    /// Reads the list; `None` if the image is not armed.
    ///
    /// # Errors
    /// If it cannot be read, or a newer nodeshim has written it; the error names the way out.
    pub fn load(root: &Root) -> Result<Option<Armed>> {
        let Some(text) = root.read_own(ARMED_PATH)? else {
            return Ok(None);
        };
        let armed: Armed =
            toml::from_str(&text).map_err(|error| Error::damaged(ARMED_PATH, error.message().trim_end()))?;
        if armed.format > FORMAT {
            return Err(Error::NewerFormat {
                path: ARMED_PATH.into(),
                found: armed.format,
                supported: FORMAT,
            });
        }
        Ok(Some(armed))
    }

    /// Whether the list has digests of what is diverted.
    pub(super) fn has_digests(&self) -> bool {
        self.format >= FORMAT
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
            original: None,
        });
        let mut armed = Armed::new(None, Vec::new(), tools.collect());
        armed.format = 1;
        Ok(Some(armed))
    }

    /// Writes the list, so that a power cut leaves nothing diverted that no list names.
    ///
    /// # Errors
    /// If the list cannot be written or synced.
    pub fn save(&self, root: &Root) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Error::malformed(ARMED_PATH, error.to_string()))?;
        root.write_synced(ARMED_PATH, text.as_bytes(), None)?;
        root.sync(DIRECTORY)
    }
}
