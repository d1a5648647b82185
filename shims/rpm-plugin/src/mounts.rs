//! The mount namespace that scriptlets of a transaction share. Making one and taking it apart takes longer than many
//! scriptlets run, so the process of the first scriptlet makes it, and the processes of later scriptlets enter it.
//! After a scriptlet has mounted or unmounted something, and after rpm's own mounts have changed, the next scriptlet's
//! process makes a new one. The kernel reports both to a process that has the list of mounts open
//! (proc_pid_mountinfo(5)).
//!
//! rpm itself may have threads and cannot make the namespace, but only rpm outlives the scriptlets. So the scriptlet's
//! process, before it runs the scriptlet, passes to rpm the descriptors that later processes need to enter it.
//!
//! `unsafe` is needed for the system calls. What runs in the scriptlet's process must not allocate: see
//! [`crate::containment`].

use std::ffi::{CStr, c_int};
use std::mem::{size_of, zeroed};
use std::sync::atomic::Ordering;

use crate::containment::{Kept, open};

/// What is passed on: the namespace, its list of mounts, and the image's root in it.
const PASSED: usize = 3;
const SPACE: usize = control_space(PASSED * size_of::<c_int>());

static SHARED: [Kept; PASSED] = [const { Kept::new(-1) }; PASSED];
/// rpm's end of a pair of sockets, and that of the scriptlet's process.
static ENDS: [Kept; 2] = [const { Kept::new(-1) }; 2];
/// The list of rpm's own mounts.
static OWN: Kept = Kept::new(-1);

/// A control message with its payload; `align` is what `cmsg(3)` aligns by.
#[repr(C)]
union Control {
    bytes: [u8; SPACE],
    align: libc::cmsghdr,
}

const fn control_space(payload: usize) -> usize {
    // SAFETY: it only counts.
    unsafe { libc::CMSG_SPACE(payload as libc::c_uint) as usize }
}

/// To be called before rpm goes into the image's root: where there is no `/proc`, no mounts are shared.
pub fn prepare() {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: there is room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } == 0 {
        ENDS.iter().zip(ends).for_each(|(kept, end)| kept.store(end, Ordering::Relaxed));
        OWN.store(open(c"/proc/self/mountinfo", libc::O_RDONLY), Ordering::Relaxed);
    }
}

/// Takes what the last scriptlet's process has passed on, and drops a namespace in which mounts have changed. To be
/// called in rpm before each scriptlet.
pub fn refresh() {
    let own_changed = has_changed(&OWN);
    while let Some(passed) = receive() {
        forget();
        SHARED
            .iter()
            .zip(passed)
            .for_each(|(kept, descriptor)| kept.store(descriptor, Ordering::Relaxed));
    }
    let [_, list, _] = &SHARED;
    if own_changed || has_changed(list) {
        forget();
    }
}

fn forget() {
    for kept in &SHARED {
        let descriptor = kept.swap(-1, Ordering::Relaxed);
        if descriptor >= 0 {
            // SAFETY: the descriptor is not used anywhere else.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Whether mounts were added, changed or removed since the list was opened or asked about last.
fn has_changed(list: &Kept) -> bool {
    let fd = list.load(Ordering::Relaxed);
    let mut asked = libc::pollfd {
        fd,
        events: libc::POLLPRI,
        revents: 0,
    };
    // SAFETY: one structure is passed. A list that is not open is passed over.
    fd >= 0 && unsafe { libc::poll(&raw mut asked, 1, 0) } > 0
}

/// Takes the calling process, which is about to become a scriptlet, to the mounts that an earlier one has made, in
/// the image's root; `false` where there are none yet.
pub fn enter() -> bool {
    let [namespace, _, root] = [0, 1, 2].map(|at: usize| SHARED[at].load(Ordering::Relaxed));
    // SAFETY: system calls on descriptors and a C string.
    unsafe {
        if namespace < 0 || libc::setns(namespace, libc::CLONE_NEWNS) != 0 {
            return false;
        }
        // It is in the machine's root now.
        if libc::fchdir(root) != 0 || libc::chroot(c".".as_ptr()) != 0 {
            libc::_exit(127);
        }
    }
    true
}

/// Passes the calling process's mounts on to rpm. `outside` is the machine's root, whose `/proc` tells of them.
pub fn pass_on(outside: c_int) {
    let of_outside = |path: &CStr| {
        // SAFETY: a system call on a descriptor and a C string.
        unsafe { libc::openat(outside, path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) }
    };
    let passed = [
        of_outside(c"proc/self/ns/mnt"),
        of_outside(c"proc/self/mountinfo"),
        open(c"/", libc::O_PATH | libc::O_DIRECTORY),
    ];
    if passed.iter().all(|descriptor| *descriptor >= 0) {
        send(&passed);
    }
}

fn send(passed: &[c_int; PASSED]) {
    let mut byte = 0_u8;
    let mut piece = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let mut control = Control { bytes: [0; SPACE] };
    // SAFETY: the message consists of the byte and of a control message that is as long as it says; should it not
    // arrive, the next scriptlet makes its own mounts.
    unsafe {
        let message = message(&mut piece, &mut control);
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<[c_int; PASSED]>() as libc::c_uint) as _;
        libc::CMSG_DATA(header).cast::<[c_int; PASSED]>().write_unaligned(*passed);
        libc::sendmsg(ENDS[1].load(Ordering::Relaxed), &raw const message, 0);
    }
}

/// What a scriptlet's process has passed on, if anything waits.
fn receive() -> Option<[c_int; PASSED]> {
    let mut byte = 0_u8;
    let mut piece = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let mut control = Control { bytes: [0; SPACE] };
    let end = ENDS[0].load(Ordering::Relaxed);
    // SAFETY: as in `send`; the kernel writes no more than there is room for, and a message of ours has three
    // descriptors.
    unsafe {
        let mut message = message(&mut piece, &mut control);
        if end < 0 || libc::recvmsg(end, &raw mut message, libc::MSG_CMSG_CLOEXEC) <= 0 {
            return None;
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let whole = libc::CMSG_LEN(size_of::<[c_int; PASSED]>() as libc::c_uint) as usize;
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS || (*header).cmsg_len as usize != whole
        {
            return None;
        }
        Some(libc::CMSG_DATA(header).cast::<[c_int; PASSED]>().read_unaligned())
    }
}

fn message(piece: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeros are a message without any part.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut *control).cast();
    message.msg_controllen = SPACE as _;
    message
}
