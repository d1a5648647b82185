//! Network namespaces joined by cables, and a firewalld in them, for tests that send packets.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{project, succeed};

/// Two network namespaces joined by a cable, gone with the value.
pub struct Cable {
    name: String,
}

impl Cable {
    pub fn new() -> Cable {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ns{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cable = Cable { name };
        succeed(&mut cable.command("up"));
        cable
    }

    /// With a host behind the firewalled one, and a second cable.
    pub fn with_inner() -> Cable {
        let cable = Cable::new();
        succeed(&mut cable.command("inner"));
        cable
    }

    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(project().join("tests/lib/netns-pair"));
        command.arg(verb).arg(&self.name);
        command
    }

    /// A shell script on the firewalled host with mounts of its own; `$1` is the image.
    pub fn script(&self, script: &str, image: &Path) -> Command {
        let mut command = self.command("fw");
        command.args([
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-euc",
            script,
            "sh",
        ]);
        command.arg(image);
        command
    }

    /// Loads the rules that an image has, from the paths that they have there, in the place of all others.
    pub fn load_rules(&self, image: &Path) {
        let script = "mount -t overlay image -o lowerdir=$1/etc:/etc /etc; nft flush ruleset; \
                      nft -f /etc/nftables/nodeshim.nft";
        succeed(&mut self.script(script, image));
    }

    /// Sends packets; each expectation is `[6/]PROTOCOL:PORT=open|rejected|dropped`.
    pub fn expect(&self, expectations: &[&str]) {
        succeed(self.command("matrix").args(expectations));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.command("down").status();
    }
}

/// A firewalld with its own bus, in namespaces of its own; ends with its standard input.
pub struct Daemon {
    child: Child,
    stdin: Option<ChildStdin>,
}

const DAEMON: &str = r#"
mount -t tmpfs run /run; mkdir -p /run/dbus /run/firewalld
for at in etc usr/lib; do [ ! -e "$1/$at/firewalld" ] || mount --bind "$1/$at/firewalld" /$at/firewalld; done
bus=$(dbus-daemon --system --fork --print-pid)
firewalld --nofork --nopid --log-target=console >/run/log 2>&1 & daemon=$!
trap 'kill $daemon $bus; wait' EXIT
until [ "$(firewall-cmd --state 2>/dev/null)" = running ]; do
  kill -0 $daemon || { cat /run/log; exit 1; }
  [ "$(firewall-cmd --state 2>&1)" != failed ] || { cat /run/log; exit 1; }
  sleep 0.2
done
# As NetworkManager does with interfaces that it brings up.
for interface in veth0 veth2; do
  firewall-cmd --get-zone-of-interface=$interface >/dev/null 2>&1 || firewall-cmd -q --zone=public --add-interface=$interface
done
echo running
read -r _ || :
"#;

impl Daemon {
    /// Starts it on an image's configuration.
    pub fn start(image: &Path, cable: &Cable) -> Daemon {
        let mut command = cable.script(DAEMON, image);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the daemon's script");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stdin = child.stdin.take();
        let mut said = String::new();
        stdout.read_line(&mut said).expect("what the daemon says");
        if said != "running\n" {
            let _ = stdout.read_to_string(&mut said);
            panic!("firewalld does not start: {said}");
        }
        Daemon { child, stdin }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
