//! Keeping scriptlets from the kernel of the machine that builds the image: they have mounts, a host
//! name, a network and System V IPC of their own, and no rights over the kernel's modules, clock and
//! power. It is done where rpm's own `unshare` plugin (4.20) does as much of it.
//!
//! All scriptlets of a transaction share host name, network and IPC, and mounts as long as none of them changes
//! these (see [`crate::mounts`]). Mounts are made in the child that rpm has forked for a scriptlet, by system calls
//! alone: dnf has other threads, and a lock that one of them holds would never be released in the child. A Lua
//! scriptlet runs in rpm itself, which leaves its namespaces for as long as it runs; its mounts are rpm's own.
//!
//! `unsafe` is needed for the system calls.

use std::ffi::{CStr, c_int, c_ulong};
use std::io::Error;
use std::ptr::null;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::mounts;

/// What scriptlets of a transaction share, and the files of these namespaces.
const SHARED: [(c_int, &CStr); 3] = [
    (libc::CLONE_NEWUTS, c"/proc/thread-self/ns/uts"),
    (libc::CLONE_NEWIPC, c"/proc/thread-self/ns/ipc"),
    (libc::CLONE_NEWNET, c"/proc/thread-self/ns/net"),
];

/// CAP_SYS_MODULE, CAP_SYS_BOOT and CAP_SYS_TIME: capabilities(7).
const DROPPED: [c_ulong; 3] = [16, 22, 25];

/// mount_setattr(2)
const MOUNT_ATTR_RDONLY: u64 = 1;

/// A descriptor that stays open as long as rpm lives; -1 where there is none.
pub type Kept = AtomicI32;

/// The root that rpm was started in, open from before it goes into the image's; none where scriptlets
/// are not contained.
static OUTSIDE: Kept = Kept::new(-1);
/// rpm's own namespaces and those of its scriptlets, as in [`SHARED`].
static OWN: [Kept; 3] = [const { Kept::new(-1) }; 3];
static APART: [Kept; 3] = [const { Kept::new(-1) }; 3];

/// Makes the namespaces that scriptlets are going to share. rpm is not in the image's root yet.
pub fn prepare() {
    if OUTSIDE.load(Ordering::Relaxed) >= 0 {
        return;
    }
    for ((own, apart), (kind, file)) in OWN.iter().zip(&APART).zip(SHARED) {
        own.store(open(file, libc::O_RDONLY), Ordering::Relaxed);
        // SAFETY: a system call without memory. If it is refused, the run has reported that.
        if own.load(Ordering::Relaxed) < 0 || unsafe { libc::unshare(kind) } != 0 {
            continue;
        }
        if kind == libc::CLONE_NEWNET {
            raise_loopback();
        }
        apart.store(open(file, libc::O_RDONLY), Ordering::Relaxed);
        go_to(own, kind);
    }
    mounts::prepare();
    OUTSIDE.store(open(c"/", libc::O_PATH | libc::O_DIRECTORY), Ordering::Relaxed);
}

/// Opens a file for this process alone; -1 where it cannot be opened.
pub fn open(path: &CStr, flags: c_int) -> c_int {
    // SAFETY: the path is a C string.
    unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) }
}

fn go_to(namespace: &Kept, kind: c_int) {
    let descriptor = namespace.load(Ordering::Relaxed);
    // SAFETY: a system call on a descriptor.
    if descriptor >= 0 && unsafe { libc::setns(descriptor, kind) } != 0 {
        eprintln!("nodeshim: a namespace cannot be entered: {}", Error::last_os_error());
    }
}

/// Goes to the namespaces of scriptlets, for a Lua scriptlet rpm itself.
pub fn enter() {
    APART.iter().zip(SHARED).for_each(|(apart, (kind, _))| go_to(apart, kind));
}

/// Takes rpm back to its own namespaces.
pub fn leave() {
    for ((own, apart), (kind, _)) in OWN.iter().zip(&APART).zip(SHARED) {
        if apart.load(Ordering::Relaxed) >= 0 {
            go_to(own, kind);
        }
    }
}

/// Sets the calling process apart, which is about to become a scriptlet.
pub fn contain() {
    let outside = OUTSIDE.load(Ordering::Relaxed);
    if outside < 0 {
        return;
    }
    enter();
    let apart = if mounts::enter() {
        Ok(())
    } else {
        own_mounts(outside)
    };
    if let Err((step, error)) = apart.and_then(|()| drop_capabilities()) {
        eprintln!("nodeshim: a scriptlet is not kept from this machine's kernel: {step}: {error}");
    }
}

type Step = Result<(), (&'static str, Error)>;

fn checked(result: c_int, step: &'static str) -> Step {
    if result == 0 {
        Ok(())
    } else {
        Err((step, Error::last_os_error()))
    }
}

fn own_mounts(outside: c_int) -> Step {
    // SAFETY: system calls on descriptors and C strings.
    unsafe {
        // The image's root is no mount, from which the others could be made private; the way to one
        // is the working directory. What is mounted is the caller's until then, also for `chdir`.
        checked(libc::fchdir(outside), "fchdir")?;
        let apart = checked(libc::unshare(libc::CLONE_NEWNS), "unshare");
        let private = apart.is_ok()
            && libc::mount(null(), c".".as_ptr(), null(), libc::MS_REC | libc::MS_PRIVATE, null()) == 0;
        if libc::chdir(c"/".as_ptr()) != 0 {
            libc::_exit(127);
        }
        apart?;
        if private {
            // The network's settings are the scriptlet's own.
            bind(c"/proc/sys/net");
            read_only(c"/proc/sys", c"/proc/sys/kernel", false);
            read_only(c"/sys", c"/sys/kernel", true);
            mounts::pass_on(outside);
        }
    }
    Ok(())
}

fn drop_capabilities() -> Step {
    DROPPED.into_iter().try_for_each(|capability| {
        // SAFETY: a system call without memory.
        checked(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }, "prctl")
    })
}

/// Mounts a directory on itself, with what is mounted below it. An image need not have it.
fn bind(directory: &CStr) -> bool {
    let at = directory.as_ptr();
    // SAFETY: as in `own_mounts`.
    unsafe { libc::mount(at, at, null(), libc::MS_BIND | libc::MS_REC, null()) == 0 }
}

/// Makes a directory read-only in this process's view, and what is mounted below it if that is
/// `deep`. Where no kernel has mounted its own there, it is the image's, and stays as it is.
fn read_only(directory: &CStr, of_kernel: &CStr, deep: bool) {
    // SAFETY: as in `own_mounts`.
    if unsafe { libc::access(of_kernel.as_ptr(), libc::F_OK) } != 0 || !bind(directory) {
        return;
    }
    let (at, depth) = (directory.as_ptr(), if deep { libc::AT_RECURSIVE } else { 0 });
    let attributes = [MOUNT_ATTR_RDONLY, 0, 0, 0];
    // SAFETY: as in `own_mounts`; the attributes are a `struct mount_attr`, mount_setattr(2).
    unsafe {
        let size = size_of_val(&attributes);
        if libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, at, depth, attributes.as_ptr(), size) != 0 {
            // Linux before 5.12 does it for one mount at a time.
            libc::mount(null(), at, null(), libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, null());
        }
    }
}

/// Scriptlets start servers on it to set them up. If it stays down, these say so themselves.
fn raise_loopback() {
    // SAFETY: `ifreq` is as large as the kernel expects, and its name ends with a zero.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[..2].copy_from_slice(&[b'l' as _, b'o' as _]);
        request.ifr_ifru.ifru_flags = libc::IFF_UP as _;
        libc::ioctl(socket, libc::SIOCSIFFLAGS, &request);
        libc::close(socket);
    }
}
