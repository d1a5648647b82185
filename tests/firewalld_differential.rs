//! The firewall-offline-cmd engine beside the real tool: random calls, the same files before each,
//! and exit status, both outputs and all files compared. Runs where the real tool is installed; as
//! each of its calls takes a third of a second, few calls are made unless
//! `NODESHIM_DIFFERENTIAL_CALLS` says otherwise.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use nodeshim::config::{Answers, Config};
use nodeshim::request::{Call, Env, Stream, firewall_offline_cmd};
use nodeshim::root::Root;

const TOOL: &str = "/usr/bin/firewall-offline-cmd";

/// Files below the root.
type Files = BTreeMap<String, String>;

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    exit: i32,
    stdout: String,
    stderr: String,
    files: Files,
}

/// A small generator of numbers: the same calls in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const ZONES: [&str; 5] = ["public", "trusted", "drop", "plug", "nope"];
const VALUES: [(&str, &[&str]); 8] = [
    (
        "port",
        &[
            "80/tcp",
            "80-90/tcp",
            "85/udp",
            "90-80/tcp",
            "x/tcp",
            "1/foo",
            "443",
        ],
    ),
    ("source-port", &["80/tcp", "80-90/tcp", "7/sctp", "70000/tcp"]),
    ("interface", &["eth0", "eth1", "a b"]),
    ("source", &["10.0.0.0/8", "::1", "foo", "ipset:x"]),
    ("service", &["ssh", "db", "nope"]),
    ("protocol", &["gre", "tcp", "zz"]),
    ("icmp-block", &["redirect", "nope"]),
    (
        "forward-port",
        &[
            "port=80:proto=tcp:toport=81",
            "port=80:proto=tcp",
            "port=9-12:proto=udp:toaddr=1.2.3.4",
        ],
    ),
];
const RULES: [&str; 4] = [
    "rule service name=ssh accept",
    "rule family=ipv4 source address=10.0.0.1 drop",
    "rule foo",
    "rule priority=3 port port=1 protocol=tcp log prefix=x level=info limit value=3/m reject",
];
const OTHERS: [&str; 26] = [
    "--list-all",
    "--list-ports",
    "--zone=trusted --list-all",
    "--new-zone=plug",
    "--delete-zone=plug",
    "--set-target=DROP",
    "--add-masquerade",
    "--query-masquerade",
    "--add-icmp-block-inversion",
    "--new-service=s",
    "--service=s --add-port=9500/tcp",
    "--service=s --get-ports",
    "--service=s --set-destination=ipv4:1.2.3.4",
    "--info-service=s",
    "--add-service=s",
    "--new-ipset=x --type=hash:ip",
    "--ipset=x --add-entry=1.2.3.4",
    "--info-ipset=x",
    "--new-policy=p",
    "--policy=p --add-ingress-zone=public",
    "--policy=p --list-all",
    "-p 8080:tcp -s db -t eth1",
    "--remove-service=ssh",
    "--set-default-zone=trusted",
    "--get-default-zone",
    "--direct --add-rule ipv4 filter INPUT 0 -j ACCEPT",
];

fn call(numbers: &mut Numbers) -> Vec<String> {
    if numbers.below(3) == 0 {
        return numbers.pick(&OTHERS).split(' ').map(str::to_owned).collect();
    }
    let mut words = Vec::new();
    if numbers.below(2) == 0 {
        words.push(format!("--zone={}", numbers.pick(&ZONES)));
    }
    let verb = numbers.pick(&["add", "add", "remove", "query"]);
    if numbers.below(8) == 0 {
        words.push(format!("--{verb}-rich-rule={}", numbers.pick(&RULES)));
        return words;
    }
    let (stem, values) = VALUES[numbers.below(VALUES.len())];
    let option = match (verb, stem) {
        ("remove", "service") => "remove-service-from-zone".to_owned(),
        _ => format!("{verb}-{stem}"),
    };
    for _ in 0..1 + numbers.below(2) {
        words.push(format!("--{option}={}", numbers.pick(values)));
    }
    words
}

fn shipped() -> Files {
    let mut files = Files::new();
    let mut put = |path: &str, body: &str| {
        let text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{body}\n");
        files.insert(format!("usr/lib/firewalld/{path}.xml"), text);
    };
    let zone = |attributes: &str, body: &str| format!("<zone{attributes}>\n{body}  <forward/>\n</zone>");
    put("zones/public", &zone("", "  <short>Public</short>\n  <service name=\"ssh\"/>\n"));
    put("zones/trusted", &zone(" target=\"ACCEPT\"", ""));
    put("zones/drop", &zone(" target=\"DROP\"", ""));
    put("zones/block", &zone(" target=\"%%REJECT%%\"", ""));
    put("services/ssh", "<service>\n  <port port=\"22\" protocol=\"tcp\"/>\n</service>");
    put("services/db", "<service>\n  <port port=\"3300\" protocol=\"tcp\"/>\n</service>");
    put("icmptypes/redirect", "<icmptype>\n</icmptype>");
    files.insert("etc/firewalld/firewalld.conf".to_owned(), "DefaultZone=public\n".to_owned());
    files
}

fn lay_out(root: &Path, files: &Files) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for kind in ["zones", "services", "policies", "ipsets", "helpers", "icmptypes"] {
        fs::create_dir_all(root.join("usr/lib/firewalld").join(kind)).unwrap();
    }
}

/// The local files, without backups and without copies of what is shipped.
fn local_files(root: &Path) -> Files {
    let mut files = Files::new();
    let mut directories = vec![root.join("etc/firewalld")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                directories.push(path);
            } else if !name.ends_with(".old") {
                let text = fs::read_to_string(&path).unwrap();
                let origin = root.join(name.replacen("etc/", "usr/lib/", 1));
                if fs::read_to_string(origin).ok().as_ref() != Some(&text) {
                    files.insert(name, text);
                }
            }
        }
    }
    files
}

fn real(root: &Path, words: &[String]) -> Outcome {
    let output = Command::new(TOOL)
        .arg("--system-config")
        .arg(root.join("etc/firewalld"))
        .arg("--default-config")
        .arg(root.join("usr/lib/firewalld"))
        .args(words)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    // Lines of the logger are not the tool's answer.
    let stderr = String::from_utf8_lossy(&output.stderr);
    let logged = |line: &str| line.starts_with("WARNING: ") || line.starts_with("ERROR: ");
    Outcome {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: stderr.split_inclusive('\n').filter(|line| !logged(line)).collect(),
        files: local_files(root),
    }
}

fn ours(directory: &Path, words: &[String]) -> Outcome {
    let root = Root::open(directory).unwrap();
    let mut config = Config::default();
    config.shims.answers = Answers::Strict;
    let env: Env = Vec::<(String, String)>::new().into_iter().collect();
    let args: Vec<OsString> = words.iter().map(OsString::from).collect();
    let reply = firewall_offline_cmd::carry_out(&Call {
        root: &root,
        config: &config,
        env: &env,
        argv0: "firewall-offline-cmd",
        args: &args,
        stdin: || Ok(Vec::new()),
    });
    let text = |stream| String::from_utf8_lossy(&reply.output.all(stream)).into_owned();
    let stderr = text(Stream::Stderr);
    Outcome {
        exit: reply.exit.into(),
        stdout: text(Stream::Stdout),
        stderr: stderr.split_inclusive('\n').filter(|line| !line.starts_with("WARNING: ")).collect(),
        files: local_files(directory),
    }
}

#[test]
fn calls_come_to_the_same_as_with_the_real_tool() {
    let root = fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if !Path::new(TOOL).exists() || !root {
        eprintln!("skipped: needs {TOOL} and root");
        return;
    }
    let calls = std::env::var("NODESHIM_DIFFERENTIAL_CALLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(60);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut scratch = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut history = Vec::new();
    for number in 0..calls {
        if number % 12 == 0 {
            scratch = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            history.clear();
            lay_out(scratch.0.path(), &shipped());
            lay_out(scratch.1.path(), &shipped());
        }
        let words = call(&mut numbers);
        let (expected, found) = (real(scratch.0.path(), &words), ours(scratch.1.path(), &words));
        assert_eq!(found, expected, "{words:?} after {history:?}");
        history.push(words);
    }
}
