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

use nix::sys::stat::stat;

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

/// Whether systemd runs this system, as `sd_booted(3)` finds out, and this is not a root inside of
/// it: an image may have the machine's `/run` mounted.
pub fn is_booted(root: &Root) -> bool {
    root.is_dir("/run/systemd/system") && is_outermost()
}

/// Whether this process has the same root as the first one, and so is in no chroot.
pub fn is_outermost() -> bool {
    match (stat("/"), stat("/proc/1/root")) {
        (Ok(here), Ok(first)) => (here.st_dev, here.st_ino) == (first.st_dev, first.st_ino),
        _ => false,
    }
}

/// Refuses a directory that holds neither `usr` nor `etc`, and so is no image.
pub fn check_is_image(root: &Root) -> Result<()> {
    if !root.is_dir("/usr") && !root.is_dir("/etc") {
        let place = root.path().display();
        return Err(Error::Other(format!("{place}: not an image root: it holds neither usr nor etc")));
    }
    Ok(())
}

/// Refuses what cannot be an image, and the system that is running.
pub fn check_image(root: &Root) -> Result<()> {
    check_is_image(root)?;
    if root.path().parent().is_none() && is_booted(root) {
        return Err(Error::Other("/: is the running system, not an image".into()));
    }
    Ok(())
}
