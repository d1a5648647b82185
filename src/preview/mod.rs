//! Previewing a transaction: the real one, with all scriptlets, in a throw-away copy of the image.
//! The image is not changed, nor is anything else that outlives the process.

mod attribute;
mod files;
mod overlay;

use serde::Serialize;

use crate::error::Result;
use crate::inspect::{self, Entry, PluginDetail, Registry};
use crate::install::{self, Done, Task};
use crate::journal::{Journal, last_event};
use crate::plan::Plan;
use crate::policy;
use crate::root::Root;
use crate::run::{Parts, Surroundings};
use crate::settle::{self, Facts, SettleOptions};

pub use attribute::FileChange;
pub use files::ChangeKind;
pub use overlay::Overlay;

/// What a transaction would do.
#[derive(Debug)]
pub struct Preview {
    /// What became of it.
    pub done: Done,
    /// What it would bring; nothing where no transaction was begun.
    pub effects: Effects,
}

/// What a transaction brings.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Effects {
    /// What each of its packages wants, and what policy says of that.
    pub plugins: Vec<PluginDetail>,
    /// Plugins that go with it.
    pub gone: Vec<String>,
    /// What scriptlets asked for, request by request.
    pub requests: Vec<Entry>,
    /// What settling changes, and its remarks.
    pub plan: Plan,
    /// The paths that differ afterwards.
    pub files: Vec<FileChange>,
}

/// Previews a task on the image. This process leaves the mount namespace that it is in, so it must
/// have no second thread.
///
/// # Errors
/// If no overlay can be mounted, and those of [`install::install`] and of settling the copy.
pub fn preview(root: &Root, parts: &Parts, task: &Task, around: Surroundings) -> Result<Preview> {
    let overlay = Overlay::make(root, &around.temporary)?;
    overlay.share()?;
    let copy = &overlay.merged;
    let first = last_event(copy)? + 1;
    let done = install::install(copy, parts, task, around)?;
    let mut effects = Effects::default();
    if let Some(transaction) = &done.transaction {
        // By what the transaction began with, as an installation is settled.
        let facts = Facts::of_run(copy, &transaction.run.config, &transaction.run.rules)?;
        let settled = settle::settle(copy, &facts, &SettleOptions::default());
        policy::end_run(copy)?;
        let settled = settled?;
        let facts = Facts::load(copy)?;
        let registry = Registry::load(copy, &facts.installed)?;
        let standing = settle::standing(copy, &facts)?;
        let mut journal = Journal::read(copy)?;
        journal.events.retain(|event| event.id >= first);
        effects = Effects {
            plugins: done
                .packages
                .iter()
                .filter_map(|package| inspect::show(&standing, &registry, &package.package.name))
                .collect(),
            requests: inspect::log(&journal.events, None, false),
            files: attribute::attribute(&overlay, &journal.events, &settled.plan, &done)?,
            gone: settled.gone,
            plan: settled.plan,
        };
    }
    Ok(Preview { done, effects })
}
