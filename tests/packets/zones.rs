//! Zones, direct rules, priorities of several plugins, a moved ssh and translated addresses: the same
//! packets pass with every firewall, a firewalld that really runs among them.

use nodeshim::intent::{DefinitionChange, FirewallItem, FirewallObject, Intent};

use crate::cable::{Cable, Daemon};
use crate::journalled::{BareImage, allow, allow_in, port};
use crate::matrix::{image_with, load_iptables, rich, turn_forwarding_on};

const PLUGINS: [&str; 5] = ["binder", "opener", "ddd", "eee", "mover"];

/// What `firewall-cmd --permanent` leaves in the image: ssh with a second port, direct rules of a VPN
/// installer.
const SSH: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service>\n  <port port=\"22\" protocol=\"tcp\"/>\n  \
                   <port port=\"2222\" protocol=\"tcp\"/>\n</service>\n";
const DIRECT: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<direct>\n  \
    <chain ipv=\"ipv4\" table=\"filter\" chain=\"vpn\"/>\n  \
    <rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"1\">-p tcp -m tcp --dport 8082 -j ACCEPT</rule>\n  \
    <rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-p tcp --dport 8084:8085 -j vpn</rule>\n  \
    <rule ipv=\"ipv4\" table=\"filter\" chain=\"vpn\" priority=\"0\">! -s 10.99.0.0/24 -j DROP</rule>\n  \
    <rule ipv=\"ipv4\" table=\"filter\" chain=\"vpn\" priority=\"1\">-m conntrack --ctstate NEW -j ACCEPT</rule>\n  \
    <rule ipv=\"ipv4\" table=\"filter\" chain=\"FORWARD\" priority=\"0\">-i veth0 -o veth2 -p tcp --syn -j ACCEPT</rule>\n  \
    <rule ipv=\"ipv4\" table=\"nat\" chain=\"POSTROUTING\" priority=\"0\">-s 10.99.0.0/24 -o veth2 -j MASQUERADE</rule>\n  \
    <rule ipv=\"ipv4\" table=\"nat\" chain=\"PREROUTING\" priority=\"0\">-p tcp --dport 8090 -j REDIRECT --to-ports 8091</rule>\n  \
    <passthrough ipv=\"ipv4\">-t nat -A PREROUTING -p tcp -m tcp --dport 8092 -j DNAT --to-destination 10.98.0.2:8093</passthrough>\n  \
    <passthrough ipv=\"ipv4\">-I INPUT -p tcp --dport 9002 -j REJECT --reject-with tcp-reset</passthrough>\n\
    </direct>\n";

pub fn edited(object: FirewallObject, name: &str) -> Intent {
    Intent::Definition {
        object,
        name: name.into(),
        change: DefinitionChange::Edit,
    }
}

/// The requests of a package that moves ssh and adds direct rules.
fn record_edits(image: &BareImage) {
    let edits = [
        (FirewallObject::Service, "ssh"),
        (FirewallObject::Direct, "direct"),
    ];
    let intents = edits.map(|(object, name)| edited(object, name)).to_vec();
    image.record("mover", "%post", 1, intents);
}

fn write_configuration(image: &BareImage) {
    image.root.create_dirs("/etc/firewalld/services", 0o755).unwrap();
    let write = |path: &str, text: &str| {
        image.root.write(format!("/etc/firewalld/{path}"), text.as_bytes(), None).unwrap();
    };
    write("services/ssh.xml", SSH);
    write("direct.xml", DIRECT);
    // Direct rules that accept only do so with firewalld's iptables backend (firewalld.direct(5)).
    write("firewalld.conf", "DefaultZone=public\nFirewallBackend=iptables\n");
    image.root.take_changes();
}

fn image(unit: &str) -> BareImage {
    let image = image_with(unit);
    write_configuration(&image);
    let interface = FirewallItem::Interface {
        interface: "veth1".into(),
        trusted: false,
    };
    image.record(
        "binder",
        "%post",
        1,
        vec![allow_in("dmz", interface), allow_in("dmz", port("8080", "tcp"))],
    );
    image.record("opener", "%post", 1, vec![allow(port("9000", "tcp")), allow(port("9002", "tcp"))]);
    let first = "rule priority=\"-10\" port port=\"8003\" protocol=\"tcp\" drop";
    image.record("ddd", "%post", 1, vec![rich(first)]);
    let before = "rule priority=\"-20\" family=\"ipv4\" source address=\"10.99.0.0/24\" port port=\"8003\" protocol=\"tcp\" accept";
    image.record("eee", "%post", 1, vec![rich(before)]);
    record_edits(&image);
    image.settle(&PLUGINS);
    image
}

const MATRIX: [&[&str]; 2] = [
    &[
        "tcp:22=open",
        "tcp:2222=open",
        "6/tcp:2222=open",
        "tcp:2223=closed",
        // What is open in one zone is not open in another.
        "tcp:9000=open",
        "tcp:9000@10.97.0.1=closed",
        "6/tcp:9000@fd00:97::1=closed",
        "tcp:8080=closed",
        "tcp:8080@10.97.0.1=open",
        "6/tcp:8080@fd00:97::1=open",
        "tcp:22@10.97.0.1=open",
        // The rule of the lower priority decides, whoever asked first.
        "tcp:8003=open",
        "6/tcp:8003=dropped",
        // Direct rules.
        "tcp:8082=open",
        "tcp:8082@10.97.0.1=open",
        "6/tcp:8082=closed",
        "tcp:8083=closed",
        "tcp:8084=open",
        "tcp:8085@10.97.0.1=dropped",
        "tcp:9002=rejected",
        "6/tcp:9002=open",
        // Translated addresses.
        "tcp:7000>in:7000@10.98.0.2=open",
        "tcp:8090>fw:8091=open",
        "tcp:8092>in:8093=open",
    ],
    &["tcp:8091=closed", "tcp:8093=closed"],
];

fn probe(cable: &Cable) {
    MATRIX.iter().for_each(|specs| cable.expect(specs));
}

/// firewalld itself does not turn forwarding on for direct rules.
fn cable() -> Cable {
    let cable = Cable::with_inner();
    let forward = "echo 1 >/proc/sys/net/ipv4/ip_forward";
    crate::support::succeed(cable.command("fw").args(["sh", "-c", forward]));
    cable
}

#[test]
fn nftables_lets_zones_direct_rules_and_priorities_through() {
    let (image, cable) = (image("other.service"), Cable::with_inner());
    turn_forwarding_on(&image, &cable);
    cable.load_rules(image.path());
    probe(&cable);
}

#[test]
fn the_fallback_ruleset_has_no_direct_rule_that_could_keep_it_from_loading() {
    let image = image_with("other.service");
    write_configuration(&image);
    record_edits(&image);
    image.settle(&["mover"]);
    let closed = image.path().join("usr/lib/nodeshim/firewall-closed.nft");
    let text = std::fs::read_to_string(&closed).unwrap();
    assert!(!text.contains("direct_") && image.read("/etc/nftables/nodeshim.nft").contains("direct_"));
    let cable = cable();
    crate::support::succeed(cable.command("load").arg(&closed));
    cable.expect(&[
        "tcp:22=open",
        "tcp:2222=open",
        "tcp:8082=closed",
        "tcp:9002=closed",
    ]);
}

#[test]
fn a_direct_rule_that_nothing_could_load_is_named_and_takes_no_other_along() {
    for unit in ["other.service", "iptables.service"] {
        let (image, cable) = (image_with(unit), Cable::new());
        image.root.create_dirs("/etc/firewalld", 0o755).unwrap();
        let rules = "<direct><rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-p tcp -j MASQUERADE</rule>\
             <rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"1\">-p tcp --dport 8082 -j ACCEPT</rule></direct>";
        image.root.write("/etc/firewalld/direct.xml", rules.as_bytes(), None).unwrap();
        image.root.take_changes();
        image.record(
            "mover",
            "%post",
            1,
            vec![
                edited(FirewallObject::Direct, "direct"),
                allow(port("9000", "tcp")),
            ],
        );
        let report = image.settle(&["mover"]);
        let names_it = |text: &str| text.contains("target MASQUERADE is not valid in filter INPUT");
        assert!(report.plan.notes.iter().any(|note| names_it(&note.text)), "{:?}", report.plan.notes);
        match unit {
            "iptables.service" => drop(load_iptables(&cable, &image, "nft")),
            _ => cable.load_rules(image.path()),
        }
        cable.expect(&["tcp:9000=open", "tcp:8082=open", "tcp:9001=closed"]);
    }
}

#[test]
fn iptables_of_the_newer_kind_lets_zones_direct_rules_and_priorities_through() {
    let (image, cable) = (image("iptables.service"), cable());
    load_iptables(&cable, &image, "nft");
    probe(&cable);
}

#[test]
fn iptables_of_the_older_kind_lets_zones_direct_rules_and_priorities_through() {
    let (image, cable) = (image("iptables.service"), cable());
    if load_iptables(&cable, &image, "legacy") {
        probe(&cable);
    }
}

#[test]
fn firewalld_lets_zones_direct_rules_and_priorities_through() {
    let (image, cable) = (image("firewalld.service"), cable());
    let _daemon = Daemon::start(image.path(), &cable);
    probe(&cable);
}

/// A plugin that only takes ssh out of the default zone and drops the rest: no node without any
/// firewall.
fn closing(unit: &str) -> BareImage {
    let image = image_with(unit);
    image.root.create_dirs("/etc/firewalld/zones", 0o755).unwrap();
    let zone = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone target=\"DROP\">\n  <port port=\"2200\" protocol=\"tcp\"/>\n</zone>\n";
    image.root.write("/etc/firewalld/zones/public.xml", zone.as_bytes(), None).unwrap();
    image.root.take_changes();
    let ssh = FirewallItem::FirewallService {
        service: "ssh".into(),
    };
    let gone = Intent::Withdraw {
        opening: ssh,
        zone: Some("public".into()),
    };
    image.record("closer", "%post", 1, vec![gone, edited(FirewallObject::Zone, "public")]);
    image.settle(&["closer"]);
    image
}

const CLOSED: [&str; 4] = [
    "tcp:22=closed",
    "6/tcp:22=closed",
    "tcp:2200=open",
    "tcp:23=dropped",
];

#[test]
fn nftables_closes_ssh_and_drops_the_rest_where_that_is_all_that_is_asked_for() {
    let (image, cable) = (closing("other.service"), Cable::new());
    cable.load_rules(image.path());
    cable.expect(&CLOSED);
}

#[test]
fn iptables_closes_ssh_and_drops_the_rest_where_that_is_all_that_is_asked_for() {
    let (image, cable) = (closing("iptables.service"), Cable::new());
    load_iptables(&cable, &image, "nft");
    cable.expect(&CLOSED);
}

#[test]
fn firewalld_closes_ssh_and_drops_the_rest_where_that_is_all_that_is_asked_for() {
    let (image, cable) = (closing("firewalld.service"), Cable::with_inner());
    let _daemon = Daemon::start(image.path(), &cable);
    cable.expect(&CLOSED);
}
