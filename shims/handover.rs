//! A shim in a system that is not armed has no business there: the original does the work.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{getpid, getppid};
use nodeshim::intercept::Diverted;
use nodeshim::root::Root;

/// Names the process that has handed over, and its tool. The file at a tool's path, or its waiting
/// original, may be a shim again: this keeps a shim from handing over to itself for ever.
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
    if has_handed_over(&argv[0]) {
        return Err(io::Error::other("the original is a stand-in, too: install its package again"));
    }
    let candidates = candidates(&argv[0]);
    let waiting = candidates.iter().find_map(|path| original_of(root, path));
    // If the image was disarmed after this shim was started, the original is at its path again.
    let back = || candidates.into_iter().find(|path| root.is_file(path));
    let original = waiting.or_else(back).ok_or_else(|| io::Error::other("no original waits here"))?;
    let mut command = Command::new(original);
    command.arg0(&argv[0]).args(&argv[1..]);
    command.env(GUARD, format!("{} {}", getpid(), name(&argv[0]).display()));
    Ok(command)
}

/// Whether this process, or the one that started it, was a shim that handed over as this tool.
fn has_handed_over(argv0: &OsStr) -> bool {
    let said = std::env::var_os(GUARD);
    let by = |process| OsString::from(format!("{process} {}", name(argv0).display()));
    said.is_some_and(|said| said == by(getpid()) || said == by(getppid()))
}

fn name(argv0: &OsStr) -> &OsStr {
    Path::new(argv0).file_name().unwrap_or(argv0)
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
        original: None,
    }
    .real();
    root.is_file(&real).then_some(real)
}
