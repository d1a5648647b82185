//! The machine's own firewall-cmd, with what it talks to.

use std::path::Path;
use std::process::Command;

use super::support::{Files, Outcome, Peer, answer, is_root, lay_out, local_files, memory, script};

/// What there is to talk to.
#[derive(Clone, Copy)]
pub enum With {
    Daemon,
    Bus,
    Nothing,
}

/// Whether the machine has all that is needed.
pub fn is_there() -> bool {
    let programs = [
        "/usr/bin/firewall-cmd",
        "/usr/sbin/firewalld",
        "/usr/bin/dbus-daemon",
    ];
    let missing: Vec<&str> = programs.into_iter().filter(|path| !Path::new(path).exists()).collect();
    if missing.is_empty() && is_root() {
        return true;
    }
    super::skip::skip(&format!("needs root and {}", missing.join(", ")));
    false
}

/// firewall-cmd over a configuration of its own.
pub struct Live {
    // Ends before its files go.
    peer: Peer,
    tree: tempfile::TempDir,
}

impl Live {
    pub fn start(with: With, files: &Files) -> Live {
        let tree = tempfile::tempdir_in(memory()).unwrap();
        lay_out(tree.path(), files);
        let mut command = Command::new(script("firewalld-live"));
        command.arg(tree.path()).arg(match with {
            With::Daemon => "daemon",
            With::Bus => "bus",
            With::Nothing => "nothing",
        });
        let mut peer = Peer::start(&mut command);
        assert_eq!(peer.line(), "ready\n", "it does not start");
        Live { peer, tree }
    }

    pub fn call(&mut self, words: &[String]) -> Outcome {
        let (exit, stdout, stderr) = self.peer.call(words);
        Outcome {
            exit,
            stdout: without_notice(stdout),
            stderr: answer(&stderr),
            files: local_files(self.tree.path()),
        }
    }
}

/// Where other zones than the default one are active, the real one says so before all else; an image
/// has no interfaces that are up.
fn without_notice(stdout: String) -> String {
    let notice = "You're performing an operation over default zone";
    match stdout.split_once("option.\n\n") {
        Some((head, rest)) if head.starts_with(notice) => rest.to_owned(),
        _ => stdout,
    }
}
