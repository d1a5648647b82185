//! Packets: the zone files that the original left, in a real firewalld, let through what an image under
//! nodeshim lets through with each of its firewalls.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nodeshim::backend::iptables::Family;
use nodeshim::config::Backend;

use super::firewalld_support::script;
use super::history::{Call, Step, history};
use super::original::Firewall;
use super::twins::Shimmed;
use super::{BACKENDS, Twins};

/// The address of the interface that is in the default zone, and of the one that is in the other.
const ZONES: [(&str, &str); 2] = [("public", ""), ("internal", "@10.97.0.1")];
/// What is probed in each zone.
const PORTS: [&str; 8] = [
    "tcp:22", "tcp:80", "tcp:81", "udp:443", "tcp:8080", "tcp:9000", "tcp:9005", "tcp:9006",
];
/// Histories for each backend.
const HISTORIES: usize = 1;

#[test]
fn packets_pass_as_with_the_original_tools_in_a_real_firewalld() {
    let mut firewall = Firewall::start();
    let mut seeds = 1..;
    for backend in BACKENDS {
        let found = seeds.by_ref().filter_map(|seed| lived(&mut firewall, seed, backend));
        for (steps, twins) in found.take(HISTORIES) {
            let shown: Vec<String> = steps.iter().map(|step| format!("  {step}")).collect();
            let theirs = Network::new().with_firewalld(&twins.original, probe);
            let ours = through(&twins.shimmed, backend);
            assert_eq!(ours, theirs, "{}\n{}", backend.word(), shown.join("\n"));
            let is_open = |line: &&String| line.ends_with("open");
            assert!(theirs.iter().filter(is_open).count() > 3, "{theirs:?}");
        }
    }
}

/// A history that opens something in both zones, and what came of it. Its other zone has an interface. What
/// lokkit opens is in no zone file: it is asked of firewall-offline-cmd.
fn lived(firewall: &mut Firewall, seed: u64, backend: Backend) -> Option<(Vec<Step>, Twins)> {
    let bind = Call::Firewall {
        zone: "internal",
        add: true,
        kind: "interface",
        value: "veth1",
    };
    let mut steps = history(seed);
    steps.iter_mut().for_each(|step| step.calls_mut().for_each(leave_lokkit));
    steps.insert(0, Step::Builder(vec![bind]));
    let (twins, expected) = Twins::live(firewall, &steps, backend);
    let opens = |zone: &str| expected.open.iter().filter(|entry| entry.starts_with(zone)).count() > 1;
    (opens("public") && opens("internal")).then_some((steps, twins))
}

fn leave_lokkit(call: &mut Call) {
    if let Call::Lokkit {
        option: "--port",
        value,
    } = *call
    {
        *call = Call::Firewall {
            zone: "public",
            add: true,
            kind: "port",
            value,
        };
    }
}

/// What an image under nodeshim lets through.
fn through(shimmed: &Shimmed, backend: Backend) -> Vec<String> {
    let network = Network::new();
    match backend {
        Backend::Firewalld => return network.with_firewalld(&shimmed.root, probe),
        Backend::Iptables => {
            for (family, tool) in [(Family::Ipv4, "iptables"), (Family::Ipv6, "ip6tables")] {
                let rules = shimmed.root.join(tool);
                std::fs::write(&rules, shimmed.iptables_rules(family)).expect("the rules");
                let load = format!("{tool}-nft-restore <{}", rules.display());
                network.firewalled(&["sh", "-euc", &load]);
            }
        }
        _ => {
            let load =
                "mount -t overlay image -o lowerdir=$1/etc:/etc /etc; nft -f /etc/nftables/nodeshim.nft";
            let root = shimmed.root.display().to_string();
            network.firewalled(&[
                "unshare",
                "-m",
                "--propagation",
                "private",
                "sh",
                "-euc",
                load,
                "sh",
                &root,
            ]);
        }
    }
    probe(&network)
}

fn probe(network: &Network) -> Vec<String> {
    let specs = ZONES.iter().flat_map(|(_, address)| PORTS.map(|port| format!("{port}{address}")));
    network.probe(&specs.collect::<Vec<_>>())
}

/// A firewalled host and a client with two cables, gone with the value.
struct Network {
    name: String,
}

impl Network {
    fn new() -> Network {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("o{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let network = Network { name };
        for verb in ["up", "inner"] {
            assert!(network.command(verb).status().expect("it starts").success());
        }
        network
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(script("netns-pair"));
        command.arg(verb).arg(&self.name);
        command
    }

    fn firewalled(&self, words: &[&str]) {
        let output = self.command("fw").args(words).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// `SPEC open` or `SPEC closed` for each.
    fn probe(&self, specs: &[String]) -> Vec<String> {
        let mut command = self.command("matrix");
        command.args(specs.iter().map(|spec| format!("{spec}=open")));
        let output = command.env("PROBE_TIMEOUT", "1").output().expect("it starts");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), specs.len(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        let result = |(spec, line): (&String, &&str)| {
            format!("{spec} {}", if line.starts_with("ok ") { "open" } else { "closed" })
        };
        specs.iter().zip(&lines).map(result).collect()
    }

    /// Looks while a firewalld of its own runs on an image's configuration.
    fn with_firewalld<T>(self, image: &Path, look: impl FnOnce(&Network) -> T) -> T {
        let mut command = self.command("fw");
        command.args([
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-euc",
            DAEMON,
            "sh",
        ]);
        command.arg(image).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the daemon's script");
        let mut daemon = Daemon {
            stdin: child.stdin.take(),
            child,
        };
        let mut stdout = BufReader::new(daemon.child.stdout.take().expect("a pipe"));
        let mut said = String::new();
        stdout.read_line(&mut said).expect("what it says");
        if said != "running\n" {
            let _ = stdout.read_to_string(&mut said);
            panic!("firewalld does not start: {said}");
        }
        look(&self)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.command("down").status();
    }
}

/// firewalld with its bus; ends with its standard input.
struct Daemon {
    stdin: Option<ChildStdin>,
    child: Child,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

const DAEMON: &str = r#"
mount -t tmpfs run /run; mkdir -p /run/dbus /run/firewalld
for at in etc usr/lib; do mount --bind "$1/$at/firewalld" /$at/firewalld; done
bus=$(dbus-daemon --system --fork --print-pid)
firewalld --nofork --nopid --log-target=console >/run/log 2>&1 & daemon=$!
trap 'kill $daemon $bus; wait' EXIT
until [ "$(firewall-cmd --state 2>/dev/null)" = running ]; do
  kill -0 $daemon || { cat /run/log; exit 1; }
  [ "$(firewall-cmd --state 2>&1)" != failed ] || { cat /run/log; exit 1; }
  sleep 0.2
done
# As NetworkManager does with interfaces that it brings up.
firewall-cmd -q --zone=public --add-interface=veth0
echo running
read -r _ || :
"#;
