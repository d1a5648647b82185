//! Which firewalld an image has, noted before it is armed where only its rpm database says so.

use super::packages::PackagesBefore;
use crate::config::{Config, FirewalldGeneration};
use crate::error::Result;
use crate::firewall::firewalld::generation::has_package;
use crate::firewall::firewalld::packaged::note;
use crate::root::Root;

/// The packages that have firewalld's version: without the daemon, the one of its directories.
const PACKAGES: [&str; 3] = ["firewalld", "python3-firewall", "firewalld-filesystem"];

/// Notes the version for the shims and for settling, if the configuration leaves the generation to the image.
/// rpm is only asked where the image lacks firewalld's Python package, which says it too.
///
/// # Errors
/// If it cannot be noted. Without an rpm to ask, `os-release` decides.
pub(super) fn note_firewalld(root: &Root, packages: &mut PackagesBefore) -> Result<()> {
    let config = Config::load(root).map(|(config, _)| config).unwrap_or_default();
    if config.shims.firewalld_generation != FirewalldGeneration::Auto || has_package(root) {
        return note(root, None);
    }
    let version = match packages.get() {
        Ok(installed) => {
            let found = PACKAGES.iter().find_map(|name| installed.of(name).first());
            found.map(|package| package.version.clone())
        }
        Err(error) => {
            log::warn!("firewalld's version is not known: {error}");
            None
        }
    };
    note(root, version)
}
