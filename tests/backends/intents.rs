//! What plugins of the tests ask for.

use nodeshim::intent::{FirewallItem, Intent};

use crate::image::{allow, allow_in, port};

/// One of everything that can be asked for.
pub fn everything() -> Vec<Intent> {
    let forward = |interface: Option<&str>, to_port: Option<&str>, to_address: Option<&str>| {
        FirewallItem::ForwardPort {
            interface: interface.map(str::to_owned),
            port: "8080".into(),
            protocol: "tcp".into(),
            to_port: to_port.map(str::to_owned),
            to_address: to_address.map(str::to_owned),
        }
    };
    let interface = |name: &str, trusted| FirewallItem::Interface {
        interface: name.into(),
        trusted,
    };
    let source = |source: &str| FirewallItem::Source {
        source: source.into(),
    };
    let from = FirewallItem::SourcePort {
        port: "68".into(),
        protocol: "udp".into(),
    };
    let block = |icmp_type: &str| FirewallItem::BlockIcmp {
        icmp_type: icmp_type.into(),
    };
    let protocol = FirewallItem::Protocol {
        protocol: "gre".into(),
    };
    let rich = |rule: &str| FirewallItem::RichRule { rule: rule.into() };
    vec![
        allow(rich("rule family=\"ipv4\" source address=\"10.9.0.0/16\" service name=\"http\" accept")),
        allow(rich(
            "rule family=\"ipv4\" source NOT address=\"10.8.0.0/16\" port port=\"77\" protocol=\"tcp\" drop",
        )),
        allow(rich("rule family=\"ipv6\" source address=\"fd00::/8\" reject")),
        allow(rich("rule protocol value=\"esp\" log prefix=\"x\" accept")),
        allow(rich("rule icmp-block name=\"echo-reply\"")),
        allow(rich("rule priority=\"-5\" port port=\"78\" protocol=\"tcp\" accept")),
        allow(rich("rule priority=\"5\" protocol value=\"udp\" drop")),
        allow(rich(
            "rule port port=\"79\" protocol=\"tcp\" log prefix=\"a b\" level=\"info\" limit value=\"3/m\" \
             reject type=\"tcp-reset\" limit value=\"9/s\""
                .replacen("rule ", "rule family=\"ipv4\" ", 1)
                .as_str(),
        )),
        allow(rich("rule family=\"ipv6\" service name=\"mdns\" nflog group=\"3\" prefix=\"n\" accept")),
        allow(rich("rule family=\"ipv4\" source address=\"10.3.0.0/16\" masquerade")),
        allow(rich(
            "rule family=\"ipv6\" forward-port port=\"99\" protocol=\"udp\" to-port=\"98\" to-addr=\"fd00::9\"",
        )),
        allow(rich("rule icmp-type name=\"port-unreachable\" accept")),
        allow(port("8080", "tcp")),
        allow(port("8000-8100", "tcp")),
        allow(port("8101", "tcp")),
        allow(port("5000", "udp")),
        allow(port("1", "sctp")),
        allow(port("2-3", "dccp")),
        allow(protocol),
        allow(from),
        allow(block("echo-request")),
        allow(block("redirect")),
        allow(block("host-unknown")),
        allow(interface("eth1", true)),
        allow(interface("ppp+", true)),
        allow_in("trusted", source("10.1.2.3/8")),
        allow_in("trusted", source("fe80::1/64")),
        allow_in("trusted", source("00:11:22:33:44:55")),
        allow_in("internal", interface("eth2", false)),
        allow_in("internal", FirewallItem::Masquerade { interface: None }),
        allow_in("drop", source("10.66.0.0/16")),
        allow_in("block", interface("eth6", false)),
        allow_in("internal", port("9999", "tcp")),
        allow_in("internal", port("9000-9001", "tcp")),
        allow(FirewallItem::Masquerade { interface: None }),
        allow(FirewallItem::Masquerade {
            interface: Some("eth0".into()),
        }),
        allow(forward(Some("eth0"), Some("80"), None)),
        allow(forward(None, Some("80"), Some("10.0.0.9"))),
        allow(forward(None, None, Some("10.0.0.9"))),
        allow(forward(None, Some("80-90"), Some("fd00::1"))),
    ]
}
