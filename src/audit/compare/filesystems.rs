//! The file systems that an image consists of: its own, and those that are mounted below it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::audit::is_below;
use crate::audit::kernel::watch::Watch;
use crate::error::Result;
use crate::mounts;
use crate::root::Root;

/// What is looked at, and what of it the kernel does not report changes of.
#[derive(Debug, Default)]
pub(in crate::audit) struct Filesystems {
    devices: BTreeSet<u64>,
    /// Mount points whose file systems cannot be watched: they are compared.
    compared: Vec<PathBuf>,
}

impl Filesystems {
    /// The parts of an image as it is now. With a `watch` over its own file system the others are
    /// watched, too, where the kernel lets them.
    pub(crate) fn of(root: &Root, watch: Option<&Watch>) -> Result<Filesystems> {
        let mut parts = Filesystems::default();
        parts.devices.insert(root.listing("/")?.own()?.device);
        for place in mounts::below(root.path())? {
            // One that is mounted over, or gone by now, is no part.
            let Ok(own) = root.listing(&place).and_then(|listing| listing.own()) else {
                continue;
            };
            let is_new = parts.devices.insert(own.device);
            if is_new && watch.is_some_and(|watch| watch.mark(root, &place).is_err()) {
                parts.compared.push(place);
            }
        }
        Ok(parts)
    }

    /// Whether what is on this device is looked at.
    pub(crate) fn has(&self, device: u64) -> bool {
        self.devices.contains(&device)
    }

    /// Whether something is in a part that is not watched.
    pub(crate) fn is_compared(&self, path: &[u8]) -> bool {
        self.compared.iter().any(|place| is_below(path, place.as_os_str().as_bytes()))
    }

    /// Mount points whose changes are not reported one by one.
    pub(crate) fn compared(&self) -> impl Iterator<Item = &OsStr> {
        self.compared.iter().map(|place| place.as_os_str())
    }

    /// File systems that were mounted below the image since and still are: what was in them before
    /// is not known.
    pub(crate) fn mounted_since(&self, root: &Root) -> Result<Vec<PathBuf>> {
        let mut places = mounts::below(root.path())?;
        places.retain(|place| {
            root.listing(place)
                .and_then(|listing| listing.own())
                .is_ok_and(|own| !self.has(own.device))
        });
        Ok(places)
    }
}
