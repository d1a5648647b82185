//! Copying the packages that are named to a directory that only root can write.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::escape::Escaped;
use crate::root::Kind;
use crate::rpmdb::open_package;
use crate::tempdir::PrivateDirectory;

/// A package file's copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    /// What it is spoken of by: the path that was given, or its file name.
    pub name: String,
    /// Where the copy is. rpm takes a name for a pattern, so it is one without meaning.
    pub copy: PathBuf,
}

/// Copies files, and every package of directories.
pub(super) fn stage(private: &PrivateDirectory, given: &[PathBuf]) -> Result<Vec<Staged>> {
    let mut staged = Vec::new();
    for path in given {
        let at = std::path::absolute(path).map_err(|error| Error::std_io(path, &error))?;
        if !private.host.is_dir(&at) {
            staged.push(copy(private, &at, path, staged.len())?);
            continue;
        }
        let packages = packages(private, &at)?;
        if packages.is_empty() {
            return Err(Error::malformed(path, "no RPM packages found"));
        }
        for name in packages {
            staged.push(copy(private, &at.join(&name), &path.join(&name), staged.len())?);
        }
    }
    Ok(staged)
}

/// The names of the packages in a directory.
fn packages(private: &PrivateDirectory, directory: &Path) -> Result<Vec<std::ffi::OsString>> {
    let is_package =
        |name: &OsStr| name.as_bytes().ends_with(b".rpm") && !name.as_bytes().ends_with(b".src.rpm");
    let entries = private.host.list_where(directory, is_package)?;
    Ok(entries
        .into_iter()
        .filter(|entry| entry.kind != Kind::Dir)
        .map(|entry| entry.name)
        .collect())
}

fn copy(private: &PrivateDirectory, from: &Path, name: &Path, number: usize) -> Result<Staged> {
    let copy = private.path.join(format!("{number}.rpm"));
    let mut package = open_package(from)?;
    let mut file = private.host.create_new(&copy)?;
    io::copy(&mut package, &mut file).map_err(|error| Error::std_io(from, &error))?;
    Ok(Staged {
        name: Escaped::new(name).shown(),
        copy,
    })
}

/// Takes over a package that is in a directory of ours already, but for its name.
pub(super) fn take(private: &PrivateDirectory, from: &Path, number: usize) -> Result<Option<Staged>> {
    let copy = private.path.join(format!("{number}.rpm"));
    private.host.rename(from, &copy)?;
    Ok(from.file_name().map(|name| Staged {
        name: Escaped::new(name).shown(),
        copy,
    }))
}
