//! Replacing the tools: putting the shims into an image root and taking them out without a trace.
//!
//! The list of what is diverted is written before anything is moved, so that the state after a
//! crash can be repaired from that list.

mod arm;
mod armed;
mod booted;
mod disarm;
mod hold;
mod identity;
mod kept;
mod paths;
mod sweep;

pub use arm::{arm, reassert};
pub use armed::{Armed, Diverted};
pub use disarm::{Disarmed, disarm};
pub use hold::ImageLock;
pub use identity::MARK;
pub use kept::KeptShim;
pub(crate) use sweep::sweep;

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use nix::sys::stat::stat;

use crate::error::{Error, Result};
use crate::layout;
use crate::root::Root;

/// The list of what is diverted; it exists while an image is armed.
pub const ARMED_PATH: &str = layout::ARMED;
/// Where the originals wait, each under its own path.
pub(crate) const REAL_DIRECTORY: &str = layout::REAL;
/// The shim's own place in an armed image; the tools' paths are further names of it.
pub const SHIM_PATH: &str = layout::SHIM;
/// The directory for files that were found in the place of an original and are not the original.
pub(crate) const SUSPECT_DIRECTORY: &str = layout::SUSPECT;
/// Where files of ours are kept that could not be read.
const DAMAGED_DIRECTORY: &str = layout::DAMAGED;
/// What a run needs at its end; it exists during a run.
pub(crate) const RUN_PATH: &str = layout::RUN;
/// The lock of the process that arms, disarms, settles or runs; its file has the number of that
/// process.
pub const RUN_LOCK_PATH: &str = layout::RUN_LOCK;

/// Puts right what an earlier nodeshim that died has left; says what it took out, if anything.
///
/// # Errors
/// Those of [`disarm`].
pub fn repair(root: &Root, hold: &ImageLock) -> Result<Option<Disarmed>> {
    if hold.holder_died() {
        sweep(root)?;
    } else if root.exists(ARMED_PATH) {
        // A shim may have been killed. On a full disk this may fail; giving the tools back matters more.
        let _ = sweep(root);
    }
    disarm(root, None)
}

/// Whether systemd runs this system, as `sd_booted(3)` finds out, and this is not a root inside of
/// it: an image may have the machine's `/run` mounted, or a package may have made the directory.
pub fn is_booted(root: &Root) -> bool {
    root.is_dir("/run/systemd/system") && is_outermost() && booted::is_run_by_init(root)
}

/// Whether this process has the same root as the first one, and so is in no chroot.
pub fn is_outermost() -> bool {
    match (stat("/"), stat("/proc/1/root")) {
        (Ok(here), Ok(first)) => (here.st_dev, here.st_ino) == (first.st_dev, first.st_ino),
        _ => false,
    }
}

/// Refuses a directory that holds neither `usr` nor `etc`, and so is no image.
///
/// # Errors
/// Such a directory; the error names it.
pub fn check_is_image(root: &Root) -> Result<()> {
    if !root.is_dir("/usr") && !root.is_dir("/etc") {
        let place = root.path().display();
        return Err(Error::Refused(format!("{place}: not an image root: it has neither usr nor etc")));
    }
    Ok(())
}

/// Refuses what cannot be an image, and the system that is running.
///
/// # Errors
/// What [`check_is_image`] refuses, the running system, and a tree whose `/etc` is at `/usr/etc`.
pub fn check_image(root: &Root) -> Result<()> {
    check_is_image(root)?;
    if root.path().parent().is_none() && is_booted(root) {
        return Err(Error::Refused("/: is the running system, not an image".into()));
    }
    if root.has_etc_in_usr() {
        let place = root.path().display();
        let why = "its /etc is at /usr/etc, as OSTree commits it; install packages before it is moved there";
        return Err(Error::Refused(format!("{place}: {why}")));
    }
    Ok(())
}

/// Moves a file of ours that cannot be used, or what lies in its place, into [`DAMAGED_DIRECTORY`].
pub(crate) fn set_aside(root: &Root, path: &str) -> Result<PathBuf> {
    root.create_dirs(DAMAGED_DIRECTORY, 0o700)?;
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in 0.. {
        let place = Path::new(DAMAGED_DIRECTORY).join(match number {
            0 => name.clone(),
            number => format!("{name}-{number}"),
        });
        if !root.exists(&place) {
            root.rename(path, &place)?;
            return Ok(place);
        }
    }
    Err(Error::io(path, Errno::EEXIST))
}
