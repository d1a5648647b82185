//! Looking at many files at once, in full: what an audit compares.

use std::ffi::{CStr, OsStr, OsString};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{FileStat, fstat, fstatat};
use rustix::fs::{lgetxattr, llistxattr};

use super::read::kind;
use super::{Kind, Root};
use crate::digest::{Hasher, digest_of};
use crate::error::{Error, Result};

/// No attribute, nor the list of their names, is longer on Linux.
const MAX_ATTRIBUTE: usize = 1 << 16;

/// All that is known of a file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes.
    pub size: u64,
    /// Device number of the file system.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Whether it has more than one name; as good as every directory has.
    pub has_other_names: bool,
    /// Time of the last change of content, seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// Time of the last change of anything, in the same form.
    pub changed: (i64, i64),
}

impl Status {
    fn of(stat: &FileStat) -> Status {
        Status {
            kind: kind(stat),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u64,
            device: stat.st_dev,
            inode: stat.st_ino,
            has_other_names: stat.st_nlink > 1,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// A directory, open.
#[derive(Debug)]
pub struct Listing {
    dir: Dir,
}

impl Root {
    /// Opens a directory to look at what is in it.
    pub(crate) fn listing(&self, path: impl AsRef<Path>) -> Result<Listing> {
        let path = path.as_ref();
        let dir = self.open_dir(path).map_err(|errno| Error::io(path, errno))?;
        Ok(Listing { dir })
    }

    /// What a regular file holds from `offset` on.
    pub(crate) fn read_from(&self, path: impl AsRef<Path>, offset: u64) -> Result<Vec<u8>> {
        let path = path.as_ref();
        let mut file = self.open_file(path, OFlag::O_RDONLY)?;
        let mut content = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_to_end(&mut content))
            .map_err(|error| Error::std_io(path, &error))?;
        Ok(content)
    }

    /// Whether a regular file begins with these bytes.
    pub fn starts_with(&self, path: impl AsRef<Path>, start: &[u8]) -> bool {
        let mut piece = vec![0; start.len()];
        let read = self
            .open_file(path.as_ref(), OFlag::O_RDONLY)
            .is_ok_and(|mut file| file.read_exact(&mut piece).is_ok());
        read && piece == start
    }

    /// SHA-256 of a regular file's content, links followed; EFBIG above `limit` bytes.
    pub fn digest(&self, path: impl AsRef<Path>, limit: u64) -> Result<[u8; 32]> {
        let path = path.as_ref();
        let mut file = self.open_file(path, OFlag::O_RDONLY)?.take(limit + 1);
        let digest = digest_of(&mut file).map_err(|error| Error::std_io(path, &error))?;
        match file.limit() {
            0 => Err(Error::io(path, Errno::EFBIG)),
            _ => Ok(digest),
        }
    }
}

impl Listing {
    /// The directory itself.
    pub fn own(&self) -> Result<Status> {
        fstat(&self.dir).map(|stat| Status::of(&stat)).map_err(|errno| Error::io("", errno))
    }

    /// The names in it, `.` and `..` left out, in no order.
    pub fn names(&mut self) -> Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in self.dir.iter() {
            let entry = entry.map_err(|errno| Error::io("", errno))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Looks at a name in it, a link itself.
    pub fn status(&self, name: &OsStr) -> Result<Status> {
        fstatat(&self.dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map(|stat| Status::of(&stat))
            .map_err(|errno| Error::io(name, errno))
    }

    /// Where a symbolic link in it points, as written.
    pub fn target(&self, name: &OsStr) -> Option<PathBuf> {
        readlinkat(&self.dir, name).ok().map(PathBuf::from)
    }

    /// SHA-256 over names and values of a file's extended attributes; `None` where it has none, or
    /// where `/proc` or the file system does not let them be seen.
    pub fn attributes(&self, name: &OsStr) -> Option<[u8; 32]> {
        let path = Path::new("/proc/self/fd").join(self.dir.as_raw_fd().to_string()).join(name);
        let mut list = [0; 256];
        let names = match llistxattr(&path, &mut list[..]) {
            Ok(0) => return None,
            Ok(length) => list[..length].to_vec(),
            Err(rustix::io::Errno::RANGE) => {
                let mut list = vec![0; MAX_ATTRIBUTE];
                let length = llistxattr(&path, &mut list[..]).ok()?;
                list.truncate(length);
                list
            }
            Err(_) => return None,
        };
        Some(digest_of_attributes(&path, &names))
    }

    /// The directory's descriptor, for what has no wrapper here.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

fn digest_of_attributes(path: &Path, names: &[u8]) -> [u8; 32] {
    let mut names: Vec<&CStr> = names
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|name| CStr::from_bytes_with_nul(name).ok())
        .collect();
    names.sort_unstable();
    let mut hash = Hasher::default();
    let mut value = vec![0; MAX_ATTRIBUTE];
    for name in names {
        // One that cannot be read counts as empty: that it is there is seen all the same.
        let length = lgetxattr(path, name, &mut value[..]).unwrap_or(0);
        hash.update(name.to_bytes_with_nul());
        hash.update((length as u64).to_le_bytes());
        hash.update(&value[..length]);
    }
    hash.finish()
}
