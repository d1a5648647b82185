//! What names stand for in an image: services by `/etc/services`, protocols by number.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::ports::PortRange;
use super::ruleset::{PORT_PROTOCOLS, Ports};
use crate::root::Root;

/// What a service stands for: its own part and those of the services that it includes.
pub type Definition = Vec<Part>;

/// Ports and protocols that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Destination ports.
    pub ports: Ports,
    /// Source ports.
    pub source_ports: Ports,
    /// Whole protocols.
    pub protocols: Vec<String>,
    /// Only packets to these addresses, `ADDRESS[/BITS]`; empty means any.
    pub destinations: Vec<String>,
}

/// Looks names up in an image; files are read at the first question.
#[derive(Debug)]
pub struct Definitions<'r> {
    root: &'r Root,
    numbers: OnceCell<BTreeMap<(String, String), u16>>,
}

impl<'r> Definitions<'r> {
    /// Reads from `root`.
    pub fn new(root: &'r Root) -> Self {
        Definitions {
            root,
            numbers: OnceCell::new(),
        }
    }

    /// What a service stands for.
    pub fn service(&self, name: &str) -> Option<Definition> {
        self.in_etc_services(name).map(|part| vec![part])
    }

    /// A port by its name in `/etc/services`.
    pub fn named_port(&self, name: &str, protocol: &str) -> Option<PortRange> {
        let port = *self.numbers().get(&(name.to_owned(), protocol.to_owned()))?;
        Some(PortRange {
            low: port,
            high: port,
        })
    }

    fn in_etc_services(&self, name: &str) -> Option<Part> {
        let mut part = Part::default();
        for protocol in PORT_PROTOCOLS {
            let port = self.named_port(name, protocol);
            part.ports.extend(port.map(|port| (protocol.to_owned(), vec![port])));
        }
        (!part.ports.is_empty()).then_some(part)
    }

    fn numbers(&self) -> &BTreeMap<(String, String), u16> {
        self.numbers.get_or_init(|| {
            let text = self.root.read_text("/etc/services").unwrap_or_default();
            parse_services(&text)
        })
    }
}

/// services(5): name and aliases with a protocol → port; the first line of a name counts.
fn parse_services(text: &str) -> BTreeMap<(String, String), u16> {
    let mut numbers = BTreeMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            continue;
        };
        let Some((port, protocol)) = value.split_once('/') else {
            continue;
        };
        let Ok(port) = port.parse::<u16>() else { continue };
        for name in std::iter::once(name).chain(words) {
            numbers.entry((name.to_owned(), protocol.to_owned())).or_insert(port);
        }
    }
    numbers
}

/// A protocol's number as assigned by IANA, for those that firewalls are asked for; a number
/// stands for itself.
pub fn protocol_number(name: &str) -> Option<u8> {
    const ASSIGNED: [(&str, u8); 22] = [
        ("icmp", 1),
        ("igmp", 2),
        ("ipip", 4),
        ("ipencap", 4),
        ("tcp", 6),
        ("egp", 8),
        ("udp", 17),
        ("dccp", 33),
        ("ipv6", 41),
        ("rsvp", 46),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
        ("ipv6-icmp", 58),
        ("icmpv6", 58),
        ("eigrp", 88),
        ("ospf", 89),
        ("pim", 103),
        ("vrrp", 112),
        ("l2tp", 115),
        ("sctp", 132),
        ("udplite", 136),
    ];
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return name.parse().ok();
    }
    let assigned = ASSIGNED.iter().find(|(assigned, _)| *assigned == name);
    assigned.map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_aliases_and_comments() {
        let numbers = parse_services("# x\nhttp 80/tcp www www-http # web\nhttp 81/tcp\nbad\nx y/tcp\n");
        assert_eq!(numbers[&("www".to_owned(), "tcp".to_owned())], 80);
        assert_eq!(numbers[&("http".to_owned(), "tcp".to_owned())], 80);
        assert_eq!(numbers.len(), 3);
    }

    #[test]
    fn protocols_are_known_by_name_or_number() {
        assert_eq!(protocol_number("gre"), Some(47));
        assert_eq!(protocol_number("255"), Some(255));
        assert_eq!(protocol_number("256"), None);
        assert_eq!(protocol_number("nonsense"), None);
    }
}
