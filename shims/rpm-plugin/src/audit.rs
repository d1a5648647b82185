//! Telling a `nodeshim run` that listens next to the plugin where each scriptlet begins and ends.
//!
//! `unsafe` is needed to ask where the plugin was loaded from, and for a write that cannot raise
//! SIGPIPE in rpm.

use std::ffi::{CStr, OsStr};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Mutex;

use nodeshim::attribution::plugin_protocol::{Message, SOCKET};

static CONNECTION: Mutex<Option<UnixStream>> = Mutex::new(None);

/// Connects, if somebody listens next to the plugin. rpm is not in the image's root yet.
pub fn connect() {
    let stream = place().and_then(|place| UnixStream::connect(place.with_file_name(SOCKET)).ok());
    if let Ok(mut connection) = CONNECTION.lock() {
        *connection = stream;
    }
}

/// Says something, and waits for the answer if there is one. A listener that went away is
/// forgotten: the transaction goes on without it.
pub fn say(message: &Message) {
    let Ok(mut connection) = CONNECTION.lock() else {
        return;
    };
    if let Some(stream) = connection.as_mut()
        && !(send(stream, message.line().as_bytes()) && (!message.wants_answer() || hear(stream)))
    {
        *connection = None;
    }
}

/// Whether anybody listens.
pub fn is_heard() -> bool {
    CONNECTION.lock().is_ok_and(|connection| connection.is_some())
}

fn send(stream: &UnixStream, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // SAFETY: the descriptor is open and the buffer as long as it is said to be.
        let sent =
            unsafe { libc::send(stream.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        match usize::try_from(sent) {
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

fn hear(stream: &mut UnixStream) -> bool {
    stream.read_exact(&mut [0]).is_ok()
}

/// The file that rpm loaded this code from.
fn place() -> Option<PathBuf> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let known: *const libc::c_void = (&raw const CONNECTION).cast();
    // SAFETY: `info` has room for the answer, and the name in it lives as long as the library.
    let name = unsafe {
        if libc::dladdr(known, info.as_mut_ptr()) == 0 {
            return None;
        }
        let info = info.assume_init();
        if info.dli_fname.is_null() {
            return None;
        }
        CStr::from_ptr(info.dli_fname)
    };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}
