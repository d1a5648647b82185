//! Reading an image for its report: the settled state and small files; the journal only where
//! something was recorded since.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use crate::audit::Audit;
use crate::config::Backend;
use crate::error::{Error, Result};
use crate::firewall::detect;
use crate::inspect::{self, BootUnit, OpenPort, Registry, ScriptletEntry, files};
use crate::journal::{Event, Journal};
use crate::lint::{Context, ShippedItem, of_installed};
use crate::metadata::NodeVersion;
use crate::os_release::OsRelease;
use crate::plan::Note;
use crate::policy;
use crate::root::Root;
use crate::rpmdb::{About, about, owners_of};
use crate::settle::{Facts, remarks, standing};
use crate::state::EffectiveState;
use crate::unit::generation::Generation;

use super::book_keeping::keeps_books;
use super::model::{Image, Policy};

/// Everything that a report is made of.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Facts of the image.
    pub image: Image,
    /// What every plugin wants.
    pub standing: EffectiveState,
    /// Who says it is a plugin, and the hooks.
    pub registry: Registry,
    /// What packages say of themselves.
    pub packages: Vec<About>,
    /// Which files scriptlets changed.
    pub files: Vec<ScriptletEntry>,
    /// The packages of files that were there before: path and package name.
    pub owners: Vec<(String, String)>,
    /// What the firewall lets in.
    pub ports: Vec<OpenPort>,
    /// What starts at boot.
    pub units: Vec<BootUnit>,
    /// The events that still count.
    pub events: Vec<Event>,
    /// What was done around the tools: package, and what.
    pub bypasses: Vec<(String, String)>,
    /// What files of packages ask for by themselves.
    pub shipped: Vec<ShippedItem>,
    /// Remarks.
    pub notes: Vec<Note>,
}

/// Reads an image; changes nothing.
///
/// # Errors
/// If records, metadata, policy or the rpm database cannot be read.
pub fn load(root: &Root) -> Result<Sources> {
    // Asking rpm takes longest, and there are three questions.
    let path: PathBuf = root.path().to_owned();
    let packages = thread::spawn(move || about(&Root::open(path)?));
    let facts = Facts::load(root)?;
    let (path, nevras) = (root.path().to_owned(), facts.installed.nevras());
    let shipped = thread::spawn(move || shipped(&Root::open(path)?, &nevras));
    let standing = standing(root, &facts)?;
    let registry = Registry::load(root, &facts.installed)?;
    let audit = Audit::read(root)?;
    let bypasses = audit.runs.iter().flat_map(|run| {
        let package = run.origin.name().into_owned();
        run.bypasses().into_iter().map(move |bypass| (package.clone(), bypass))
    });
    let bypasses = bypasses.collect();
    let notes = remarks(root, &facts, &standing.state)?;
    let image = image(root, &facts, &standing);
    let packages = answer(packages)?;
    let shipped = answer(shipped)?;
    let mut files = files(root, &audit, None);
    registry.mark(&mut files);
    let journal = Journal::standing(root, standing.state.last_event)?;
    Ok(Sources {
        owners: owners_of(root, &there_before(&files))?,
        ports: inspect::ports(root, &standing, false)?,
        units: inspect::units(root, &standing, &journal, false),
        events: journal.events,
        image,
        files,
        standing,
        registry,
        packages,
        bypasses,
        shipped,
        notes,
    })
}

/// What rpm answered on a thread of its own.
fn answer<T>(asked: JoinHandle<Result<T>>) -> Result<T> {
    asked.join().map_err(|_| Error::Internal("asking rpm of packages ended early".into()))?
}

/// What files of these packages ask for by themselves, as policy judges it now.
fn shipped(root: &Root, nevras: &BTreeSet<String>) -> Result<Vec<ShippedItem>> {
    let nevras: Vec<&str> = nevras.iter().map(String::as_str).collect();
    of_installed(&Context::load(root, &policy::load(root).rules)?, &nevras)
}

/// Files that were there before a scriptlet changed them without a tool, which may be another package's.
fn there_before(files: &[ScriptletEntry]) -> Vec<String> {
    let of_scriptlets = files.iter().filter(|entry| entry.transaction.is_none());
    let changes = of_scriptlets.flat_map(|entry| &entry.changes);
    let direct = changes.filter(|one| {
        let is_file = one.change.before.as_ref().is_some_and(|side| side.kind != "dir");
        is_file && one.change.request.is_none() && !keeps_books(&one.change.path)
    });
    let mut paths: Vec<String> = direct.map(|one| one.change.path.clone()).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn image(root: &Root, facts: &Facts, standing: &EffectiveState) -> Image {
    let loaded = policy::load(root);
    let files = loaded.files.into_iter().map(|file| Policy {
        path: file.path,
        rules: file.rules,
        problem: None,
    });
    let unread = loaded.problems.into_iter().map(|(path, problem)| Policy {
        path,
        rules: 0,
        problem: Some(format!("line {}: {}", problem.line, problem.text)),
    });
    let os_release = OsRelease::load(root);
    let installed = &facts.installed;
    Image {
        name: os_release
            .as_ref()
            .and_then(|os_release| os_release.get("PRETTY_NAME").or_else(|| os_release.get("NAME")))
            .map(str::to_owned),
        node_version: NodeVersion::load(root).0,
        firewall_backend: match detect::backend(root, &facts.config) {
            Backend::Firewalld => "firewalld",
            Backend::Iptables => "iptables",
            Backend::Nftables | Backend::Auto => "nftables",
        },
        systemctl_generation: Generation::of_image(root, facts.config.shims.systemctl_generation).to_string(),
        packages: installed
            .is_known()
            .then(|| installed.iter().filter(|one| one.name != "gpg-pubkey").count()),
        last_event: standing.state.last_event,
        policy: files.chain(unread).collect(),
    }
}
