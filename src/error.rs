//! The one error type of the library; each variant ends as one readable line that names the file
//! and the reason.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// What every fallible function of the library returns.
pub type Result<T> = std::result::Result<T, Error>;

/// An error in a line of a file that people write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, without a final full stop.
    pub text: String,
}

/// A failure, with the path it is about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call on a path failed. The text is the C library's, without an error number.
    #[error("{}: {}", path.display(), reason(*errno))]
    Io {
        /// The path inside the image, or on the host where the message is about the root itself.
        path: PathBuf,
        /// The error number.
        errno: Errno,
    },
    /// A file was read but does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without a final full stop.
        reason: String,
    },
    /// A file was written by a newer nodeshim.
    #[error(
        "{}: format version {found} is newer than {supported}, the newest that this nodeshim reads; \
         if no newer one has written it, `nodeshim repair` sets it aside",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The version that it carries.
        found: u64,
        /// The version that this build writes.
        supported: u64,
    },
    /// A program of the host that is needed cannot be started.
    #[error("{program} cannot be run: {}{}", reason(*errno), remedy(program, *errno))]
    CannotRun {
        /// The program's name or path.
        program: String,
        /// Why the kernel does not start it.
        errno: Errno,
    },
    /// A program of the host failed, took too long, or printed what cannot be read.
    #[error("{program}: {reason}")]
    Program {
        /// The program's name.
        program: String,
        /// What it complained of, without a final full stop.
        reason: String,
    },
    /// Something on the system bus does not answer, or not as it should.
    #[error("{0}")]
    Bus(String),
    /// What the caller asks for is not done: it names what does not exist, or contradicts what is there.
    #[error("{0}")]
    Refused(String),
    /// The machine lacks what this takes: a right, a kernel feature, space, a running daemon.
    #[error("{0}")]
    Unavailable(String),
    /// A part of nodeshim itself failed.
    #[error("{0}; this is a fault of nodeshim")]
    Internal(String),
    /// A failure, and what became of things after it.
    #[error("{first}; {then}")]
    Followed {
        /// What failed.
        first: Box<Error>,
        /// What is so now.
        then: String,
    },
}

fn reason(errno: Errno) -> &'static str {
    match errno {
        Errno::UnknownErrno => "Unknown error",
        known => known.desc(),
    }
}

/// The package to install where a program is missing, by the names of Fedora's packages; nothing for a program
/// that no package would help with.
fn remedy(program: &str, errno: Errno) -> String {
    let package = match program {
        "rpm" | "rpm2cpio" | "rpmkeys" => "rpm",
        "dnf" | "createrepo_c" | "xorriso" | "gzip" | "bzip2" | "xz" | "zstd" => program,
        "gpg" => "gnupg2",
        "nft" => "nftables",
        "mount" | "umount" => "util-linux",
        "mksquashfs" | "unsquashfs" => "squashfs-tools",
        _ => return String::new(),
    };
    match errno {
        Errno::ENOENT => format!("; install the package {package}"),
        _ => String::new(),
    }
}

/// The error number of a standard library error, or the nearest one.
fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or_else(
        || match error.kind() {
            io::ErrorKind::WriteZero => Errno::ENOSPC,
            io::ErrorKind::InvalidInput => Errno::EINVAL,
            io::ErrorKind::BrokenPipe => Errno::EPIPE,
            _ => Errno::EIO,
        },
        Errno::from_raw,
    )
}

impl Error {
    /// `program` could not be started.
    pub(crate) fn cannot_run(program: &str, error: &io::Error) -> Self {
        Error::CannotRun {
            program: program.to_owned(),
            errno: errno_of(error),
        }
    }

    /// `program` failed, for the `reason` that it printed.
    pub(crate) fn program(program: &str, reason: impl Into<String>) -> Self {
        Error::Program {
            program: program.to_owned(),
            reason: reason.into(),
        }
    }

    /// Handlers of signals cannot be set up.
    pub(crate) fn no_signals(error: &io::Error) -> Self {
        Error::Unavailable(format!("signals cannot be waited for: {error}"))
    }

    /// This failure, and what is so after it.
    pub(crate) fn followed_by(self, then: impl Into<String>) -> Self {
        Error::Followed {
            first: Box::new(self),
            then: then.into(),
        }
    }

    /// A failed system call on `path`.
    pub fn io(path: impl AsRef<Path>, errno: Errno) -> Self {
        Error::Io {
            path: path.as_ref().to_owned(),
            errno,
        }
    }

    /// A standard library error on `path`, by its number where it has one.
    pub fn std_io(path: impl AsRef<Path>, error: &io::Error) -> Self {
        Error::io(path, errno_of(error))
    }

    /// A file whose content is not what it should be.
    pub(crate) fn malformed(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Error::Malformed {
            path: path.as_ref().to_owned(),
            reason: reason.into(),
        }
    }

    /// A file of nodeshim's own that cannot be used as it is, with the way out.
    pub fn damaged(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Error::malformed(path, format!("{}; `nodeshim repair` puts it right", reason.into()))
    }

    /// As it is, but for a file of nodeshim's own that something else lies in the place of, or that cannot be
    /// changed: then with the way out.
    pub(crate) fn of_own_file(self) -> Self {
        match self {
            Error::Io {
                path,
                errno: Errno::EISDIR | Errno::EINVAL | Errno::ELOOP | Errno::EFBIG,
            } => Error::damaged(path, "is no file"),
            // Root may write, but for what chattr(1) forbids.
            Error::Io {
                path,
                errno: Errno::EPERM,
            } => Error::damaged(path, "cannot be changed (chattr(1))"),
            other => other,
        }
    }

    /// The error number, if a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Error::Io { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    /// Whether the path, or a directory on the way to it, does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOENT | Errno::ENOTDIR))
    }
}

/// Turns "does not exist" into `None`.
pub fn if_exists<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}
