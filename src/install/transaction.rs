//! One rpm transaction under a run, with what rpm says kept apart.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::Result;
use crate::root::Root;
use crate::rpmdb::{messages, options, quiet};
use crate::run::{self, Finished, Messages, Outcome, Parts, Surroundings};
use crate::tempdir::PrivateDirectory;

/// What became of it.
#[derive(Debug)]
pub struct Transaction {
    /// How rpm ended.
    pub finished: Finished,
    /// What it said.
    pub messages: Vec<String>,
    /// Whether a scriptlet failed, as rpm reported to the plugin; as it says, where that did not listen.
    pub scriptlet_failed: bool,
    /// The result of the run; the image is locked until it is dropped.
    pub run: Outcome,
}

/// Installs or upgrades the files in one transaction.
pub(super) fn install(
    root: &Root,
    parts: &Parts,
    more: &[String],
    files: Vec<PathBuf>,
    private: &PrivateDirectory,
    around: Surroundings,
) -> Result<Transaction> {
    let mut argv = argv(root)?;
    argv.extend(more.iter().map(OsString::from));
    argv.push("-U".into());
    argv.extend(files.into_iter().map(OsString::from));
    transact(root, parts, &argv, private, around)
}

/// Erases packages.
///
/// # Errors
/// If the image cannot be armed or rpm cannot be started. What rpm refuses is part of the [`Transaction`].
pub fn erase(root: &Root, parts: &Parts, packages: &[String], around: Surroundings) -> Result<Transaction> {
    let private = PrivateDirectory::make(&around.temporary, "packages")?;
    let mut argv = argv(root)?;
    argv.push("-e".into());
    argv.extend(packages.iter().map(OsString::from));
    transact(root, parts, &argv, &private, around)
}

fn argv(root: &Root) -> Result<Vec<OsString>> {
    let mut argv = vec![OsString::from("rpm")];
    argv.extend(options(root)?.into_iter().map(OsString::from));
    argv.extend(quiet().iter().map(OsString::from));
    Ok(argv)
}

fn transact(
    root: &Root,
    parts: &Parts,
    argv: &[OsString],
    private: &PrivateDirectory,
    mut around: Surroundings,
) -> Result<Transaction> {
    let said = private.path.join("said");
    around.messages = Messages::File(private.host.create_new(&said)?);
    let outcome = run::run(root, parts, argv, &around)?;
    let messages = messages(&private.host.read_text(&said)?);
    let scriptlet_failed = match &outcome.audited {
        Some(Ok(seen)) if seen.scriptlets > 0 => seen.failed > 0,
        _ => messages.iter().any(|line| line.contains(" scriptlet failed")),
    };
    Ok(Transaction {
        finished: outcome.finished,
        messages,
        scriptlet_failed,
        run: outcome,
    })
}
