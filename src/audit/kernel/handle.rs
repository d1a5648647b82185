//! File handles: how the kernel names a directory in an event.
//!
//! `unsafe` is needed because neither the standard library nor nix wraps `name_to_handle_at(2)`, and
//! neither shows the bytes of a file system's id.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// `MAX_HANDLE_SZ` of the kernel's `exportfs.h`.
const MAX_HANDLE: usize = 128;

/// Names a file among all file systems.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::audit) struct Handle {
    /// `f_fsid` of `statfs(2)`.
    system: System,
    kind: i32,
    bytes: Box<[u8]>,
}

/// The id of a file system, as events and `statfs(2)` have it.
pub(in crate::audit) type System = [u8; 8];

#[repr(C)]
struct Buffer {
    length: u32,
    kind: i32,
    bytes: [u8; MAX_HANDLE],
}

impl Handle {
    /// The handle of an open file.
    pub(crate) fn of(fd: BorrowedFd) -> nix::Result<Handle> {
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
            system: system(fd)?,
            kind: buffer.kind,
            bytes: buffer.bytes[..length].into(),
        })
    }

    /// Takes a file system's id and a `struct file_handle` off the front of an event's bytes; also what
    /// follows them.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Handle, &[u8])> {
        let (system, bytes) = bytes.split_first_chunk()?;
        let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let kind = i32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?);
        let end = 8_usize.checked_add(length)?;
        let handle = Handle {
            system: *system,
            kind,
            bytes: bytes.get(8..end)?.into(),
        };
        Some((handle, bytes.get(end..)?))
    }
}

fn system(fd: BorrowedFd) -> nix::Result<System> {
    let mut buffer = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the kernel fills in the whole structure where the call succeeds, and it is looked at only
    // then; the id is eight plain bytes, whose fields have no names in public.
    unsafe {
        Errno::result(libc::fstatfs(fd.as_raw_fd(), buffer.as_mut_ptr()))?;
        Ok(std::mem::transmute::<libc::fsid_t, System>(buffer.assume_init().f_fsid))
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
        let mut bytes = vec![9; 8];
        bytes.extend([2, 0, 0, 0, 1, 0, 0, 0, 7, 8]);
        bytes.extend(b"name\0");
        let (handle, rest) = Handle::parse(&bytes).unwrap();
        assert_eq!((handle.system, handle.kind, &*handle.bytes), ([9; 8], 1, &[7, 8][..]));
        assert_eq!(rest, b"name\0");
        assert_eq!(Handle::parse(&[9, 9, 9, 9, 9, 9, 9, 9, 255, 0, 0, 0, 1, 0, 0, 0]), None);
    }
}
