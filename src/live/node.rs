//! Whether this is a running node, and which of its boots.

use crate::error::{Error, Result};
use crate::intercept::is_booted;
use crate::root::Root;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Whether `root` is `/` and systemd runs it. In a chroot that has the machine's `/run` it does not: its systemd and
/// its bus are the machine's.
pub(crate) fn is_running_system(root: &Root) -> bool {
    root.path().parent().is_none() && is_booted(root)
}

/// What tells this boot from any other.
///
/// # Errors
/// If `/proc` does not have it.
pub fn boot_id(root: &Root) -> Result<String> {
    let text = root.read_text(BOOT_ID)?;
    match text.trim() {
        "" => Err(Error::malformed(BOOT_ID, "is empty")),
        id => Ok(id.to_owned()),
    }
}
