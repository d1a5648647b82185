//! Names of ports and protocols, from the image's `/etc/services` and `/etc/protocols`. The files
//! are read when the first name is asked for: most calls use numbers.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::root::Root;

/// Protocols that are known even where an image has no `/etc/protocols` yet.
const WELL_KNOWN: [&str; 24] = [
    "ip",
    "icmp",
    "igmp",
    "ipencap",
    "tcp",
    "egp",
    "igp",
    "udp",
    "dccp",
    "ipv6",
    "ipv6-route",
    "ipv6-frag",
    "rsvp",
    "gre",
    "esp",
    "ah",
    "ipv6-icmp",
    "ospf",
    "pim",
    "vrrp",
    "l2tp",
    "sctp",
    "udplite",
    "mpls-in-ip",
];

/// Looks names up.
pub struct Names<'r> {
    root: Option<&'r Root>,
    ports: OnceCell<HashMap<String, u16>>,
    protocols: OnceCell<HashMap<String, u16>>,
}

impl<'r> Names<'r> {
    /// Names as the image defines them.
    pub fn of(root: &'r Root) -> Self {
        Names {
            root: Some(root),
            ..Names::none()
        }
    }

    /// No names but the well-known protocols.
    pub fn none() -> Self {
        Names {
            root: None,
            ports: OnceCell::new(),
            protocols: OnceCell::new(),
        }
    }

    /// The port that a name stands for, whatever its protocol.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.get_or_init(|| self.table("/etc/services")).get(name).copied()
    }

    /// Whether a protocol has this name.
    pub fn is_protocol(&self, name: &str) -> bool {
        if WELL_KNOWN.contains(&name) {
            return true;
        }
        self.protocols.get_or_init(|| self.table("/etc/protocols")).contains_key(name)
    }

    fn table(&self, path: &str) -> HashMap<String, u16> {
        self.root
            .and_then(|root| root.read_text(path).ok())
            .map_or_else(HashMap::new, |text| parse(&text))
    }
}

/// Lines of `NAME NUMBER[/PROTOCOL] ALIAS... # comment`; the first line that has a name counts.
fn parse(text: &str) -> HashMap<String, u16> {
    let mut table = HashMap::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (Some(name), Some(number)) = (words.next(), words.next()) else {
            continue;
        };
        let Ok(number) = number.split('/').next().unwrap_or_default().parse() else {
            continue;
        };
        for name in std::iter::once(name).chain(words) {
            table.entry(name.to_owned()).or_insert(number);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_give_names_and_aliases() {
        let table = parse("http 80/tcp www # web\nhttp 81/udp\n# x 1/tcp\nbad\nworse x/tcp\ntcp 6 TCP\n");
        assert_eq!(table.len(), 4);
        assert_eq!(table["http"], 80);
        assert_eq!(table["www"], 80);
        assert_eq!(table["TCP"], 6);
        assert!(Names::none().is_protocol("gre"));
        assert!(!Names::none().is_protocol("foo"));
        assert_eq!(Names::none().port("http"), None);
    }
}
