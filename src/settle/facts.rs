//! What settling knows beside the journal.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::root::Root;
use crate::rpmdb::Installed;

/// The image's packages and configuration, read once.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What is installed.
    pub installed: Installed,
    /// The image's configuration.
    pub config: Config,
}

impl Facts {
    /// Reads the rpm database and the configuration; an unknown configuration key is an error.
    pub fn load(root: &Root) -> Result<Facts> {
        let (config, unknown) = Config::load(root)?;
        if let Some(key) = unknown.first() {
            return Err(Error::malformed(crate::config::PATH, format!("unknown key {key}")));
        }
        Ok(Facts {
            installed: Installed::load(root)?,
            config,
        })
    }
}
