//! What a rule matches, in the words of iptables-restore, and for which family it can be written.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::firewall::definitions::protocol_number;
use crate::firewall::icmp::{TypeCode, icmp_type};
use crate::firewall::iptables::Family;
use crate::firewall::ports::{PortRange, coalesce};
use crate::firewall::sets::AddressSet;
use crate::firewall::valid::{Source, parse_source};

/// The match for packets that begin a connection.
const NEW: &str = "-m state --state NEW";
/// How many numbers `multiport` takes; a range is two.
const SLOTS: usize = 15;
/// Larger sets are not written as rules, because a packet is compared with one rule after the
/// other.
const MOST_ENTRIES: usize = 256;

/// Some words of a rule, and the only family that they fit, if there is only one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Match {
    pub family: Option<Family>,
    pub words: String,
}

impl Match {
    /// For both families.
    pub(super) fn new(words: impl Into<String>) -> Match {
        let words = words.into();
        Match { family: None, words }
    }

    /// For one.
    pub(super) fn of(family: Family, words: impl Into<String>) -> Match {
        let words = words.into();
        let family = Some(family);
        Match { family, words }
    }

    /// Both at once; none if they fit no common family.
    pub(super) fn and(&self, other: &Match) -> Option<Match> {
        if let (Some(a), Some(b)) = (self.family, other.family)
            && a != b
        {
            return None;
        }
        let words = match (self.words.is_empty(), other.words.is_empty()) {
            (true, _) => other.words.clone(),
            (_, true) => self.words.clone(),
            _ => format!("{} {}", self.words, other.words),
        };
        let family = self.family.or(other.family);
        Some(Match { family, words })
    }
}

/// The families that something is for.
pub(super) fn families(of: Option<Family>) -> impl Iterator<Item = Family> {
    [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .filter(move |family| of.is_none_or(|of| of == *family))
}

/// Packets to (`dport`) or from (`sport`) ports that begin a connection, one match for as many of
/// them as a rule can hold.
pub(super) fn ports(option: &str, protocol: &str, ranges: &[PortRange]) -> Vec<Match> {
    let words = slots(&coalesce(ranges.iter().copied()));
    let of = |words: Vec<String>| match words.as_slice() {
        [one] => format!("{NEW} -p {protocol} -m {protocol} --{option} {one}"),
        several => format!("{NEW} -p {protocol} -m multiport --{option}s {}", several.join(",")),
    };
    words.into_iter().map(|words| Match::new(of(words))).collect()
}

/// Ports that are forwarded, connection or not: the nat table sees beginnings only.
pub(super) fn forwarded(protocol: &str, range: PortRange) -> Match {
    Match::new(format!("-p {protocol} -m {protocol} --dport {}", colon(range)))
}

fn slots(ranges: &[PortRange]) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut used = SLOTS;
    for range in ranges {
        let needs = if range.low == range.high { 1 } else { 2 };
        if used + needs > SLOTS {
            groups.push(Vec::new());
            used = 0;
        }
        used += needs;
        if let Some(group) = groups.last_mut() {
            group.push(colon(*range));
        }
    }
    groups
}

fn colon(range: PortRange) -> String {
    range.to_string().replace('-', ":")
}

/// The senders (`s`) or receivers (`d`) that a zone's source names: one match, or one for each entry
/// of a set. None where rules cannot say it.
pub(super) fn source(
    option: char,
    text: &str,
    not: bool,
    sets: &BTreeMap<String, AddressSet>,
) -> Option<Vec<Match>> {
    let Some(Source::Ipset(name)) = parse_source(text) else {
        return Some(vec![address(option, text, not)?]);
    };
    let set = sets.get(name)?;
    let is_sender_only = matches!(set, AddressSet::Mac(_));
    if set.len() > MOST_ENTRIES || is_sender_only && option != 's' {
        return None;
    }
    let sources = set.sources();
    match (not, sources.as_slice()) {
        (false, all) => all.iter().map(|entry| address(option, entry, false)).collect(),
        // What is in none of several needs more than one rule.
        (true, [one]) => Some(vec![address(option, one, true)?]),
        (true, []) => Some(vec![Match::default()]),
        (true, _) => None,
    }
}

/// A whole protocol. 0 would be all of them; in IPv6 the two security headers are extensions of a
/// packet, not its protocol.
pub(super) fn protocol(name: &str) -> Vec<Match> {
    match protocol_number(&name.to_lowercase()) {
        None | Some(0) => Vec::new(),
        Some(number @ (50 | 51)) => vec![
            Match::of(Family::Ipv4, format!("-p {number}")),
            Match::of(Family::Ipv6, format!("-m ipv6header --header {number} --soft")),
        ],
        Some(number) => vec![Match::new(format!("-p {number}"))],
    }
}

/// An ICMP type by firewalld's name, in the families that have it.
pub(super) fn icmp(name: &str) -> Option<Vec<Match>> {
    let found = icmp_type(name)?;
    let number = |(kind, code): TypeCode| match code {
        Some(code) => format!("{kind}/{code}"),
        None => kind.to_string(),
    };
    let ipv4 = found.ipv4.map(|it| {
        let words = format!("-p icmp -m icmp --icmp-type {}", number(it));
        Match::of(Family::Ipv4, words)
    });
    let ipv6 = found.ipv6.map(|it| {
        let words = format!("-p ipv6-icmp -m icmp6 --icmpv6-type {}", number(it));
        Match::of(Family::Ipv6, words)
    });
    Some(ipv4.into_iter().chain(ipv6).collect())
}

/// Packets from (`s`) or to (`d`) a network or host, or from a hardware address; none for what is
/// neither.
pub(super) fn address(option: char, text: &str, invert: bool) -> Option<Match> {
    let not = if invert { "! " } else { "" };
    match parse_source(text)? {
        Source::Network(address, bits) => {
            Some(Match::of(family_of(&address), format!("{not}-{option} {address}/{bits}")))
        }
        Source::Mac(mac) if option == 's' => Some(Match::new(format!("-m mac {not}--mac-source {mac}"))),
        _ => None,
    }
}

/// The family of an address.
pub(super) fn family_of(address: &IpAddr) -> Family {
    match address.is_ipv4() {
        true => Family::Ipv4,
        false => Family::Ipv6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_fifteen_numbers() {
        let singles: Vec<PortRange> = (0..40)
            .map(|n| PortRange {
                low: 2 * n,
                high: 2 * n,
            })
            .collect();
        let found = ports("dport", "tcp", &singles);
        assert_eq!(found.len(), 3);
        assert!(found[0].words.ends_with(",26,28"), "{}", found[0].words);
        let ranges: Vec<PortRange> = (0..8)
            .map(|n| PortRange {
                low: 10 * n,
                high: 10 * n + 3,
            })
            .collect();
        let found = ports("sport", "udp", &ranges);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].words, format!("{NEW} -p udp -m udp --sport 70:73"));
    }

    #[test]
    fn no_protocol_means_all_of_them() {
        assert_eq!(protocol("0"), []);
        assert_eq!(protocol("GRE")[0].words, "-p 47");
        assert_eq!(protocol("esp").len(), 2);
    }

    #[test]
    fn families_do_not_mix() {
        let ipv4 = address('s', "10.0.0.0/8", true).unwrap();
        let ipv6 = address('d', "fd00::/8", false).unwrap();
        assert_eq!(ipv4.words, "! -s 10.0.0.0/8");
        assert_eq!(ipv4.and(&ipv6), None);
        let mac = address('s', "00:11:22:33:44:55", true).unwrap();
        assert_eq!(mac.words, "-m mac ! --mac-source 00:11:22:33:44:55");
        assert_eq!(mac.and(&ipv6).unwrap().family, Some(Family::Ipv6));
        assert_eq!(address('d', "00:11:22:33:44:55", false), None);
    }
}
