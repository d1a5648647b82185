//! What settling knows besides the journal.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::policy::Rules;
use crate::root::Root;
use crate::rpmdb::Installed;

/// The image's packages and configuration, read once.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What is installed.
    pub installed: Installed,
    /// The image's configuration.
    pub config: Config,
    /// What everything is judged by; none for the policy that the image has now.
    pub policy: Option<Rules>,
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
            policy: None,
        })
    }

    /// With the policy that a run began with, whatever the image's own says since.
    pub fn judged_by(self, rules: Rules) -> Facts {
        Facts {
            policy: Some(rules),
            ..self
        }
    }
}
