//! Changing things below a [`Root`]. Every change is noted, so that it can be audited and reverted.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{LinkatFlags, Uid, UnlinkatFlags, fchown, linkat, symlinkat, unlinkat};

use super::sync::to_disk;
use super::{Kind, Meta, Op, Replaced, Root, TEMPORARY_PREFIX};
use crate::error::{Error, Result};

/// How far a file's content gets before the file has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Readers see it.
    Kernel,
    /// It outlives a power cut.
    Disk,
}

/// Larger files are not kept when they are replaced.
const KEPT_LIMIT: u64 = 1 << 20;

impl Root {
    /// Writes a file: whole or not at all, by a temporary file and a rename. A link in the last
    /// place is followed. An existing file keeps owner and mode unless `mode` is given; a new one
    /// gets `mode` or 0644. A file that cannot be renamed over because something is mounted on it
    /// is written in place. Missing parent directories are an error.
    pub fn write(&self, path: impl AsRef<Path>, content: &[u8], mode: Option<u32>) -> Result<()> {
        self.write_as(path.as_ref(), content, mode, Reach::Kernel)
    }

    /// As [`Root::write`]; the content is on the disk before the file gets its name. After a power cut
    /// there is what was there before or what was written, never an empty file (rename(2) alone promises
    /// that on no file system that delays allocation). The directory is not written through.
    pub(crate) fn write_synced(
        &self,
        path: impl AsRef<Path>,
        content: &[u8],
        mode: Option<u32>,
    ) -> Result<()> {
        self.write_as(path.as_ref(), content, mode, Reach::Disk)
    }

    fn write_as(&self, given: &Path, content: &[u8], mode: Option<u32>, reach: Reach) -> Result<()> {
        let path = &match self.meta(given) {
            Ok(meta) if meta.kind == Kind::Link => self.link_end(given)?,
            _ => given.to_owned(),
        };
        let old = self.meta(path).ok();
        if old.is_some_and(|old| old.kind == Kind::Dir) {
            return Err(Error::io(path, Errno::EISDIR));
        }
        let written = || {
            let (dir, name) = self.parent(path)?;
            let temporary = temporary_name();
            let flags =
                OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let fd = openat(&dir, temporary.as_str(), flags, Mode::from_bits_truncate(0o600))?;
            let bits = mode.or(old.map(|old| old.mode)).unwrap_or(0o644);
            let filled = fill(fd, content, bits, old.map(|old| (old.uid, old.gid)), reach);
            let done = filled.and_then(|()| renameat(&dir, temporary.as_str(), &dir, name.as_os_str()));
            if done.is_err() {
                // The error to report is the first one.
                let _ = unlinkat(&dir, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
            }
            done
        };
        let before = self.about_to_replace(path, old);
        match self.unless_observing(written) {
            Err(Errno::EBUSY) => self.write_in_place(path, content)?,
            done => done.map_err(|errno| Error::io(path, errno))?,
        }
        self.changes.note(if old.is_some() { Op::Write } else { Op::Create }, path, None, None);
        self.changes.note_content(content);
        self.changes.note_replaced(before);
        Ok(())
    }

    fn write_in_place(&self, path: &Path, content: &[u8]) -> Result<()> {
        let mut file = self.open_file(path, OFlag::O_WRONLY | OFlag::O_TRUNC)?;
        file.write_all(content).map_err(|error| Error::std_io(path, &error))
    }

    /// Where a link leads, for writing through it; a dangling one leads to its target's name.
    fn link_end(&self, path: &Path) -> Result<PathBuf> {
        match self.resolve(path) {
            Err(error) if error.is_missing() => {
                let target = self.read_link(path)?;
                Ok(path.parent().unwrap_or(Path::new("/")).join(target))
            }
            end => end,
        }
    }

    /// Makes a symbolic link. EEXIST if anything is there.
    pub fn symlink(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let (target, path) = (target.as_ref(), path.as_ref());
        let make = || {
            let (dir, name) = self.parent(path)?;
            symlinkat(target, &dir, name.as_os_str())
        };
        self.unless_observing(make).map_err(|errno| Error::io(path, errno))?;
        self.changes.note(Op::Link, path, Some(target), None);
        Ok(())
    }

    /// Makes a symbolic link, atomically replacing a file or link that is there.
    pub fn replace_with_symlink(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let (target, path) = (target.as_ref(), path.as_ref());
        let was = self.read_link(path).ok();
        let make = || {
            let (dir, name) = self.parent(path)?;
            let temporary = temporary_name();
            symlinkat(target, &dir, temporary.as_str())?;
            renameat(&dir, temporary.as_str(), &dir, name.as_os_str()).inspect_err(|_| {
                let _ = unlinkat(&dir, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
            })
        };
        let before = self.about_to_replace(path, self.meta(path).ok());
        self.unless_observing(make).map_err(|errno| Error::io(path, errno))?;
        self.dirs.forget(path);
        self.changes.note(Op::Link, path, Some(target), was.as_deref());
        self.changes.note_replaced(before);
        Ok(())
    }

    /// Removes a file or link, not followed.
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let was = self.read_link(path).ok();
        // Of a link nothing else is kept.
        let there = was.is_none().then(|| self.meta(path).ok()).flatten();
        let before = self.about_to_replace(path, there);
        self.unlink(path, UnlinkatFlags::NoRemoveDir)?;
        self.dirs.forget(path);
        self.changes.note(Op::Remove, path, None, was.as_deref());
        self.changes.note_replaced(before);
        Ok(())
    }

    /// Removes a symbolic link whose target has been read: links are removed by the hundred.
    pub(crate) fn remove_link(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.unlink(path, UnlinkatFlags::NoRemoveDir)?;
        self.dirs.forget(path);
        self.changes.note(Op::Remove, path, None, Some(target.as_ref()));
        Ok(())
    }

    /// Removes an empty directory. ENOTEMPTY if it is not.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.unlink(path, UnlinkatFlags::RemoveDir)?;
        self.dirs.forget(path);
        self.changes.note(Op::Rmdir, path, None, None);
        Ok(())
    }

    fn unlink(&self, path: &Path, flag: UnlinkatFlags) -> Result<()> {
        let unlink = || {
            let (dir, name) = self.parent(path)?;
            unlinkat(&dir, name.as_os_str(), flag)
        };
        self.unless_observing(unlink).map_err(|errno| Error::io(path, errno))
    }

    /// Makes one directory with `mode`. EEXIST if anything is there.
    pub fn create_dir(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let path = path.as_ref();
        let make = || {
            let (parent, name) = self.parent(path)?;
            // With its mode at once, as far as the umask lets it: a kill before the next call leaves it so.
            mkdirat(&parent, name.as_os_str(), Mode::from_bits_truncate(mode))?;
            chmod_at(&parent, &name, mode, OFlag::O_DIRECTORY)
        };
        self.unless_observing(make).map_err(|errno| Error::io(path, errno))?;
        self.changes.note(Op::Mkdir, path, None, None);
        Ok(())
    }

    /// Keeps content below `directory` under its SHA-256, unless it is there already.
    pub(crate) fn keep_once(&self, directory: &str, sha256: &str, content: &[u8], mode: u32) -> Result<()> {
        let place = Path::new(directory).join(sha256);
        if self.exists(&place) {
            return Ok(());
        }
        self.create_dirs(directory, 0o755)?;
        self.write(&place, content, Some(mode))
    }

    /// Makes a directory and those above it that are missing, with `mode`; fine if it is there.
    pub fn create_dirs(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let path = path.as_ref();
        let mut missing = Vec::new();
        for dir in path.ancestors() {
            if dir.file_name().is_none() || self.is_dir(dir) {
                break;
            }
            missing.push(dir);
        }
        for dir in missing.into_iter().rev() {
            match self.create_dir(dir, mode) {
                Err(error) if error.errno() == Some(Errno::EEXIST) && self.is_dir(dir) => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Sets permission bits of a file or directory. A link in the last place is refused.
    pub fn chmod(&self, path: impl AsRef<Path>, mode: u32) -> Result<()> {
        let path = path.as_ref();
        match self.meta(path)?.kind {
            Kind::File | Kind::Dir => {}
            Kind::Link => return Err(Error::io(path, Errno::ELOOP)),
            Kind::CharDevice | Kind::Other => return Err(Error::io(path, Errno::EINVAL)),
        }
        let change = || {
            let (dir, name) = self.parent(path)?;
            chmod_at(&dir, &name, mode, OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
        };
        self.unless_observing(change).map_err(|errno| Error::io(path, errno))?;
        self.changes.note(Op::Chmod, path, None, None);
        Ok(())
    }

    /// Renames, replacing a file that is there. Neither end is followed.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.rename_with(from, to, RenameFlags::empty())?;
        self.changes.note(Op::Rename, from, Some(to), None);
        Ok(())
    }

    /// Swaps two things that both exist, in one step.
    pub fn exchange(&self, a: impl AsRef<Path>, b: impl AsRef<Path>) -> Result<()> {
        self.rename_with(a.as_ref(), b.as_ref(), RenameFlags::RENAME_EXCHANGE)
    }

    fn rename_with(&self, from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
        let (from_dir, from_name) = self.parent(from).map_err(|errno| Error::io(from, errno))?;
        let (to_dir, to_name) = self.parent(to).map_err(|errno| Error::io(to, errno))?;
        let rename = || renameat2(&from_dir, from_name.as_os_str(), &to_dir, to_name.as_os_str(), flags);
        self.unless_observing(rename).map_err(|errno| Error::io(from, errno))?;
        self.dirs.forget(from);
        self.dirs.forget(to);
        Ok(())
    }

    /// Makes a second name of a file. EXDEV across file systems.
    pub fn hard_link(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let link = || {
            let (from_dir, from_name) = self.parent(from)?;
            let (to_dir, to_name) = self.parent(to)?;
            linkat(&from_dir, from_name.as_os_str(), &to_dir, to_name.as_os_str(), LinkatFlags::empty())
        };
        self.unless_observing(link).map_err(|errno| Error::io(to, errno))
    }

    /// Makes a file that only its owner may read, open for reading and writing. EEXIST if anything
    /// is there.
    pub(crate) fn create_new(&self, path: impl AsRef<Path>) -> Result<File> {
        let path = path.as_ref();
        let make = || {
            let (dir, name) = self.parent(path)?;
            let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
            openat(&dir, name.as_os_str(), flags, Mode::from_bits_truncate(0o600))
        };
        make().map(File::from).map_err(|errno| Error::io(path, errno))
    }

    /// Opens a file for reading and appending, made with `mode` if it is not there.
    pub fn open_append(&self, path: impl AsRef<Path>, mode: u32) -> Result<File> {
        let path = path.as_ref();
        let flags = OFlag::O_RDWR | OFlag::O_APPEND;
        match self.open_file(path, flags) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => {
                let make = || {
                    let (dir, name) = self.parent(path)?;
                    let flags = flags | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                    openat(&dir, name.as_os_str(), flags, Mode::from_bits_truncate(mode))
                };
                make().map(File::from).map_err(|errno| Error::io(path, errno))
            }
            opened => opened,
        }
    }

    fn unless_observing(&self, change: impl FnOnce() -> nix::Result<()>) -> nix::Result<()> {
        if self.observing { Ok(()) } else { change() }
    }

    /// What a file holds that is about to be overwritten or removed, if it is to be kept.
    fn about_to_replace(&self, path: &Path, there: Option<Meta>) -> Option<Replaced> {
        let there = there.filter(|there| there.kind == Kind::File && there.size <= KEPT_LIMIT)?;
        let wanted = self.keeping.is_some_and(|wanted| wanted(&Path::new("/").join(path)));
        let content = wanted.then(|| self.read(path).ok()).flatten()?;
        Some(Replaced {
            content,
            mode: there.mode,
        })
    }
}

fn temporary_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY_PREFIX}{}-{count}", std::process::id())
}

fn fill(fd: OwnedFd, content: &[u8], mode: u32, owner: Option<(u32, u32)>, reach: Reach) -> nix::Result<()> {
    let mut file = File::from(fd);
    file.write_all(content)
        .map_err(|error| error.raw_os_error().map_or(Errno::ENOSPC, Errno::from_raw))?;
    if let Some((uid, gid)) = owner.filter(|(uid, _)| *uid != Uid::effective().as_raw()) {
        fchown(&file, Some(uid.into()), Some(gid.into()))?;
    }
    fchmod(&file, Mode::from_bits_truncate(mode))?;
    match reach {
        Reach::Kernel => Ok(()),
        Reach::Disk => to_disk(&file),
    }
}

/// fchmodat(2) would follow a link that was put there since.
fn chmod_at(dir: impl AsFd, name: &OsStr, mode: u32, flags: OFlag) -> nix::Result<()> {
    let flags = flags | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = openat(dir, name, flags, Mode::empty())?;
    fchmod(&opened, Mode::from_bits_truncate(mode))
}
