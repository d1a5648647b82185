//! Copying a file below a [`Root`].

use std::io::Read;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::{fstat, futimens};
use nix::sys::time::TimeSpec;

use super::Root;
use crate::error::{Error, Result};

impl Root {
    /// Copies a regular file with its mode and times; a link at either end is followed. The copy
    /// is there as a whole or not at all.
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let mut file = self.open_file(from, OFlag::O_RDONLY)?;
        let stat = fstat(&file).map_err(|errno| Error::io(from, errno))?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|error| Error::std_io(from, &error))?;
        self.write(to, &content, Some(stat.st_mode & 0o7777))?;
        if self.observing {
            return Ok(());
        }
        let copy = self.open_file(to, OFlag::O_RDONLY)?;
        let accessed = TimeSpec::new(stat.st_atime, stat.st_atime_nsec);
        let modified = TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec);
        futimens(&copy, &accessed, &modified).map_err(|errno| Error::io(to, errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_content_mode_and_time() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.write("a", b"one", Some(0o640)).unwrap();
        let long_ago = TimeSpec::new(1_000_000_000, 5);
        let file = root.open_file(Path::new("a"), OFlag::O_RDONLY).unwrap();
        futimens(file, &long_ago, &long_ago).unwrap();
        root.write("b", b"longer than that", Some(0o644)).unwrap();
        root.copy("a", "b").unwrap();
        let meta = root.meta("b").unwrap();
        assert_eq!(root.read("b").unwrap(), b"one");
        assert_eq!((meta.mode, meta.modified), (0o640, 1_000_000_000));
        assert!(root.copy("missing", "b").is_err());
    }
}
