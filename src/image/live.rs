//! The root file system of a live image: packed with squashfs, as it is or as a file system image
//! inside of that.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};

use super::iso::Iso;
use super::space;
use crate::error::{Error, Result};
use crate::namespace;
use crate::program::succeed;
use crate::root::Root;
use crate::run::Step;
use crate::tempdir::PrivateDirectory;

/// Where a file system image is inside of the squashfs.
const NESTED: [&str; 2] = ["LiveOS/rootfs.img", "LiveOS/ext3fs.img"];

/// An unpacked root file system.
#[derive(Debug)]
pub(super) struct Live {
    squashfs: &'static str,
    nested: Option<&'static str>,
    /// Where the squashfs is unpacked.
    tree: PathBuf,
    /// Where the nested file system is mounted.
    mounted: Option<PathBuf>,
    options: Vec<String>,
}

impl Live {
    /// Unpacks into a directory of our own.
    pub(super) fn unpack(private: &PrivateDirectory, iso: &Iso, step: &dyn Fn(Step)) -> Result<Live> {
        step(Step::Unpack);
        let packed = private.path.join("squashfs.img");
        let place = private.path.parent().unwrap_or(&private.path);
        space::check(place, iso.size)?;
        let squashfs = iso.take(&private.host, &packed)?;
        let about = succeed("unsquashfs", [OsStr::new("-s"), packed.as_os_str()])?;
        let listed = succeed("unsquashfs", [OsStr::new("-lln"), packed.as_os_str()])?;
        space::check(place, space::listed(&listed).saturating_add(iso.size))?;
        let tree = private.path.join("tree");
        succeed(
            "unsquashfs",
            [
                OsStr::new("-no-progress"),
                OsStr::new("-d"),
                tree.as_os_str(),
                packed.as_os_str(),
            ],
        )?;
        private.host.remove(&packed)?;
        let inside = Root::open(&tree)?;
        // What a link leads to is nothing that the image holds.
        let is_there = |nested: &&str| {
            let place = Path::new("/").join(nested);
            inside.is_file(&place) && inside.resolve(&place).is_ok_and(|end| end == place)
        };
        let nested = NESTED.into_iter().find(is_there);
        let mut live = Live {
            squashfs,
            nested,
            tree,
            mounted: None,
            options: options(&about)?,
        };
        if let Some(nested) = nested {
            step(Step::Mount);
            live.mount(private, nested)?;
        }
        Ok(live)
    }

    /// Mounts in a namespace of this process: the mount and its loop device end with the process.
    fn mount(&mut self, private: &PrivateDirectory, nested: &str) -> Result<()> {
        namespace::enter()?;
        let at = private.path.join("root");
        private.host.create_dir(&at, 0o755)?;
        let image = self.tree.join(nested);
        succeed(
            "mount",
            [
                OsStr::new("-o"),
                OsStr::new("loop"),
                image.as_os_str(),
                at.as_os_str(),
            ],
        )?;
        self.mounted = Some(at);
        Ok(())
    }

    /// The root file system.
    pub(super) fn root(&self) -> &Path {
        self.mounted.as_deref().unwrap_or(&self.tree)
    }

    /// Where the squashfs is in the ISO.
    pub(super) fn squashfs(&self) -> &'static str {
        self.squashfs
    }

    /// Where the file system image is in the squashfs.
    pub(super) fn nested(&self) -> Option<&'static str> {
        self.nested
    }

    /// Packs it as it was; returns its place in the ISO and the file.
    pub(super) fn pack(mut self, private: &PrivateDirectory) -> Result<(&'static str, PathBuf)> {
        if let Some(mounted) = self.mounted.take() {
            umount2(&mounted, MntFlags::empty()).map_err(|errno| Error::io(&mounted, errno))?;
        }
        let packed = private.path.join("packed.img");
        let mut args = vec![
            self.tree.clone().into_os_string(),
            packed.clone().into_os_string(),
        ];
        args.extend(["-noappend", "-no-progress", "-quiet"].map(OsString::from));
        args.extend(self.options.iter().map(OsString::from));
        succeed("mksquashfs", args)?;
        Ok((self.squashfs, packed))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(mounted) = &self.mounted {
            // What is below it is not to be removed with the directory.
            let _ = umount2(mounted, MntFlags::MNT_DETACH);
        }
    }
}

/// The options of mksquashfs that make what `unsquashfs -s` describes.
fn options(about: &str) -> Result<Vec<String>> {
    let value = |name: &str| about.lines().find_map(|line| line.trim().strip_prefix(name));
    match (value("Compression "), value("Block size ")) {
        (Some(compression), Some(block)) => {
            Ok(["-comp", compression, "-b", block].map(str::to_owned).to_vec())
        }
        _ => Err(Error::program("unsquashfs", "does not tell how the file system is packed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squashfs_is_packed_with_the_options_that_it_had() {
        let about = "Found a valid SQUASHFS 4:0 superblock on x.\nCompression xz\nBlock size 1048576\n";
        assert_eq!(options(about).unwrap(), ["-comp", "xz", "-b", "1048576"]);
        assert!(options("Compression xz\n").is_err());
    }
}
