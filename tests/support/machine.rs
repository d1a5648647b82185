//! Image roots made of this machine's own packages, and booting them with their own systemd.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{project, scratch, stage, succeed};

/// A machine's root, gone with the value.
pub struct Machine {
    directory: TempDir,
}

/// A command's output as text.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Machine {
    /// A machine that was never booted.
    pub fn new() -> Machine {
        let directory = scratch();
        succeed(Command::new(lib("machine")).arg("make").arg(directory.path().join("m")));
        fs::create_dir(directory.path().join("rpms")).expect("a directory");
        Machine { directory }
    }

    /// With nodeshim installed in it.
    pub fn with_nodeshim() -> Machine {
        let machine = Machine::new();
        let stage = stage().join("usr/.").display().to_string();
        machine.host(&["cp", "-a", &stage, &machine.root("/usr/")]);
        machine
    }

    fn dir(&self) -> PathBuf {
        self.directory.path().join("m")
    }

    /// A path in the root, as seen from outside.
    pub fn root(&self, path: &str) -> String {
        format!("{}{path}", self.dir().join("root").display())
    }

    /// Reads a file of the root that is not below `/usr`.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file of the root that is not below `/usr`.
    pub fn write(&self, path: &str, content: &str) {
        let path = PathBuf::from(self.root(path));
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Copies a file of this machine into the root.
    pub fn put(&self, from: &str, path: &str) {
        fs::copy(from, self.root(path)).unwrap_or_else(|error| panic!("{from}: {error}"));
    }

    /// Runs a command where the whole root is in place.
    pub fn host(&self, argv: &[&str]) -> Output {
        succeed(self.command(&["in"]).args(argv))
    }

    /// A command under `nodeshim run` on the root.
    pub fn run(&self, argv: &[&str]) -> Output {
        let nodeshim = stage().join("usr/bin/nodeshim").display().to_string();
        let root = self.root("");
        self.host(&[&[nodeshim.as_str(), "run", "--root", &root, "--"], argv].concat())
    }

    /// rpm on the root under `nodeshim run`.
    pub fn rpm(&self, args: &[&str]) -> Output {
        let root = self.root("");
        let rpm = ["rpm", "--root", &root, "--dbpath", "/var/lib/rpm", "--nodeps"];
        self.run(&[rpm.as_slice(), args].concat())
    }

    /// Builds a package from the text below its preamble; returns the file.
    pub fn package(&self, name: &str, version: &str, body: &str) -> String {
        let rpms = self.directory.path().join("rpms");
        let spec = rpms.join(format!("{name}.spec"));
        let preamble = format!(
            "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: Test\nLicense: Apache-2.0\n\
             BuildArch: noarch\nAutoReqProv: no\n%description\nTest.\n"
        );
        fs::write(&spec, preamble + body).expect("a spec file");
        succeed(Command::new(lib("build-rpms")).arg(&rpms).arg(&spec));
        rpms.join(format!("{name}-{version}-1.noarch.rpm")).display().to_string()
    }

    /// Boots and runs a script beside the machine, with `inside` and `peer` at hand; panics unless
    /// it ends with 0. Returns its standard output.
    pub fn boot(&self, script: &str) -> String {
        self.booted(&["boot"], script)
    }

    /// As [`Machine::boot`], as a machine that was never booted before.
    pub fn first_boot(&self, script: &str) -> String {
        self.booted(&["boot", "--first-boot"], script)
    }

    /// As [`Machine::boot`], with a machine id that is `uninitialized`, `empty` or `missing`.
    pub fn boot_with_id(&self, id: &str, script: &str) -> String {
        self.booted(&["boot", "--machine-id", id], script)
    }

    fn booted(&self, verb: &[&str], script: &str) -> String {
        let output = succeed(self.command(verb).args(["bash", "-c", script]));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(lib("machine"));
        command.args(verb).arg(self.dir());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
        command.stdin(Stdio::null());
        command
    }
}

fn lib(name: &str) -> PathBuf {
    Path::new(project()).join("tests/lib").join(name)
}

/// `%install`, `%files` of a unit, for a package's body. `service` is what stands in `[Service]`.
pub fn unit(name: &str, service: &str) -> String {
    format!(
        "%install\ninstall -d %{{buildroot}}/usr/lib/systemd/system\n\
         cat >%{{buildroot}}/usr/lib/systemd/system/{name} <<'U'\n\
         [Unit]\nDescription={name}\n[Service]\n{service}\n[Install]\nWantedBy=multi-user.target\nU\n\
         %files\n/usr/lib/systemd/system/{name}\n"
    )
}
