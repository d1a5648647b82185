//! Keeping scriptlets to the image: whether the rpm plugin may set them apart from this machine's
//! kernel, and ending what they leave running.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::error::if_exists;
use crate::root::Root;

/// For how long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Why scriptlets cannot be set apart here; nothing if they can. It is tried by a thread that ends
/// with it: the namespaces of a process are those of its threads.
pub(super) fn reason_against() -> Option<String> {
    let apart = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWNET;
    match thread::spawn(move || unshare(apart)).join() {
        Ok(Ok(())) => None,
        Ok(Err(errno)) => Some(errno.desc().to_owned()),
        Err(_) => Some("it could not be tried".to_owned()),
    }
}

/// From now on what the command's processes leave running is this process's.
pub(super) fn adopt(orphans: bool) {
    // Linux has known this since 3.4; without it they are left as they are.
    let _ = set_child_subreaper(orphans);
}

/// Ends every process that was left running, and what it starts meanwhile; returns how many there
/// were. No other child of this process may be running.
pub(super) fn end_left_running() -> usize {
    let begun = Instant::now();
    let mut ended = BTreeSet::new();
    loop {
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        let left = children();
        if left.is_empty() || begun.elapsed() > 5 * GRACE {
            adopt(false);
            return ended.len();
        }
        let signal = if begun.elapsed() < GRACE {
            Signal::SIGTERM
        } else {
            Signal::SIGKILL
        };
        for pid in left {
            ended.insert(pid);
            match kill(pid, signal) {
                // It has ended meanwhile.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => log::warn!("process {pid} cannot be ended: {}", errno.desc()),
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The children of this process, as proc(5) lists them; none where there is no `/proc`.
fn children() -> Vec<Pid> {
    let read = || {
        let host = Root::open("/")?;
        let mut text = String::new();
        for task in if_exists(host.list("/proc/self/task"))?.unwrap_or_default() {
            let file = Path::new("/proc/self/task").join(task.name).join("children");
            text += &if_exists(host.read_text(file))?.unwrap_or_default();
        }
        Ok::<_, crate::error::Error>(text)
    };
    let text = read().unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect()
}
