//! Editing a live image: the root file system inside an ISO is unpacked, packages are installed into
//! it and erased as in any image, and it is packed again as it was.
//!
//! The ISO that is read is not changed. The new one appears as a whole or not at all.

mod iso;
mod live;
mod space;

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::inspect::{self, Entry, PluginDetail, Registry};
use crate::install::{self, Ending, Task, erase};
use crate::journal::{Journal, last_event};
use crate::plan::Plan;
use crate::root::Root;
use crate::run::{Parts, Step, Surroundings};
use crate::settle::{self, Facts, SettleOptions};
use crate::tempdir::{PrivateDirectory, sweep};
use crate::trust::Checked;

use iso::Iso;
use live::Live;

/// What is to be done.
#[derive(Debug)]
pub struct Edit {
    /// The ISO that is read.
    pub from: PathBuf,
    /// The ISO that is made.
    pub to: PathBuf,
    /// Whether one that is there is replaced.
    pub force: bool,
    /// Names of packages to erase, before the others are installed.
    pub remove: Vec<String>,
    /// Packages to install.
    pub task: Task,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Edited {
    /// How the installation ended.
    #[serde(flatten)]
    pub ending: Ending,
    /// The volume id, which both have.
    pub volume: String,
    /// Where the packed root file system is in the ISO.
    pub squashfs: String,
    /// Where the root file system is in that, if it is one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested: Option<String>,
    /// The packages that were to be installed.
    pub packages: Vec<Checked>,
    /// The packages that were erased.
    pub removed: Vec<String>,
    /// What rpm said.
    pub messages: Vec<String>,
    /// What the packages want.
    pub plugins: Vec<PluginDetail>,
    /// What scriptlets asked for.
    pub requests: Vec<Entry>,
    /// What settling changed.
    pub plan: Plan,
}

impl Edited {
    /// Whether there is a new ISO.
    pub fn is_made(&self) -> bool {
        matches!(self.ending, Ending::Installed | Ending::ScriptletFailed)
    }
}

/// Edits. A new ISO is made if all packages are in it. `surroundings` tells where each transaction
/// takes place. This process leaves the mount namespace that it is in, so it must have no second
/// thread.
///
/// # Errors
/// If the ISO cannot be read, unpacked or packed, a program for that is missing, the disk is too small, or the
/// new file exists and `force` is not set. What becomes of the packages is part of [`Edited`].
pub fn edit(edit: &Edit, parts: &Parts, surroundings: &dyn Fn() -> Surroundings<'static>) -> Result<Edited> {
    let host = Root::open("/")?;
    let (from, to) = (absolute(&edit.from)?, absolute(&edit.to)?);
    if !edit.force && host.exists(&to) {
        return Err(Error::io(&edit.to, Errno::EEXIST));
    }
    let temporary = surroundings().temporary;
    sweep(&temporary)?;
    let iso = Iso::open(&host, &from)?;
    space::check(to.parent().unwrap_or(&to), iso.size)?;
    let private = PrivateDirectory::make(&temporary, "image")?;
    let step = surroundings().step;
    let live = Live::unpack(&private, &iso, step)?;
    let edited = transact(edit, parts, surroundings, &iso, &live)?;
    if edited.is_made() {
        step(Step::Pack);
        let (at, packed) = live.pack(&private)?;
        iso.replace(&host, (at, &packed), &to)?;
    }
    Ok(edited)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::std_io(path, &error))
}

/// Erases, installs and settles. Nothing of the root file system is open afterwards.
fn transact(
    edit: &Edit,
    parts: &Parts,
    surroundings: &dyn Fn() -> Surroundings<'static>,
    iso: &Iso,
    live: &Live,
) -> Result<Edited> {
    let root = &Root::open(live.root())?;
    let first = last_event(root)? + 1;
    let mut edited = Edited {
        ending: Ending::Installed,
        volume: iso.volume.clone(),
        squashfs: live.squashfs().to_owned(),
        nested: live.nested().map(str::to_owned),
        packages: Vec::new(),
        removed: Vec::new(),
        messages: Vec::new(),
        plugins: Vec::new(),
        requests: Vec::new(),
        plan: Plan::default(),
    };
    if !edit.remove.is_empty() {
        let before = Facts::load(root)?.installed;
        if let Some(absent) = edit.remove.iter().find(|name| !before.has(name)) {
            return Err(Error::Refused(format!("no package {absent} is installed in the image")));
        }
        let erased = erase(root, parts, &edit.remove, surroundings())?;
        let after = Facts::load(root)?.installed;
        let (left, removed): (Vec<String>, Vec<String>) =
            edit.remove.iter().cloned().partition(|name| after.has(name));
        edited.ending = Ending::of_erasure(&left, &removed, erased.scriptlet_failed);
        edited.removed = removed;
        edited.messages = erased.messages;
    }
    if edited.is_made() && !edit.task.packages.is_empty() {
        let done = install::install(root, parts, &edit.task, surroundings())?;
        edited.ending = done.ending;
        edited.packages = done.packages;
        edited.messages.extend(done.messages);
    }
    edited.plan = settle::settle(root, &Facts::load(root)?, &SettleOptions::default())?.plan;
    let facts = Facts::load(root)?;
    let registry = Registry::load(root, &facts.installed)?;
    let standing = settle::standing(root, &facts)?;
    let names = edited.packages.iter().map(|package| package.package.name.as_str());
    edited.plugins = names.filter_map(|name| inspect::show(&standing, &registry, name)).collect();
    let mut journal = Journal::read(root)?;
    journal.events.retain(|event| event.id >= first);
    edited.requests = inspect::log(&journal.events, None, false);
    Ok(edited)
}
