//! Image roots with an rpm database, and the sample plugins built as packages, for tests that run
//! real transactions.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use nodeshim::journal::{Event, Journal};
use nodeshim::root::Root;
use tempfile::TempDir;

use crate::support::{nodeshim, project, scratch, snapshot, succeed};

/// An image root, gone with the value.
pub struct Image {
    directory: TempDir,
}

/// Its tools present or absent, `/bin` and `/sbin` links or directories of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub merged: bool,
    pub present: bool,
}

impl Image {
    /// A copy of what `tests/lib/mkroot` makes.
    pub fn new() -> Image {
        Image::copy_of(template())
    }

    /// A copy of another root.
    pub fn copy_of(template: &Path) -> Image {
        let directory = scratch();
        succeed(Command::new("cp").arg("-a").arg(template).arg(directory.path().join("root")));
        Image { directory }
    }

    /// An image of this layout. An original that is run leaves `/var/tmp/original`.
    pub fn of_layout(layout: Layout, tools: &[&str]) -> Image {
        let image = Image::new();
        let root = image.path();
        for directory in ["bin", "sbin"] {
            if !layout.merged {
                fs::remove_file(root.join(directory)).expect("a link");
                succeed(Command::new("cp").arg("-a").arg(root.join("usr").join(directory)).arg(&root));
            }
        }
        for directory in ["usr/bin", "usr/sbin", "bin", "sbin"].iter().filter(|_| layout.present) {
            for tool in tools {
                let path = root.join(directory).join(tool);
                fs::write(&path, "#!/bin/sh\necho $0 >>/var/tmp/original\n").expect("a tool");
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
            }
        }
        image
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub fn root(&self) -> Root {
        Root::open(self.path()).expect("the root opens")
    }

    pub fn read(&self, path: &str) -> String {
        self.root().read_text(path).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.root().exists(path)
    }

    /// A directory beside the root, for a test's own files.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn events(&self) -> Vec<Event> {
        Journal::read(&self.root()).expect("the journal reads").events
    }

    /// `nodeshim VERB --root ROOT ARGS`, in an environment of its own.
    pub fn nodeshim<S: AsRef<OsStr>>(&self, verb: &str, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(nodeshim());
        command.arg(verb).arg("--root").arg(self.path()).args(args);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
        command.stdin(Stdio::null());
        command
    }

    /// An rpm command line for this image.
    pub fn rpm(&self, args: &[&str]) -> Vec<String> {
        let root = self.path().display().to_string();
        let mut argv: Vec<String> =
            ["rpm", "--root", &root, "--dbpath", "/var/lib/rpm"].map(str::to_owned).to_vec();
        argv.extend(force_debian().map(str::to_owned));
        argv.extend(args.iter().map(|arg| arg.to_string()));
        argv
    }

    /// Runs an rpm transaction under `nodeshim run`.
    pub fn transaction(&self, args: &[&str]) -> Output {
        succeed(self.nodeshim("run", ["--"]).args(self.rpm(args)))
    }

    /// Installs or upgrades sample plugins, by their file names without release and architecture.
    pub fn install(&self, plugins: &[&str]) -> Output {
        let files: Vec<String> = plugins.iter().map(|plugin| package(plugin)).collect();
        let mut args = vec!["-U"];
        args.extend(files.iter().map(String::as_str));
        self.transaction(&args)
    }

    /// Erases packages.
    pub fn erase(&self, packages: &[&str]) -> Output {
        self.transaction(&[&["-e"], packages].concat())
    }

    /// What is in the image but for the rpm database, whose pages depend on times.
    pub fn files(&self) -> std::collections::BTreeMap<PathBuf, String> {
        let mut files = snapshot(&self.path());
        files.retain(|path, _| !path.starts_with("usr/lib/sysimage/rpm"));
        files
    }
}

/// The package file of a sample plugin.
pub fn package(plugin: &str) -> String {
    packages().join(format!("{plugin}-1.noarch.rpm")).display().to_string()
}

/// Debian's rpm prints a warning about alien unless it is given an option that other builds lack.
fn force_debian() -> Option<&'static str> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let help = Command::new("rpm").arg("--help").output().expect("rpm starts");
        String::from_utf8_lossy(&help.stdout).contains("--force-debian")
    });
    known.then_some("--force-debian")
}

/// Made once in a test program, below the build directory; removed by the next one.
pub fn made_once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", env!("CARGO_CRATE_NAME")));
    let _ = fs::remove_dir_all(&place);
    make(&place);
    place
}

fn template() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        made_once("root", |place| {
            succeed(Command::new(project().join("tests/lib/mkroot")).arg(place));
        })
    })
}

fn packages() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        made_once("packages", |place| {
            let specs = fs::read_dir(project().join("packaging/demo.d/specs")).expect("the specs");
            let specs = specs.map(|entry| entry.expect("an entry").path());
            succeed(Command::new(project().join("tests/lib/build-rpms")).arg(place).args(specs));
        })
    })
}

/// A copy of an image with an rpm of its own.
pub fn with_rpm() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let template = PLACE.get_or_init(|| {
        made_once("root-with-rpm", |place| {
            let mut command = Command::new(project().join("tests/lib/mkroot"));
            command
                .args(["--bin", "/usr/bin/rpm", "--bin", "/usr/bin/rpmkeys", "--bin"])
                .arg(nodeshim())
                .arg(place);
            succeed(&mut command);
            succeed(Command::new("cp").args(["-a", "/usr/lib/rpm"]).arg(place.join("usr/lib")));
        })
    });
    Image::copy_of(template)
}

/// `/proc` as a container has it, then the words in the image.
const INSIDE: &str = "mount -t proc proc \"$1/proc\"; shift; exec \"$@\"";

/// A command in namespaces of its own, in which the image has a `/proc`.
pub fn contained(image: &Image, words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["-mpf", "--propagation", "private", "sh", "-euc", INSIDE, "sh"])
        .arg(image.path());
    command.args(words).env_clear().stdin(Stdio::null());
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    command
}

/// Builds one more package from the text of a spec file and returns the package file.
pub fn build(directory: &Path, name: &str, scriptlets: &str) -> String {
    build_with(directory, name, "", &[], scriptlets)
}

/// Builds a package of this version from further lines of its preamble and all sections of its spec
/// file but the description.
pub fn build_version(
    directory: &Path,
    name: &str,
    version: impl std::fmt::Display,
    preamble: &str,
    body: &str,
) -> String {
    let spec = directory.join(format!("{name}-{version}.spec"));
    let text = format!(
        "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: Test\nLicense: Apache-2.0\nBuildArch: noarch\n\
         AutoReqProv: no\n{preamble}\n%description\nTest.\n{body}\n"
    );
    fs::create_dir_all(directory).expect("a directory");
    fs::write(&spec, text).expect("a spec file");
    succeed(Command::new(project().join("tests/lib/build-rpms")).arg(directory).arg(&spec));
    directory.join(format!("{name}-{version}-1.noarch.rpm")).display().to_string()
}

/// Builds a package that ships files, given by their paths and contents, from further lines of its
/// preamble and its scriptlets.
pub fn build_with(
    directory: &Path,
    name: &str,
    preamble: &str,
    files: &[(&str, &str)],
    scriptlets: &str,
) -> String {
    let spec = directory.join(format!("{name}.spec"));
    let mut text = format!(
        "Name: {name}\nVersion: 1.0\nRelease: 1\nSummary: Test\nLicense: Apache-2.0\nBuildArch: noarch\n\
         AutoReqProv: no\n{preamble}\n%description\nTest.\n"
    );
    // Scriptlets of a package without such files may bring an %install of their own.
    if !files.is_empty() {
        text += "%install\n";
    }
    for (path, content) in files {
        let mode = if path.contains("/hooks/") { "0755" } else { "0644" };
        text += &format!(
            "mkdir -p %{{buildroot}}$(dirname {path})\ncat > %{{buildroot}}{path} <<'EOF'\n{content}EOF\n\
             chmod {mode} %{{buildroot}}{path}\n"
        );
    }
    text += "%files\n";
    files.iter().for_each(|(path, _)| text += &format!("{path}\n"));
    text += scriptlets;
    text.push('\n');
    fs::create_dir_all(directory).expect("a directory");
    fs::write(&spec, text).expect("a spec file");
    succeed(Command::new(project().join("tests/lib/build-rpms")).arg(directory).arg(&spec));
    directory.join(format!("{name}-1.0-1.noarch.rpm")).display().to_string()
}
