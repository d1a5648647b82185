//! What the service knows of the node: read once, and again when something has changed on disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::live::stamp;
use crate::report::{Plugin, Report, build, load};
use crate::root::Root;
use crate::vdsm;

/// The node's report, kept as long as it is true.
#[derive(Debug)]
pub(super) struct NodeSnapshot {
    root: PathBuf,
    /// The report, and the stamp of what it was made from.
    read: Mutex<Option<(String, Arc<Report>)>>,
}

impl NodeSnapshot {
    pub(super) fn new(root: &Root) -> NodeSnapshot {
        NodeSnapshot {
            root: root.path().to_owned(),
            read: Mutex::new(None),
        }
    }

    /// The report as of now.
    pub(super) fn report(&self) -> Result<Arc<Report>> {
        let root = Root::open(&self.root)?;
        // Before anything is read: what changes from here on is seen the next time.
        let stamp = stamp(&root, &[(vdsm::HOOKS, 1)]);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some((of, report)), Some(stamp)) = (read.as_ref(), stamp.as_ref())
            && of == stamp
        {
            return Ok(report.clone());
        }
        let report = Arc::new(build(&load(&root)?));
        *read = stamp.map(|stamp| (stamp, report.clone()));
        Ok(report)
    }

    /// Has the files read again the next time, even if they look unchanged.
    pub(super) fn forget(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The node's plugins, by package name. What is gone and has left nothing but records of the files
/// that it changed is in the report, and not here.
pub(super) fn plugins(report: &Report) -> impl Iterator<Item = &Plugin> {
    report.plugins.iter().filter(|plugin| is_here(plugin))
}

/// A plugin by its package name.
pub(super) fn plugin<'r>(report: &'r Report, name: &str) -> Option<&'r Plugin> {
    let at = report.plugins.binary_search_by(|plugin| plugin.name.as_str().cmp(name)).ok()?;
    report.plugins.get(at).filter(|plugin| is_here(plugin))
}

fn is_here(plugin: &Plugin) -> bool {
    plugin.nevra.is_some() || plugin.requests > 0
}
