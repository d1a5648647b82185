//! What settling knows besides the journal.

use crate::config::Config;
use crate::error::Result;
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
    ///
    /// # Errors
    /// An unreadable rpm database, and a configuration with an unknown key or an invalid value.
    pub fn load(root: &Root) -> Result<Facts> {
        let config = Config::checked(root)?;
        Ok(Facts {
            installed: Installed::load(root)?,
            config,
            policy: None,
        })
    }

    /// Those after a run: with the configuration and the policy that it began with, even if packages have changed
    /// the image's own since.
    ///
    /// # Errors
    /// An rpm database that cannot be read.
    pub fn of_run(root: &Root, config: &Config, rules: &Rules) -> Result<Facts> {
        Ok(Facts {
            installed: Installed::load(root)?,
            config: config.clone(),
            policy: Some(rules.clone()),
        })
    }
}
