//! Resolving a path inside a root one component at a time: what openat2's `RESOLVE_IN_ROOT` does,
//! for kernels that refuse it and for finding canonical paths without `/proc`.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

/// What to do with a link in the last place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Go on to where it points.
    Follow,
    /// Stop at the link itself.
    Keep,
}

/// The end of a walk: a chain of open directories below the root, and a last name in them which
/// is no link (or may be one under [`Last::Keep`]). No name means the last directory itself.
pub(super) struct Found<'r> {
    root: BorrowedFd<'r>,
    dirs: Vec<(OsString, OwnedFd)>,
    last: Option<OsString>,
    etc_in_usr: bool,
}

impl Found<'_> {
    fn dir(&self) -> BorrowedFd<'_> {
        self.dirs.last().map_or(self.root, |(_, fd)| fd.as_fd())
    }

    /// Opens it. The last component is not followed again, so a link put there since is refused.
    pub(super) fn open(&self, flags: OFlag) -> nix::Result<OwnedFd> {
        let name = self.last.as_deref().unwrap_or(OsStr::new("."));
        let no_follow = if self.last.is_some() {
            OFlag::O_NOFOLLOW
        } else {
            OFlag::empty()
        };
        openat(self.dir(), name, flags | no_follow | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// Its absolute path inside the root.
    pub(super) fn canonical(&self) -> PathBuf {
        let mut path = PathBuf::from("/");
        path.extend(self.dirs.iter().map(|(name, _)| name));
        path.extend(&self.last);
        match path.strip_prefix("/usr/etc") {
            Ok(rest) if self.etc_in_usr => Path::new("/etc").join(rest),
            _ => path,
        }
    }
}

/// Walks `path` from `root`, an empty one to the root itself; `..` at the top stays at the top.
/// Something must exist in the last place. With `etc_in_usr`, `/etc` is another name of `/usr/etc`.
pub(super) fn walk<'r>(
    root: BorrowedFd<'r>,
    path: &Path,
    last: Last,
    etc_in_usr: bool,
) -> nix::Result<Found<'r>> {
    let mut found = Found {
        root,
        dirs: Vec::new(),
        last: None,
        etc_in_usr,
    };
    let mut todo: VecDeque<Step> = steps(path).collect();
    let mut links = 0;
    while let Some(step) = todo.pop_front() {
        if let Some(name) = found.last.take() {
            found.dirs.push((name.clone(), enter(found.dir(), &name)?));
        }
        match step {
            Step::Top => found.dirs.clear(),
            Step::Here => {}
            Step::Up => {
                found.dirs.pop();
            }
            Step::Down(name) if etc_in_usr && found.dirs.is_empty() && name == "etc" => {
                // Counted as a link: `usr` may be one to the top by now.
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::ELOOP);
                }
                todo.push_front(Step::Down(name));
                todo.push_front(Step::Down("usr".into()));
            }
            Step::Down(name) => {
                let follow = !todo.is_empty() || last == Last::Follow;
                match readlinkat(found.dir(), name.as_os_str()) {
                    Ok(target) if follow => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Errno::ELOOP);
                        }
                        for step in steps(Path::new(&target)).collect::<Vec<_>>().into_iter().rev() {
                            todo.push_front(step);
                        }
                    }
                    // EINVAL: it exists and is no link.
                    Ok(_) | Err(Errno::EINVAL) => found.last = Some(name),
                    Err(errno) => return Err(errno),
                }
            }
        }
    }
    Ok(found)
}

enum Step {
    Top,
    Up,
    /// `.`, or a slash at the end: what comes before it must be a directory.
    Here,
    Down(OsString),
}

fn steps(path: &Path) -> impl Iterator<Item = Step> {
    let bytes = path.as_os_str().as_bytes();
    let top = bytes.first() == Some(&b'/');
    let parts = bytes.split(|byte| *byte == b'/').map(|part| match part {
        b"" | b"." => Step::Here,
        b".." => Step::Up,
        name => Step::Down(OsStr::from_bytes(name).to_owned()),
    });
    top.then_some(Step::Top).into_iter().chain(parts)
}

pub(super) fn enter(dir: BorrowedFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir, name, flags, Mode::empty())
}
