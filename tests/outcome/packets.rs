//! Packets: the zone files that the original left, in a real firewalld, let through what an image under
//! nodeshim lets through with each of its firewalls.

use std::path::Path;

use nodeshim::backend::iptables::Family;
use nodeshim::config::Backend;

use super::cable::{Cable, Daemon};
use super::history::{Call, Step, history};
use super::original::Firewall;
use super::support::succeed;
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
            let theirs = through_firewalld(&twins.original);
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
    if backend == Backend::Firewalld {
        return through_firewalld(&shimmed.root);
    }
    let cable = Cable::with_inner();
    match backend {
        Backend::Iptables => {
            for (family, tool) in [(Family::Ipv4, "iptables"), (Family::Ipv6, "ip6tables")] {
                let rules = shimmed.root.join(tool);
                std::fs::write(&rules, shimmed.iptables_rules(family)).expect("the rules");
                let load = format!("{tool}-nft-restore <{}", rules.display());
                succeed(cable.command("fw").args(["sh", "-euc", &load]));
            }
        }
        _ => cable.load_rules(&shimmed.root),
    }
    probe(&cable)
}

/// What a firewalld lets through that runs on an image's configuration.
fn through_firewalld(image: &Path) -> Vec<String> {
    let cable = Cable::with_inner();
    let _daemon = Daemon::start(image, &cable);
    probe(&cable)
}

/// `SPEC open` or `SPEC closed` for each.
fn probe(cable: &Cable) -> Vec<String> {
    let specs = ZONES.iter().flat_map(|(_, address)| PORTS.map(|port| format!("{port}{address}")));
    let specs: Vec<String> = specs.collect();
    let mut command = cable.command("matrix");
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
