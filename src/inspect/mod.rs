//! Looking at what was recorded: the data behind the admin tool's read-only verbs. The types that
//! are serialised here are what `--json` prints; their keys are stable.

mod check;
mod declared;
mod files;
mod hooks;
mod list;
mod log;
mod plugins;
mod ports;
mod registry;
mod thing;
mod units;
mod why;
pub mod words;

use std::collections::BTreeMap;

use crate::audit::Audit;
use crate::error::Result;
use crate::journal::Journal;
use crate::root::Root;
use crate::settle::{Facts, Planner, Prepared, recorded};
use crate::unrecorded::{self, Outside};

pub use check::{Difference, check};
pub use declared::{Declared, DeclaredChange, DeclaredHook};
pub use files::{ChangeEntry, ScriptletEntry, files};
pub use hooks::{Hook, hooks};
pub use list::{Row, list, shipped};
pub use log::{Entry, LoggedIntent, log};
pub use plugins::{PluginDetail, Summary, plugins, show};
pub use ports::{OpenPort, ports};
pub use registry::Registry;
pub use units::{BootUnit, units};
pub use why::{Answer, Reason, why};

/// An image's records: the journal, folded and planned, and the audit's.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// What was recorded.
    pub journal: Journal,
    /// Which files scriptlets changed.
    pub audit: Audit,
    /// The plan that follows from it.
    pub prepared: Prepared,
    /// Packages and configuration.
    pub facts: Facts,
    /// vdsm's hooks.
    pub hooks: Vec<Hook>,
    /// Packages that came, changed or went without nodeshim.
    pub outside: Vec<Outside>,
    /// What plugins declare besides intents, by package name.
    pub declared: BTreeMap<String, Declared>,
}

impl View {
    /// Reads an image; changes nothing.
    ///
    /// # Errors
    /// If records, metadata or the rpm database cannot be read; see [`Planner::plan`].
    pub fn load(root: &Root) -> Result<View> {
        let facts = Facts::load(root)?;
        let (before, journal) = recorded(root)?;
        let prepared = Planner::new(root, &facts, &journal).since(before).plan()?;
        let hooks = hooks(root)?;
        let outside = unrecorded::packages(root, &facts.installed, &prepared.before)?;
        Ok(View {
            outside,
            journal,
            audit: Audit::read(root)?,
            prepared,
            declared: declared::declared(root, &facts.installed, &hooks)?,
            facts,
            hooks,
        })
    }
}
