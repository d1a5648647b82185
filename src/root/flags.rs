//! What chattr(1) forbids: a file or directory that cannot be changed, or only appended to, by root either.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use super::{Kind, Root};
use crate::error::{Error, Result, if_exists};

/// The message about a file or directory that [`Root::make_changeable`] made changeable again.
pub(crate) fn made_changeable(path: &Path) -> String {
    format!("{}: could not be changed (chattr(1)), which is taken back", path.display())
}

impl Root {
    /// As [`Root::make_changeable`], of several; returns those that could not be changed.
    ///
    /// # Errors
    /// The first flag that cannot be taken away.
    pub(crate) fn make_all_changeable(
        &self,
        paths: impl IntoIterator<Item = PathBuf>,
    ) -> Result<Vec<PathBuf>> {
        let mut locked = Vec::new();
        for path in paths {
            if self.make_changeable(&path)? {
                locked.push(path);
            }
        }
        Ok(locked)
    }

    /// Lets a file or directory be changed again, which is no link; says whether it could not be.
    ///
    /// # Errors
    /// If the flag cannot be taken away.
    fn make_changeable(&self, path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let kind = if_exists(self.meta(path))?.map(|meta| meta.kind);
        if !matches!(kind, Some(Kind::File | Kind::Dir)) {
            return Ok(false);
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
        let opened = self.open_path(path, flags).map_err(|errno| Error::io(path, errno))?;
        // Not every file system has such flags.
        let Ok(found) = ioctl_getflags(&opened) else {
            return Ok(false);
        };
        let wanted = found - (IFlags::IMMUTABLE | IFlags::APPEND);
        if wanted == found {
            return Ok(false);
        }
        let set = ioctl_setflags(&opened, wanted);
        set.map_err(|error| Error::io(path, Errno::from_raw(error.raw_os_error())))?;
        Ok(true)
    }
}
