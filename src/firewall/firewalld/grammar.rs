//! What the meaning of firewalld's texts and files depends on: the image's generation of firewalld,
//! and the names of ports and protocols, from its `/etc/services` and `/etc/protocols`. Each is
//! looked up when it is first needed: most calls use numbers.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::generation::{Feature, Generation, NEWEST};
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

/// What the meaning of firewalld's texts and files depends on in an image.
pub struct Grammar<'r> {
    root: Option<&'r Root>,
    generation: OnceCell<Generation>,
    ports: OnceCell<HashMap<String, u16>>,
    protocols: OnceCell<HashMap<String, u16>>,
}

impl<'r> Grammar<'r> {
    /// The image's own names, and the generation that its configuration or firewalld tells.
    pub fn of(root: &'r Root) -> Self {
        Grammar {
            root: Some(root),
            generation: OnceCell::new(),
            ..Grammar::none()
        }
    }

    /// The image's own names, and this generation.
    pub fn with(root: &'r Root, generation: Generation) -> Self {
        Grammar {
            root: Some(root),
            generation: OnceCell::from(generation),
            ..Grammar::none()
        }
    }

    /// No names but the well-known protocols, and this generation.
    #[cfg(test)]
    pub(crate) fn of_generation(generation: Generation) -> Self {
        Grammar {
            generation: OnceCell::from(generation),
            ..Grammar::none()
        }
    }

    /// No names but the well-known protocols, and the newest generation.
    pub fn none() -> Self {
        Grammar {
            root: None,
            generation: OnceCell::from(NEWEST),
            ports: OnceCell::new(),
            protocols: OnceCell::new(),
        }
    }

    /// The generation of firewalld.
    pub fn generation(&self) -> Generation {
        *self.generation.get_or_init(|| self.root.map_or(NEWEST, Generation::of))
    }

    /// Whether the generation has something.
    pub fn has(&self, feature: Feature) -> bool {
        self.generation().has(feature)
    }

    /// The port that a name stands for, whatever its protocol.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.get_or_init(|| self.table("/etc/services")).get(name).copied()
    }

    /// Whether a protocol has this name.
    pub(crate) fn is_protocol(&self, name: &str) -> bool {
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
        assert!(Grammar::none().is_protocol("gre"));
        assert!(!Grammar::none().is_protocol("foo"));
        assert_eq!(Grammar::none().port("http"), None);
    }
}
