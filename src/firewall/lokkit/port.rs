//! Ports as lokkit spells them: `A[-B]:PROTOCOL`, numbers or names, ranges in any order.

use std::fmt;

/// Looks a port name up; `None` if it is unknown.
pub(crate) type Lookup<'a> = &'a dyn Fn(&[u8]) -> Option<u16>;

/// One port or a range of them, `low <= high`. Printed as `N` or `N-M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ports {
    low: u16,
    high: u16,
}

/// The protocols that have ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
}

/// Ports of a protocol. Printed as `N:tcp` or `N-M:udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port {
    /// Which ports.
    pub ports: Ports,
    /// Of which protocol.
    pub protocol: Protocol,
}

impl Ports {
    /// The ports between two, both included, in whichever order they are given.
    pub fn between(a: u16, b: u16) -> Ports {
        Ports {
            low: a.min(b),
            high: a.max(b),
        }
    }

    /// A single port.
    pub fn one(port: u16) -> Ports {
        Ports::between(port, port)
    }

    /// As iptables matches write it: `N` or `N:M`.
    pub(crate) fn to_match(self) -> impl fmt::Display {
        Joined(self, ':')
    }

    /// Parses `A`, `A-B` or `A-`. A name may hold dashes itself: the whole text may be a name,
    /// otherwise exactly one way to split it must give two known ports; getPortRange() of fw_functions.py.
    pub fn parse(text: &[u8], names: Lookup) -> Option<Ports> {
        if let Some(port) = single(text, names) {
            return Some(Ports::one(port));
        }
        let dashes = text.iter().enumerate().filter(|(_, byte)| **byte == b'-');
        let mut found = dashes.filter_map(|(at, _)| {
            let (first, second) = (&text[..at], &text[at + 1..]);
            let low = single(first, names)?;
            let high = if second.is_empty() {
                low
            } else {
                single(second, names)?
            };
            Some(Ports::between(low, high))
        });
        match (found.next(), found.next()) {
            (Some(ports), None) => Some(ports),
            _ => None,
        }
    }
}

/// Ports and what stands between the first and the last of them.
struct Joined(Ports, char);

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Joined(Ports { low, high }, delimiter) = self;
        match low == high {
            true => write!(f, "{low}"),
            false => write!(f, "{low}{delimiter}{high}"),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        Joined(*self, '-').fmt(f)
    }
}

/// A number or a name. What looks like a number to Python's `int()`, blanks and a sign included, is never
/// looked up; getPortID() of fw_functions.py.
fn single(text: &[u8], names: Lookup) -> Option<u16> {
    let trimmed = text.trim_ascii();
    let (negative, digits) = match trimmed {
        [b'+', digits @ ..] => (false, digits),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return names(text);
    }
    let number: u16 = str::from_utf8(digits).ok()?.parse().ok()?;
    (!negative || number == 0).then_some(number)
}

impl Protocol {
    /// By its name, lower case only: `_check_port()` of fw_parser.py compares it as it is.
    pub fn parse(name: &[u8]) -> Option<Protocol> {
        match name {
            b"tcp" => Some(Protocol::Tcp),
            b"udp" => Some(Protocol::Udp),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl Port {
    /// Parses a value of `--port`; the error is the message.
    pub fn parse(value: &[u8], names: Lookup) -> Result<Port, String> {
        let lossy = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let mut halves = value.split(|&byte| byte == b':');
        let parsed = match (halves.next(), halves.next(), halves.next()) {
            (Some(ports), Some(protocol), None) => {
                Ports::parse(ports.trim_ascii(), names).map(|ports| (ports, protocol.trim_ascii()))
            }
            _ => None,
        };
        let Some((ports, protocol)) = parsed else {
            return Err(format!("invalid port definition {}.", lossy(value)));
        };
        match Protocol::parse(protocol) {
            Some(protocol) => Ok(Port { ports, protocol }),
            None => Err(format!("{} is not a valid protocol.", lossy(protocol))),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", self.ports, self.protocol.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(name: &[u8]) -> Option<u16> {
        match name {
            b"demo" => Some(10),
            b"svc" => Some(20),
            b"demo-svc" => Some(4100),
            b"a" | b"a-b" => Some(1),
            b"b-c" | b"c" => Some(2),
            b"1" => Some(999),
            _ => None,
        }
    }

    #[test]
    fn definitions() {
        let cases = [
            ("80:tcp", Ok("80:tcp")),
            (" 80 : tcp ", Ok("80:tcp")),
            ("0:udp", Ok("0:udp")),
            ("-0:udp", Ok("0:udp")),
            ("+0080:tcp", Ok("80:tcp")),
            ("65535:udp", Ok("65535:udp")),
            ("90-80:tcp", Ok("80-90:tcp")),
            ("90-90:tcp", Ok("90:tcp")),
            ("7000-:tcp", Ok("7000:tcp")),
            ("demo-svc:tcp", Ok("4100:tcp")),
            ("svc-demo:tcp", Ok("10-20:tcp")),
            ("demo-99:udp", Ok("10-99:udp")),
            ("demo-svc-99:udp", Ok("99-4100:udp")),
            ("99-demo-svc:udp", Ok("99-4100:udp")),
            ("1:tcp", Ok("1:tcp")),
            ("80", Err("invalid port definition 80.")),
            ("80/tcp", Err("invalid port definition 80/tcp.")),
            ("1:2:tcp", Err("invalid port definition 1:2:tcp.")),
            ("65536:tcp", Err("invalid port definition 65536:tcp.")),
            ("-5:tcp", Err("invalid port definition -5:tcp.")),
            ("7000--:tcp", Err("invalid port definition 7000--:tcp.")),
            ("80,443:tcp", Err("invalid port definition 80,443:tcp.")),
            (":tcp", Err("invalid port definition :tcp.")),
            ("a-b-c:tcp", Err("invalid port definition a-b-c:tcp.")),
            ("nosuch:tcp", Err("invalid port definition nosuch:tcp.")),
            ("9:sctp", Err("sctp is not a valid protocol.")),
            ("9:TCP", Err("TCP is not a valid protocol.")),
            ("9:", Err(" is not a valid protocol.")),
        ];
        for (text, expected) in cases {
            let parsed = Port::parse(text.as_bytes(), &names).map(|port| port.to_string());
            assert_eq!(parsed, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(Port::parse(b"\xff:tcp", &names), Err("invalid port definition \u{fffd}:tcp.".to_owned()));
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(a: u16, b: u16, tcp: bool) {
            let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
            let port = Port { ports: Ports::between(a, b), protocol };
            prop_assert_eq!(Port::parse(port.to_string().as_bytes(), &|_| None), Ok(port));
        }

        /// Two names that are known only as a whole always find each other, wherever they have
        /// dashes themselves.
        #[test]
        fn names_with_dashes_split_where_both_are_known(
            first in "[a-z]{1,4}(-[a-z]{1,4}){0,3}",
            second in "[a-z]{1,4}(-[a-z]{1,4}){0,3}",
        ) {
            let known = |name: &[u8]| match name {
                name if name == first.as_bytes() => Some(10),
                name if name == second.as_bytes() => Some(20),
                _ => None,
            };
            let text = format!("{first}-{second}");
            let splits = (0..text.len()).filter(|&at| {
                text.as_bytes()[at] == b'-'
                    && known(&text.as_bytes()[..at]).is_some()
                    && known(&text.as_bytes()[at + 1..]).is_some()
            });
            let expected = match known(text.as_bytes()) {
                Some(port) => Some(Ports::one(port)),
                None if splits.count() == 1 => known(second.as_bytes()).map(|port| Ports::between(10, port)),
                None => None,
            };
            prop_assert_eq!(Ports::parse(text.as_bytes(), &known), expected);
        }

        #[test]
        fn no_input_panics(value: Vec<u8>) {
            let _ = Port::parse(&value, &names);
        }
    }
}
