//! An ISO 9660 image: what is taken out of it, and the same one again with that replaced.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::program::succeed;
use crate::root::{Root, TEMPORARY_PREFIX};

/// Where the primary volume descriptor begins, and what is in it: ECMA-119.
const DESCRIPTOR: u64 = 16 * 2048;
const MAGIC: &[u8] = b"\x01CD001";
/// Where the volume id is in it, and how long.
const VOLUME: std::ops::Range<usize> = 40..72;

/// Where the packed root file system of a live image may be.
const SQUASHFS: [&str; 3] = [
    "/LiveOS/squashfs.img",
    "/liveos/squashfs.img",
    "/images/install.img",
];

/// An image that is read.
#[derive(Debug)]
pub(super) struct Iso {
    path: PathBuf,
    /// The volume id.
    pub volume: String,
    /// Length in bytes.
    pub size: u64,
}

impl Iso {
    /// Opens an image; an error if it is none.
    pub(super) fn open(host: &Root, path: &Path) -> Result<Iso> {
        let failed = |error: std::io::Error| Error::std_io(path, &error);
        let mut file = host.open_read(path)?;
        file.seek(SeekFrom::Start(DESCRIPTOR)).map_err(failed)?;
        let mut descriptor = Vec::new();
        file.take(VOLUME.end as u64).read_to_end(&mut descriptor).map_err(failed)?;
        let volume = descriptor.get(VOLUME).filter(|_| descriptor.starts_with(MAGIC));
        let volume = volume.ok_or_else(|| Error::malformed(path, "this is not an ISO 9660 image"))?;
        Ok(Iso {
            path: path.to_owned(),
            volume: String::from_utf8_lossy(volume).trim_end().to_owned(),
            size: host.meta_followed(path)?.size,
        })
    }

    /// Takes the packed root file system out to `to`; returns where it was.
    pub(super) fn take(&self, host: &Root, to: &Path) -> Result<&'static str> {
        let listed = self.xorriso(&["-find", "/", "-type", "f"])?;
        let is_there = |path: &&str| listed.lines().any(|line| line.trim_matches('\'') == *path);
        let found = SQUASHFS.iter().copied().find(is_there).ok_or_else(|| {
            Error::malformed(&self.path, format!("there is no {} in it", SQUASHFS[0].trim_start_matches('/')))
        })?;
        let at = to.to_string_lossy();
        self.xorriso(&["-extract", found, &at])?;
        host.chmod(to, 0o600)?;
        Ok(found)
    }

    fn xorriso(&self, args: &[&str]) -> Result<String> {
        let path = address(&self.path);
        let head = ["-abort_on", "FAILURE", "-osirrox", "on", "-indev", &path];
        succeed("xorriso", head.iter().chain(args))
    }

    /// Makes the same image at `to`, with boot records, names and volume id, but for one file.
    pub(super) fn replace(&self, host: &Root, file: (&str, &Path), to: &Path) -> Result<()> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let made = to.with_file_name(format!("{TEMPORARY_PREFIX}{}-{name}", std::process::id()));
        let (path, at) = (address(&self.path), address(&made));
        let packed = file.1.to_string_lossy();
        let written = succeed(
            "xorriso",
            [
                "-abort_on",
                "FAILURE",
                "-indev",
                &path,
                "-outdev",
                &at,
                "-boot_image",
                "any",
                "replay",
                "-overwrite",
                "on",
                "-map",
                &packed,
                file.0,
                "-commit",
                "-end",
            ],
        );
        let done = written.and_then(|_| host.rename(&made, to));
        if done.is_err() {
            // The error to report is the first one.
            let _ = host.remove(&made);
        }
        done
    }
}

/// A file as an address of xorriso, which takes others below `/dev` for drives.
fn address(path: &Path) -> String {
    format!("stdio:{}", path.display())
}
