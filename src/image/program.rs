//! The programs that pack and unpack, run to their end.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use nix::errno::Errno;

use crate::error::{Error, Result};
use crate::escape::printable;

/// Runs a program and returns its standard output.
///
/// # Errors
/// If the program fails, with the last line that it printed; if it is missing, with the package that it
/// is in.
pub(super) fn run<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Result<String> {
    let output = Command::new(name).args(args).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) => Error::Other(format!("{name} is not installed; it is in {}", package(name))),
        _ => Error::Other(format!("{name} cannot be run: {error}")),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(Error::Other(format!("{name}: {}", printable(line.trim()))))
}

fn package(program: &str) -> &'static str {
    match program {
        "xorriso" => "xorriso",
        "mount" | "umount" => "util-linux",
        _ => "squashfs-tools",
    }
}
