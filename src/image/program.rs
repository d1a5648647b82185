//! The programs that pack and unpack, run to their end.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::escape::printable;

/// Runs a program and returns its standard output.
///
/// # Errors
/// If the program fails, with the last line that it printed; if it is missing, with the package that it
/// is in.
pub(super) fn run<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Result<String> {
    let mut command = Command::new(name);
    command.args(args).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = command.output().map_err(|error| Error::cannot_run(name, &error))?;
    log::debug!("{command:?}: {}", output.status);
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(Error::program(name, printable(line.trim())))
}
