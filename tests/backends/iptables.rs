//! The iptables files, read by both kinds of iptables-restore in a network namespace of its own.

use std::process::Command;

use nodeshim::intent::{FirewallItem, Intent};

use crate::image::{BareImage, allow, allow_in, port};
use crate::intents::everything;

const IPV4: &str = "# mine\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                    -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n\
                    -A INPUT -p icmp -j ACCEPT\n\
                    -A INPUT -j REJECT --reject-with icmp-host-prohibited\n\
                    -A FORWARD -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";

fn ipv6() -> String {
    IPV4.replace("icmp-host-prohibited", "icmp6-adm-prohibited")
        .replace("-p icmp", "-p ipv6-icmp")
}

/// An image that starts iptables, with these rules.
fn image_with(ipv4: Option<&str>) -> BareImage {
    let image = BareImage::with_nft();
    let unit = "/etc/systemd/system/basic.target.wants";
    image.root.create_dirs(unit, 0o755).unwrap();
    image
        .root
        .symlink("/usr/lib/systemd/system/iptables.service", format!("{unit}/iptables.service"))
        .unwrap();
    image.put("/usr/lib/systemd/system/iptables.service", "");
    image.root.create_dirs("/etc/sysconfig", 0o755).unwrap();
    if let Some(ipv4) = ipv4 {
        image.root.write("/etc/sysconfig/iptables", ipv4.as_bytes(), Some(0o600)).unwrap();
        image.root.write("/etc/sysconfig/ip6tables", ipv6().as_bytes(), Some(0o600)).unwrap();
    }
    image.root.take_changes();
    image
}

fn image() -> BareImage {
    image_with(Some(IPV4))
}

/// Both variants take the files, by themselves and when they are really loaded.
fn is_accepted(image: &BareImage) {
    for variant in ["nft", "legacy"] {
        for family in ["iptables", "ip6tables"] {
            let path = image.path().join("etc/sysconfig").join(family);
            let tool = format!("{family}-{variant}-restore");
            let script = format!("{tool} --test < {0} && {tool} < {0}", path.display());
            let output = Command::new("unshare").args(["-n", "sh", "-c", &script]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            // Warnings count: what is warned about never matches.
            let good = output.status.success() && said.is_empty();
            assert!(good, "{tool}: {said}\n{}", image.read(&format!("/etc/sysconfig/{family}")));
        }
    }
}

#[test]
fn openings_come_before_the_reject_and_go_without_a_trace() {
    let image = image();
    let service = FirewallItem::FirewallService {
        service: "mdns".into(),
    };
    let trust = FirewallItem::Interface {
        interface: "ppp+".into(),
        trusted: true,
    };
    let source = |source: &str| FirewallItem::Source {
        source: source.into(),
    };
    let intents = vec![
        allow(port("8000-8010", "tcp")),
        allow(port("5", "sctp")),
        allow(service),
        allow(trust),
        allow_in("trusted", source("10.0.0.0/8")),
        allow_in("trusted", source("fd00::/8")),
        allow_in("trusted", source("00:11:22:33:44:55")),
        allow(FirewallItem::Protocol {
            protocol: "gre".into(),
        }),
    ];
    image.record("a", "%post", 1, intents);
    image.settle(&["a"]);
    is_accepted(&image);
    let text = image.read("/etc/sysconfig/iptables");
    for expected in [
        "-p tcp -m tcp --dport 8000:8010 -j nodeshim-zone",
        "-A INPUT -i ppp+ -j ACCEPT",
        "-A FORWARD -i ppp+ -j ACCEPT",
        "-s 10.0.0.0/8 -j ACCEPT",
        "-d 224.0.0.251/32 -m state --state NEW -p udp -m udp --dport 5353",
        "-p 47 -j nodeshim-zone",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    assert!(!text.contains("fd00"));
    assert!(image.read("/etc/sysconfig/ip6tables").contains("-s fd00::/8 -j ACCEPT"));
    assert!(text.find("8000:8010") < text.find("-A INPUT -j REJECT"));
    assert!(text.find("-A FORWARD -i ppp+") < text.find("-A FORWARD -j REJECT"));
    assert!(!image.root.exists("/etc/nftables"));
    assert!(image.settle(&["a"]).plan.is_empty());
    image.settle(&[]);
    assert_eq!(image.read("/etc/sysconfig/iptables"), IPV4);
    assert_eq!(image.read("/etc/sysconfig/ip6tables"), ipv6());
    assert_eq!(image.root.meta("/etc/sysconfig/iptables").unwrap().mode, 0o600);
}

#[test]
fn iptables_takes_one_of_everything_and_what_it_cannot_do_is_noted() {
    let image = image();
    image.record("a-b.c+d", "%post", 1, everything());
    image.record("other", "%post", 1, everything());
    let report = image.settle(&["a-b.c+d", "other"]);
    is_accepted(&image);
    let text = image.read("/etc/sysconfig/iptables");
    let at = |line: &str| text.find(line).unwrap_or_else(|| panic!("{line} is missing in\n{text}"));
    for expected in [
        "-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80\n",
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.9:80\n",
        "-A POSTROUTING -o eth0 -j MASQUERADE\n",
        "-A POSTROUTING ! -o lo -j MASQUERADE\n",
        "-A POSTROUTING -o eth2 -j MASQUERADE\n",
        "-A POSTROUTING -s 10.3.0.0/16 ! -o lo -j MASQUERADE\n",
        "-A INPUT -s 10.9.0.0/16 -m state --state NEW -p tcp -m tcp --dport 80 -j nodeshim-zone\n",
        "-p dccp -m dccp --dport 2:3 -j nodeshim-zone\n",
        "-p udp -m udp --sport 68 -j nodeshim-zone\n",
        "-A nodeshim-deny -m state --state NEW -p tcp -m tcp --dport 79 -m limit --limit 3/minute \
         -j LOG --log-prefix \"a b\" --log-level info\n",
        "-A nodeshim-deny -s 10.66.0.0/16 -j DROP\n",
        "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n",
    ] {
        at(expected);
    }
    // Priorities, denials, what is let in, the last ones, and then the node's own rejection.
    let order = [
        "-A nodeshim-deny -i lo -j RETURN",
        "-A nodeshim-deny -m state --state NEW -p tcp -m tcp --dport 78 -j ACCEPT",
        "-A nodeshim-deny -p icmp -m icmp --icmp-type 8 -j REJECT",
        "-A INPUT -j nodeshim-deny",
        "-A INPUT -p icmp -j ACCEPT",
        "-A INPUT -m state --state NEW -p tcp -m tcp --dport 8000:8101 -j nodeshim-zone",
        "-A nodeshim-last -p 17 -j DROP",
        "-A INPUT -j nodeshim-last",
        "-A INPUT -j REJECT",
    ];
    let places: Vec<usize> = order.iter().map(|line| at(line)).collect();
    assert!(places.is_sorted(), "{order:?}: {places:?}\n{text}");
    let ipv6 = image.read("/etc/sysconfig/ip6tables");
    for expected in [
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00::1]:80-90\n",
        "-A INPUT -d ff02::fb/128 -m state --state NEW -p udp -m udp --dport 5353 -j NFLOG",
        "-A nodeshim-deny -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j RETURN",
        "-A nodeshim-deny -p ipv6-icmp -m icmp6 --icmpv6-type 137 -j REJECT",
    ] {
        assert!(ipv6.contains(expected), "{expected} is missing in\n{ipv6}");
    }
    assert!(!ipv6.contains("MASQUERADE") && !ipv6.contains("10.3."), "{ipv6}");
    let forwarding = image.read("/etc/sysctl.d/80-nodeshim-forward.conf");
    assert!(forwarding.contains("\nnet.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n"));
    assert_eq!(report.plan.notes, []);
    assert!(image.settle(&["a-b.c+d", "other"]).plan.changes.is_empty());
    image.settle(&[]);
    assert_eq!(image.read("/etc/sysconfig/iptables"), IPV4);
    assert!(!image.root.exists("/etc/sysctl.d/80-nodeshim-forward.conf"));
}

#[test]
fn rules_of_an_administrator_stay_byte_for_byte() {
    let ipv4 = "# Müller's\r\n*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [7:8]\n\
                -A POSTROUTING  -s 10.5.0.0/16 -j MASQUERADE\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n\
                [1:2] -A INPUT -j own\n-A own -i lo -j ACCEPT\n-A own -p tcp --dport 22 -j ACCEPT\n\
                -A own -m limit --limit 2/min -j LOG\n-A own -j DROP\nCOMMIT\n# the end";
    let ipv4 = ipv4.replace("\r\n", "\n");
    let image = image_with(Some(&ipv4));
    image.record("a", "%post", 1, everything());
    image.settle(&["a"]);
    is_accepted(&image);
    let text = image.read("/etc/sysconfig/iptables");
    // What lets in comes before what keeps out, in the chain that does.
    let opening = text.find("-A own -m state --state NEW -p tcp -m tcp --dport 8000:8101");
    assert!(opening > text.find("-A own -p tcp --dport 22"), "{text}");
    assert!(opening < text.find("-A own -m limit --limit 2/min -j LOG"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let mut left = lines.iter();
    assert!(ipv4.lines().all(|line| left.any(|there| *there == line)), "{text}");
    image.settle(&[]);
    assert_eq!(image.read("/etc/sysconfig/iptables"), ipv4);
}

#[test]
fn a_missing_file_is_made_only_for_what_is_more_than_open() {
    let image = image_with(None);
    image.record("a", "%post", 1, vec![allow(port("80", "tcp"))]);
    image.settle(&["a"]);
    assert!(!image.root.exists("/etc/sysconfig/iptables"));
    let masquerade = FirewallItem::Masquerade {
        interface: Some("eth0".into()),
    };
    image.record("b", "%post", 1, vec![allow(masquerade)]);
    image.settle(&["a", "b"]);
    let text = image.read("/etc/sysconfig/iptables");
    assert!(text.contains("*nat\n# b\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n"), "{text}");
    assert!(!image.root.exists("/etc/sysconfig/ip6tables"));
    image.settle(&["a"]);
    assert!(!image.root.exists("/etc/sysconfig/iptables"));
}

#[test]
fn ten_thousand_ports_are_rules_of_fifteen() {
    let image = image();
    let ports = (0..10_000u32).map(|index| allow(port(&(index * 6 + 1).to_string(), "tcp")));
    image.record("a", "%post", 1, ports.collect());
    image.settle(&["a"]);
    is_accepted(&image);
    let rules = image.read("/etc/sysconfig/iptables").matches("multiport").count();
    assert_eq!(rules, 10_000usize.div_ceil(15));
}

#[test]
fn hostile_values_are_noted_and_never_written() {
    const EVIL: [&str; 7] = [
        "80 -j ACCEPT",
        "80\n-A INPUT -j ACCEPT",
        "eth0\nCOMMIT",
        "\" -j ACCEPT \"",
        "$(x)",
        "! -i lo",
        "0.0.0.0/0 -j ACCEPT",
    ];
    let image = image();
    let mut intents: Vec<Intent> = Vec::new();
    for evil in EVIL {
        let text = || evil.to_owned();
        let openings = [
            port(evil, "tcp"),
            port("80", evil),
            FirewallItem::Protocol { protocol: text() },
            FirewallItem::Source { source: text() },
            FirewallItem::BlockIcmp { icmp_type: text() },
            FirewallItem::FirewallService { service: text() },
            FirewallItem::RichRule { rule: text() },
            FirewallItem::Interface {
                interface: text(),
                trusted: true,
            },
            FirewallItem::Masquerade {
                interface: Some(text()),
            },
        ];
        intents.extend(openings.into_iter().map(allow));
        intents.push(allow_in(evil, port("80", "tcp")));
    }
    // Protocol 0 would be every protocol.
    intents.push(allow(FirewallItem::Protocol { protocol: "0".into() }));
    image.record("a", "%post", 1, intents);
    image.record("evil\"\n-A INPUT -j ACCEPT", "%post", 1, vec![allow(port("81", "tcp"))]);
    let report = image.settle(&["a", "evil\"\n-A INPUT -j ACCEPT"]);
    assert_eq!(report.plan.notes.len(), EVIL.len() * 10 + 2, "{:#?}", report.plan.notes);
    assert_eq!(image.read("/etc/sysconfig/iptables"), IPV4);
    // A log's prefix is free text: quoted, or refused.
    let rich = |prefix: &str| FirewallItem::RichRule {
        rule: format!("rule protocol value=\"gre\" log prefix=\"{prefix}\" accept"),
    };
    image.record(
        "b",
        "%post",
        1,
        vec![
            allow(rich("x\n-A INPUT -j ACCEPT")),
            allow(rich("a' -j \\\\ACCEPT")),
        ],
    );
    image.settle(&["b"]);
    is_accepted(&image);
    let text = image.read("/etc/sysconfig/iptables");
    assert!(text.lines().all(|line| line != "-A INPUT -j ACCEPT"), "{text}");
}

#[test]
fn lokkits_own_file_loses_a_plugin_and_keeps_the_block_of_another() {
    let image = image();
    image
        .root
        .write("/etc/sysconfig/system-config-firewall", b"--enabled\n--port=80:tcp\n", None)
        .unwrap();
    let generated = IPV4.replace("# mine", "# Generated by lokkit").replace(
        "-A INPUT -j REJECT",
        "-A INPUT -m state --state NEW -m tcp -p tcp --dport 80 -j ACCEPT\n-A INPUT -j REJECT",
    );
    image.root.write("/etc/sysconfig/iptables", generated.as_bytes(), None).unwrap();
    image.root.take_changes();
    image.record("a", "%post", 1, vec![allow(port("80", "tcp"))]);
    image.record("b", "%post", 1, vec![allow_in("public", port("81", "tcp"))]);
    image.settle(&["a", "b"]);
    image.settle(&["b"]);
    is_accepted(&image);
    let text = image.read("/etc/sysconfig/iptables");
    assert!(text.contains("--dport 81 ") && !text.contains("--dport 80 "), "{text}");
    assert!(!image.read("/etc/sysconfig/system-config-firewall").contains("80:tcp"));
    assert!(image.settle(&["b"]).plan.is_empty());
}
