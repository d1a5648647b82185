//! The firewall-offline-cmd engine beside the real tool: random sequences of calls over random
//! files, and exit status, both outputs and all files compared after each. Runs where the real tool
//! is installed; `NODESHIM_DIFFERENTIAL_SEQUENCES` says how many sequences, `NODESHIM_SEED` which.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
#[path = "firewalld_differential/calls.rs"]
mod calls;
#[path = "firewalld_differential/peer.rs"]
mod peer;
#[path = "firewalld_differential/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use nodeshim::config::{Answers, Config};
use nodeshim::request::Stream;
use nodeshim::tool::Tool;

use call::call_with;
use peer::Peer;

/// Sequences in a run of all tests.
const SEQUENCES: u64 = 100;
/// Calls in a sequence.
const CALLS: usize = 6;

/// Files below the root.
type Files = BTreeMap<String, String>;

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    exit: i32,
    stdout: String,
    stderr: String,
    files: Files,
}

/// A small generator of numbers: the same calls in every run.
pub struct Numbers(u64);

impl Numbers {
    fn of(seed: u64) -> Self {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            numbers.below(2);
        }
        numbers
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
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
    // The real tool asks the machine for names of ports and protocols.
    for name in ["services", "protocols"] {
        let _ = fs::copy(Path::new("/etc").join(name), root.join("etc").join(name));
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
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// Lines of the logger are not the tool's answer, nor are the words of its XML reader.
fn answer(text: &str) -> String {
    let logged = |line: &str| line.starts_with("WARNING: ") || line.starts_with("ERROR: ");
    let lines = text.split_inclusive('\n').filter(|line| !logged(line));
    lines.map(|line| line.split_inclusive("not a valid").next().unwrap_or(line)).collect()
}

fn ours(directory: &Path, words: &[String]) -> Outcome {
    let mut config = Config::default();
    config.shims.answers = Answers::Strict;
    let reply = call_with(directory, Tool::FirewallOfflineCmd, &config, words);
    let text = |stream| String::from_utf8_lossy(&reply.output.all(stream)).into_owned();
    Outcome {
        exit: reply.exit.into(),
        stdout: text(Stream::Stdout),
        stderr: answer(&text(Stream::Stderr)),
        files: local_files(directory),
    }
}

/// What the real tool does that is not copied, or not compared: the sequence ends there.
fn is_excused(before: &Files, real: &Outcome, found: &Outcome) -> bool {
    // It failed half-way, and left files that keep the firewall from starting.
    let half_way = real.exit != 0 && real.files != *before && found.files == *before;
    // It fell over.
    let fell = [
        "object has no attribute",
        "cannot access local variable",
        "Traceback",
    ]
    .iter()
    .any(|trace| real.stderr.contains(trace));
    // It looks at every service on every call; what names a service that is not there, or is
    // included in a circle, is only found here when it is used.
    let elsewhere =
        real.exit == 101 && real.stderr.contains("Included service") && real.stderr != found.stderr;
    half_way || fell || elsewhere
}

/// Whether two sets of files say the same. A copy of what is shipped, as it is or as the real tool
/// spells it, says nothing.
fn same_files(root: &Path, before: &Files, real: &Files, found: &Files) -> bool {
    let names = real.keys().chain(found.keys());
    for name in names {
        let (theirs, ours) = (real.get(name), found.get(name));
        if theirs == ours {
            continue;
        }
        // Only the real tool writes what did not change.
        let shipped = root.join(name.replacen("etc/", "usr/lib/", 1)).exists();
        let copied = match ours {
            None => shipped,
            Some(_) => ours == before.get(name),
        };
        if !copied {
            return false;
        }
    }
    true
}

/// One sequence; what is wrong, if anything is.
fn sequence(peer: &mut Peer, seed: u64) -> Result<(), String> {
    let mut numbers = Numbers::of(seed);
    let scratch = (tempfile::tempdir_in(memory()).unwrap(), tempfile::tempdir_in(memory()).unwrap());
    let files = tree::random(&mut numbers);
    lay_out(scratch.0.path(), &files);
    lay_out(scratch.1.path(), &files);
    let mut history = Vec::new();
    for _ in 0..CALLS {
        let words = calls::random(&mut numbers);
        let before = local_files(scratch.1.path());
        let real = peer.call(scratch.0.path(), &words);
        let found = ours(scratch.1.path(), &words);
        let answers = (real.exit, &real.stdout, &real.stderr) == (found.exit, &found.stdout, &found.stderr);
        if is_excused(&before, &real, &found) {
            return Ok(());
        }
        if !answers || !same_files(scratch.1.path(), &before, &real.files, &found.files) {
            return Err(format!(
                "sequence {seed}: {words:?} after {history:?}\nreal: {real:#?}\nfound: {found:#?}\ntree: {files:#?}"
            ));
        }
        // Both go on from the same files.
        for name in real.files.keys().filter(|name| !found.files.contains_key(*name)) {
            fs::remove_file(scratch.0.path().join(name)).unwrap();
        }
        for (name, text) in found.files.iter().filter(|(name, text)| real.files.get(*name) != Some(text)) {
            fs::write(scratch.0.path().join(name), text).unwrap();
        }
        history.push(words);
    }
    Ok(())
}

fn memory() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        Path::new("/tmp")
    }
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_the_real_tool() {
    let root = fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if !Path::new(peer::PROGRAM).exists() || !root {
        eprintln!("skipped: needs {} and root", peer::PROGRAM);
        return;
    }
    let first = number("NODESHIM_SEED", 0);
    let last = first + number("NODESHIM_DIFFERENTIAL_SEQUENCES", SEQUENCES);
    let most = usize::try_from(number("NODESHIM_DIFFERENTIAL_FAILURES", 1)).unwrap();
    let work = |offset: u64| {
        let mut peer = Peer::start();
        let mut failures = Vec::new();
        for seed in (first + offset..last).step_by(2) {
            failures.extend(sequence(&mut peer, seed).err());
            if failures.len() >= most {
                break;
            }
        }
        failures
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers = [0, 1].map(|offset| scope.spawn(move || work(offset)));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n\n"));
}
