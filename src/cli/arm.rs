//! `nodeshim arm` and `nodeshim disarm`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::escape::Escaped;
use nodeshim::intercept::{self, ARMED_PATH, Armed, Disarmed, ImageLock, RUN_LOCK_PATH, check_image};
use nodeshim::policy;
use nodeshim::root::Root;
use nodeshim::run::{self, Parts, repair};
use serde::Serialize;

use super::output::{complain, json, remark};

/// Install the shims in place of the tools, for build systems that run scriptlets themselves
#[derive(Debug, Args)]
pub struct ArmArgs {}

/// Remove the shims; also cleans up after a run that was killed
#[derive(Debug, Args)]
pub struct DisarmArgs {}

/// What `arm --json` prints.
#[derive(Serialize)]
struct ArmedPaths {
    /// The paths at which the shim was put.
    paths: Vec<String>,
}

/// What `disarm --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DisarmedPaths<'a> {
    was_armed: bool,
    restored: Vec<String>,
    kept: Vec<String>,
    problems: &'a [String],
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| Escaped::new(path).shown()).collect()
}

/// Arms the image.
pub fn arm(root: &Root, _args: ArmArgs, as_json: bool) -> Result<ExitCode> {
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
    if as_json {
        let armed = Armed::load(root)?;
        let paths: Vec<PathBuf> =
            armed.into_iter().flat_map(|armed| armed.tools).map(|tool| tool.path).collect();
        json(&ArmedPaths { paths: shown(&paths) })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Disarms the image.
pub fn disarm(root: &Root, _args: DisarmArgs, as_json: bool) -> Result<ExitCode> {
    // An armed image is not a running system, even if a package made it look like one.
    if !root.exists(ARMED_PATH) {
        check_image(root)?;
    }
    let repaired = if root.exists(RUN_LOCK_PATH) {
        repair(root, &ImageLock::take(root, |_| false)?)?
    } else {
        intercept::disarm(root, None)?
    };
    if as_json {
        let nothing = Disarmed::default();
        let disarmed = repaired.as_ref().unwrap_or(&nothing);
        json(&DisarmedPaths {
            was_armed: repaired.is_some(),
            restored: shown(&disarmed.restored),
            kept: shown(&disarmed.kept),
            problems: &disarmed.problems,
        })?;
    }
    let Some(disarmed) = repaired else {
        remark(&format!("{}: is not armed", root.path().display()));
        return Ok(ExitCode::SUCCESS);
    };
    disarmed.problems.iter().for_each(|problem| complain(problem));
    Ok(ExitCode::from(u8::from(!disarmed.problems.is_empty())))
}
