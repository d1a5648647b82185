//! The same plugins let the same packets through whichever firewall the image starts: nftables,
//! iptables in both of its kinds, and a firewalld that really runs, with a bus of its own.

use std::process::{Command, Stdio};

use nodeshim::intent::{FirewallItem, Intent};

use crate::cable::{Cable, Daemon};
use crate::journalled::{BareImage, allow, allow_in, port};
use crate::support::succeed;

const PLUGINS: [&str; 3] = ["opener", "router", "guard"];

pub fn rich(rule: &str) -> Intent {
    allow(FirewallItem::RichRule { rule: rule.into() })
}

fn forward(port: &str, to_port: &str, to_address: Option<&str>) -> Intent {
    allow(FirewallItem::ForwardPort {
        interface: None,
        port: port.into(),
        protocol: "tcp".into(),
        to_port: Some(to_port.into()),
        to_address: to_address.map(str::to_owned),
    })
}

/// An image that starts the service, and has what that needs.
pub fn image_with(unit: &str) -> BareImage {
    let image = BareImage::with_nft();
    let wants = "/etc/systemd/system/multi-user.target.wants";
    image.root.create_dirs(wants, 0o755).unwrap();
    image
        .root
        .symlink(format!("/usr/lib/systemd/system/{unit}"), format!("{wants}/{unit}"))
        .unwrap();
    image.root.create_dirs("/etc/sysconfig", 0o755).unwrap();
    for (file, icmp, prohibited) in [
        ("iptables", "icmp", "icmp-host-prohibited"),
        ("ip6tables", "ipv6-icmp", "icmp6-adm-prohibited"),
    ] {
        let text = format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
             -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p {icmp} -j ACCEPT\n\
             -A INPUT -i lo -j ACCEPT\n-A INPUT -m state --state NEW -p tcp -m tcp --dport 22 -j ACCEPT\n\
             -A INPUT -j REJECT --reject-with {prohibited}\n\
             -A FORWARD -j REJECT --reject-with {prohibited}\nCOMMIT\n"
        );
        image.root.write(format!("/etc/sysconfig/{file}"), text.as_bytes(), None).unwrap();
    }
    if unit == "firewalld.service" {
        image.root.create_dirs("/etc/firewalld", 0o755).unwrap();
        let shipped = image.path().join("usr/lib");
        std::fs::create_dir_all(&shipped).unwrap();
        succeed(Command::new("cp").arg("-r").arg("/usr/lib/firewalld").arg(shipped));
    }
    image.root.take_changes();
    image
}

/// The same with what the plugins ask for, settled.
fn image(unit: &str) -> BareImage {
    let image = image_with(unit);
    let trusted = FirewallItem::Interface {
        interface: "veth1".into(),
        trusted: true,
    };
    let masquerade = FirewallItem::Masquerade {
        interface: Some("veth2".into()),
    };
    let echo = FirewallItem::BlockIcmp {
        icmp_type: "echo-request".into(),
    };
    let opener = vec![
        allow(port("8000-8003", "tcp")),
        allow(port("5300", "udp")),
        allow(port("9001", "tcp")),
    ];
    image.record("opener", "%post", 1, opener);
    let router = vec![
        allow_in("trusted", trusted),
        allow(masquerade),
        forward("8080", "9080", None),
        forward("8081", "9081", Some("10.98.0.2")),
        forward("8082", "9082", Some("fd00:98::2")),
    ];
    image.record("router", "%post", 1, router);
    let guard = vec![
        rich(
            "rule family=\"ipv4\" source address=\"10.99.0.0/24\" port port=\"9001\" protocol=\"tcp\" reject",
        ),
        rich("rule family=\"ipv4\" source address=\"10.99.0.2\" port port=\"9500\" protocol=\"tcp\" accept"),
        rich("rule family=\"ipv4\" source address=\"10.1.2.3\" port port=\"9600\" protocol=\"tcp\" accept"),
        rich("rule priority=\"-1\" port port=\"8003\" protocol=\"tcp\" drop"),
        allow(echo),
    ];
    image.record("guard", "%post", 1, guard);
    image.settle(&PLUGINS);
    image
}

/// Probed at once; the second lot has listeners at ports of the first.
const MATRIX: [&[&str]; 2] = [
    &[
        "tcp:22=open",
        "6/tcp:22=open",
        "tcp:8001=open",
        "6/tcp:8001=open",
        "tcp:8004=closed",
        "6/tcp:8004=closed",
        "udp:5300=open",
        "6/udp:5300=open",
        "udp:5301=closed",
        "6/udp:5301=closed",
        // A trusted interface lets in what no other does.
        "tcp:7777@10.97.0.1=open",
        "6/tcp:7777@fd00:97::1=open",
        "tcp:7778=closed",
        "6/tcp:7778=closed",
        // Forwarded here, to another host, and by masquerading.
        "tcp:8080>fw:9080=open",
        "tcp:8081>in:9081=open",
        "6/tcp:8082>in:9082=open",
        "tcp:7000>in:7000@10.98.0.2=open",
        // Rich rules: what is rejected, though it is open; what is open to some; priorities.
        "tcp:9001=closed",
        "6/tcp:9001=open",
        "tcp:9500=open",
        "6/tcp:9500=closed",
        "tcp:9600=closed",
        "tcp:8003=dropped",
        "ping=closed",
        "6/ping=closed",
    ],
    &["tcp:9080=closed", "tcp:9081=closed", "tcp:8002=open"],
];

/// What nobody asked for does not pass through; firewalld's own zones let everything pass between
/// interfaces of one zone.
const NOT_THROUGH: [&str; 1] = ["6/tcp:7001>in:7001@fd00:98::2=closed"];

fn probe(cable: &Cable) {
    MATRIX.iter().for_each(|specs| cable.expect(specs));
}

/// What the image has sysctl(8) do at boot.
pub fn turn_forwarding_on(image: &BareImage, cable: &Cable) {
    let script = "grep -v '^#' $1/etc/sysctl.d/80-nodeshim-forward.conf | while read -r key _ value; do \
                  echo $value >/proc/sys/$(echo $key | tr . /); done";
    succeed(cable.command("fw").args(["sh", "-euc", script, "sh"]).arg(image.path()));
}

#[test]
fn nftables_lets_the_matrix_through() {
    let (image, cable) = (image("other.service"), Cable::with_inner());
    turn_forwarding_on(&image, &cable);
    cable.load_rules(image.path());
    probe(&cable);
    cable.expect(&NOT_THROUGH);
}

fn iptables(variant: &str) {
    let (image, cable) = (image("iptables.service"), Cable::with_inner());
    turn_forwarding_on(&image, &cable);
    if load_iptables(&cable, &image, variant) {
        probe(&cable);
        cable.expect(&NOT_THROUGH);
    }
}

/// Loads both rule files; false where the kernel is built without what the older kind needs.
pub fn load_iptables(cable: &Cable, image: &BareImage, variant: &str) -> bool {
    let mut missing = Vec::new();
    for family in ["iptables", "ip6tables"] {
        // The kernel may be built without a table of the older kind.
        for table in ["filter", "nat"] {
            let script = format!("printf '*{table}\\nCOMMIT\\n' | {family}-{variant}-restore --test");
            let status = cable.command("fw").args(["sh", "-c", &script]).output().unwrap().status;
            if !status.success() {
                missing.push(format!("{family}-{variant} {table}"));
            }
        }
        if missing.is_empty() {
            let script =
                format!("{family}-{variant}-restore < {}/etc/sysconfig/{family}", image.path().display());
            succeed(cable.command("fw").args(["sh", "-euc", &script]));
        }
    }
    if missing.is_empty() {
        return true;
    }
    let kernel = std::fs::read("/proc/config.gz").ok().map(|packed| unpacked(&packed));
    let built = kernel
        .is_some_and(|text| text.contains("CONFIG_IP_NF_NAT=y") && text.contains("CONFIG_IP6_NF_NAT=y"));
    assert!(variant == "legacy" && !built, "missing tables: {}", missing.join(", "));
    eprintln!("not probed: this kernel has no {}", missing.join(", "));
    false
}

fn unpacked(packed: &[u8]) -> String {
    let mut child = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let packed = packed.to_vec();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &packed));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn iptables_of_the_newer_kind_lets_the_matrix_through() {
    iptables("nft");
}

#[test]
fn iptables_of_the_older_kind_lets_the_matrix_through() {
    iptables("legacy");
}

#[test]
fn firewalld_lets_the_matrix_through() {
    let (image, cable) = (image("firewalld.service"), Cable::with_inner());
    let _daemon = Daemon::start(image.path(), &cable);
    probe(&cable);
}
