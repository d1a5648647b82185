//! The machine's own firewall-offline-cmd, run in processes that have its modules loaded.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{Outcome, answer, local_files};

/// The real tool.
pub const PROGRAM: &str = "/usr/bin/firewall-offline-cmd";

/// A driver of the real tool; ends with the value.
pub struct Peer {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it.
    pub fn start() -> Self {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lib/firewalld-peer");
        let mut child = Command::new(driver)
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

    /// One call over the files below `root`.
    pub fn call(&mut self, root: &Path, words: &[String]) -> Outcome {
        let place = |path: &str| root.join(path).display().to_string();
        let mut argv = vec!["--system-config".to_owned(), place("etc/firewalld")];
        argv.extend(["--default-config".to_owned(), place("usr/lib/firewalld")]);
        argv.extend_from_slice(words);
        let request = serde_json::to_string(&argv).expect("words are text");
        writeln!(self.requests.as_mut().expect("a pipe"), "{request}").expect("the driver listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the driver answers");
        let reply: serde_json::Value = serde_json::from_str(&line).expect("an answer");
        let text = |key: &str| reply[key].as_str().unwrap_or_default().to_owned();
        Outcome {
            exit: reply["exit"].as_i64().and_then(|exit| i32::try_from(exit).ok()).unwrap_or(-1),
            stdout: text("stdout").replace(&place(""), "/"),
            stderr: answer(&text("stderr")).replace(&place(""), "/"),
            files: local_files(root),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
