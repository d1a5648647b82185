//! Reading below a [`Root`].

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};

use super::Root;
use crate::error::{Error, Result};

/// No configuration file, unit or init script is larger; a larger file is refused.
const MAX_FILE: u64 = 64 << 20;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A character device; `/dev/null` is one.
    CharDevice,
    /// A FIFO, socket or block device.
    Other,
}

/// What is known of a path without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Length in bytes.
    pub size: u64,
    /// Device number of the file system.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change of content, seconds since 1970.
    pub modified: i64,
    /// The inode's change time, which programs cannot set: seconds since 1970 and nanoseconds.
    pub changed: (i64, i64),
}

/// A directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File name.
    pub name: OsString,
    /// What it is, links not followed.
    pub kind: Kind,
}

impl Root {
    /// The content of a regular file, links followed. Anything but a regular file is an error:
    /// EISDIR for a directory, EINVAL for a device, FIFO or socket.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        let (file, size) = self.open_sized(path, OFlag::O_RDONLY)?;
        if size > MAX_FILE {
            return Err(Error::io(path, Errno::EFBIG));
        }
        let io = |error| Error::std_io(path, &error);
        let mut file = file.take(MAX_FILE);
        let mut content = vec![0; size as usize + 1];
        let got = match file.read(&mut content) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
            got => got.map_err(io)?,
        };
        content.truncate(got);
        // A file of that size, which did not fill the room for one byte more, has ended. Those of /proc have no size.
        if size == 0 || got as u64 != size {
            file.read_to_end(&mut content).map_err(io)?;
        }
        Ok(content)
    }

    /// As [`Root::read`], as text; bytes that are not UTF-8 become U+FFFD.
    pub fn read_text(&self, path: impl AsRef<Path>) -> Result<String> {
        let bytes = self.read(path)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The text of a record of nodeshim's own; none if it is not there. What else lies in its place is an
    /// error that names the way out.
    pub(crate) fn read_own(&self, path: impl AsRef<Path>) -> Result<Option<String>> {
        crate::error::if_exists(self.read_text(path)).map_err(Error::of_own_file)
    }

    /// Whether this is the root directory of process 1, and not one that was entered by chroot;
    /// none where that is not known.
    #[cfg(feature = "admin")]
    pub(crate) fn is_of_init(&self) -> Option<bool> {
        let own = fstat(&self.dir).ok()?;
        let of_init = nix::sys::stat::stat("/proc/1/root").ok()?;
        Some((own.st_dev, own.st_ino) == (of_init.st_dev, of_init.st_ino))
    }

    /// Opens a regular file for reading, links followed; errors as of [`Root::read`].
    pub(crate) fn open_read(&self, path: impl AsRef<Path>) -> Result<File> {
        self.open_file(path.as_ref(), OFlag::O_RDONLY)
    }

    /// Opens a regular file with `flags`, without blocking on anything else.
    pub(super) fn open_file(&self, path: &Path, flags: OFlag) -> Result<File> {
        self.open_sized(path, flags).map(|(file, _)| file)
    }

    /// As [`Root::open_file`], with the file's length.
    fn open_sized(&self, path: &Path, flags: OFlag) -> Result<(File, u64)> {
        #[cfg(feature = "admin")]
        self.refuse_device(path, flags)?;
        let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = self.open_path(path, flags).map_err(|errno| {
            // A FIFO without a reader or a socket, opened for writing.
            let not_a_file = errno == Errno::ENXIO;
            Error::io(path, if not_a_file { Errno::EINVAL } else { errno })
        })?;
        let meta = fstat(&fd).map_err(|errno| Error::io(path, errno))?;
        match kind(&meta) {
            Kind::File => Ok((File::from(fd), meta.st_size as u64)),
            Kind::Dir => Err(Error::io(path, Errno::EISDIR)),
            _ => Err(Error::io(path, Errno::EINVAL)),
        }
    }

    /// Refuses what is neither file nor directory before it is opened: that alone sets some devices to work, such
    /// as a watchdog. A shim need not: who lays out a device where it runs can open it, too.
    #[cfg(feature = "admin")]
    fn refuse_device(&self, path: &Path, flags: OFlag) -> Result<()> {
        let looked = self.open_path(path, OFlag::O_PATH | (flags & OFlag::O_NOFOLLOW)).and_then(fstat);
        match looked.map(|stat| kind(&stat)) {
            Ok(Kind::CharDevice | Kind::Other) => Err(Error::io(path, Errno::EINVAL)),
            // Opening it gives the error for what does not exist.
            _ => Ok(()),
        }
    }

    /// Where a symbolic link points, as written. EINVAL if it is no link.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let read = || {
            let (dir, name) = self.parent(path)?;
            readlinkat(&dir, name.as_os_str())
        };
        read().map(PathBuf::from).map_err(|errno| Error::io(path, errno))
    }

    /// Looks at a path; a link in the last place is looked at itself.
    pub fn meta(&self, path: impl AsRef<Path>) -> Result<Meta> {
        let path = path.as_ref();
        // The kernel would follow a link with a slash behind it.
        let bare = path.components().as_path();
        let is_below = matches!(bare.components().next_back(), Some(Component::Normal(_)));
        let look = || {
            if is_below && self.dirs.is_on() {
                let (dir, name) = self.parent(bare)?;
                return fstatat(&dir, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
            }
            fstat(self.open_path(bare, OFlag::O_PATH | OFlag::O_NOFOLLOW)?)
        };
        look().map(|stat| meta(&stat)).map_err(|errno| Error::io(path, errno))
    }

    /// Looks at what a path leads to, links followed.
    pub fn meta_followed(&self, path: impl AsRef<Path>) -> Result<Meta> {
        let path = path.as_ref();
        let look = || fstat(self.open_path(path, OFlag::O_PATH)?);
        look().map(|stat| meta(&stat)).map_err(|errno| Error::io(path, errno))
    }

    /// Whether a symbolic link is there. For single looks into many directories: none is kept open, and where nothing
    /// is, one system call tells.
    pub(crate) fn is_link(&self, path: impl AsRef<Path>) -> bool {
        let found = self.open_path(path.as_ref(), OFlag::O_PATH | OFlag::O_NOFOLLOW);
        found.and_then(fstat).is_ok_and(|stat| kind(&stat) == Kind::Link)
    }

    /// Whether anything is there, a dangling link included.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.meta(path).is_ok()
    }

    /// Whether the path leads to a regular file.
    pub fn is_file(&self, path: impl AsRef<Path>) -> bool {
        self.meta_followed(path).is_ok_and(|meta| meta.kind == Kind::File)
    }

    /// Whether the path leads to a directory.
    pub fn is_dir(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        self.dirs.get(path, || self.open_path(path, OFlag::O_PATH | OFlag::O_DIRECTORY)).is_ok()
    }

    /// The entries of a directory, sorted by name, without `.` and `..`.
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Vec<Entry>> {
        self.list_where(path, |_| true)
    }

    /// As [`Root::list`], of those entries alone whose names are `wanted`: cheaper by far where
    /// few of many are.
    pub(crate) fn list_where(
        &self,
        path: impl AsRef<Path>,
        wanted: impl Fn(&OsStr) -> bool,
    ) -> Result<Vec<Entry>> {
        let path = path.as_ref();
        let listed = self.open_dir(path).and_then(|dir| self.entries(dir.into_iter(), path, wanted));
        listed.map_err(|errno| Error::io(path, errno))
    }

    /// As [`Root::list`], with each symbolic link's target as written; one system call a link.
    pub(crate) fn list_links(&self, path: impl AsRef<Path>) -> Result<Vec<(Entry, Option<PathBuf>)>> {
        let path = path.as_ref();
        let read = || {
            let mut dir = self.open_dir(path)?;
            // When the iterator is dropped it rewinds the directory: a system call for nothing, as
            // it is not read again.
            let entries = self.entries(ManuallyDrop::new(dir.iter()).by_ref(), path, |_| true)?.into_iter();
            let with_target = entries.map(|entry| {
                let target = match entry.kind {
                    Kind::Link => readlinkat(&dir, entry.name.as_os_str()).ok().map(PathBuf::from),
                    _ => None,
                };
                (entry, target)
            });
            Ok(with_target.collect())
        };
        read().map_err(|errno| Error::io(path, errno))
    }

    pub(super) fn open_dir(&self, path: &Path) -> nix::Result<Dir> {
        Dir::from_fd(self.open_path(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?)
    }

    fn entries(
        &self,
        found: impl Iterator<Item = nix::Result<nix::dir::Entry>>,
        path: &Path,
        wanted: impl Fn(&OsStr) -> bool,
    ) -> nix::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in found {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." || !wanted(name) {
                continue;
            }
            let kind = match entry.file_type() {
                Some(Type::File) => Kind::File,
                Some(Type::Directory) => Kind::Dir,
                Some(Type::Symlink) => Kind::Link,
                Some(Type::CharacterDevice) => Kind::CharDevice,
                Some(_) => Kind::Other,
                // Not every file system tells.
                None => self.meta(path.join(name)).map_or(Kind::Other, |meta| meta.kind),
            };
            entries.push(Entry {
                name: name.to_owned(),
                kind,
            });
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

pub(super) fn kind(stat: &FileStat) -> Kind {
    match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Dir,
        SFlag::S_IFLNK => Kind::Link,
        SFlag::S_IFCHR => Kind::CharDevice,
        _ => Kind::Other,
    }
}

fn meta(stat: &FileStat) -> Meta {
    Meta {
        kind: kind(stat),
        mode: stat.st_mode & 0o7777,
        size: stat.st_size as u64,
        device: stat.st_dev,
        inode: stat.st_ino,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: stat.st_mtime,
        changed: (stat.st_ctime, stat.st_ctime_nsec),
    }
}
