//! Why a request failed, in the words of readServiceError() of chkconfig.c.

use std::ffi::OsStr;

use nix::errno::Errno;

use crate::error::Error;
use crate::sysv::layout::level_path;
use crate::sysv::links::Unreadable;
use crate::sysv::script::Trouble;

/// A failure that ends a request.
#[derive(Debug)]
pub(super) enum Failure {
    /// The script can't be worked with.
    Script(Trouble),
    /// A level's directory can't be read.
    Level(Unreadable),
    /// Anything else, mostly while writing.
    Other(Error),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Failure::Script(trouble)
    }
}

impl From<Unreadable> for Failure {
    fn from(level: Unreadable) -> Self {
        Failure::Level(level)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Other(error)
    }
}

impl Failure {
    /// The line about a service.
    pub(super) fn line(&self, name: &OsStr) -> String {
        let name = name.to_string_lossy();
        match self {
            Failure::Script(Trouble::Unreadable(errno)) => {
                format!("error reading information on service {name}: {}", errno.desc())
            }
            Failure::Script(Trouble::Unsupported) => {
                format!("service {name} does not support chkconfig")
            }
            Failure::Level(Unreadable { level, error }) => {
                let reason = error.errno().unwrap_or(Errno::EIO).desc();
                let path = level_path(*level);
                format!("failed to glob pattern {path}/[SK][0-9][0-9]{name}: {reason}")
            }
            Failure::Other(error) => match error.errno() {
                Some(Errno::EACCES | Errno::EPERM | Errno::EROFS) => {
                    "You do not have enough privileges to perform this operation.".into()
                }
                _ => format!("failed to change the levels of service {name}: {error}"),
            },
        }
    }
}
