//! A scriptlet may close standard streams. The next file that is opened would get such a number,
//! and what the tool prints would end in that file, which may be the journal.

use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd, IntoRawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::Mode;

/// Puts something that can be neither read nor written in the place of each closed stream.
pub fn keep_numbers() {
    hold(stdin());
    hold(stdout());
    hold(stderr());
}

/// The lowest free number is this stream's, as those below it are taken.
fn hold(stream: impl AsFd) {
    if fcntl(stream.as_fd(), FcntlArg::F_GETFD) == Err(Errno::EBADF) {
        // It stays open to the end of the process.
        let _ = open("/", OFlag::O_PATH, Mode::empty()).map(IntoRawFd::into_raw_fd);
    }
}
