//! Programs of the image that a call ends in. They are run by the shim when the call has been
//! recorded and the journal's lock is given back: they may call a shim themselves.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program of the image, with everything that it gets to see. It runs in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its path in the image.
    pub path: PathBuf,
    /// The words after its name.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(&'static str, OsString)>,
}

/// What a call ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Run one after the other.
    pub in_turn: Vec<Program>,
    /// Whether the exit code is the last program's instead of the call's own.
    pub exit_of_last: bool,
}
