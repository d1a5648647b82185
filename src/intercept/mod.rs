//! Standing at the tools' paths: putting the shims into an image root and taking them out without
//! a trace.
//!
//! What was diverted is written down before anything is moved, so that whatever a crash leaves
//! behind can be put right from that list.

mod arm;
mod armed;
mod disarm;
mod hold;
mod paths;
mod sweep;

pub use arm::{arm, reassert};
pub use armed::{Armed, Diverted};
pub use disarm::{Disarmed, disarm};
pub use hold::ImageLock;

use crate::error::{Error, Result};
use crate::root::Root;

/// The list of what is diverted; it exists while an image is armed.
pub const ARMED_PATH: &str = "/usr/lib/sysimage/nodeshim/armed.toml";
/// Where the originals wait, each under its own path.
pub const REAL_DIRECTORY: &str = "/usr/lib/sysimage/nodeshim/real";
/// The shim's own place in an armed image; the tools' paths are further names of it.
pub const SHIM_PATH: &str = "/usr/lib/sysimage/nodeshim/shim";
/// Locked by whoever arms, disarms, settles or runs; says who that is.
pub const RUN_LOCK_PATH: &str = "/usr/lib/sysimage/nodeshim/run.lock";

/// Puts right what an earlier nodeshim that died has left; says what it took out, if anything.
pub fn repair(root: &Root, hold: &ImageLock) -> Result<Option<Disarmed>> {
    if hold.holder_died() {
        sweep::sweep(root)?;
    }
    disarm(root)
}

/// Refuses what cannot be an image: a directory with neither `usr` nor `etc`, and the system that
/// is running.
pub fn check_image(root: &Root) -> Result<()> {
    let place = root.path().display();
    if !root.is_dir("/usr") && !root.is_dir("/etc") {
        return Err(Error::Other(format!("{place}: not an image root: it holds neither usr nor etc")));
    }
    if root.path().parent().is_none() && root.is_dir("/run/systemd/system") {
        return Err(Error::Other(format!("{place}: is the running system, not an image")));
    }
    Ok(())
}
