//! Programs of the host, run to their end. They read nothing, and print in English and UTF-8.

mod limited;

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};
use crate::escape::printable;

pub(crate) use limited::{run_within, succeed_within};

/// Runs a program and returns what it printed.
///
/// # Errors
/// If it cannot be started; of a program that is missing with the package that it is in. A failure of the program
/// is part of the output.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = command.output();
    let output =
        output.map_err(|error| Error::cannot_run(&command.get_program().to_string_lossy(), &error))?;
    log::debug!("{command:?}: {}", output.status);
    Ok(output)
}

/// As [`run`], for programs whose last line says why they failed; returns their standard output.
///
/// # Errors
/// If it cannot be started or fails.
pub(crate) fn succeed<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Result<String> {
    let output = run(Command::new(name).args(args))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    Err(Error::program(name, printable(line.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_named_with_its_last_line() {
        assert_eq!(succeed("echo", ["a"]).unwrap(), "a\n");
        let failed = succeed("sh", ["-c", "echo first >&2; echo second >&2; exit 3"]);
        assert_eq!(failed.unwrap_err().to_string(), "sh: second");
        assert!(run(&mut Command::new("/nonexistent/program")).is_err());
    }
}
