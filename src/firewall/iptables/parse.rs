//! Taking a rule's words apart (iptables(8), iptables-extensions(8), 1.8.9). Options come in any
//! order; what is not known is kept as it is.

use std::net::IpAddr;

use super::Family;
use super::condition::{Condition, Match, Rule, State, Target};
use crate::firewall::definitions::protocol_number;
use crate::firewall::ports::PortRange;
use crate::firewall::valid::{Source, parse_source};

/// The flags of TCP with their bits.
const FLAGS: [(&str, u8); 6] = [
    ("FIN", 1),
    ("SYN", 2),
    ("RST", 4),
    ("PSH", 8),
    ("ACK", 16),
    ("URG", 32),
];
const ALL_FLAGS: u8 = 63;
/// `--syn`: of SYN, RST, ACK and FIN only SYN.
const SYN: Match = Match::TcpFlags { mask: 23, set: 2 };
/// Options of one dash that may have their value in the same word.
const JOINED: [&str; 8] = ["-p", "-s", "-d", "-i", "-o", "-j", "-g", "-m"];
/// Modules whose options are all known here, or that have none.
const KNOWN: [&str; 19] = [
    "tcp",
    "udp",
    "udplite",
    "sctp",
    "dccp",
    "multiport",
    "state",
    "conntrack",
    "comment",
    "limit",
    "icmp",
    "icmp6",
    "ipv6-icmp",
    "icmpv6",
    "mac",
    "iprange",
    "mark",
    "addrtype",
    "pkttype",
];

/// The words of a rule, read from left to right.
struct Reader<'w> {
    words: std::iter::Peekable<std::slice::Iter<'w, String>>,
    /// What follows the option in the same word.
    joined: Option<String>,
    /// A `!` came before the option.
    not: bool,
    /// The module named last is not known: its options are kept as they are.
    in_unknown: bool,
    rule: Rule,
    port: &'w dyn Fn(&str) -> Option<u16>,
}

impl Rule {
    /// Reads the words after a chain's name. `port` knows ports by name. What cannot be read is
    /// among the conditions as [`Match::Other`].
    pub(crate) fn parse(words: &[String], port: &dyn Fn(&str) -> Option<u16>) -> Rule {
        let mut reader = Reader {
            words: words.iter().peekable(),
            joined: None,
            not: false,
            in_unknown: false,
            rule: Rule::default(),
            port,
        };
        while let Some(word) = reader.words.next() {
            match word.as_str() {
                "!" => reader.not = true,
                word => reader.option(word),
            }
        }
        reader.rule
    }
}

impl Reader<'_> {
    fn option(&mut self, word: &str) {
        let (name, joined) = name_and_value(word);
        self.joined = joined;
        let known = self.general(name) || self.of_packets(name) || self.of_connections(name);
        if !known {
            self.other(word);
        }
        self.joined = None;
        self.not = false;
    }

    /// The option's value. A `!` may stand before it, as in old rules.
    fn value(&mut self) -> String {
        if let Some(value) = self.joined.take() {
            return value;
        }
        if self.words.next_if(|word| *word == "!").is_some() {
            self.not = true;
        }
        self.words.next().cloned().unwrap_or_default()
    }

    fn add(&mut self, on: Match) -> bool {
        self.rule.conditions.push(Condition { not: self.not, on });
        true
    }

    fn unreadable(&mut self, option: &str, value: String) -> bool {
        self.add(Match::Other(option.to_owned(), vec![value]))
    }

    /// Options that every rule has.
    fn general(&mut self, name: &str) -> bool {
        match name {
            "-p" | "--protocol" | "--proto" => {
                let value = self.value().to_ascii_lowercase();
                match protocol_number(&value) {
                    Some(0) => true,
                    _ if value == "all" => true,
                    Some(number) => self.add(Match::Protocol(number)),
                    None => self.unreadable(name, value),
                }
            }
            "-s" | "--source" | "--src" => self.address(name, Match::Source),
            "-d" | "--destination" | "--dst" => self.address(name, Match::Destination),
            "-i" | "--in-interface" => self.interface(Match::In),
            "-o" | "--out-interface" => self.interface(Match::Out),
            "-f" | "--fragment" => self.add(Match::Fragment),
            "-4" | "--ipv4" => self.add(Match::Family(Family::Ipv4)),
            "-6" | "--ipv6" => self.add(Match::Family(Family::Ipv6)),
            "-c" | "--set-counters" => {
                self.value();
                self.value();
                true
            }
            "-m" | "--match" => {
                let module = self.value();
                self.in_unknown = !KNOWN.contains(&module.as_str());
                if self.in_unknown {
                    self.add(Match::Other(module, Vec::new()));
                }
                true
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let (name, goto) = (self.value(), matches!(name, "-g" | "--goto"));
                self.in_unknown = false;
                let options = Vec::new();
                self.rule.target = Some(Target { name, goto, options });
                true
            }
            _ => false,
        }
    }

    /// Options about what is in a packet.
    fn of_packets(&mut self, name: &str) -> bool {
        match name {
            "--sport" | "--source-port" | "--sports" | "--source-ports" => {
                self.ports(name, Match::SourcePorts)
            }
            "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
                self.ports(name, Match::Ports)
            }
            "--ports" => self.ports(name, Match::EitherPorts),
            "--syn" => self.add(SYN),
            "--tcp-flags" => {
                let (mask, set) = (self.value(), self.value());
                match (flags(&mask), flags(&set)) {
                    (Some(mask), Some(set)) => self.add(Match::TcpFlags { mask, set }),
                    _ => self.unreadable(name, format!("{mask} {set}")),
                }
            }
            "--icmp-type" | "--icmpv6-type" => {
                let value = self.value();
                match (value.as_str(), icmp(&value)) {
                    ("any" | "255", _) => true,
                    (_, Some((kind, code))) => self.add(Match::Icmp(kind, code)),
                    (_, None) => self.unreadable(name, value),
                }
            }
            "--mac-source" => {
                let value = self.value();
                self.add(Match::Mac(value))
            }
            "--src-range" => self.range(name, Match::SourceRange),
            "--dst-range" => self.range(name, Match::DestinationRange),
            "--src-type" => self.words_of(Match::SourceType),
            "--dst-type" => self.words_of(Match::DestinationType),
            "--pkt-type" => {
                let value = self.value();
                self.add(Match::PacketType(value))
            }
            _ => false,
        }
    }

    /// Options about connections, rates and what is said of a rule.
    fn of_connections(&mut self, name: &str) -> bool {
        match name {
            "--state" | "--ctstate" => {
                let value = self.value();
                let states: Option<Vec<State>> = value.split(',').map(State::parse).collect();
                match states {
                    Some(states) => self.add(Match::States(states)),
                    None => self.unreadable(name, value),
                }
            }
            "--limit" if !self.in_unknown => {
                let value = self.value();
                self.add(Match::Limit(value, None))
            }
            "--limit-burst" if !self.in_unknown => {
                let value = self.value();
                let number = value.parse().ok();
                let limit = self.rule.conditions.iter_mut().find_map(|condition| match &mut condition.on {
                    Match::Limit(_, burst) => Some(burst),
                    _ => None,
                });
                match (limit, number) {
                    (Some(burst), Some(_)) => {
                        *burst = number;
                        true
                    }
                    _ => self.unreadable(name, value),
                }
            }
            "--mark" => {
                let value = self.value();
                match mark(&value) {
                    Some((value, mask)) => self.add(Match::Mark(value, mask)),
                    None => self.unreadable(name, value),
                }
            }
            "--comment" => {
                self.rule.comment = Some(self.value());
                true
            }
            _ => false,
        }
    }

    /// An option of a module or target that is not known here, with its values.
    fn other(&mut self, word: &str) {
        let mut words = vec![word.to_owned()];
        while let Some(value) = self.words.next_if(|word| !word.starts_with('-') && *word != "!") {
            words.push(value.clone());
        }
        let conditions = &mut self.rule.conditions;
        match (&mut self.rule.target, conditions.last_mut()) {
            (
                _,
                Some(Condition {
                    not,
                    on: Match::Other(_, known),
                }),
            ) if self.in_unknown => {
                *not |= self.not;
                known.append(&mut words);
            }
            (Some(target), _) => target.options.append(&mut words),
            _ => {
                self.add(Match::Other(String::new(), words));
            }
        }
    }

    fn address(&mut self, name: &str, of: fn(IpAddr, u8) -> Match) -> bool {
        let value = self.value();
        match parse_source(&value) {
            Some(Source::Network(address, bits)) => self.add(of(address, bits)),
            _ => self.unreadable(name, value),
        }
    }

    fn interface(&mut self, of: fn(String) -> Match) -> bool {
        match self.value() {
            all if all == "+" => true,
            name => self.add(of(name)),
        }
    }

    fn ports(&mut self, name: &str, of: fn(Vec<PortRange>) -> Match) -> bool {
        let value = self.value();
        let ports: Option<Vec<PortRange>> = value.split(',').map(|text| self.port_range(text)).collect();
        match ports {
            Some(ports) => self.add(of(ports)),
            None => self.unreadable(name, value),
        }
    }

    /// `N`, `N:M`, `:M` or `N:`, each end by number or name.
    fn port_range(&self, text: &str) -> Option<PortRange> {
        let port = |text: &str| text.parse().ok().or_else(|| (self.port)(text));
        let (low, high) = text.split_once(':').unwrap_or((text, text));
        let low = if low.is_empty() { 0 } else { port(low)? };
        let high = if high.is_empty() { u16::MAX } else { port(high)? };
        (low <= high).then_some(PortRange { low, high })
    }

    fn range(&mut self, name: &str, of: fn(IpAddr, IpAddr) -> Match) -> bool {
        let value = self.value();
        let (low, high) = value.split_once('-').unwrap_or((&value, &value));
        match (low.parse(), high.parse()) {
            (Ok(low), Ok(high)) => self.add(of(low, high)),
            _ => self.unreadable(name, value.clone()),
        }
    }

    fn words_of(&mut self, of: fn(Vec<String>) -> Match) -> bool {
        let value = self.value();
        self.add(of(value.split(',').map(str::to_owned).collect()))
    }
}

/// `--dport=22` and `-ieth0` are an option and its value.
fn name_and_value(word: &str) -> (&str, Option<String>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
    }
    match JOINED.iter().find(|option| word.len() > 2 && word.starts_with(**option)) {
        Some(option) => (option, Some(word[2..].to_owned())),
        None => (word, None),
    }
}

fn flags(text: &str) -> Option<u8> {
    match text {
        "ALL" => Some(ALL_FLAGS),
        "NONE" => Some(0),
        _ => text.split(',').try_fold(0, |bits, name| {
            let flag = FLAGS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))?;
            Some(bits | flag.1)
        }),
    }
}

/// An ICMP type and code by number, or by the names that hand-written rules use.
fn icmp(text: &str) -> Option<(u8, Option<u8>)> {
    if let Some(found) = crate::firewall::icmp::icmp_type(text) {
        return found.ipv4.or(found.ipv6);
    }
    let named = match text {
        "ping" => Some(8),
        "pong" => Some(0),
        "ttl-exceeded" => Some(11),
        _ => None,
    };
    if let Some(kind) = named {
        return Some((kind, None));
    }
    let (kind, code) = text.split_once('/').map_or((text, None), |(kind, code)| (kind, Some(code)));
    let code = code.map(str::parse).transpose().ok()?;
    Some((kind.parse().ok()?, code))
}

/// `VALUE[/MASK]`, decimal or hexadecimal.
pub(crate) fn mark(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match text.split_once('/') {
        Some((value, mask)) => Some((number(value)?, number(mask)?)),
        None => Some((number(text)?, u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::iptables::split;

    fn rule(text: &str) -> Rule {
        Rule::parse(&split(text).unwrap(), &|name| (name == "ssh").then_some(22))
    }

    fn is(on: Match) -> Condition {
        Condition { not: false, on }
    }

    #[test]
    fn options_are_read_in_any_order_and_spelling() {
        let ports = is(Match::Ports(vec![PortRange { low: 22, high: 22 }]));
        let tcp = is(Match::Protocol(6));
        for text in [
            "-p tcp -m tcp --dport 22 -j ACCEPT",
            "-j ACCEPT -p tcp --destination-port ssh",
            "-ptcp --dport=22 -j ACCEPT",
        ] {
            let rule = rule(text);
            assert_eq!(rule.conditions, [tcp.clone(), ports.clone()], "{text}");
            assert_eq!(rule.target.unwrap().name, "ACCEPT");
        }
        let not = |on| Condition { not: true, on };
        let old = rule("-s ! 10.0.0.0/8 -i ! lo -j DROP");
        let new = rule("! -s 10.0.0.0/8 ! -i lo -j DROP");
        assert_eq!(old, new);
        let network = Match::Source("10.0.0.0".parse().unwrap(), 8);
        assert_eq!(new.conditions, [not(network), not(Match::In("lo".into()))]);
    }

    #[test]
    fn what_is_not_known_is_kept_with_its_words() {
        let found = rule(
            "-m recent --name x --update ! --hitcount 4 -p udp --dport 1:5,7 -j LOG --log-prefix \"a b\"",
        );
        let words: Vec<String> = ["--name", "x", "--update", "--hitcount", "4"].map(str::to_owned).to_vec();
        let recent = Condition {
            not: true,
            on: Match::Other("recent".into(), words),
        };
        assert_eq!(found.conditions[0], recent);
        assert_eq!(found.conditions[1], is(Match::Protocol(17)));
        let target = found.target.unwrap();
        assert_eq!(target.option(&["--log-prefix"]), Some("a b"));
        let found = rule("-p nonsense --dport nosuch");
        assert!(found.conditions.iter().all(|it| matches!(it.on, Match::Other(..))), "{found:?}");
    }

    #[test]
    fn flags_states_and_marks_are_values() {
        let found = rule(
            "--tcp-flags SYN,RST SYN -m state --state new,RELATED --mark 0x1/0xff -m limit --limit 3/min --limit-burst 7",
        );
        let expected = [
            Match::TcpFlags { mask: 6, set: 2 },
            Match::States(vec![State::New, State::Related]),
            Match::Mark(1, 255),
            Match::Limit("3/min".into(), Some(7)),
        ];
        assert_eq!(found.conditions, expected.map(is));
        assert_eq!(rule("--syn").conditions, [is(SYN)]);
    }
}
