//! Locks on files and directories below a [`Root`]: given back when they are dropped, and by the
//! kernel when the last process that holds them ends.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, OFlag, fcntl};
use nix::sys::stat::{fstat, major, minor};
use nix::unistd::ftruncate;

use super::Root;
use crate::error::{Error, Result};

/// How long to wait for a lock that is only held for a short time.
const PATIENCE: Duration = Duration::from_secs(30);

/// An exclusive lock, given back when it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    held: Flock<File>,
}

impl Root {
    /// Waits for the exclusive lock of the file at `path`. The file is created if it is missing,
    /// and never renamed or removed: two holders would then lock two files.
    pub fn lock(&self, path: impl AsRef<Path>) -> Result<Lock> {
        self.lock_with(path.as_ref(), FlockArg::LockExclusive)
    }

    /// As [`Root::lock`], for locks that are only held for a short time: fails after half a minute
    /// and names the holder, which must be stuck.
    pub(crate) fn lock_soon(&self, path: impl AsRef<Path>) -> Result<Lock> {
        let path = path.as_ref();
        let began = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            match self.try_lock(path) {
                Err(error) if error.errno() == Some(Errno::EAGAIN) => {}
                lock => return lock,
            }
            if began.elapsed() > PATIENCE {
                let who = self.holder(path).unwrap_or_else(|| "another process".into());
                return Err(Error::malformed(path, format!("is locked by {who}: end it")));
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Who has locked a file, as `/proc` tells.
    fn holder(&self, path: &Path) -> Option<String> {
        let meta = self.meta(path).ok()?;
        let (major, minor) = (major(meta.device), minor(meta.device));
        let place = format!("{major:02x}:{minor:02x}:{}", meta.inode);
        let proc = Root::open("/").ok()?;
        let locks = proc.read_text("/proc/locks").ok()?;
        let line = locks.lines().find(|line| line.split_whitespace().any(|word| word == place))?;
        let process = line.split_whitespace().find_map(|word| word.parse::<u32>().ok())?;
        let name = proc.read_text(format!("/proc/{process}/comm"));
        Some(match name {
            Ok(name) => format!("process {process} ({})", name.trim_end()),
            Err(_) => format!("what process {process} has started"),
        })
    }

    /// As [`Root::lock`], but EAGAIN if another process holds it.
    pub(crate) fn try_lock(&self, path: impl AsRef<Path>) -> Result<Lock> {
        self.lock_with(path.as_ref(), FlockArg::LockExclusiveNonblock)
    }

    /// As [`Root::try_lock`], of an existing file, opened for reading only; `None` if it does not
    /// exist.
    #[cfg(feature = "admin")]
    pub(crate) fn try_lock_existing(&self, path: impl AsRef<Path>) -> Result<Option<Lock>> {
        let path = path.as_ref();
        let file = crate::error::if_exists(self.open_read(path))?;
        file.map(|file| Lock::take(file, path, FlockArg::LockExclusiveNonblock)).transpose()
    }

    /// Locks a directory, no link; EAGAIN if another process holds the lock.
    pub fn try_lock_dir(&self, path: impl AsRef<Path>) -> Result<Lock> {
        let path = path.as_ref();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let dir = self.open_path(path, flags).map_err(|errno| Error::io(path, errno))?;
        Lock::take(dir.into(), path, FlockArg::LockExclusiveNonblock)
    }

    fn lock_with(&self, path: &Path, how: FlockArg) -> Result<Lock> {
        Lock::take(self.open_append(path, 0o600)?, path, how)
    }
}

impl Lock {
    fn take(file: File, path: &Path, how: FlockArg) -> Result<Lock> {
        let held = Flock::lock(file, how).map_err(|(_, errno)| Error::io(path, errno))?;
        Ok(Lock { held })
    }

    /// From now on the processes that this one starts hold the lock as well, and those that they
    /// start, as far as they pass on what is open: it is free once it was dropped here, or else
    /// when all of them have ended.
    pub fn share(&self) -> nix::Result<()> {
        fcntl(self.held.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).map(|_| ())
    }

    /// Whether the locked file is still the one at `path`.
    pub(crate) fn is_at(&self, root: &Root, path: &Path) -> bool {
        let there = root.meta(path).map(|meta| (meta.device, meta.inode)).ok();
        let held = fstat(self.held.as_fd()).map(|held| (held.st_dev, held.st_ino)).ok();
        there.is_some() && there == held
    }

    /// What the locked file says.
    pub fn note(&self) -> std::io::Result<String> {
        let mut text = [0; 256];
        let length = self.held.read_at(&mut text, 0)?;
        Ok(String::from_utf8_lossy(&text[..length]).into_owned())
    }

    /// Makes the locked file say `text`.
    pub(crate) fn set_note(&self, text: &str) -> std::io::Result<()> {
        ftruncate(self.held.as_fd(), 0)?;
        // It is open for appending.
        self.held.write_all_at(text.as_bytes(), 0)
    }
}
