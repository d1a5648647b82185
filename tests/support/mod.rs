//! What several test programs share: the staged build, scratch directories, chrooted commands.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

pub mod bare_image;
pub mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The environment of every command inside an image, unless a test adds to it.
pub const ENVIRONMENT: [(&str, &str); 3] = [
    ("PATH", "/sbin:/bin:/usr/sbin:/usr/bin"),
    ("HOME", "/"),
    ("LC_ALL", "C.UTF-8"),
];

/// The source tree.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The staged build: `NODESHIM_STAGE` where that is set, else one made (or brought up to date)
/// by `packaging/stage` without optimisation.
pub fn stage() -> &'static Path {
    static STAGE: OnceLock<PathBuf> = OnceLock::new();
    STAGE.get_or_init(|| {
        if let Some(given) = std::env::var_os("NODESHIM_STAGE") {
            return project().join(given);
        }
        let stage = project().join("target/debug/stage");
        let built = Command::new(project().join("packaging/stage"))
            .args(["--profile", "dev"])
            .arg(&stage)
            .status()
            .expect("packaging/stage starts");
        assert!(built.success(), "packaging/stage failed: {built}");
        stage
    })
}

/// The staged shim.
pub fn shim() -> PathBuf {
    stage().join("usr/libexec/nodeshim/shim")
}

/// The staged admin tool.
pub fn nodeshim() -> PathBuf {
    stage().join("usr/bin/nodeshim")
}

/// A directory that is removed with the value; in memory where the system has such a place.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    tempfile::Builder::new()
        .prefix("nodeshim-test-")
        .tempdir_in(base)
        .expect("a scratch directory")
}

/// Arms an image root.
pub fn arm(root: &Path) {
    succeed(Command::new(nodeshim()).arg("arm").arg("--root").arg(root));
}

/// A second name of a file, or a copy on another file system.
pub fn link_or_copy(from: &Path, to: &Path) {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap_or_else(|error| panic!("{} to {}: {error}", from.display(), to.display()));
    }
}

/// A static shell at `/bin/sh` with the few commands that scripts in tests use.
pub fn put_shell(root: &Path, busybox: &Path) {
    fs::create_dir_all(root.join("bin")).expect("/bin");
    link_or_copy(busybox, &root.join("bin/sh"));
    for name in ["echo", "cat", "touch", "env"] {
        symlink("sh", root.join("bin").join(name)).expect("a link to the shell");
    }
}

/// Where the machine has a static busybox.
pub fn busybox() -> PathBuf {
    [
        "/usr/bin/busybox",
        "/bin/busybox",
        "/usr/sbin/busybox",
        "/sbin/busybox",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
    .expect("busybox (Debian: busybox-static, Fedora: busybox)")
}

/// A command inside an image root, with [`ENVIRONMENT`] and empty standard input.
pub fn chrooted<S: AsRef<OsStr>>(root: &Path, argv: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).args(argv).env_clear().envs(ENVIRONMENT).stdin(Stdio::null());
    command
}

/// Runs a command to its end and panics with its output unless it exits 0.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Everything below a directory: path, kind, mode and content (or link target) of each thing.
pub fn snapshot(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    look(directory, Path::new(""), &mut found);
    found
}

/// A file's content; for binaries and long files what tells them apart.
fn shown(content: &[u8]) -> String {
    match str::from_utf8(content) {
        Ok(text) if text.len() < 16384 => text.to_owned(),
        _ => {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            format!("{} bytes, {:x}", content.len(), hasher.finish())
        }
    }
}

/// Panics with what differs between two snapshots, and nothing else.
pub fn assert_same(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>, what: &str) {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let differing: Vec<_> = paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).collect();
    let mut text = String::new();
    for path in &differing {
        text += &format!("{}:\n- {:?}\n+ {:?}\n", path.display(), before.get(*path), after.get(*path));
    }
    assert!(differing.is_empty(), "{what}:\n{text}");
}

fn look(directory: &Path, relative: &Path, found: &mut BTreeMap<PathBuf, String>) {
    let path = directory.join(relative);
    let meta = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kind = meta.file_type();
    let content = if kind.is_symlink() {
        fs::read_link(&path).expect("a link").display().to_string()
    } else if kind.is_file() {
        shown(&fs::read(&path).expect("a file"))
    } else {
        String::new()
    };
    found.insert(relative.to_owned(), format!("{:o} {content}", meta.mode()));
    if kind.is_dir() {
        for entry in fs::read_dir(&path).expect("a directory") {
            look(directory, &relative.join(entry.expect("an entry").file_name()), found);
        }
    }
}
