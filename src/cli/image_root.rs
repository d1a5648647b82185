//! Which image root a command works on.

use std::path::PathBuf;

use nodeshim::error::{Error, Result};
use nodeshim::intercept::{is_booted, is_outermost};
use nodeshim::root::Root;

/// What pid 1 is called on a system that was booted without systemd.
const INIT_PROGRAMS: [&str; 5] = ["init", "openrc-init", "runit", "s6-svscan", "dinit"];

/// What container engines leave for those inside.
const CONTAINER_SIGNS: [&str; 3] = ["/run/.containerenv", "/.dockerenv", "/run/systemd/container"];

/// Opens the root that was named; without one, the system that this runs in, which a verb that
/// `changes` something takes only in a container or a chroot.
///
/// # Errors
///
/// If a verb that changes something would change the system that is running, or the directory cannot
/// be opened.
pub fn open(named: Option<PathBuf>, changes: bool) -> Result<Root> {
    match named {
        Some(path) => Root::open(path),
        None => {
            let root = Root::open("/")?;
            match changes && is_own_system(&root) {
                true => {
                    Err(Error::Refused("name the image with --root DIR, or --root / for this system".into()))
                }
                false => Ok(root),
            }
        }
    }
}

/// Whether this is the machine's own system, and neither a container nor a chroot.
fn is_own_system(root: &Root) -> bool {
    if is_booted(root) {
        return true;
    }
    let first = root.read_text("/proc/1/comm").unwrap_or_default();
    INIT_PROGRAMS.contains(&first.trim_end())
        && !CONTAINER_SIGNS.iter().any(|sign| root.exists(sign))
        && is_outermost()
}
