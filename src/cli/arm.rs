//! `nodeshim arm` and `nodeshim disarm`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::intercept::{self, Armed, RUN_LOCK_PATH, check_image};
use nodeshim::journal::DIRECTORY;
use nodeshim::root::{Lock, Root};
use nodeshim::run::Parts;

/// Put the shims at the tools' paths, for build systems that run scriptlets themselves
#[derive(Debug, Args)]
pub struct ArmArgs {}

/// Take the shims out again; also repairs what a run that died has left
#[derive(Debug, Args)]
pub struct DisarmArgs {}

/// Arms the image.
pub fn arm(root: &Root, _args: ArmArgs) -> Result<ExitCode> {
    check_image(root)?;
    let shim = Parts::find()?.shim()?;
    let _lock = lock(root)?;
    if Armed::load(root)?.is_some() {
        return Err(Error::Other(format!("{}: is armed already", root.path().display())));
    }
    if let Err(error) = intercept::arm(root, &shim) {
        intercept::disarm(root)?;
        return Err(error);
    }
    Ok(ExitCode::SUCCESS)
}

/// Disarms the image.
pub fn disarm(root: &Root, _args: DisarmArgs) -> Result<ExitCode> {
    check_image(root)?;
    if Armed::load(root)?.is_none() {
        let _ = writeln!(std::io::stderr(), "nodeshim: {}: is not armed", root.path().display());
        return Ok(ExitCode::SUCCESS);
    }
    let _lock = lock(root)?;
    intercept::disarm(root)?;
    Ok(ExitCode::SUCCESS)
}

fn lock(root: &Root) -> Result<Lock> {
    root.create_dirs(DIRECTORY, 0o755)?;
    root.try_lock(RUN_LOCK_PATH).map_err(|error| match error.errno() {
        Some(nix::errno::Errno::EAGAIN) => {
            Error::Other(format!("{}: another nodeshim is at work on it", root.path().display()))
        }
        _ => error,
    })
}
