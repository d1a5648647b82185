//! The two sides: image roots with the original and with the shim, each ready to answer many
//! requests at a small cost.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{chroot, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::case::{Image, Node, Request, Stdout};
use super::server::{Server, environment};
use super::support;

/// The original.
pub const SYSTEMCTL: &str = "/usr/bin/systemctl";

const SERVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemctl_differential/serve.c");

/// Where units and links lie; everything else is the same on both sides for ever.
const CHANGING: [&str; 15] = [
    ".config",
    ".local",
    "rel",
    "root",
    "usr/local/lib/systemd",
    "usr/local/share/systemd",
    "usr/share/systemd",
    "etc/systemd",
    "etc/xdg",
    "run",
    "usr/lib/systemd/system",
    "usr/lib/systemd/system-preset",
    "usr/lib/systemd/user",
    "usr/lib/systemd/user-preset",
    "opt",
];

/// Where an image of its own is kept for requests with `--root`.
const BELOW: &str = "opt/image";
/// The option that names it.
pub const BELOW_OPTION: &str = "--root=/opt/image";

/// What a request came to.
#[derive(PartialEq)]
pub struct Answer {
    /// Exit code.
    pub exit: Option<i32>,
    /// Standard output, its lines sorted where their order is that of directories.
    pub stdout: String,
    /// Standard error, its lines sorted: directories are read in no order.
    pub stderr: String,
    /// What lies in the directories that change.
    pub tree: BTreeMap<String, String>,
}

/// An image root and what answers in it.
pub struct Side {
    root: PathBuf,
    stdout: File,
    stderr: File,
    program: Program,
    /// What was laid out.
    pub laid_out: BTreeMap<String, String>,
}

enum Program {
    /// systemctl in the root, and once it is asked from there, outside of any root.
    Original {
        inside: Server,
        outside: Option<Server>,
        is_outside: bool,
    },
    /// A thread that has the image as its root.
    Shim {
        requests: Sender<Request>,
        exits: Receiver<ExitStatus>,
    },
}

impl Side {
    /// A root with an original and its libraries: this machine's, or that of a tree, which has a loader of its
    /// own. `/lib` is a directory, so that a build for split roots finds nothing there.
    pub fn original(root: &Path, tree: Option<&Path>) -> Side {
        prepare(root);
        match tree {
            Some(tree) => drop(support::succeed(Command::new("cp").arg("-aT").args([tree, root]))),
            None => copy_own(root),
        }
        for (device, minor) in [("null", "3"), ("full", "7")] {
            let path = root.join("dev").join(device);
            support::succeed(Command::new("mknod").args(["-m", "666"]).arg(path).args(["c", "1", minor]));
        }
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
        support::succeed(compiler.arg(root.join("lib/serve.so")).arg(SERVE));
        fs::write(root.join("etc/ld.so.preload"), "/lib/serve.so\n").expect("what the loader reads");
        let (stdout, stderr) = (kept(root, "stdout"), kept(root, "stderr"));
        let inside = Server::start(root, Server::INSIDE, &stdout, &stderr);
        Side {
            root: root.to_owned(),
            stdout,
            stderr,
            program: Program::Original {
                inside,
                outside: None,
                is_outside: false,
            },
            laid_out: BTreeMap::new(),
        }
    }

    /// A root with the shim, which answers to the letter.
    pub fn shim(root: &Path, generation: &str) -> Side {
        prepare(root);
        fs::create_dir_all(root.join("etc/nodeshim")).expect("a directory");
        let text = format!("[shims]\nanswers = \"strict\"\nsystemctl-generation = {generation}\n");
        fs::write(root.join("etc/nodeshim/nodeshim.toml"), text).expect("a configuration");
        let boot = root.join("proc/sys/kernel/random");
        fs::create_dir_all(&boot).expect("a directory");
        fs::copy("/proc/sys/kernel/random/boot_id", boot.join("boot_id"))
            .expect("the one thing that is read");
        support::arm(root);
        support::link_or_copy(&support::busybox(), &root.join("usr/sbin/sh"));
        let (stdout, stderr) = (kept(root, "stdout"), kept(root, "stderr"));
        let (requests, taken) = mpsc::channel();
        let (answer, exits) = mpsc::channel();
        let output = (stdout.try_clone().expect("a file"), stderr.try_clone().expect("a file"));
        let inside = root.to_owned();
        thread::spawn(move || serve_shim(&inside, output, &taken, &answer));
        Side {
            root: root.to_owned(),
            stdout,
            stderr,
            program: Program::Shim { requests, exits },
            laid_out: BTreeMap::new(),
        }
    }

    /// Puts an image's unit files in the place of those of the last one, and forgets what was
    /// recorded.
    pub fn lay_out(&mut self, image: &Image) {
        self.lay_out_in_order(image, image.nodes.iter());
    }

    /// As [`Side::lay_out`], but directories list what is in them the other way round.
    pub fn lay_out_backwards(&mut self, image: &Image) {
        let is_above = |path: &str| {
            image
                .nodes
                .keys()
                .any(|other| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
        };
        let (above, rest): (Vec<_>, Vec<_>) = image.nodes.iter().partition(|(path, _)| is_above(path));
        self.lay_out_in_order(image, above.into_iter().chain(rest.into_iter().rev()));
    }

    /// Has directories list what is in them the other way round from now on.
    pub fn turn_round(&self) {
        for changing in CHANGING {
            turn_round(&self.root.join(changing));
        }
    }

    fn lay_out_in_order<'n>(&mut self, image: &Image, nodes: impl Iterator<Item = (&'n String, &'n Node)>) {
        for changing in CHANGING {
            let path = self.root.join(changing);
            remove(&path);
            fs::create_dir_all(&path).expect("a directory");
        }
        let _ = fs::remove_file(self.root.join("usr/lib/sysimage/nodeshim/journal.toml"));
        let below = self.root.join(BELOW);
        let place = if image.is_below { &below } else { &self.root };
        for (path, node) in nodes {
            let path = place.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            match node {
                Node::File(text) => fs::write(&path, text).expect("a file"),
                Node::Link(target) => symlink(target, &path).expect("a link"),
                Node::Dir => fs::create_dir_all(&path).expect("a directory"),
            }
        }
        self.laid_out = self.tree();
    }

    /// Asks; [`Side::answer`] waits for what comes of it.
    pub fn ask(&mut self, request: &Request) {
        for file in [&self.stdout, &self.stderr] {
            file.set_len(0).expect("a file in memory");
        }
        match &mut self.program {
            Program::Shim { requests, .. } => requests.send(request.clone()).expect("the thread is there"),
            Program::Original {
                inside, is_outside, ..
            } if !request.is_outside() => {
                *is_outside = false;
                inside.ask(request, &request.words);
            }
            Program::Original {
                outside, is_outside, ..
            } => {
                *is_outside = true;
                let start = || Server::start(&self.root, Server::OUTSIDE, &self.stdout, &self.stderr);
                let here = format!("--root={}/{BELOW}", self.root.display());
                let words = request.words.iter().map(|word| match word.as_str() {
                    BELOW_OPTION => here.clone(),
                    _ => word.clone(),
                });
                outside.get_or_insert_with(start).ask(request, &words.collect::<Vec<_>>());
            }
        }
    }

    /// The answer to the request that was asked last.
    pub fn answer(&mut self) -> Answer {
        let status = match &mut self.program {
            Program::Shim { exits, .. } => exits.recv().expect("the thread is there"),
            Program::Original {
                outside: Some(server),
                is_outside: true,
                ..
            } => server.status(),
            Program::Original { inside, .. } => inside.status(),
        };
        // Only what is outside of the root knows of it.
        let root = self.root.display().to_string();
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr]
            .map(|file| content(file).replace(&root, "").replace(SYSTEMCTL, "systemctl"));
        let mut lines: Vec<&str> = stderr.lines().collect();
        lines.sort_unstable();
        // How often links are gone through and files are read, and each time told about, depends on that
        // order too.
        lines.dedup();
        Answer {
            exit: status.code(),
            stdout: in_order(&stdout),
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

/// Starts the shim for every request, below a root that only this thread has.
fn serve_shim(
    root: &Path,
    (stdout, stderr): (File, File),
    requests: &Receiver<Request>,
    exits: &Sender<ExitStatus>,
) {
    // The image has no such devices.
    let nothing = File::open("/dev/null").expect("the machine has it");
    let full = File::options().write(true).open("/dev/full").expect("the machine has it");
    unshare(CloneFlags::CLONE_FS).expect("a root of its own");
    chroot(root).expect("the image as the root");
    std::env::set_current_dir("/").expect("the root");
    for request in requests {
        let mut command = match request.stdout {
            Stdout::Closed => {
                let mut command = Command::new("/usr/sbin/sh");
                command.args(["-c", "exec systemctl \"$@\" >&-", "sh"]);
                command
            }
            Stdout::Kept | Stdout::Full => {
                let mut command = Command::new(SYSTEMCTL);
                command.arg0("systemctl");
                command
            }
        };
        environment(&mut command).args(&request.words);
        if Path::new(&request.directory).is_dir() {
            command.current_dir(&request.directory);
        }
        command.stdin(nothing.try_clone().expect("a file"));
        command.envs(request.environment.iter().filter_map(|variable| variable.split_once('=')));
        let output = if request.stdout == Stdout::Full {
            &full
        } else {
            &stdout
        };
        command
            .stdout(output.try_clone().expect("a file"))
            .stderr(stderr.try_clone().expect("a file"));
        let status = command.status().expect("the shim starts");
        if exits.send(status).is_err() {
            return;
        }
    }
}

/// A file that a side's output is appended to, beside the directories that change.
fn kept(root: &Path, name: &str) -> File {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    options.open(root.join("tmp").join(name)).expect("a file")
}

fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).expect("a file");
    file.read_to_end(&mut bytes).expect("output");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The links that disabling a unit would remove are found in directory order, and of names that
/// differ in case alone either comes first.
fn in_order(text: &str) -> String {
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let are_links = |a: &str, b: &str| [a, b].iter().all(|line| line.starts_with("  /"));
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    for alike in lines.chunk_by_mut(|a, b| are_links(a, b) || first(a) == first(b)) {
        alike.sort_unstable();
    }
    lines.concat()
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

/// This machine's systemctl with what it is linked with.
fn copy_own(root: &Path) {
    let listed = Command::new("ldd").arg(SYSTEMCTL).output().expect("ldd");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        let inside = library.strip_prefix("/usr").filter(|rest| rest.starts_with("/lib")).unwrap_or(library);
        copy(Path::new(library), &root.join(inside.trim_start_matches('/')));
    }
    copy(Path::new(SYSTEMCTL), &root.join("usr/bin/systemctl"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a parent")).expect("directories");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).expect("an old image can be removed"),
        Ok(_) => fs::remove_file(path).expect("what is in its place can be removed"),
        Err(_) => {}
    }
}

/// Puts every entry in its place again, the one that is listed first before the others: what came
/// last is what is listed first.
fn turn_round(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let aside = dir.join(".aside");
    for entry in entries.flatten().collect::<Vec<_>>() {
        let path = entry.path();
        fs::rename(&path, &aside).expect("an entry can be moved");
        fs::rename(&aside, &path).expect("and back");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            turn_round(&path);
        }
    }
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
