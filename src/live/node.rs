//! Whether this is a running node, and which of its boots.

use crate::error::{Error, Result};
use crate::root::Root;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Whether `root` is the system that systemd runs, as `sd_booted(3)` finds out. A root that is
/// entered by chroot has no such directory.
pub fn is_booted(root: &Root) -> bool {
    root.path().parent().is_none() && root.is_dir("/run/systemd/system")
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
