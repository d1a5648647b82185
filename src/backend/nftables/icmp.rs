//! firewalld's names of ICMP types as matches.

use nftables::expr::Expression;

use super::model::{Statements, payload, text};
use crate::firewall::icmp::{TypeCode, icmp_type};

/// nft's names of ICMP types; where it has none, the number is written.
const IPV4: [(u8, &str); 13] = [
    (0, "echo-reply"),
    (3, "destination-unreachable"),
    (4, "source-quench"),
    (5, "redirect"),
    (8, "echo-request"),
    (9, "router-advertisement"),
    (10, "router-solicitation"),
    (11, "time-exceeded"),
    (12, "parameter-problem"),
    (13, "timestamp-request"),
    (14, "timestamp-reply"),
    (17, "address-mask-request"),
    (18, "address-mask-reply"),
];

/// nft's names of ICMPv6 types.
const IPV6: [(u8, &str); 14] = [
    (1, "destination-unreachable"),
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "mld-listener-query"),
    (131, "mld-listener-report"),
    (132, "mld-listener-done"),
    (133, "nd-router-solicit"),
    (134, "nd-router-advert"),
    (135, "nd-neighbor-solicit"),
    (136, "nd-neighbor-advert"),
    (137, "nd-redirect"),
];

/// The matches of a type in the families that have it, each for a rule of its own.
pub(super) fn matches(name: &str) -> Option<Vec<Statements>> {
    let found = icmp_type(name)?;
    let ipv4 = found.ipv4.map(|it| of("icmp", &IPV4, it));
    Some(ipv4.into_iter().chain(found.ipv6.map(|it| of("icmpv6", &IPV6, it))).collect())
}

fn of(protocol: &'static str, names: &[(u8, &'static str)], (kind, code): TypeCode) -> Statements {
    let name = names.iter().find(|(number, _)| *number == kind);
    let kind = name.map_or(Expression::Number(kind.into()), |(_, name)| text(*name));
    let mut matches = vec![payload(protocol, "type", kind)];
    matches.extend(code.map(|code| payload(protocol, "code", Expression::Number(code.into()))));
    matches
}
