//! Policies between zones, sets of addresses and connection tracking helpers: the same packets pass as
//! with a firewalld that really runs.

use nodeshim::intent::{FirewallItem, FirewallObject, Intent};

use crate::cable::{Cable, Daemon};
use crate::journalled::{BareImage, allow, allow_in, port};
use crate::matrix::{image_with, load_iptables, rich, turn_forwarding_on};
use crate::support::succeed;
use crate::zones::edited;

const SETS: [(&str, &str); 3] = [
    (
        "friends",
        "<ipset type=\"hash:net\"><entry>10.99.0.0/25</entry><entry>10.99.0.128/25</entry><entry>192.0.2.0/24</entry></ipset>",
    ),
    (
        "others",
        "<ipset type=\"hash:ip\"><entry>10.97.0.2</entry><entry>192.0.2.7</entry></ipset>",
    ),
    (
        "six",
        "<ipset type=\"hash:net\"><option name=\"family\" value=\"inet6\"/><entry>fd00:97::/64</entry></ipset>",
    ),
];

/// firewalld 1.3.3 fails to start on a forwarded port of a policy from one zone to the host.
const POLICIES: [(&str, &str); 5] = [
    (
        "gate",
        "<policy target=\"CONTINUE\" priority=\"-10\"><port port=\"9300\" protocol=\"tcp\"/>\
         <ingress-zone name=\"public\"/><egress-zone name=\"HOST\"/></policy>",
    ),
    (
        "wall",
        "<policy target=\"CONTINUE\" priority=\"-20\">\
         <rule><port port=\"9301\" protocol=\"tcp\"/><drop/></rule>\
         <ingress-zone name=\"ANY\"/><egress-zone name=\"HOST\"/></policy>",
    ),
    (
        "late",
        "<policy target=\"CONTINUE\" priority=\"10\"><port port=\"9500\" protocol=\"tcp\"/>\
         <forward-port port=\"8090\" protocol=\"tcp\" to-port=\"8091\"/>\
         <ingress-zone name=\"ANY\"/><egress-zone name=\"HOST\"/></policy>",
    ),
    (
        "through",
        "<policy target=\"CONTINUE\" priority=\"20\"><port port=\"7000\" protocol=\"tcp\"/>\
         <ingress-zone name=\"public\"/><egress-zone name=\"internal\"/></policy>",
    ),
    (
        "hidden",
        "<policy target=\"CONTINUE\"><masquerade/>\
         <ingress-zone name=\"ANY\"/><egress-zone name=\"internal\"/></policy>",
    ),
];

/// What `firewall-cmd --permanent` leaves in the image, and the requests for it.
fn image(unit: &str) -> BareImage {
    let image = image_with(unit);
    let mut edits: Vec<Intent> = Vec::new();
    for (object, directory, all) in [
        (FirewallObject::Ipset, "ipsets", &SETS[..]),
        (FirewallObject::Policy, "policies", &POLICIES[..]),
    ] {
        for (name, text) in all {
            image.put(&format!("/etc/firewalld/{directory}/{name}.xml"), text);
            edits.push(edited(object, name));
        }
    }
    image.record("gate", "%post", 1, edits);
    let veth2 = FirewallItem::Interface {
        interface: "veth2".into(),
        trusted: false,
    };
    let source = |name: &str| FirewallItem::Source {
        source: format!("ipset:{name}"),
    };
    let wants = vec![
        allow_in("internal", veth2),
        allow_in("dmz", source("others")),
        allow_in("dmz", source("six")),
        allow_in("dmz", port("9200", "tcp")),
        allow(port("9301", "tcp")),
        rich("rule family=\"ipv4\" source ipset=\"friends\" port port=\"9100\" protocol=\"tcp\" accept"),
        rich(
            "rule family=\"ipv4\" source ipset=\"friends\" invert=\"True\" port port=\"9101\" protocol=\"tcp\" accept",
        ),
    ];
    image.record("binder", "%post", 1, wants);
    image
}

/// What sets decide; the second lot has listeners at ports of the first.
const OF_SETS: [&[&str]; 2] = [
    &[
        "tcp:9100=open",
        "6/tcp:9100=closed",
        "tcp:9101=closed",
        "tcp:9200=closed",
        "6/tcp:9200=closed",
    ],
    &[
        "tcp:9100@10.97.0.1=closed",
        "tcp:9200@10.97.0.1=open",
        "6/tcp:9200@fd00:97::1=open",
    ],
];

/// What policies decide.
const OF_POLICIES: [&[&str]; 2] = [
    &[
        "tcp:9300=open",
        "tcp:9301=dropped",
        "6/tcp:9301=dropped",
        "tcp:9500=open",
        "6/tcp:9500@fd00:97::1=open",
        "tcp:7000>in:7000@10.98.0.2=open",
        "tcp:7001>in:7001@10.98.0.2=closed",
        "tcp:8090>fw:8091=open",
    ],
    &["tcp:9300@10.97.0.1=closed"],
];

fn probe(cable: &Cable, lots: &[&[&str]]) {
    lots.iter().for_each(|specs| cable.expect(specs));
}

#[test]
fn nftables_lets_through_what_policies_and_ipsets_say() {
    let (image, cable) = (image("other.service"), Cable::with_inner());
    let report = image.settle(&["gate", "binder"]);
    assert!(!report.plan.has_faults(), "{:?}", report.plan.notes);
    turn_forwarding_on(&image, &cable);
    cable.load_rules(image.path());
    probe(&cable, &OF_SETS);
    probe(&cable, &OF_POLICIES);
}

#[test]
fn firewalld_lets_through_what_policies_and_ipsets_say() {
    let (image, cable) = (image("firewalld.service"), Cable::with_inner());
    let report = image.settle(&["gate", "binder"]);
    assert!(!report.plan.has_faults(), "{:?}", report.plan.notes);
    let _daemon = Daemon::start(image.path(), &cable);
    probe(&cable, &OF_SETS);
    probe(&cable, &OF_POLICIES);
}

#[test]
fn iptables_lets_through_what_ipsets_say_and_names_the_policies_it_cannot_set_up() {
    let (image, cable) = (image("iptables.service"), Cable::with_inner());
    let report = image.settle(&["gate", "binder"]);
    let names = |name: &str| {
        let text = format!("policy {name} is not set up");
        report.plan.notes.iter().any(|note| note.is_fault() && note.text.starts_with(&text))
    };
    assert!(POLICIES.iter().all(|(name, _)| names(name)), "{:?}", report.plan.notes);
    load_iptables(&cable, &image, "nft");
    // What is not in a set of several networks takes more than one rule, and is named, too.
    assert!(report.plan.notes.iter().any(|note| note.is_fault() && note.text.contains("9101")));
    probe(&cable, &OF_SETS);
}

#[test]
fn a_plugin_that_asks_for_a_policy_alone_leaves_a_node_with_a_firewall() {
    let (image, cable) = (image_with("other.service"), Cable::new());
    let (name, text) = POLICIES[2];
    image.put(&format!("/etc/firewalld/policies/{name}.xml"), text);
    image.record("late", "%post", 1, vec![edited(FirewallObject::Policy, name)]);
    image.settle(&["late"]);
    cable.load_rules(image.path());
    cable.expect(&["tcp:22=open", "tcp:9500=open", "tcp:9501=closed"]);
}

/// A server that names port 40000 for the data, and whether a client reaches it there.
const FTP: &str = r#"
import socket, sys, threading
def server():
    control = socket.create_server(("", 21)); data = socket.create_server(("", 40000))
    print("ready", flush=True)
    peer, _ = control.accept(); peer.sendall(b"220 hello\r\n"); peer.recv(100)
    peer.sendall(b"227 Entering Passive Mode (10,99,0,1,156,64)\r\n"); data.settimeout(3)
    try: data.accept(); peer.sendall(b"done\r\n")
    except OSError: pass
def client():
    control = socket.create_connection(("10.99.0.1", 21), 3); control.recv(100); control.sendall(b"PASV\r\n")
    control.recv(100)
    try: socket.create_connection(("10.99.0.1", 40000), 2); print("open")
    except OSError: print("closed")
server() if sys.argv[1] == "server" else client()
"#;

fn reaches_data(cable: &Cable) -> String {
    let python = |verb: &str, side: &str| {
        let mut command = cable.command(verb);
        command.args(["/usr/bin/python3", "-c", FTP, side]).stdout(std::process::Stdio::piped());
        command
    };
    let mut server = python("fw", "server").spawn().unwrap();
    let mut ready = String::new();
    let mut lines = std::io::BufReader::new(server.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut lines, &mut ready).unwrap();
    let output = succeed(&mut python("cl", "client"));
    server.wait().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_connection_tracking_helper_lets_the_data_of_ftp_in_from_a_table_of_its_own() {
    let (image, cable) = (image_with("other.service"), Cable::new());
    let ftp = FirewallItem::FirewallService {
        service: "ftp".into(),
    };
    image.record("server", "%post", 1, vec![allow(ftp)]);
    let report = image.settle(&["server"]);
    assert!(!report.plan.has_faults(), "{:?}", report.plan.notes);
    cable.load_rules(image.path());
    assert_eq!(reaches_data(&cable), "closed");
    let helpers = image.path().join("etc/nftables/nodeshim-helpers.nft");
    succeed(cable.command("fw").arg("nft").arg("-f").arg(&helpers));
    // A second load replaces the first.
    succeed(cable.command("fw").arg("nft").arg("-f").arg(&helpers));
    assert_eq!(reaches_data(&cable), "open");
    let unit = image.read("/usr/lib/systemd/system/nodeshim-firewall.service");
    assert!(unit.contains("ExecStart=-/usr/sbin/nft -f /etc/nftables/nodeshim-helpers.nft"), "{unit}");
    image.settle(&[]);
    assert!(!helpers.exists());
    let unit = image.read("/usr/lib/systemd/system/nodeshim-firewall.service");
    assert!(!unit.contains("helpers"), "{unit}");
}
