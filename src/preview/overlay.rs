//! A throw-away copy of an image: an overlay on it, in a mount namespace of our own. The image
//! itself is only read. What changes is kept in a directory of our own on the host, which is
//! removed with the value, or else by the next run that finds it unused.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, fchdir};

use crate::error::{Error, Result};
use crate::intercept::RUN_LOCK_PATH;
use crate::mounts;
use crate::namespace::{self, Rights};
use crate::root::{Kind, Lock, Root};
use crate::tempdir::PrivateDirectory;

/// What a scriptlet may expect in `/dev` of an image that has a file system of its own there.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The copy.
#[derive(Debug)]
pub struct Overlay {
    /// The image as it is; nothing can be changed through it.
    pub base: Root,
    /// The copy, in which anything can be changed.
    pub merged: Root,
    /// What differs between the two, in the kernel's form.
    pub upper: Root,
    places: Places,
    /// No other nodeshim changes the image meanwhile.
    _hold: Option<Lock>,
}

impl Overlay {
    /// Makes a copy, with its changes in `temporary`. This process leaves the mount namespace that
    /// it is in, so it must have no second thread.
    pub fn make(root: &Root, temporary: &Path) -> Result<Overlay> {
        let hold = hold(root)?;
        let image = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
        let image = Root::open("/")?.resolve(image)?;
        refuse_parts(&image)?;
        let private = PrivateDirectory::make(temporary, "preview")?;
        let rights = namespace::enter()?;
        let mut places = Places {
            path: private.path.clone(),
            private: Some(ManuallyDrop::new(private)),
            mounted: Vec::new(),
        };
        let upper = places.mount(&image, rights)?;
        let overlay = Overlay {
            base: Root::open(places.at("base"))?,
            merged: Root::open(places.at("merged"))?,
            upper: Root::open(upper)?,
            places,
            _hold: hold,
        };
        overlay.put_devices(root, &image, rights)?;
        Ok(overlay)
    }

    /// From now on the commands that are started keep what the copy consists of.
    pub fn share(&self) -> Result<()> {
        self.places.private.as_ref().map_or(Ok(()), |private| private.share())
    }

    /// An overlay shows no file system that is mounted below the image, and in a user namespace no
    /// device: the few that every script uses are mounted one by one.
    fn put_devices(&self, root: &Root, image: &Path, rights: Rights) -> Result<()> {
        let is_mounted = root
            .meta("/dev")
            .is_ok_and(|dev| root.meta("/").is_ok_and(|top| dev.device != top.device));
        let from = match (is_mounted, rights) {
            (true, _) => image.join("dev"),
            (false, Rights::Mapped) => PathBuf::from("/dev"),
            (false, Rights::Own) => return Ok(()),
        };
        let host = Root::open("/")?;
        self.merged.create_dirs("/dev", 0o755)?;
        for name in DEVICES {
            let device = from.join(name);
            if !host.meta(&device).is_ok_and(|meta| meta.kind == Kind::CharDevice) {
                continue;
            }
            let at = Path::new("/dev").join(name);
            if self.merged.meta(&at).is_err() {
                self.merged.write(&at, b"", Some(0o666))?;
            }
            bind(&device, &self.merged.path().join("dev").join(name))?;
        }
        Ok(())
    }
}

/// The directories behind an overlay, and what is mounted on them.
#[derive(Debug)]
struct Places {
    path: PathBuf,
    /// Removed once nothing is mounted in it, else by a later run that does not see the mounts.
    private: Option<ManuallyDrop<PrivateDirectory>>,
    mounted: Vec<PathBuf>,
}

impl Places {
    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn directory(&self, name: &str) -> Result<()> {
        Root::open("/")?.create_dir(self.at(name), 0o755)
    }

    /// Mounts the overlay; returns where its upper directory is.
    fn mount(&mut self, image: &Path, rights: Rights) -> Result<PathBuf> {
        for name in ["base", "merged", "upper", "work"] {
            self.directory(name)?;
        }
        bind(image, &self.at("base"))?;
        self.mounted.push(self.at("base"));
        let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | kept(image, rights)?;
        mount(None::<&str>, &self.at("base"), None::<&str>, read_only, None::<&str>)
            .map_err(|errno| refused(image, errno))?;
        let upper = match self.overlay("", rights) {
            Ok(()) => self.at("upper"),
            // What temporary files are kept in may be no place for an upper directory, as an overlay is
            // none, which containers have; nor is the image itself.
            Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::EPERM | Errno::ELOOP) => {
                self.directory("memory")?;
                let memory = self.at("memory");
                mount(Some("tmpfs"), &memory, Some("tmpfs"), MsFlags::empty(), Some("mode=0700"))
                    .map_err(|errno| refused(image, errno))?;
                self.mounted.push(memory);
                self.directory("memory/upper")?;
                self.directory("memory/work")?;
                self.overlay("memory/", rights).map_err(|errno| refused(image, errno))?;
                self.at("memory/upper")
            }
            Err(errno) => return Err(refused(image, errno)),
        };
        self.mounted.push(self.at("merged"));
        Ok(upper)
    }

    /// Mounts with the upper and work directories below `prefix`. The paths in the options are
    /// relative: nothing in them has to be quoted.
    fn overlay(&self, prefix: &str, rights: Rights) -> nix::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let here = open(".", flags, Mode::empty())?;
        chdir(&self.path)?;
        let mounted = match rights {
            // The kernel then reports to the audit what changes.
            Rights::Own => match overlay(prefix, ",index=on,nfs_export=on") {
                Err(Errno::EINVAL) => overlay(prefix, ""),
                mounted => mounted,
            },
            Rights::Mapped => overlay(prefix, ",userxattr"),
        };
        fchdir(here)?;
        mounted
    }
}

fn overlay(prefix: &str, more: &str) -> nix::Result<()> {
    let options = format!("lowerdir=base,upperdir={prefix}upper,workdir={prefix}work{more}");
    mount(Some("overlay"), "merged", Some("overlay"), MsFlags::empty(), Some(options.as_str()))
}

impl Drop for Places {
    fn drop(&mut self) {
        let mut places = self.mounted.iter().rev();
        // What a process that outlived the transaction holds goes with that process.
        if places.all(|place| umount2(place, MntFlags::MNT_DETACH).is_ok()) {
            // Only now is there nothing of the image below it.
            let _ = self.private.take().map(ManuallyDrop::into_inner);
        }
    }
}

/// Flags that the image's own mount has, which a user namespace may not take away. Elsewhere reading
/// is to leave no trace either.
fn kept(image: &Path, rights: Rights) -> Result<MsFlags> {
    let has = statvfs(image).map_err(|errno| refused(image, errno))?.flags();
    let known = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let kept: MsFlags =
        known.into_iter().filter(|(flag, _)| has.contains(*flag)).map(|(_, flag)| flag).collect();
    Ok(match rights {
        Rights::Own => (kept | MsFlags::MS_NOATIME).difference(MsFlags::MS_RELATIME),
        Rights::Mapped => kept,
    })
}

fn bind(from: &Path, to: &Path) -> Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(|errno| refused(from, errno))
}

fn refused(image: &Path, errno: Errno) -> Error {
    Error::Unavailable(format!(
        "{}: a throw-away copy of the image needs an overlay, which the kernel refuses: {}",
        image.display(),
        errno.desc()
    ))
}

/// Refuses an image that has other file systems mounted in it.
fn refuse_parts(image: &Path) -> Result<()> {
    match mounts::below(image)?.first() {
        None => Ok(()),
        Some(part) => Err(Error::Refused(format!(
            "{}: {} is a separate file system, which a throw-away copy of the image would not contain",
            image.display(),
            image.join(part.strip_prefix("/").unwrap_or(part)).display()
        ))),
    }
}

/// Keeps other nodeshims from changing the image, if any has ever worked on it: nothing is made in
/// the image for this.
fn hold(root: &Root) -> Result<Option<Lock>> {
    match root.try_lock_existing(RUN_LOCK_PATH) {
        Err(error) if error.errno() == Some(Errno::EAGAIN) => Err(Error::Refused(format!(
            "{}: another nodeshim is working on this image",
            root.path().display()
        ))),
        held => held,
    }
}
