//! nodeshim's own parts on the build host, found relative to the running program.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::root::Root;

/// Where the shim lies, relative to the directory above the program's own.
const SHIM: &str = "libexec/nodeshim/shim";
/// Where the rpm plugin lies, relative to the same.
const PLUGIN_DIRECTORY: &str = "libexec/nodeshim/rpm-plugin";
/// The rpm plugin's file name; its stem is the name that rpm loads it under.
pub(super) const PLUGIN: &str = "nodeshim.so";

/// The installed parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    prefix: PathBuf,
}

impl Parts {
    /// Finds the parts beside the running program, `PREFIX/bin/nodeshim`.
    pub fn find() -> Result<Parts> {
        let program = std::env::current_exe().map_err(|error| Error::std_io("/proc/self/exe", &error))?;
        let prefix = program.ancestors().nth(2).unwrap_or(Path::new("/"));
        Ok(Parts {
            prefix: prefix.to_owned(),
        })
    }

    /// The shim's bytes.
    pub fn shim(&self) -> Result<Vec<u8>> {
        Root::open(&self.prefix)?.read(SHIM).map_err(|error| {
            Error::Other(format!("the shim is not installed: {}/{error}", self.prefix.display()))
        })
    }

    /// The rpm plugin; `None` if it is not installed.
    pub fn plugin(&self) -> Option<PathBuf> {
        let plugin = Path::new(PLUGIN_DIRECTORY).join(PLUGIN);
        let installed = Root::open(&self.prefix).is_ok_and(|prefix| prefix.is_file(&plugin));
        installed.then(|| self.prefix.join(plugin))
    }
}
