//! A shim in a system that is not armed has no business there: the original does the work.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodeshim::intercept::Diverted;
use nodeshim::root::Root;

/// Becomes the original, with the same arguments and environment. Returns only if that fails.
pub fn become_original(root: &Root, argv: &[OsString]) -> io::Error {
    let original = candidates(&argv[0]).into_iter().find_map(|path| original_of(root, &path));
    match original {
        None => io::Error::other("the image is not armed, and no original waits here"),
        Some(original) => Command::new(original).arg0(&argv[0]).args(&argv[1..]).exec(),
    }
}

/// The paths that `argv0` may have stood for.
fn candidates(argv0: &OsStr) -> Vec<PathBuf> {
    if Path::new(argv0).components().count() > 1 {
        return vec![argv0.into()];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(argv0)).collect()
}

fn original_of(root: &Root, path: &Path) -> Option<PathBuf> {
    let directory = root.resolve(path.parent()?).ok()?;
    let path = directory.join(path.file_name()?);
    let real = Diverted {
        path,
        only_if_missing: false,
    }
    .real();
    root.is_file(&real).then_some(real)
}
