//! Writing through to the disk.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::fsync;

use super::{Kind, Root};
use crate::error::{Error, Result, if_exists};

impl Root {
    /// Sees to it that a file's content, or a directory's names, outlive a power cut. What is not
    /// there, and what is neither, is passed over.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let Some(meta) = if_exists(self.meta_followed(path))? else {
            return Ok(());
        };
        let directory = match meta.kind {
            Kind::File => OFlag::empty(),
            Kind::Dir => OFlag::O_DIRECTORY,
            _ => return Ok(()),
        };
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | directory;
        let opened = self.open_path(path, flags).map_err(|errno| Error::io(path, errno))?;
        to_disk(&opened).map_err(|errno| Error::io(path, errno))
    }
}

impl Root {
    /// As [`Root::sync`] of these paths and of the directories that they are in, each once.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn sync_all<P: AsRef<Path>>(&self, paths: impl IntoIterator<Item = P>) -> Result<()> {
        let mut files = BTreeSet::new();
        let mut directories = BTreeSet::new();
        for path in paths {
            directories.extend(path.as_ref().parent().map(Path::to_owned));
            files.insert(path.as_ref().to_owned());
        }
        files.iter().chain(&directories).try_for_each(|path| self.sync(path))
    }
}

/// fsync(2); fine on a file system that keeps nothing on a disk.
pub(super) fn to_disk(file: impl AsFd) -> nix::Result<()> {
    match fsync(file) {
        Ok(()) | Err(Errno::EINVAL | Errno::EROFS) => Ok(()),
        Err(errno) => Err(errno),
    }
}
