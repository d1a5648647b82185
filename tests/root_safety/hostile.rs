//! An image root full of things that lead astray, beside a directory that nobody may touch.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::support::{scratch, snapshot};

/// What the outside holds and no answer may.
pub const SECRET: &str = "outside secret";

/// Paths in the image that an attacker would have us use.
pub const PATHS: [&str; 24] = [
    "absolute",
    "/absolute",
    "relative",
    "climbing",
    "dots",
    "..",
    "../outside",
    "../../../../../../outside",
    "dir/../../outside",
    "dir/up/up/outside",
    "chain-out",
    "chain-deep",
    "to-file",
    "to-secret",
    "loop-a",
    "loop-self",
    "proc-root",
    "dangling-out",
    "dir",
    "dir/absolute",
    "plain",
    "nowhere/at/all",
    "fifo",
    "with\nnewline",
];

/// The image and the outside, both gone with the value.
pub struct Hostile {
    base: TempDir,
    root: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Hostile {
    /// An image with the usual directories and nothing wrong.
    pub fn bare() -> Hostile {
        let base = scratch();
        fs::create_dir_all(base.path().join("outside/sub")).expect("outside");
        fs::write(base.path().join("outside/secret"), SECRET).expect("outside");
        fs::write(base.path().join("outside/sub/secret"), SECRET).expect("outside");
        for dir in ["usr/bin", "usr/sbin", "usr/lib/sysimage/nodeshim", "etc", "dir"] {
            fs::create_dir_all(base.path().join("root").join(dir)).expect("an image");
        }
        let before = snapshot(&base.path().join("outside"));
        let root = base.path().join("root");
        Hostile { base, root, before }
    }

    /// The same with every trap in it.
    pub fn new() -> Hostile {
        let hostile = Hostile::bare();
        let root = hostile.root();
        let outside = hostile.outside().display().to_string();
        fs::write(root.join("plain"), "plain\n").expect("an image");
        fs::write(root.join("dir/secret"), "the image's own\n").expect("an image");
        let links = [
            ("absolute", outside.clone()),
            ("dir/absolute", outside.clone()),
            ("relative", "../outside".into()),
            ("climbing", format!("../../../../../../../..{outside}")),
            ("dots", "..".into()),
            ("dir/up", "..".into()),
            ("chain-out", "chain-1".into()),
            ("chain-1", "/chain-2".into()),
            ("chain-2", "dir/../absolute".into()),
            ("chain-deep", "dir/up/up/up/outside/sub".into()),
            ("to-file", format!("{outside}/secret")),
            ("to-secret", "../outside/secret".into()),
            ("loop-a", "loop-b".into()),
            ("loop-b", "/loop-a".into()),
            ("loop-self", "loop-self".into()),
            ("proc-root", "/proc/1/root".into()),
            ("dangling-out", format!("{outside}/not-there")),
            ("dangling-in", "/new-file".into()),
            ("inside-absolute", "/plain".into()),
            ("inside-up", "../../../plain".into()),
            ("chain-in", "dir/up/inside-absolute".into()),
            ("far", "dir/up/dir".into()),
            ("to-fifo", "fifo".into()),
            ("with\nnewline", "../outside".into()),
        ];
        for (name, target) in links {
            symlink(target, root.join(name)).expect("an image");
        }
        mkfifo(&root.join("fifo"), Mode::from_bits_truncate(0o666)).expect("a FIFO");
        drop(UnixListener::bind(root.join("socket")).expect("a socket"));
        let mode = Mode::from_bits_truncate(0o666);
        mknod(&root.join("null"), SFlag::S_IFCHR, mode, makedev(1, 3)).expect("a device (run as root)");
        mknod(&root.join("disk"), SFlag::S_IFBLK, mode, makedev(7, 250)).expect("a device (run as root)");
        hostile
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn outside(&self) -> PathBuf {
        self.base.path().join("outside")
    }

    /// Text without the scratch directory's name, by which images differ.
    pub fn without_own_name(&self, text: &str) -> String {
        text.replace(&self.base.path().display().to_string(), "BASE")
    }

    /// What is in the image.
    pub fn inside(&self) -> BTreeMap<PathBuf, String> {
        let found = snapshot(self.root());
        found.into_iter().map(|(path, what)| (path, self.without_own_name(&what))).collect()
    }

    pub fn assert_outside_unchanged(&self, after: &str) {
        assert_eq!(snapshot(&self.outside()), self.before, "outside has changed after: {after}");
        let names: Vec<_> = fs::read_dir(self.base.path())
            .expect("the scratch directory")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(names.len(), 2, "beside the image after {after}: {names:?}");
    }
}

/// Puts a link in the place of a directory.
pub fn replace_by_link(path: &Path, target: &str) {
    if path.is_dir() {
        fs::remove_dir_all(path).expect("a directory of the image");
    }
    fs::create_dir_all(path.parent().expect("a directory above")).expect("a directory of the image");
    symlink(target, path).expect("a link in the image");
}
