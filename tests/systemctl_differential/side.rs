//! The two sides: image roots with the original and with the shim.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::generate::{Image, Node};
use super::support;

/// The original.
pub const SYSTEMCTL: &str = "/usr/bin/systemctl";

/// Where units and links lie; everything else is the same on both sides for ever.
const CHANGING: [&str; 6] = [
    "usr/local/lib/systemd",
    "etc/systemd",
    "run",
    "usr/lib/systemd/system",
    "usr/lib/systemd/system-preset",
    "opt",
];

/// What a command came to.
pub struct Answer {
    /// Exit code.
    pub exit: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error, its lines sorted: directories are read in no order.
    pub stderr: String,
    /// What lies in the directories that change.
    pub tree: BTreeMap<String, String>,
}

/// An image root.
pub struct Side {
    root: PathBuf,
    is_original: bool,
}

impl Side {
    /// A root with the original and its libraries. `/lib` is a directory, so that the original's
    /// build for split roots finds nothing there.
    pub fn original(root: &Path) -> Side {
        prepare(root);
        let listed = Command::new("ldd").arg(SYSTEMCTL).output().expect("ldd");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
            let inside =
                library.strip_prefix("/usr").filter(|rest| rest.starts_with("/lib")).unwrap_or(library);
            copy(Path::new(library), &root.join(inside.trim_start_matches('/')));
        }
        copy(Path::new(SYSTEMCTL), &root.join("usr/bin/systemctl"));
        support::succeed(
            Command::new("mknod").args(["-m", "666"]).arg(root.join("dev/null")).args(["c", "1", "3"]),
        );
        Side {
            root: root.to_owned(),
            is_original: true,
        }
    }

    /// A root with the shim, which answers to the letter.
    pub fn shim(root: &Path, generation: u16) -> Side {
        prepare(root);
        fs::create_dir_all(root.join("etc/nodeshim")).expect("a directory");
        let text = format!("[shims]\nanswers = \"strict\"\nsystemctl-generation = {generation}\n");
        fs::write(root.join("etc/nodeshim/nodeshim.toml"), text).expect("a configuration");
        support::arm(root);
        Side {
            root: root.to_owned(),
            is_original: false,
        }
    }

    /// Puts an image's unit files in the place of those of the last one.
    pub fn lay_out(&self, image: &Image) {
        for changing in CHANGING {
            let path = self.root.join(changing);
            if path.exists() {
                fs::remove_dir_all(&path).expect("an old image can be removed");
            }
            fs::create_dir_all(&path).expect("a directory");
        }
        for (path, node) in &image.nodes {
            let path = self.root.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            match node {
                Node::File(text) => fs::write(&path, text).expect("a file"),
                Node::Link(target) => symlink(target, &path).expect("a link"),
            }
        }
    }

    /// Runs systemctl with these words.
    pub fn run(&self, words: &[String]) -> Answer {
        let mut command = if self.is_original {
            // Its own pid namespace: only where pid 1 has another root it finds out about the chroot.
            let script = "mount -t proc proc \"$0/proc\" && chroot \"$0\" systemctl \"$@\"; exit $?";
            let mut command = Command::new("unshare");
            command.args(["-mpf", "--propagation", "private", "sh", "-c", script]).arg(&self.root);
            command
        } else {
            let mut command = Command::new("chroot");
            command.arg(&self.root).arg("systemctl");
            command
        };
        command.args(words).env_clear().stdin(Stdio::null());
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/")
            .env("LC_ALL", "C.UTF-8");
        let output = command.output().expect("systemctl starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut lines: Vec<&str> = stderr.lines().collect();
        lines.sort_unstable();
        Answer {
            exit: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: lines.iter().map(|line| format!("{line}\n")).collect(),
            tree: self.tree(),
        }
    }

    fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        for changing in CHANGING {
            look(&self.root.join(changing), &format!("/{changing}"), &mut tree);
        }
        tree
    }
}

fn prepare(root: &Path) {
    for dir in ["usr/bin", "usr/sbin", "proc", "dev", "etc", "lib", "lib64", "tmp"] {
        fs::create_dir_all(root.join(dir)).expect("a directory");
    }
    for (name, target) in [("bin", "usr/bin"), ("sbin", "usr/sbin")] {
        symlink(target, root.join(name)).expect("a link");
    }
    fs::write(root.join("etc/os-release"), "ID=demo\nVERSION_ID=1\n").expect("os-release");
    fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").expect("machine-id");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a parent")).expect("directories");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn look(dir: &Path, shown: &str, tree: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let (path, shown) = (entry.path(), format!("{shown}/{}", entry.file_name().to_string_lossy()));
        let kind = entry.file_type().expect("a type");
        if kind.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            tree.insert(shown, format!("-> {}", target.display()));
        } else if kind.is_dir() {
            look(&path, &shown, tree);
            tree.insert(shown, "directory".to_owned());
        } else {
            tree.insert(shown, String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned());
        }
    }
}
