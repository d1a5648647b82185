//! firewalld's tools beside ours: trees of configuration, random numbers, and calls of the machine's
//! own tools in processes that have their modules loaded.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nodeshim::config::{Answers, Config};
use nodeshim::request::{Reply, Stream};
use nodeshim::tool::Tool;

use crate::call::call_with;

/// Files below the root.
pub type Files = BTreeMap<String, String>;

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    pub files: Files,
}

impl Outcome {
    /// What was said, without the files.
    pub fn answers(&self) -> (i32, &str, &str) {
        (self.exit, &self.stdout, &self.stderr)
    }
}

/// A small generator of numbers: the same calls in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn of(seed: u64) -> Self {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            numbers.below(2);
        }
        numbers
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % limit as u64).unwrap()
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Writes the files, and what every tree has.
pub fn lay_out(root: &Path, files: &Files) {
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

/// The local files, without backups.
pub fn local_files(root: &Path) -> Files {
    let mut files = Files::new();
    let mut directories = vec![root.join("etc/firewalld")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                directories.push(path);
            } else if !name.ends_with(".old") {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                files.insert(name, text);
            }
        }
    }
    files
}

/// What the logger says of errors is not the tool's answer, nor are the words of its XML reader.
pub fn answer(text: &str) -> String {
    let logged = |line: &str| line.starts_with("ERROR: ");
    let lines = text.split_inclusive('\n').filter(|line| !logged(line));
    lines.map(|line| line.split_inclusive("not a valid").next().unwrap_or(line)).collect()
}

/// Our answer, to the letter.
pub fn ours(
    tool: Tool,
    directory: &Path,
    words: &[String],
    set: impl FnOnce(&mut Config),
) -> (Outcome, Reply) {
    let mut config = Config::default();
    config.shims.answers = Answers::Strict;
    set(&mut config);
    let reply = call_with(directory, tool, &config, words);
    let text = |stream| String::from_utf8_lossy(&reply.output.all(stream)).into_owned();
    let outcome = Outcome {
        exit: reply.exit.into(),
        stdout: text(Stream::Stdout),
        stderr: answer(&text(Stream::Stderr)),
        files: local_files(directory),
    };
    (outcome, reply)
}

/// Whether two sets of files say the same. A copy of what is shipped, as it is or as the real tool
/// spells it, says nothing.
pub fn same_files(root: &Path, before: &Files, real: &Files, found: &Files) -> bool {
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

/// A directory for trees.
pub fn memory() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        Path::new("/tmp")
    }
}

/// A number from the environment.
pub fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// A script of `tests/lib`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lib").join(name)
}

/// A driver of a real tool; ends with the value.
pub struct Peer {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the driver starts");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Peer {
            requests: child.stdin.take(),
            child,
            answers,
        }
    }

    /// The next line that the driver says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the driver speaks");
        line
    }

    /// One call: exit status and both outputs as they are.
    pub fn call(&mut self, words: &[String]) -> (i32, String, String) {
        let request = serde_json::to_string(words).expect("words are text");
        writeln!(self.requests.as_mut().expect("a pipe"), "{request}").expect("the driver listens");
        let line = self.line();
        let reply: serde_json::Value = serde_json::from_str(&line).expect("an answer");
        let text = |key: &str| reply[key].as_str().unwrap_or_default().to_owned();
        let exit = reply["exit"].as_i64().and_then(|exit| i32::try_from(exit).ok()).unwrap_or(-1);
        (exit, text("stdout"), text("stderr"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
