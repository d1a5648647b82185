//! Port forwards as lokkit spells them: `if=IF:port=A[-B]:proto=PROTOCOL[:toport=C[-D]][:toaddr=ADDR]`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::interface;
use super::port::{Lookup, Ports, Protocol};

/// A forwarded port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Forward {
    /// Of what enters by this interface.
    pub interface: String,
    /// The ports.
    pub ports: Ports,
    /// Their protocol.
    pub protocol: Protocol,
    /// Where to; absent means the same ports.
    pub to_ports: Option<Ports>,
    /// To which host, a dotted quad; absent or empty means this one.
    pub to_address: Option<String>,
}

#[derive(Default)]
struct Keys {
    interface: Option<String>,
    ports: Option<Ports>,
    protocol: Option<Protocol>,
    to_ports: Option<Ports>,
    to_address: Option<String>,
}

impl Forward {
    /// Parses a value of `--forward-port`; the error is the message.
    pub fn parse(value: &[u8], names: Lookup) -> Result<Forward, String> {
        let invalid = format!("invalid forward_port '{}'", String::from_utf8_lossy(value));
        let mut keys = Keys::default();
        for piece in pieces(value) {
            keys.set(piece, names)
                .ok_or_else(|| format!("{invalid}: Invalid argument {}.", String::from_utf8_lossy(piece)))?;
        }
        keys.complete().ok_or_else(|| format!("{invalid}."))
    }

    /// The address of another host, if it goes to one.
    pub(crate) fn remote(&self) -> Option<&str> {
        self.to_address.as_deref().filter(|address| !address.is_empty())
    }

    /// The ports where it ends.
    pub(crate) fn target_ports(&self) -> Ports {
        self.to_ports.unwrap_or(self.ports)
    }

    /// The value in canonical form.
    pub fn to_value(&self) -> String {
        let protocol = self.protocol.name();
        let mut value = format!("if={}:port={}:proto={protocol}", self.interface, self.ports);
        if let Some(ports) = self.to_ports {
            value += &format!(":toport={ports}");
        }
        if let Some(address) = &self.to_address {
            value += &format!(":toaddr={address}");
        }
        value
    }
}

impl Keys {
    /// Takes a `KEY=VALUE` in; `None` if it is at fault. A repeated key overwrites; _check_forward_port() of
    /// fw_parser.py.
    fn set(&mut self, piece: &[u8], names: Lookup) -> Option<()> {
        let mut halves = piece.split(|&byte| byte == b'=');
        let (key, value) = (halves.next()?, halves.next()?);
        if halves.next().is_some() {
            return None;
        }
        match key {
            b"if" => self.interface = Some(interface::parse(OsStr::from_bytes(value))?),
            b"port" => self.ports = Some(Ports::parse(value, names)?),
            b"proto" => self.protocol = Some(Protocol::parse(value)?),
            b"toport" => self.to_ports = Some(Ports::parse(value, names)?),
            b"toaddr" => self.to_address = Some(address(value)?),
            _ => return None,
        }
        Some(())
    }

    fn complete(self) -> Option<Forward> {
        let forward = Forward {
            interface: self.interface?,
            ports: self.ports?,
            protocol: self.protocol?,
            to_ports: self.to_ports,
            to_address: self.to_address,
        };
        (forward.to_ports.is_some() || forward.to_address.is_some()).then_some(forward)
    }
}

/// Splits at colons; what holds a single `=` after one is the last piece even if it holds colons
/// itself, so that an IPv6 address is reported as a whole.
fn pieces(value: &[u8]) -> Vec<&[u8]> {
    let mut equals = value.iter().filter(|&&byte| byte == b'=').count();
    let (mut pieces, mut rest, mut first) = (Vec::new(), value, true);
    loop {
        let colon = rest.iter().position(|&byte| byte == b':');
        match colon {
            Some(at) if first || equals != 1 => {
                let (piece, after) = (&rest[..at], &rest[at + 1..]);
                equals -= piece.iter().filter(|&&byte| byte == b'=').count();
                pieces.push(piece);
                (rest, first) = (after, false);
            }
            _ => {
                pieces.push(rest);
                return pieces;
            }
        }
    }
}

/// Four decimal numbers from 0 to 255, or nothing at all; checkIP() of fw_functions.py.
fn address(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    let is_part = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u8>().is_ok();
    let is_quad = text.split('.').count() == 4 && text.split('.').all(is_part);
    (text.is_empty() || is_quad).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<String, String> {
        let forward = Forward::parse(value.as_bytes(), &|_| None);
        forward.map(|forward| forward.to_value())
    }

    #[test]
    fn keys_come_in_any_order_and_leave_in_one() {
        let cases = [
            ("if=w:port=80:proto=tcp:toport=8080", "if=w:port=80:proto=tcp:toport=8080"),
            (
                "toaddr=192.0.2.9:toport=8:proto=udp:port=1:if=w",
                "if=w:port=1:proto=udp:toport=8:toaddr=192.0.2.9",
            ),
            ("if=w:port=1:port=9-2:proto=tcp:toport=3", "if=w:port=2-9:proto=tcp:toport=3"),
            ("if=w:port=1:proto=tcp:toaddr=", "if=w:port=1:proto=tcp:toaddr="),
        ];
        for (value, expected) in cases {
            assert_eq!(parse(value).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn the_piece_at_fault_is_named() {
        let cases = [
            ("if=w:port=80:proto=tcp", "."),
            ("port=80:proto=tcp:toport=1", "."),
            ("", ": Invalid argument ."),
            ("if=w:port=1:proto=tcp:toport=2:comment=x", ": Invalid argument comment=x."),
            ("if=w:port=1:proto=tcp:toaddr=192.0.2.256", ": Invalid argument toaddr=192.0.2.256."),
            ("if=w:port=1:proto=tcp:toaddr=192.0.2", ": Invalid argument toaddr=192.0.2."),
            ("if=w:port=1:proto=tcp:toaddr=2001:db8::1", ": Invalid argument toaddr=2001:db8::1."),
            ("if=w:port=1=2:proto=tcp:toport=1", ": Invalid argument port=1=2."),
            ("if=w!:port=1:proto=tcp:toport=1", ": Invalid argument if=w!."),
            ("if=w:port=1:proto=sctp:toport=1", ": Invalid argument proto=sctp."),
            ("if=w:port=99999:proto=tcp:toport=1", ": Invalid argument port=99999."),
        ];
        for (value, fault) in cases {
            assert_eq!(parse(value), Err(format!("invalid forward_port '{value}'{fault}")));
        }
    }
}
