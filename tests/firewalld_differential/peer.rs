//! The machine's own firewall-offline-cmd.

use std::path::Path;
use std::process::Command;

use super::support::{self, Outcome, answer, local_files};

/// The real tool.
pub const PROGRAM: &str = "/usr/bin/firewall-offline-cmd";

/// A driver of the real tool; ends with the value.
pub struct Peer(support::Peer);

impl Peer {
    /// Starts it.
    pub fn start() -> Self {
        Peer(support::Peer::start(&mut Command::new(support::script("firewalld-peer"))))
    }

    /// One call over the files below `root`.
    pub fn call(&mut self, root: &Path, words: &[String]) -> Outcome {
        let place = |path: &str| root.join(path).display().to_string();
        let mut argv = vec!["--system-config".to_owned(), place("etc/firewalld")];
        argv.extend(["--default-config".to_owned(), place("usr/lib/firewalld")]);
        argv.extend_from_slice(words);
        let (exit, stdout, stderr) = self.0.call(&argv);
        Outcome {
            exit,
            stdout: stdout.replace(&place(""), "/"),
            stderr: answer(&stderr).replace(&place(""), "/"),
            files: local_files(root),
        }
    }
}
