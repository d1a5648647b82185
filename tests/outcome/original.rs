//! The image with the original tools: systemctl and firewall-offline-cmd of this machine, and of chkconfig and
//! lokkit, which no distribution has any more, what they come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock};

use nodeshim::root::Root;

use super::firewalld_support::{Peer, script};
use super::history::{Call, VENDOR_SCRIPT};
use super::rules::{LEVELS, Subject};
use super::twins::{
    Effect, PRESETS, Shimmed, VENDOR_LEVELS, default_target, each_port, lay_out, open_in_zones, scripts,
    unit_states,
};

/// What starts systemctl once for many calls.
const SERVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemctl_differential/serve.c");

/// The real systemctl on an image; its exit code and what it printed.
pub fn systemctl(root: &Path, words: &[&str]) -> (i32, String) {
    static SERVER: OnceLock<Mutex<Systemctl>> = OnceLock::new();
    let server = SERVER.get_or_init(|| Mutex::new(Systemctl::start()));
    let root = format!("--root={}", root.display());
    server.lock().expect("it has not failed").call(&[&[root.as_str()], words].concat())
}

/// It takes as long to start as to do its work: it runs under `serve.c`, which starts it once.
struct Systemctl {
    requests: UnixStream,
    output: File,
    /// It ends when its requests do.
    _process: Child,
}

impl Systemctl {
    fn start() -> Systemctl {
        let place = tempfile::tempdir().expect("a directory");
        let library = place.path().join("serve.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(SERVE);
        assert!(compiler.status().expect("cc").success());
        let (requests, theirs) = UnixStream::pair().expect("a socket");
        let output = tempfile::tempfile().expect("a file");
        let mut command = Command::new("systemctl");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        command.env("LD_PRELOAD", &library).env("LD_BIND_NOW", "1");
        command.stdin(OwnedFd::from(theirs)).stdout(output.try_clone().expect("a file"));
        let mut server = Systemctl {
            requests,
            output,
            _process: command.stderr(Stdio::null()).spawn().expect("systemctl"),
        };
        // It has its library by the time it answers.
        server.call(&["--version"]);
        server
    }

    fn call(&mut self, words: &[&str]) -> (i32, String) {
        self.output.set_len(0).expect("a file");
        self.output.rewind().expect("a file");
        let how = ["/", "kept", ""];
        let bytes: Vec<u8> =
            how.iter().chain(words).flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
        let length = u32::try_from(bytes.len()).expect("a short request").to_ne_bytes();
        self.requests.write_all(&[&length[..], &bytes].concat()).expect("it is there");
        let mut status = [0; 4];
        self.requests.read_exact(&mut status).expect("it is there");
        let mut printed = String::new();
        self.output.rewind().expect("a file");
        self.output.read_to_string(&mut printed).expect("text");
        let status = ExitStatus::from_raw(i32::from_ne_bytes(status));
        (status.code().unwrap_or(-1), printed)
    }
}

/// The image with the original tools.
pub struct Original<'p> {
    pub root: PathBuf,
    firewall: &'p mut Firewall,
    links: RunLevels,
    /// The ports that lokkit was asked to open.
    lokkit: BTreeSet<&'static str>,
}

/// The real firewall-offline-cmd, its modules loaded.
pub struct Firewall(Peer);

impl Firewall {
    pub fn start() -> Firewall {
        Firewall(Peer::start(&mut Command::new(script("firewalld-peer"))))
    }
}

impl Original<'_> {
    pub fn new(root: PathBuf, firewall: &mut Firewall) -> Original<'_> {
        lay_out(&root);
        let mut links = RunLevels::default();
        links.carry_out("add", "", VENDOR_SCRIPT);
        Original {
            root,
            firewall,
            links,
            lokkit: BTreeSet::new(),
        }
    }

    /// What a call decides about run levels, as the links are now.
    pub fn decides(&self, call: &Call) -> Vec<(usize, bool)> {
        match call {
            Call::Levels { verb, levels, script } => self.links.changes(verb, levels, script),
            _ => Vec::new(),
        }
    }

    /// Whether the call was carried out.
    pub fn call(&mut self, call: &Call) -> bool {
        match call {
            Call::Levels { verb, levels, script } => {
                let is_there = scripts(&self.root).contains(script);
                if is_there {
                    self.links.carry_out(verb, levels, script);
                }
                return is_there;
            }
            Call::Lokkit { option, value } => {
                let is_port = *option == "--port";
                self.lokkit.extend(is_port.then_some(*value));
                return is_port;
            }
            Call::Firewall {
                zone: "public",
                add: false,
                kind: "port",
                value,
            } => _ = self.lokkit.remove(value),
            _ => {}
        }
        let (tool, words) = call.words();
        if tool == "systemctl" {
            let is_runtime = matches!(
                call,
                Call::Unit {
                    verb: "start" | "try-restart",
                    ..
                }
            );
            // It would talk to the machine's manager; in a chroot it ignores them.
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            return is_runtime || systemctl(&self.root, &words).0 == 0;
        }
        let place = |path: &str| self.root.join(path).display().to_string();
        let mut argv = vec!["--system-config".to_owned(), place("etc/firewalld")];
        argv.extend(["--default-config".to_owned(), place("usr/lib/firewalld")]);
        argv.extend(words);
        self.firewall.0.call(&argv).0 == 0
    }

    /// Starts a script in a run level or not, if the subject is one, also a script that is gone; without a link it
    /// is in no level.
    pub fn set_level(&mut self, (level, script): Subject, on: bool, has_link: bool) {
        let Some(number) = LEVELS.iter().position(|known| *known == level) else {
            return;
        };
        self.links.0.entry(script).or_default()[number] = has_link.then_some(on);
    }

    /// Makes a target the one to boot into; none takes the decision away.
    pub fn set_target(&self, target: Option<&'static str>) {
        match target {
            Some(target) => _ = systemctl(&self.root, &["set-default", target]),
            None => _ = fs::remove_file(self.root.join("etc/systemd/system/default.target")),
        }
    }

    pub fn effect(&self) -> Effect {
        let root = Root::open(&self.root).expect("the root");
        let mut open = open_in_zones(&root);
        let of_lokkit = self.lokkit.iter().filter_map(|value| value.split_once('/'));
        open.extend(of_lokkit.flat_map(|(ports, protocol)| each_port("public", ports, protocol)));
        Effect {
            target: default_target(&self.root),
            levels: self.links.started(&scripts(&self.root)),
            units: unit_states(&self.root),
            open,
        }
    }

    /// Presets that settling wrote count here too, see the rules.
    pub fn copy_presets(&self, from: &Shimmed) {
        let own = self.root.join(PRESETS);
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(&own).expect("a directory");
        for entry in fs::read_dir(from.root.join(PRESETS)).into_iter().flatten().flatten() {
            fs::copy(entry.path(), own.join(entry.file_name())).expect("a preset");
        }
    }
}

/// The links of run levels as chkconfig 1.33 makes them: no distribution on which tests run has it. For each
/// level whether there is a link, and whether it starts the script.
#[derive(Default)]
struct RunLevels(BTreeMap<&'static str, [Option<bool>; 7]>);

impl RunLevels {
    /// The levels that a call gives a link, and of which kind; of `del` all, which lose theirs.
    fn changes(&self, verb: &str, levels: &str, script: &str) -> Vec<(usize, bool)> {
        let links = self.0.get(script).copied().unwrap_or_default();
        let named = if levels.is_empty() { "2345" } else { levels };
        let is_named = |level: usize| named.contains(LEVELS[level]);
        match verb {
            // A level that has a link is left alone.
            "add" => {
                let bare = (0..7).filter(|level| links[*level].is_none());
                bare.map(|level| (level, VENDOR_LEVELS.contains(&level))).collect()
            }
            "del" => (0..7).map(|level| (level, false)).collect(),
            verb => (0..7).filter(|level| is_named(*level)).map(|level| (level, verb == "on")).collect(),
        }
    }

    fn carry_out(&mut self, verb: &str, levels: &str, script: &'static str) {
        let changes = self.changes(verb, levels, script);
        let links = self.0.entry(script).or_default();
        for (level, on) in changes {
            links[level] = (verb != "del").then_some(on);
        }
    }

    fn started(&self, there: &[&str]) -> BTreeSet<String> {
        let all = self.0.iter().filter(|(script, _)| there.contains(script));
        let of = |(script, links): (&&str, &[Option<bool>; 7])| {
            let on = (0..7).filter(|level| links[*level] == Some(true));
            on.map(|level| format!("{script} {level}")).collect::<Vec<_>>()
        };
        all.flat_map(of).collect()
    }
}
