//! `nodeshim arm` and `nodeshim disarm`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::intercept::{self, ARMED_PATH, Armed, ImageLock, RUN_LOCK_PATH, check_image};
use nodeshim::policy;
use nodeshim::root::Root;
use nodeshim::run::{self, Parts, repair};

use super::output::{complain, remark};

/// Put the shims at the tools' paths, for build systems that run scriptlets themselves
#[derive(Debug, Args)]
pub struct ArmArgs {}

/// Take the shims out again; also repairs what a run that died has left
#[derive(Debug, Args)]
pub struct DisarmArgs {}

/// Arms the image.
pub fn arm(root: &Root, _args: ArmArgs) -> Result<ExitCode> {
    check_image(root)?;
    policy::load(root).checked()?;
    let shim = Parts::find()?.shim()?;
    let hold = ImageLock::take(root, |_| false)?;
    if hold.holder_died() {
        repair(root, &hold)?;
    }
    if Armed::load(root)?.is_some() {
        return Err(Error::Refused(format!("{}: is armed already", root.path().display())));
    }
    run::arm(root, &shim)?;
    Ok(ExitCode::SUCCESS)
}

/// Disarms the image.
pub fn disarm(root: &Root, _args: DisarmArgs) -> Result<ExitCode> {
    // An image that is armed is no running system, whatever a package has made of it.
    if !root.exists(ARMED_PATH) {
        check_image(root)?;
    }
    let repaired = if root.exists(RUN_LOCK_PATH) {
        repair(root, &ImageLock::take(root, |_| false)?)?
    } else {
        intercept::disarm(root, None)?
    };
    let Some(disarmed) = repaired else {
        remark(&format!("{}: is not armed", root.path().display()));
        return Ok(ExitCode::SUCCESS);
    };
    disarmed.problems.iter().for_each(|problem| complain(problem));
    Ok(ExitCode::from(u8::from(!disarmed.problems.is_empty())))
}
