//! The shim as it was when an image was armed, kept where no scriptlet writes.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::SHIM_PATH;
use crate::error::{Error, Result};
use crate::root::Root;

/// The bytes of the shim, in a file of the kernel's that has no name. They are not in this process's own memory, which
/// rpm hands down to a child for each scriptlet: fork(2) takes longer with each page of it.
#[derive(Debug)]
pub struct KeptShim {
    file: File,
    size: usize,
}

impl KeptShim {
    /// Takes the shim of an armed image.
    ///
    /// # Errors
    /// If it cannot be read, or the kernel has no room for it.
    pub fn of_image(root: &Root) -> Result<KeptShim> {
        KeptShim::of(root.open_read(SHIM_PATH)?)
    }

    /// Takes all that there is to read.
    ///
    /// # Errors
    /// As of [`KeptShim::of_image`].
    pub fn of(mut shim: impl Read) -> Result<KeptShim> {
        let made = memfd_create(c"nodeshim-shim", MFdFlags::MFD_CLOEXEC);
        let mut file = File::from(made.map_err(|errno| Error::io(SHIM_PATH, errno))?);
        let size = io::copy(&mut shim, &mut file).map_err(|error| Error::std_io(SHIM_PATH, &error))?;
        Ok(KeptShim {
            file,
            size: usize::try_from(size).unwrap_or(usize::MAX),
        })
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let mut shim = vec![0; self.size];
        self.file.read_exact_at(&mut shim, 0).map_err(|error| Error::std_io(SHIM_PATH, &error))?;
        Ok(shim)
    }
}
