//! A directory of our own on the build host, gone with the value that stands for it.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::error::{Error, Result, if_exists};
use crate::root::{Kind, Root};

/// As many directories that killed runs have left are passed over.
const MAX_LEFT: usize = 1000;

/// Nobody else can have laid anything out in it: it is made, never found. It holds links and small
/// files, one directory deep.
#[derive(Debug)]
pub(super) struct PrivateDirectory {
    /// The host's file system.
    pub host: Root,
    /// Where it is.
    pub path: PathBuf,
}

impl PrivateDirectory {
    /// Makes one in `temporary`; `what` becomes part of its name.
    pub(super) fn make(temporary: &Path, what: &str) -> Result<PrivateDirectory> {
        let host = Root::open("/")?;
        let name = format!("nodeshim-{what}-{}", std::process::id());
        let path = (0..MAX_LEFT)
            .map(|n| temporary.join(format!("{name}-{n}")))
            .find_map(|path| match host.create_dir(&path, 0o700) {
                Err(error) if error.errno() == Some(Errno::EEXIST) => None,
                made => Some(made.map(|()| path)),
            })
            .unwrap_or_else(|| Err(Error::io(temporary.join(&name), Errno::EEXIST)))?;
        Ok(PrivateDirectory { host, path })
    }

    /// Links to all that is in `directory` below `under`, but for what is named. A directory that
    /// does not exist holds nothing.
    pub(super) fn link_all(&self, directory: &Path, under: &str, except: &[&str]) -> Result<()> {
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
        // What a command made in it beyond its first level stays, and so does it.
        for entry in self.host.list(&self.path).unwrap_or_default() {
            let path = self.path.join(entry.name);
            if entry.kind != Kind::Dir {
                let _ = self.host.remove(path);
                continue;
            }
            for inner in self.host.list(&path).unwrap_or_default() {
                let _ = self.host.remove(path.join(inner.name));
            }
            let _ = self.host.remove_dir(path);
        }
        let _ = self.host.remove_dir(&self.path);
    }
}
