//! What was applied on this node, in `/var/lib/nodeshim/applied.toml`: outside of the image, so
//! that it outlives an upgrade of it, and writable where `/usr` is not.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::job::JobResult;
use super::units::RecordedUnits;
use crate::error::{Error, Result};
use crate::intent::{Intent, Scope};
use crate::root::Root;

/// The file.
pub(crate) const PATH: &str = "/var/lib/nodeshim/applied.toml";
const DIRECTORY: &str = "/var/lib/nodeshim";
const FORMAT: u64 = 1;

/// What was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Applied {
    format: u64,
    /// The boot in which it was.
    #[serde(default)]
    pub boot: String,
    /// Files of the firewall were being changed, and the running firewall does not have it yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// The digest of the firewall's files as they were loaded in that boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<String>,
    /// All that applying depends on, as it was before; none unless nothing was left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// What was recorded of units.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        with = "super::units::written"
    )]
    pub units: RecordedUnits,
    /// Path → digest of what was recorded for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// File of iptables rules → the rules in our blocks of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, BTreeSet<String>>,
    /// What policy had put off until a boot and was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Postponed>,
    /// Deferred starts that were tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "deferred")]
    pub attempts: Vec<Attempt>,
}

impl Default for Applied {
    fn default() -> Self {
        Applied {
            format: FORMAT,
            boot: String::new(),
            pending: false,
            loaded: None,
            stamp: None,
            units: BTreeMap::new(),
            files: BTreeMap::new(),
            rules: BTreeMap::new(),
            released: Vec::new(),
            attempts: Vec::new(),
        }
    }
}

/// An intent that had been put off and was carried out on this node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Postponed {
    /// Who wants it.
    pub plugin: String,
    /// The intent.
    #[serde(flatten)]
    pub intent: Intent,
}

/// What tells a deferred request from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptKey<'a> {
    /// The plugin.
    pub plugin: &'a str,
    /// Its package; another version's request is another request.
    pub nevra: Option<&'a str>,
    /// What was asked for, as systemctl names it.
    pub verb: &'a str,
    /// The unit or pattern.
    pub unit: &'a str,
    /// Whose manager it was asked of.
    pub scope: Scope,
}

/// A deferred request that was tried, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Attempt {
    /// The plugin.
    pub plugin: String,
    /// Its package; another version's request is another request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nevra: Option<String>,
    /// What was asked for, as systemctl names it.
    pub verb: String,
    /// The unit, or the pattern of names that was asked for.
    pub unit: String,
    /// Whose manager it was asked of.
    #[serde(default, skip_serializing_if = "Scope::is_system")]
    pub scope: Scope,
    /// The pattern that matched the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The boot of the last attempt.
    pub boot: String,
    /// How many boots have tried.
    pub attempts: u32,
    /// How it ended; none while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JobResult>,
}

impl Attempt {
    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.result.as_ref().is_some_and(|outcome| !matches!(outcome, JobResult::Failed(_)))
    }

    /// What was tried.
    pub(crate) fn asked(&self) -> AttemptKey<'_> {
        AttemptKey {
            plugin: &self.plugin,
            nevra: self.nevra.as_deref(),
            verb: &self.verb,
            unit: &self.unit,
            scope: self.scope,
        }
    }
}

impl Applied {
    /// Reads the file; a node without one has applied nothing. A newer format is refused.
    pub(crate) fn load(root: &Root) -> Result<Applied> {
        let Some(text) = root.read_own(PATH)? else {
            return Ok(Applied::default());
        };
        let applied: Applied =
            toml::from_str(&text).map_err(|error| Error::damaged(PATH, error.message()))?;
        if applied.format > FORMAT {
            return Err(Error::NewerFormat {
                path: PATH.into(),
                found: applied.format,
                supported: FORMAT,
            });
        }
        Ok(applied)
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(&self, root: &Root) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Error::malformed(PATH, error.to_string()))?;
        root.create_dirs(DIRECTORY, 0o755)?;
        root.write_synced(PATH, text.as_bytes(), Some(0o600))
    }

    /// The attempt at a deferred request, if there was one.
    pub(crate) fn attempt(&self, asked: &AttemptKey) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.asked() == *asked)
    }

    /// The units that a pattern matched when it was looked for.
    pub(crate) fn matched(&self, pattern: &AttemptKey) -> Vec<String> {
        let of_pattern = |attempt: &&Attempt| {
            let asked = AttemptKey {
                unit: pattern.unit,
                ..attempt.asked()
            };
            attempt.pattern.as_deref() == Some(pattern.unit) && asked == *pattern
        };
        self.attempts.iter().filter(of_pattern).map(|attempt| attempt.unit.clone()).collect()
    }
}
