//! Every firewalld file that the library writes must be one that firewalld itself accepts and
//! reads the same way. The checks against firewalld run where `firewall-offline-cmd` is installed.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/skip.rs"]
mod skip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodeshim::firewall::firewalld::rich::Rule;
use nodeshim::firewall::firewalld::{
    ForwardPort, Generation, Grammar, Kind, Policy, Port, Service, Traffic, Zone, store,
};
use nodeshim::root::Root;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

const TOOL: &str = "/usr/bin/firewall-offline-cmd";
const SHIPPED: &str = "/usr/lib/firewalld";

fn port() -> impl Strategy<Value = Port> {
    let protocol = prop::sample::select(vec!["tcp", "udp", "sctp", "dccp"]);
    (any::<u16>(), 0u16..50, protocol).prop_map(|(first, more, protocol)| match first.checked_add(more) {
        Some(last) if more > 0 => Port::new(format!("{first}-{last}"), protocol),
        _ => Port::new(first.to_string(), protocol),
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let element = prop::sample::select(vec![
        "service name=ssh",
        "port port=1-5 protocol=udp",
        "protocol value=gre",
        "source-port port=7 protocol=tcp",
        "icmp-type name=echo-request",
    ]);
    let address = prop::sample::select(vec![
        "",
        "family=ipv4 source address=10.0.0.0/8",
        "family=ipv6 source NOT address=fe80::/64",
        "family=ipv4 destination address=10.1.1.1",
    ]);
    let log = prop::sample::select(vec![
        "",
        "log prefix=\"a <&> b\" level=info limit value=3/m",
        "nflog group=2 queue-size=3",
        "audit",
    ]);
    let action = prop::sample::select(vec!["accept", "drop limit value=1/s", "reject", "mark set=0x1/0xff"]);
    (-5i64..5, address, element, log, action).prop_filter_map(
        "rules that the grammar takes",
        |(priority, address, element, log, action)| {
            let text = format!("rule priority={priority} {address} {element} {log} {action}");
            Rule::parse(&text, &Grammar::none()).ok()
        },
    )
}

fn forward_port() -> impl Strategy<Value = ForwardPort> {
    (port(), 1u16.., any::<bool>()).prop_map(|(port, to, address)| ForwardPort {
        port: port.port,
        protocol: port.protocol,
        to_port: to.to_string(),
        to_address: if address {
            "10.0.0.9".to_owned()
        } else {
            String::new()
        },
    })
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let services = prop::sample::subsequence(vec!["ssh", "http", "dns"], 0..=3);
    let protocols = prop::sample::subsequence(vec!["gre", "esp", "47"], 0..=3);
    let icmp = prop::sample::subsequence(vec!["echo-request", "redirect"], 0..=2);
    let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    (
        (services, prop::collection::vec(port(), 0..6), protocols, icmp, any::<bool>()),
        (
            prop::collection::vec(forward_port(), 0..3),
            prop::collection::vec(port(), 0..3),
            prop::collection::vec(rule(), 0..4),
        ),
    )
        .prop_map(
            move |(
                (services, ports, protocols, icmp_blocks, masquerade),
                (forward_ports, source_ports, rules),
            )| {
                Traffic {
                    services: owned(services),
                    ports,
                    protocols: owned(protocols),
                    icmp_blocks: owned(icmp_blocks),
                    masquerade,
                    forward_ports,
                    source_ports,
                    rules,
                }
            },
        )
}

fn zone() -> impl Strategy<Value = Zone> {
    let target = prop::sample::select(vec!["", "ACCEPT", "DROP", "%%REJECT%%"]);
    (traffic(), target, "[ -~é]{0,30}", any::<[bool; 3]>()).prop_map(|(traffic, target, text, flags)| {
        let mut zone = Zone {
            target: target.to_owned(),
            traffic,
            icmp_block_inversion: flags[0],
            forward: flags[1],
            ..Zone::default()
        };
        if flags[2] {
            zone.interfaces.push("eth7".to_owned());
            zone.sources.push("10.9.0.0/16".to_owned());
        }
        zone.head.short = text.clone();
        zone.head.description = text;
        zone
    })
}

fn service() -> impl Strategy<Value = Service> {
    (prop::collection::vec(port(), 0..6), prop::collection::vec(port(), 0..3), "[ -~]{0,30}").prop_map(
        |(ports, source_ports, text)| {
            let mut service = Service {
                ports,
                source_ports,
                protocols: vec!["gre".to_owned()],
                destinations: vec![("ipv6".to_owned(), "fe80::/64".to_owned())],
                includes: vec!["ssh".to_owned()],
                ..Service::default()
            };
            service.head.description = text;
            service
        },
    )
}

proptest! {
    #[test]
    fn a_zone_reads_back_as_it_was_written(zone in zone()) {
        let grammar = Grammar::none();
        let read = Zone::parse(&zone.to_xml(&grammar), &grammar).unwrap();
        let written = read.to_xml(&grammar);
        prop_assert_eq!(&written, &Zone::parse(&written, &grammar).unwrap().to_xml(&grammar));
        prop_assert_eq!(read.head, zone.head);
        prop_assert_eq!(read.target, zone.target);
        prop_assert_eq!(read.traffic.services, zone.traffic.services);
        for rule in &zone.traffic.rules {
            prop_assert!(read.traffic.rules.contains(rule), "{}", rule);
        }
    }

    #[test]
    fn a_service_reads_back_as_it_was_written(service in service()) {
        let read = Service::parse(&service.to_xml(), &Grammar::none()).unwrap();
        prop_assert_eq!(Service::parse(&read.to_xml(), &Grammar::none()).unwrap(), read);
    }

    #[test]
    fn a_rule_is_the_same_in_both_of_its_forms(rule in rule()) {
        let text = rule.to_string();
        prop_assert_eq!(Rule::parse(&text, &Grammar::none()).unwrap(), rule);
    }
}

/// Lays the files out and asks firewalld about them; its complaint, if it has one.
fn complaint(directory: &Path) -> Option<String> {
    let output = Command::new(TOOL)
        .args(["--check-config", "--default-config", SHIPPED, "--system-config"])
        .arg(directory)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(text)
}

#[test]
fn firewalld_accepts_what_is_written() {
    if !Path::new(TOOL).exists() || !is_root() {
        skip::skip(&format!("needs {TOOL} and root"));
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("etc/firewalld");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("firewalld.conf"), "DefaultZone=public\n").unwrap();
    let root = Root::open(scratch.path()).unwrap();
    let mut runner = TestRunner::new(Config::default());
    let mut policy = Policy::default();
    let grammar = Grammar::with(&root, Generation::of(&Root::open("/").unwrap()));
    for number in 0..20 {
        let mut zone = zone().new_tree(&mut runner).unwrap().current();
        let service = service().new_tree(&mut runner).unwrap().current();
        // A binding can be in one zone only.
        if number > 0 {
            zone.interfaces.clear();
            zone.sources.clear();
        }
        zone.traffic.services.push(format!("s{number}"));
        for (kind, name, text) in [
            (Kind::Service, format!("s{number}"), service.to_xml()),
            (Kind::Zone, format!("z{number}"), zone.to_xml(&grammar)),
        ] {
            store::replace_file(&root, &store::local(kind, &name), &text).unwrap();
        }
        policy.traffic = zone.traffic;
        policy.traffic.masquerade = false;
        policy.traffic.forward_ports.clear();
        policy.priority = -100 - number;
    }
    policy.ingress_zones.push("z1".to_owned());
    policy.egress_zones.push("HOST".to_owned());
    let policies: PathBuf = directory.join("policies");
    fs::create_dir_all(&policies).unwrap();
    fs::write(policies.join("p.xml"), policy.to_xml(&grammar)).unwrap();
    assert_eq!(complaint(&directory), None);
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
