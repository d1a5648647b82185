//! A private directory on the build host. It is removed when its value is dropped, or else by the
//! next run.
//!
//! A process that uses one holds a lock on it, which the kernel releases when the last process
//! ends. So a directory that is not locked is unused, even if its name has the number of a running
//! process.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::Uid;

use crate::error::{Error, Result, if_exists};
use crate::root::{Kind, Lock, Root};

/// As many directories that others have laid out under our names are passed over.
const MAX_LEFT: usize = 1000;
/// What the directories are for, as their names say.
const KINDS: [&str; 9] = [
    "bin", "home", "plugins", "gpg", "key", "packages", "preview", "image", "replay",
];
/// Only their owner can read them.
const MODE: u32 = 0o700;

/// It cannot contain files of others: it is always created, an existing directory is never used.
#[derive(Debug)]
pub(crate) struct PrivateDirectory {
    /// The host's file system.
    pub host: Root,
    /// Where it is.
    pub path: PathBuf,
    lock: Lock,
}

impl PrivateDirectory {
    /// Makes one in `temporary`; `what`, of [`KINDS`], becomes part of its name.
    pub(crate) fn make(temporary: &Path, what: &str) -> Result<PrivateDirectory> {
        let host = Root::open("/")?;
        let name = format!("nodeshim-{what}-{}", std::process::id());
        for n in 0..MAX_LEFT {
            let path = temporary.join(format!("{name}-{n}"));
            match host.create_dir(&path, MODE) {
                Err(error) if error.errno() == Some(Errno::EEXIST) => continue,
                made => made?,
            }
            // Until it is locked, another run may take it for a left-over, and remove it.
            match host.try_lock_dir(&path) {
                Ok(lock) if lock.is_at(&host, &path) => return Ok(PrivateDirectory { host, path, lock }),
                Err(error) if !error.is_missing() && error.errno() != Some(Errno::EAGAIN) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Err(Error::io(temporary.join(&name), Errno::EEXIST))
    }

    /// Writes a file that only its owner can read, and returns its path.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.path.join(name);
        self.host.write(&path, content, Some(0o600))?;
        Ok(path)
    }

    /// From now on the commands that are started keep it.
    pub(crate) fn share(&self) -> Result<()> {
        self.lock.share().map_err(|errno| Error::io(&self.path, errno))
    }

    /// Links to all that is in `directory` below `under`, but for what is named. A directory that
    /// does not exist holds nothing.
    pub(crate) fn link_all(&self, directory: &Path, under: &str, except: &[&str]) -> Result<()> {
        for entry in if_exists(self.host.list(directory))?.unwrap_or_default() {
            if except.iter().all(|name| entry.name != *name) {
                let to = self.path.join(under);
                self.host.create_dirs(&to, 0o700)?;
                self.host.symlink(directory.join(&entry.name), to.join(&entry.name))?;
            }
        }
        Ok(())
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        clear(&self.host, &self.path);
    }
}

/// Removes the directories that killed runs of this user have left in `temporary`.
pub(crate) fn sweep(temporary: &Path) -> Result<()> {
    let host = Root::open("/")?;
    for entry in if_exists(host.list(temporary))?.unwrap_or_default() {
        if entry.kind != Kind::Dir || !is_ours(&entry.name.to_string_lossy()) {
            continue;
        }
        let path = temporary.join(entry.name);
        let Ok(meta) = host.meta(&path) else { continue };
        if meta.uid != Uid::effective().as_raw() || meta.mode != MODE {
            continue;
        }
        if let Ok(lock) = host.try_lock_dir(&path)
            && lock.is_at(&host, &path)
        {
            clear(&host, &path);
        }
    }
    Ok(())
}

/// Whether a directory's name is `nodeshim-KIND-PID-N`.
fn is_ours(name: &str) -> bool {
    let numbers = KINDS
        .iter()
        .find_map(|kind| name.strip_prefix("nodeshim-")?.strip_prefix(kind)?.strip_prefix('-'));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers
        .and_then(|numbers| numbers.split_once('-'))
        .is_some_and(|(pid, n)| number(pid) && number(n))
}

/// Removes a directory and what is in it; links are removed, not followed. What cannot be removed
/// stays, without a message.
fn clear(host: &Root, directory: &Path) {
    for entry in host.list(directory).unwrap_or_default() {
        let path = directory.join(entry.name);
        if entry.kind == Kind::Dir {
            clear(host, &path);
        } else {
            let _ = host.remove(path);
        }
    }
    let _ = host.remove_dir(directory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_directory_is_removed_with_its_content_and_nothing_else() {
        let outside = tempfile::tempdir().unwrap();
        let private = PrivateDirectory::make(outside.path(), "key").unwrap();
        private.host.create_dirs(private.path.join("a/b/c"), 0o700).unwrap();
        private.write("a/b/c/file", b"x").unwrap();
        let kept = outside.path().join("kept");
        private.host.create_dir(&kept, 0o700).unwrap();
        private.host.symlink(&kept, private.path.join("a/link")).unwrap();
        let (host, path) = (Root::open("/").unwrap(), private.path.clone());
        assert_eq!(host.meta(&path).unwrap().mode, MODE);
        drop(private);
        assert!(!host.exists(&path) && host.exists(&kept));
    }

    #[test]
    fn only_names_that_a_run_gives_are_ours() {
        assert!(is_ours("nodeshim-home-17-0") && is_ours("nodeshim-plugins-4194303-12"));
        for other in [
            "nodeshim-home-17",
            "nodeshim-home--0",
            "nodeshim-homes-1-0",
            "nodeshim-test-a1b2",
            "x",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
