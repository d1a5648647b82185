//! The kernel's reports of changes, as paths in the image.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};
use nix::unistd::read;

use super::dirs::Dirs;
use super::event::{Event, EventPath, parse};
use super::handle::Handle;
use crate::audit::join;
use crate::error::{Error, Result};
use crate::root::{Kind, Root};

/// As many bytes of events are read at once.
const BUFFER: usize = 1 << 16;

/// What is reported: what changes a file or a name, and what is run.
const MASK: u64 = libc::FAN_CREATE
    | libc::FAN_DELETE
    | libc::FAN_RENAME
    | libc::FAN_MODIFY
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_ATTRIB
    | libc::FAN_OPEN_EXEC
    | libc::FAN_ONDIR;

/// Something that a process did to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Touch {
    pub path: Vec<u8>,
    pub pid: i32,
    pub act: Act,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) enum Act {
    /// Made, removed, or its permissions and the like changed.
    Changed,
    /// Its content may have changed.
    Written,
    /// A file was renamed from this path.
    Renamed(Vec<u8>),
    /// A directory was renamed from this path, with all that is in it.
    MovedDir(Vec<u8>),
    /// A directory came from outside of the image.
    CameDir,
    /// A directory went away to outside of the image, with all that was in it.
    LeftDir,
    /// It was run.
    Ran,
    /// The kernel could not report everything.
    Lost,
}

/// A watch over the file systems of an image.
#[derive(Debug)]
pub(in crate::audit) struct Watch {
    group: Fanotify,
    pub dirs: Dirs,
}

impl Watch {
    /// Starts watching. EPERM without the privilege, EINVAL where the kernel is older than 5.17,
    /// EOPNOTSUPP where the file system has no handles, such as an overlay.
    pub(crate) fn start(root: &Root) -> Result<Watch> {
        let start = || {
            let flags = InitFlags::FAN_CLOEXEC
                | InitFlags::FAN_NONBLOCK
                | InitFlags::FAN_CLASS_NOTIF
                | InitFlags::FAN_UNLIMITED_QUEUE
                | InitFlags::from_bits_retain(libc::FAN_REPORT_DFID_NAME_TARGET);
            let group = Fanotify::init(flags, EventFFlags::try_from(OFlag::O_RDONLY | OFlag::O_CLOEXEC)?)?;
            let watch = Watch {
                group,
                dirs: Dirs::default(),
            };
            watch.mark(root, "/")?;
            Ok(watch)
        };
        start().map_err(|errno: Errno| Error::io(root.path(), errno))
    }

    /// Watches the file system that a directory is on, too. Errors as those of [`Watch::start`].
    pub(crate) fn mark(&self, root: &Root, directory: impl AsRef<Path>) -> nix::Result<()> {
        let listing = root.listing(directory).map_err(|error| error.errno().unwrap_or(Errno::EIO))?;
        self.group.mark(
            MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM,
            MaskFlags::from_bits_retain(MASK),
            listing.fd(),
            None::<&str>,
        )
    }

    /// Everything that was reported so far, oldest first.
    pub(crate) fn drain(&mut self, each: &mut dyn FnMut(Touch)) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            match read(&self.group, &mut buffer) {
                Ok(0) | Err(Errno::EAGAIN) => return Ok(()),
                Ok(got) => {
                    for event in parse(&buffer[..got]) {
                        self.take(event, each);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::io("fanotify", errno)),
            }
        }
    }

    /// Learns a directory that came from outside of the image; returns all that is in it.
    pub(crate) fn adopt(&mut self, root: &Root, top: &[u8]) -> Vec<Vec<u8>> {
        let (mut found, mut todo) = (Vec::new(), vec![top.to_vec()]);
        while let Some(directory) = todo.pop() {
            // What cannot be read is gone again.
            let Ok(mut listing) = root.listing(OsStr::from_bytes(&directory)) else {
                continue;
            };
            let Ok(above) = Handle::of(listing.fd()) else {
                continue;
            };
            for name in listing.names().unwrap_or_default() {
                let path = join(&directory, name.as_bytes());
                if listing.status(&name).is_ok_and(|status| status.kind == Kind::Dir)
                    && let Ok(Ok(handle)) =
                        root.listing(OsStr::from_bytes(&path)).map(|listing| Handle::of(listing.fd()))
                {
                    self.dirs.placed(handle, &above, name.as_bytes());
                    todo.push(path.clone());
                }
                found.push(path);
            }
        }
        found
    }

    fn take(&mut self, event: Event, each: &mut dyn FnMut(Touch)) {
        let pid = event.pid;
        if event.is(libc::FAN_Q_OVERFLOW) {
            each(Touch {
                path: b"/".to_vec(),
                pid,
                act: Act::Lost,
            });
            return;
        }
        if event.is(libc::FAN_RENAME) {
            self.renamed(&event, each);
        }
        let Some(path) = event.place.as_ref().and_then(|place| self.path(place)) else {
            return;
        };
        let is_dir = event.is(libc::FAN_ONDIR);
        if let (true, Some(target), Some(place)) = (is_dir, &event.target, &event.place)
            && event.is(libc::FAN_CREATE)
        {
            self.dirs.placed(target.clone(), &place.directory, &place.name);
        }
        let acts = [
            // A write through a mapping shows by the close alone, and by the file's time.
            (
                libc::FAN_CREATE | libc::FAN_DELETE | libc::FAN_ATTRIB | libc::FAN_CLOSE_WRITE,
                Act::Changed,
            ),
            (libc::FAN_MODIFY, Act::Written),
            (libc::FAN_OPEN_EXEC, Act::Ran),
        ];
        for (mask, act) in acts {
            if event.is(mask) {
                each(Touch {
                    path: path.clone(),
                    pid,
                    act,
                });
            }
        }
    }

    fn path(&self, place: &EventPath) -> Option<Vec<u8>> {
        self.dirs.path(&place.directory, &place.name)
    }

    fn renamed(&mut self, event: &Event, each: &mut dyn FnMut(Touch)) {
        let from = event.old.as_ref().and_then(|place| self.path(place));
        let to = event.place.as_ref().and_then(|place| self.path(place));
        let is_dir = event.is(libc::FAN_ONDIR);
        if let (true, Some(target)) = (is_dir, &event.target) {
            match event.place.as_ref().filter(|_| to.is_some()) {
                Some(place) => _ = self.dirs.placed(target.clone(), &place.directory, &place.name),
                None => self.dirs.forget(target),
            }
        }
        let (path, act) = match (from, to) {
            (Some(from), Some(to)) if is_dir => (to, Act::MovedDir(from)),
            (Some(from), Some(to)) => (to, Act::Renamed(from)),
            (Some(from), None) if is_dir => (from, Act::LeftDir),
            (None, Some(to)) if is_dir => (to, Act::CameDir),
            (Some(path), None) | (None, Some(path)) => (path, Act::Changed),
            (None, None) => return,
        };
        each(Touch {
            path,
            pid: event.pid,
            act,
        });
    }
}
