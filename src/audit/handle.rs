//! File handles: how the kernel names a directory in an event.
//!
//! `unsafe` is needed because neither the standard library nor nix wraps `name_to_handle_at(2)`.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// `MAX_HANDLE_SZ` of the kernel's `exportfs.h`.
const MAX_HANDLE: usize = 128;

/// Names a file within its file system.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Handle {
    kind: i32,
    bytes: Box<[u8]>,
}

#[repr(C)]
struct Buffer {
    length: u32,
    kind: i32,
    bytes: [u8; MAX_HANDLE],
}

impl Handle {
    /// The handle of an open file.
    pub fn of(fd: BorrowedFd) -> nix::Result<Handle> {
        let mut buffer = Buffer {
            length: MAX_HANDLE as u32,
            kind: 0,
            bytes: [0; MAX_HANDLE],
        };
        let mut mount = 0;
        // SAFETY: the buffer is laid out as `struct file_handle` with room for as many bytes as its
        // first field says, and both it and `mount` outlive the call.
        let result = unsafe {
            libc::name_to_handle_at(
                fd.as_raw_fd(),
                c"".as_ptr(),
                (&raw mut buffer).cast(),
                &raw mut mount,
                libc::AT_EMPTY_PATH,
            )
        };
        Errno::result(result)?;
        let length = (buffer.length as usize).min(MAX_HANDLE);
        Ok(Handle {
            kind: buffer.kind,
            bytes: buffer.bytes[..length].into(),
        })
    }

    /// Takes a `struct file_handle` off the front of an event's bytes; also what follows it.
    pub fn parse(bytes: &[u8]) -> Option<(Handle, &[u8])> {
        let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let kind = i32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?);
        let end = 8_usize.checked_add(length)?;
        let handle = Handle {
            kind,
            bytes: bytes.get(8..end)?.into(),
        };
        Some((handle, bytes.get(end..)?))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::root::Root;

    #[test]
    fn a_directory_has_one_handle_and_another_has_another() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        root.create_dir("a", 0o755).unwrap();
        let of = |path: &str| Handle::of(root.listing(path).unwrap().fd().as_fd());
        match (of("/"), of("a")) {
            (Ok(top), Ok(a)) => {
                assert_ne!(top, a);
                assert_eq!(of("/").unwrap(), top);
            }
            // Not every file system has handles.
            (top, a) => assert_eq!((top, a), (Err(Errno::EOPNOTSUPP), Err(Errno::EOPNOTSUPP))),
        }
    }

    #[test]
    fn handles_are_read_from_events() {
        let mut bytes = vec![2, 0, 0, 0, 1, 0, 0, 0, 7, 8];
        bytes.extend(b"name\0");
        let (handle, rest) = Handle::parse(&bytes).unwrap();
        assert_eq!((handle.kind, &*handle.bytes, rest), (1, &[7, 8][..], &b"name\0"[..]));
        assert_eq!(Handle::parse(&[255, 0, 0, 0, 1, 0, 0, 0]), None);
    }
}
