//! Keeping what rpm has open from scriptlets. rpm closes it before it becomes a shell or another program;
//! but what a scriptlet in Lua starts, which runs within rpm, would get it: directories of the host among
//! them, and the way to the socket of the audit.
//!
//! `unsafe` is needed for system calls on numbers of descriptors that belong to rpm.

/// Since Linux 5.11 (close_range(2)).
const CLOEXEC: libc::c_uint = 4;
/// As many are looked at one by one where the kernel lacks the call.
const MOST: libc::c_int = 1024;

/// Nothing but the standard streams is passed on to a program that rpm runs from now on.
pub fn keep_from_scriptlets() {
    // SAFETY: no descriptor is closed or changed for this process; numbers that are not open are passed
    // over.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOEXEC) == 0 {
            return;
        }
        for descriptor in 3..MOST {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}
