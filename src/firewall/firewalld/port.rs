//! Ports as firewalld spells them: `N`, `N-M` or a name, with a protocol; and the way in
//! which a zone's ports are merged when the zone is read.

use std::collections::BTreeMap;
use std::fmt;

use super::code::{Checked, Code};
use super::grammar::Grammar;

/// Protocols that have ports.
pub(crate) const WITH_PORTS: [&str; 4] = ["tcp", "udp", "sctp", "dccp"];

/// A port or range with its protocol, spelt as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// `N`, `N-M` or a name.
    pub port: String,
    /// `tcp`, `udp`, `sctp` or `dccp`.
    pub protocol: String,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.protocol)
    }
}

impl Port {
    /// A port of this spelling.
    pub fn new(port: impl Into<String>, protocol: impl Into<String>) -> Self {
        Port {
            port: port.into(),
            protocol: protocol.into(),
        }
    }

    /// Reads `PORT/PROTOCOL`, as on the command line.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Port> {
        let parts: Vec<&str> = text.split('/').collect();
        let [port, protocol] = parts[..] else {
            return Err(Code::InvalidPort.about(
                "bad port (most likely missing protocol), correct syntax is portid[-portid]/protocol",
            ));
        };
        check_port(port, grammar)?;
        check_protocol_with_ports(protocol)?;
        Ok(Port::new(port, protocol))
    }

    /// First and last port, in this order.
    pub fn range(&self, grammar: &Grammar) -> Option<(u16, u16)> {
        range(&self.port, grammar)
    }
}

/// Whether a text is a port or range.
pub(crate) fn check_port(port: &str, grammar: &Grammar) -> Checked<()> {
    match range(port, grammar) {
        Some(_) => Ok(()),
        None => Err(Code::InvalidPort.about(port)),
    }
}

/// Whether a protocol has ports.
pub(crate) fn check_protocol_with_ports(protocol: &str) -> Checked<()> {
    if WITH_PORTS.contains(&protocol) {
        return Ok(());
    }
    Err(Code::InvalidProtocol.about(format!("'{protocol}' not in {{'tcp'|'udp'|'sctp'|'dccp'}}")))
}

/// Whether a protocol is a number up to 255 or a name that the image knows.
pub(crate) fn check_protocol(protocol: &str, grammar: &Grammar) -> Checked<()> {
    let known = match integer(protocol) {
        Some(number) => (0..=255).contains(&number),
        None => grammar.is_protocol(protocol),
    };
    if known {
        Ok(())
    } else {
        Err(Code::InvalidProtocol.about(protocol))
    }
}

/// First and last port of a spelling, in ascending order whatever the spelling, as `getPortRange` of
/// `functions.py` has them (1.3.3).
pub(crate) fn range(text: &str, grammar: &Grammar) -> Option<(u16, u16)> {
    if let Some(port) = single(text, grammar) {
        return Some((port, port));
    }
    let bounds = text.match_indices('-').find_map(|(at, _)| {
        let (first, last) = (single(&text[..at], grammar)?, &text[at + 1..]);
        // `80-` is 80 there.
        let last = if last.is_empty() {
            first
        } else {
            single(last, grammar)?
        };
        Some((first, last))
    })?;
    Some((bounds.0.min(bounds.1), bounds.0.max(bounds.1)))
}

fn single(text: &str, grammar: &Grammar) -> Option<u16> {
    match integer(text) {
        Some(number) => u16::try_from(number).ok(),
        None if text.starts_with('-') || text.is_empty() => None,
        None => grammar.port(text),
    }
}

/// An integer in the spellings of Python's `int(TEXT)`, which firewalld calls: blanks around it, a
/// sign, single underscores between digits.
pub(crate) fn integer(text: &str) -> Option<i64> {
    // Nearly always it is plain digits.
    if (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = digits
        .split('_')
        .all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    if !plain {
        return None;
    }
    let value: i64 = digits.replace('_', "").parse().unwrap_or(i64::MAX);
    Some(if text.starts_with('-') { -value } else { value })
}

/// An integer with the prefix of its base, as Python's `int(TEXT, 0)` reads it: `0x10`, and no
/// leading zeros.
pub(crate) fn literal(text: &str) -> Option<i64> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .iter()
        .find_map(|(prefix, base)| Some((lower.strip_prefix(prefix)?, *base)));
    match based {
        Some((digits, base)) => {
            i64::from_str_radix(digits, base).ok().filter(|_| !digits.starts_with(['+', '-']))
        }
        None => {
            let digits = text.trim_start_matches(['+', '-']);
            let zeros = digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0');
            integer(text).filter(|_| !zeros)
        }
    }
}

/// Whether a file may have this port (`check_port` of `core/io/io_object.py`).
pub(crate) fn check_stored_port(port: &str, grammar: &Grammar) -> Checked<()> {
    if range(port, grammar).is_some() {
        return Ok(());
    }
    let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    Err(Code::InvalidPort.about(match is_number {
        true => format!("port number in '{port}' is too big"),
        false => format!("'{port}' is invalid port range"),
    }))
}

/// Whether a file may have this protocol with a port (`check_tcpudp` of `core/io/io_object.py`).
pub(crate) fn check_stored_protocol(protocol: &str) -> Checked<()> {
    if WITH_PORTS.contains(&protocol) {
        return Ok(());
    }
    let known = "{'tcp'|'udp'|'sctp'|'dccp'}";
    Err(Code::InvalidProtocol.about(format!("'{protocol}' not from {known}")))
}

/// A range in its shortest spelling.
pub(crate) fn spell((first, last): (u16, u16)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

/// Ranges of ports by protocol, which never overlap. Each has a place of the caller's.
#[derive(Default)]
pub(super) struct Ranges(BTreeMap<String, BTreeMap<u16, (u16, usize)>>);

/// A range that was taken in.
pub(super) struct Taken {
    /// The range with those that it overlapped.
    range: (u16, u16),
    /// The places of those, which are gone.
    absorbed: Vec<usize>,
}

impl Ranges {
    /// Takes a range in, with those that it overlaps; none if an earlier one has all of it. Adjacent ranges stay
    /// apart.
    pub(super) fn take(&mut self, protocol: &str, range: (u16, u16), place: usize) -> Option<Taken> {
        let (mut first, mut last) = range;
        let ranges = match self.0.get_mut(protocol) {
            Some(ranges) => ranges,
            None => self.0.entry(protocol.to_owned()).or_default(),
        };
        let before = ranges.range(..=first).next_back().map(|(start, (end, _))| (*start, *end));
        if before.is_some_and(|(_, end)| end >= last) {
            return None;
        }
        let mut overlapped: Vec<u16> = ranges.range(first..=last).map(|(start, _)| *start).collect();
        overlapped
            .extend(before.filter(|(start, end)| *end >= first && *start < first).map(|(start, _)| start));
        let mut absorbed = Vec::new();
        for start in overlapped {
            if let Some((end, place)) = ranges.remove(&start) {
                first = first.min(start);
                last = last.max(end);
                absorbed.push(place);
            }
        }
        ranges.insert(first, (last, place));
        Some(Taken {
            range: (first, last),
            absorbed,
        })
    }
}

/// Merges ports that overlap, as firewalld does when it reads a zone: a port inside an earlier one
/// is dropped; one that overlaps earlier ones includes them and keeps its own place. Adjacent ports
/// stay apart. Numbers take their shortest spelling. Takes n log n steps.
pub(crate) fn merge(ports: Vec<Port>, grammar: &Grammar) -> Vec<Port> {
    let mut places: Vec<Option<Port>> = Vec::with_capacity(ports.len());
    let mut ranges = Ranges::default();
    for port in ports {
        let Some(range) = port.range(grammar) else {
            places.push(Some(port));
            continue;
        };
        let Some(taken) = ranges.take(&port.protocol, range, places.len()) else {
            continue;
        };
        for place in taken.absorbed {
            if let Some(slot) = places.get_mut(place) {
                *slot = None;
            }
        }
        places.push(Some(Port::new(spell(taken.range), port.protocol)));
    }
    places.into_iter().flatten().collect()
}

/// Sorts for a listing: by protocol, then by number.
pub(crate) fn sort_for_listing(ports: &mut [Port], grammar: &Grammar) {
    ports.sort_by_cached_key(|port| (port.protocol.clone(), port.range(grammar)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ports(text: &str) -> Vec<Port> {
        let split = |word: &str| word.split_once('/').map(|(port, protocol)| Port::new(port, protocol));
        text.split_whitespace().filter_map(split).collect()
    }

    fn show(ports: &[Port]) -> String {
        ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn spellings_that_are_ports() {
        for (text, expected) in [
            ("80", Some((80, 80))),
            ("080", Some((80, 80))),
            (" 80 ", Some((80, 80))),
            ("+8_0", Some((80, 80))),
            ("80-", Some((80, 80))),
            ("90-80", Some((80, 90))),
            ("0-65535", Some((0, 65535))),
            ("65536", None),
            ("-1", None),
            ("-", None),
            ("", None),
            ("1-2-3", None),
            ("80-x", None),
            ("http", None),
        ] {
            assert_eq!(range(text, &Grammar::none()), expected, "{text}");
        }
    }

    #[test]
    fn ports_are_refused_with_a_reason() {
        for (text, expected) in [
            (
                "8080",
                "INVALID_PORT: bad port (most likely missing protocol), correct syntax is portid[-portid]/protocol",
            ),
            ("/tcp", "INVALID_PORT"),
            ("80/", "INVALID_PROTOCOL: '' not in {'tcp'|'udp'|'sctp'|'dccp'}"),
            ("80/TCP", "INVALID_PROTOCOL: 'TCP' not in {'tcp'|'udp'|'sctp'|'dccp'}"),
            ("65536/tcp", "INVALID_PORT: 65536"),
        ] {
            assert_eq!(Port::parse(text, &Grammar::none()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn merging_keeps_the_order_of_what_stays() {
        for (before, after) in [
            ("80-90/tcp 1/tcp 85-95/tcp", "1/tcp 80-95/tcp"),
            ("85/tcp 1/tcp 80-95/tcp 2/tcp", "1/tcp 80-95/tcp 2/tcp"),
            ("10-20/tcp 30-40/tcp 15-35/tcp 2/tcp", "10-40/tcp 2/tcp"),
            ("10-20/tcp 21-40/tcp 30-50/udp 15-35/udp", "10-20/tcp 21-40/tcp 15-50/udp"),
            ("080/tcp 40-30/udp 80/tcp 80-80/sctp", "80/tcp 30-40/udp 80/sctp"),
            ("10-20/tcp 10/tcp 10-25/tcp", "10-25/tcp"),
            ("8000-8100/tcp 8050/tcp", "8000-8100/tcp"),
        ] {
            assert_eq!(show(&merge(ports(before), &Grammar::none())), after, "{before}");
        }
    }

    proptest! {
        #[test]
        fn merged_ports_cover_the_same_and_never_overlap(ranges in proptest::collection::vec((0u16..60, 0u16..8), 0..20)) {
            let given: Vec<Port> = ranges.iter().map(|(a, n)| Port::new(spell((*a, a + n)), "tcp")).collect();
            let merged = merge(given, &Grammar::none());
            for port in 0u16..70 {
                let wanted = ranges.iter().any(|(a, n)| (*a..=a + n).contains(&port));
                let covering = merged.iter().filter_map(|p| p.range(&Grammar::none()));
                let count = covering.filter(|(a, b)| (*a..=*b).contains(&port)).count();
                prop_assert_eq!(count, usize::from(wanted));
            }
        }
    }
}
