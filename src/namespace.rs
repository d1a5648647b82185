//! A mount namespace of our own: what is mounted in it is seen by this process and by those that it
//! starts, and is gone when the last of them ends, however it ends.

use std::io::Write;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid};

use crate::error::{Error, Result};
use crate::root::Root;

/// With which rights one is in the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// The caller's own.
    Own,
    /// Those of a user namespace in which the caller is mapped to root and no other user is mapped.
    Mapped,
}

/// Moves this process there. It must have no second thread.
pub(crate) fn enter() -> Result<Rights> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let rights = match unshare(CloneFlags::CLONE_NEWNS) {
        Ok(()) => Rights::Own,
        Err(Errno::EPERM) => {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(refused)?;
            map(uid, gid)?;
            Rights::Mapped
        }
        Err(errno) => return Err(refused(errno)),
    };
    // What is mounted here is not to appear outside.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).map_err(|errno| {
        match errno {
        Errno::EINVAL => Error::Unavailable(
            "what is mounted in a chroot cannot be kept from the system around it: run this from outside, or \
             in a container"
                .into(),
        ),
        errno => refused(errno),
    }
    })?;
    Ok(rights)
}

fn refused(errno: Errno) -> Error {
    Error::Unavailable(format!(
        "a mount namespace of its own is needed, which the kernel refuses: {}",
        errno.desc()
    ))
}

/// Makes the caller root in the new user namespace. Without the right to set groups an unprivileged
/// process may not map its own: user_namespaces(7).
fn map(uid: Uid, gid: Gid) -> Result<()> {
    let host = Root::open("/")?;
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {uid} 1")),
        ("/proc/self/gid_map", format!("0 {gid} 1")),
    ] {
        let written = host.open_append(file, 0o644)?.write_all(text.as_bytes());
        written.map_err(|error| Error::std_io(file, &error))?;
    }
    Ok(())
}
