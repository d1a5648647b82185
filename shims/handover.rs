//! A shim in a system that is not armed has no business there: the original does the work.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodeshim::intercept::Diverted;
use nodeshim::root::Root;

/// Set for what may be a shim again: if the image was disarmed after this shim was started, what
/// stands at its path now is the original.
const GUARD: &str = "NODESHIM_HANDED_OVER";

/// Becomes the original, with the same arguments and environment. Returns only if that fails.
pub fn become_original(root: &Root, argv: &[OsString]) -> io::Error {
    match command(root, argv) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

/// The original, with the same arguments and environment.
pub fn command(root: &Root, argv: &[OsString]) -> io::Result<Command> {
    let mut candidates = candidates(&argv[0]);
    let waiting = candidates.iter().find_map(|path| original_of(root, path));
    let back = || {
        candidates.retain(|path| root.is_file(path));
        candidates.into_iter().next().filter(|_| std::env::var_os(GUARD).is_none())
    };
    let command = |original| {
        let mut command = Command::new(original);
        command.arg0(&argv[0]).args(&argv[1..]);
        command
    };
    if let Some(original) = waiting {
        return Ok(command(original));
    }
    let mut again = command(back().ok_or_else(|| io::Error::other("no original waits here"))?);
    again.env(GUARD, "1");
    Ok(again)
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
