//! [`Root`]: the only way to touch a path inside an image root. Nothing that it is given, nor any
//! symbolic link in the image, leads outside; it needs no `/proc` and never blocks on a FIFO.
//!
//! Paths are as a process inside the image would spell them; a leading slash makes no difference.

mod changes;
mod copy;
mod dir_cache;
#[cfg(feature = "admin")]
mod flags;
mod lock;
mod read;
#[cfg(feature = "admin")]
mod scan;
mod sync;
mod walk;
mod write;

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, fstatat};

use crate::error::{Error, Result};
use changes::ChangeLog;
use dir_cache::DirCache;

pub use changes::{Change, Op, Replaced};
pub use dir_cache::CachedDirs;
#[cfg(feature = "admin")]
pub(crate) use flags::made_changeable;
pub use lock::Lock;
pub use read::{Entry, Kind, Meta};
#[cfg(feature = "admin")]
pub use scan::{Listing, Status};

/// Names of files that are being written; a left-over of a crash is recognised by them.
pub(crate) const TEMPORARY_PREFIX: &str = ".nodeshim-tmp-";

/// An image root, open.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    path: PathBuf,
    /// Whether the kernel still has to be asked with openat2; turns false at its first refusal.
    kernel: Cell<bool>,
    /// `/etc` is at `/usr/etc`, see [`Root::has_etc_in_usr`].
    etc_in_usr: bool,
    changes: ChangeLog,
    /// Changes are noted and not made.
    observing: bool,
    /// Whether to remember what the file at a path held when it is replaced.
    keeping: Option<fn(&Path) -> bool>,
    dirs: DirCache,
}

impl Root {
    /// Opens the image root at `path` of the calling process, `/` for the system one runs in.
    pub fn open(path: impl AsRef<Path>) -> Result<Root> {
        let path = path.as_ref();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = open(path, flags, Mode::empty()).map_err(|errno| Error::io(path, errno))?;
        let etc_in_usr = cfg!(feature = "admin") && keeps_etc_in_usr(&dir);
        Ok(Root {
            dir,
            path: path.to_owned(),
            kernel: Cell::new(!etc_in_usr),
            etc_in_usr,
            changes: ChangeLog::default(),
            observing: false,
            keeping: None,
            dirs: DirCache::default(),
        })
    }

    /// Whether this is a tree that OSTree commits or has checked out: it has no `/etc`, which is at
    /// `/usr/etc` until it is deployed (ostree's documentation, "Adapting existing mainstream
    /// distributions"). Paths below `/etc` lead there.
    pub fn has_etc_in_usr(&self) -> bool {
        self.etc_in_usr
    }

    /// Makes no change from now on, and notes those that it would have made.
    pub fn observing(mut self) -> Root {
        self.observing = true;
        self
    }

    /// Remembers from now on what files of the `wanted` paths held that are overwritten or removed.
    pub fn keeping(mut self, wanted: fn(&Path) -> bool) -> Root {
        self.keeping = Some(wanted);
        self
    }

    /// What was replaced since the last time, each by its SHA-256; see [`Root::keeping`].
    pub(crate) fn take_replaced(&self) -> Vec<(String, Replaced)> {
        self.changes.take_replaced()
    }

    /// The root's own path, as it was given to [`Root::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Never asks the kernel to resolve a path: what a kernel without openat2 leads to.
    pub fn without_openat2(self) -> Root {
        self.kernel.set(false);
        self
    }

    /// The changes made through this value so far, oldest first; the list is emptied.
    pub fn take_changes(&self) -> Vec<Change> {
        self.changes.take()
    }

    /// Empties the list of changes, so that only later ones are seen.
    pub fn forget_changes(&self) {
        self.changes.forget();
    }

    /// A directory of this root as a root of its own: nothing in it leads out of it. Its changes are
    /// noted there, see [`Root::adopt`].
    pub fn enter(&self, dir: impl AsRef<Path>) -> Result<Root> {
        let dir = dir.as_ref();
        let fd = self.open_path(dir, OFlag::O_PATH | OFlag::O_DIRECTORY);
        Ok(Root {
            dir: fd.map_err(|errno| Error::io(dir, errno))?,
            path: self.path.join(dir.strip_prefix("/").unwrap_or(dir)),
            kernel: self.kernel.clone(),
            etc_in_usr: false,
            changes: ChangeLog::default(),
            observing: self.observing,
            keeping: self.keeping,
            dirs: DirCache::default(),
        })
    }

    /// Takes over the changes that were made through a root that [`Root::enter`] gave for `dir`.
    pub(crate) fn adopt(&self, dir: &str, inner: &Root) {
        self.changes.take_over(dir, &inner.changes);
    }

    /// The canonical path of something that exists: absolute inside the image, no links, no `..`.
    pub fn resolve(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let found = self.walk(path, walk::Last::Follow);
        found.map(|found| found.canonical()).map_err(|errno| Error::io(path, errno))
    }

    /// The path of a name with the links to its directory followed, but not the name's own. As it is
    /// spelt where that directory is missing.
    pub fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return path.to_owned();
        };
        self.resolve(parent).map_or_else(|_| path.to_owned(), |parent| parent.join(name))
    }

    /// Keeps directories open in which things are looked at, made or removed, until the value is
    /// dropped. A rename by another process goes unnoticed meanwhile, so this is for one request.
    pub(crate) fn cache_dirs(&self) -> CachedDirs<'_> {
        self.dirs.turn_on()
    }

    /// Opens what `path` leads to.
    fn open_path(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let flags = flags | OFlag::O_CLOEXEC;
        if self.kernel.get() {
            match self.ask_kernel(path, flags) {
                Err(Errno::ENOSYS | Errno::EPERM) => self.kernel.set(false),
                answer => return answer,
            }
        }
        if flags.contains(OFlag::O_NOFOLLOW) {
            self.walk(path, walk::Last::Keep)?.open(flags)
        } else {
            self.walk(path, walk::Last::Follow)?.open(flags)
        }
    }

    fn walk(&self, path: &Path, last: walk::Last) -> nix::Result<walk::Found<'_>> {
        walk::walk(self.dir.as_fd(), path, last, self.etc_in_usr)
    }

    fn ask_kernel(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let how = OpenHow::new().flags(flags).resolve(resolve);
        let bytes = path.as_os_str().as_bytes();
        let relative = OsStr::from_bytes(if bytes.is_empty() { b"." } else { bytes });
        loop {
            match openat2(self.dir.as_fd(), relative, how) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                answer => return answer,
            }
        }
    }

    /// Opens the directory that holds `path`'s last component, which is returned with it and
    /// is neither followed nor looked at.
    fn parent(&self, path: &Path) -> nix::Result<(Arc<OwnedFd>, OsString)> {
        let name = match path.components().next_back() {
            Some(Component::Normal(name)) => name.to_owned(),
            Some(_) => return Err(Errno::EINVAL),
            None => return Err(Errno::ENOENT),
        };
        let parent = match path.parent().unwrap_or(Path::new("/")) {
            top if self.etc_in_usr && name == "etc" && top.file_name().is_none() => Path::new("/usr"),
            parent => parent,
        };
        let dir = self.dirs.get(parent, || self.open_path(parent, OFlag::O_PATH | OFlag::O_DIRECTORY))?;
        Ok((dir, name))
    }
}

/// Whether a directory has no `etc`, and has one in its `usr`; no link is followed.
fn keeps_etc_in_usr(dir: &OwnedFd) -> bool {
    let has = |dir: &OwnedFd| fstatat(dir, "etc", AtFlags::AT_SYMLINK_NOFOLLOW);
    has(dir) == Err(Errno::ENOENT)
        && walk::enter(dir.as_fd(), OsStr::new("usr")).is_ok_and(|usr| has(&usr).is_ok())
}
