//! Entries of ipsets: what fits a set's type and family, and which overlap (`check_entry` of
//! `core/io/ipset.py`, and `core/ipset.py`).

use std::net::{IpAddr, Ipv4Addr};

use super::address::{is_interface, is_ipv4, is_ipv4_net, is_ipv6, is_ipv6_net, is_mac};
use super::code::{Checked, Code, Fault};
use super::grammar::Grammar;
use super::port::{check_port, check_protocol, integer};
use crate::firewall::icmp::icmp_type;

/// Longest name of an interface in an entry.
const INTERFACE_LENGTH: usize = 15;

fn invalid(detail: String) -> Fault {
    Code::InvalidEntry.about(detail)
}

/// An entry with the set that it is for.
struct Entry<'e> {
    text: &'e str,
    kind: &'e str,
    is_ipv6: bool,
}

/// Whether an entry fits a set's type, such as `hash:net,port`, and family.
///
/// # Errors
/// `INVALID_ENTRY`
pub(crate) fn check(text: &str, kind: &str, is_ipv6: bool, grammar: &Grammar) -> Checked<()> {
    let entry = Entry { text, kind, is_ipv6 };
    let parts: Vec<&str> = text.split(',').collect();
    let kinds: Vec<&str> = kind.strip_prefix("hash:").unwrap_or_default().split(',').collect();
    if kinds.len() != parts.len() {
        return Err(invalid(format!("entry '{text}' does not match ipset type '{kind}'")));
    }
    for (place, (kind, part)) in kinds.iter().zip(&parts).enumerate() {
        match *kind {
            "ip" => entry.check_ip(part, place)?,
            "net" => entry.check_net(part, place)?,
            "mac" if !is_mac(part) || *part == "00:00:00:00:00:00" => {
                return Err(invalid(format!("invalid mac address '{part}' in '{text}'")));
            }
            "port" => entry.check_port(part, grammar)?,
            "mark" if !is_mark(part) => {
                return Err(invalid(format!("invalid mark '{part}' in '{text}'")));
            }
            "iface" if !is_interface(part) || part.chars().count() > INTERFACE_LENGTH => {
                return Err(invalid(format!("invalid interface '{part}' in '{text}'")));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Entry<'_> {
    fn bad(&self, what: &str, part: &str) -> Fault {
        let family = if self.is_ipv6 { "ipv6" } else { "ipv4" };
        invalid(format!("invalid {what} '{part}' in '{}' for {} ({family})", self.text, self.kind))
    }

    fn is_address(&self, text: &str) -> bool {
        if self.is_ipv6 {
            is_ipv6(text)
        } else {
            is_ipv4(text)
        }
    }

    fn is_net(&self, text: &str) -> bool {
        if self.is_ipv6 {
            is_ipv6_net(text)
        } else {
            is_ipv4_net(text)
        }
    }

    fn check_ip(&self, part: &str, place: usize) -> Checked<()> {
        if part.contains('-') && !self.is_ipv6 {
            if place > 1 {
                return Err(invalid(format!("invalid address '{part}' in '{}'[{place}]", self.text)));
            }
            let bounds: Vec<&str> = part.split('-').collect();
            if bounds.len() != 2 {
                return Err(self.bad("address range", part));
            }
            return match bounds.iter().find(|bound| !self.is_address(bound)) {
                Some(bound) => Err(self.bad("address", bound)),
                None => Ok(()),
            };
        }
        let fits = match (self.is_ipv6, place) {
            (true, _) => is_ipv6(part),
            // A mask is for the first part only.
            (false, 0) => part != "0.0.0.0" && is_ipv4_net(part),
            (false, _) => part != "0.0.0.0" && is_ipv4(part),
        };
        if fits {
            Ok(())
        } else {
            Err(self.bad("address", part))
        }
    }

    fn check_net(&self, part: &str, place: usize) -> Checked<()> {
        if part.contains('-') {
            let bounds: Vec<&str> = part.split('-').collect();
            let [first, last] = bounds[..] else {
                return Err(self.bad("address range", part));
            };
            return match (self.is_address(first), self.is_net(last)) {
                (false, _) => Err(self.bad("address", first)),
                (true, false) => Err(self.bad("address", last)),
                (true, true) => Ok(()),
            };
        }
        let everything = part.ends_with("/0");
        let takes_everything = self.is_ipv6 && place == 0 && self.kind == "hash:net,iface";
        match (!everything || takes_everything) && self.is_net(part) {
            true => Ok(()),
            false => Err(self.bad("address", part)),
        }
    }

    fn check_port(&self, part: &str, grammar: &Grammar) -> Checked<()> {
        let Some((protocol, port)) = part.split_once(':') else {
            return check_port(part, grammar)
                .map_err(|_| invalid(format!("invalid port '{part}' in '{}'", self.text)));
        };
        if port.contains(':') {
            return Err(invalid(format!("invalid port '{part}'")));
        }
        match protocol {
            "icmp" | "icmpv6" | "ipv6-icmp" => return self.check_icmp(protocol, port),
            "tcp" | "sctp" | "udp" | "udplite" => {}
            _ => check_protocol(protocol, grammar)
                .map_err(|_| invalid(format!("invalid protocol '{protocol}' in '{}'", self.text)))?,
        }
        check_port(port, grammar).map_err(|_| invalid(format!("invalid port '{port}'in '{}'", self.text)))
    }

    fn check_icmp(&self, protocol: &str, name: &str) -> Checked<()> {
        let is_icmp = protocol == "icmp";
        if is_icmp == self.is_ipv6 {
            let family = if self.is_ipv6 { "ipv6" } else { "ipv4" };
            return Err(invalid(format!("invalid protocol for family '{family}' in '{}'", self.text)));
        }
        let known = icmp_type(name).and_then(|found| if is_icmp { found.ipv4 } else { found.ipv6 });
        let number = name
            .split_once('/')
            .filter(|(kind, code)| kind.parse::<u8>().is_ok() && code.parse::<u8>().is_ok());
        if known.is_some() || number.is_some() || matches!(name, "ping" | "pong") {
            return Ok(());
        }
        let what = if is_icmp { "icmp" } else { "icmpv6" };
        Err(invalid(format!("invalid {what} type '{name}' in '{}'", self.text)))
    }
}

fn is_mark(text: &str) -> bool {
    let number = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => integer(text),
    };
    number.is_some_and(|number| u32::try_from(number).is_ok())
}

/// A network as numbers: the address with its host bits cleared, and the mask's length. Addresses
/// of both families fit; the flag says which are those of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Network {
    is_ipv6: bool,
    address: u128,
    length: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let (number, bits) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let length = match mask {
            None => bits,
            Some(mask) => match mask.parse::<u32>() {
                Ok(length) => length,
                Err(_) => u32::from(mask.parse::<Ipv4Addr>().ok()?).leading_ones(),
            },
        };
        let host = bits.checked_sub(length)?;
        let kept = u128::MAX.checked_shl(host).unwrap_or(0);
        Some(Network {
            is_ipv6: bits == 128,
            address: number & kept,
            length,
        })
    }

    fn overlaps(self, other: Network) -> bool {
        let bits = if self.is_ipv6 { 128 } else { 32 };
        let host = bits - self.length.min(other.length);
        let prefix = |network: Network| network.address.checked_shr(host).unwrap_or(0);
        self.is_ipv6 == other.is_ipv6 && prefix(self) == prefix(other)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = match self.is_ipv6 {
            true => IpAddr::V6(self.address.into()),
            // Of an IPv4 address no bit is above these.
            false => IpAddr::V4(u32::try_from(self.address).unwrap_or_default().into()),
        };
        write!(f, "{address}/{}", self.length)
    }
}

/// Clears the host bits of networks: `10.1.2.3/8` is `10.0.0.0/8` (`normalize_ipset_entry`).
pub(crate) fn normalize(entry: &str) -> String {
    let normal = |part: &str| match Network::parse(part).filter(|_| part.contains('/')) {
        Some(network) => network.to_string(),
        None => part.to_owned(),
    };
    entry.split(',').map(normal).collect::<Vec<_>>().join(",")
}

/// Whether an entry overlaps one of a set (`check_entry_overlaps_existing`). Takes as long as the
/// set is.
///
/// # Errors
/// `INVALID_ENTRY`
pub(crate) fn check_overlap(entry: &str, entries: &[String]) -> Checked<()> {
    let Some(network) = Network::parse(entry) else {
        return Ok(());
    };
    let overlaps = |other: &&String| Network::parse(other).is_some_and(|other| network.overlaps(other));
    match entries.iter().find(overlaps) {
        Some(other) => Err(invalid(format!("Entry '{entry}' overlaps with existing entry '{other}'"))),
        None => Ok(()),
    }
}

/// Whether entries overlap each other (`check_for_overlapping_entries`): sorted, those that do are
/// neighbours. Nothing is said where one is no network.
///
/// # Errors
/// `INVALID_ENTRY`
pub(crate) fn check_overlaps(entries: &[String]) -> Checked<()> {
    let Some(mut networks) = entries.iter().map(|entry| Network::parse(entry)).collect::<Option<Vec<_>>>()
    else {
        return Ok(());
    };
    networks.sort();
    match networks.windows(2).find(|pair| pair[0].overlaps(pair[1])) {
        Some(pair) => Err(invalid(format!("Entry '{}' overlaps entry '{}'", pair[0], pair[1]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_fit_type_and_family() {
        for (kind, is_ipv6, entry, fits) in [
            ("hash:ip", false, "10.0.0.1", true),
            ("hash:ip", false, "10.0.0.0/30", true),
            ("hash:ip", false, "10.0.0.1-10.0.0.9", true),
            ("hash:ip", false, "0.0.0.0", false),
            ("hash:ip", true, "fd00::1", true),
            ("hash:ip", true, "fd00::/8", false),
            ("hash:net", false, "0.0.0.0/0", false),
            ("hash:net", true, "fd00::/8", true),
            ("hash:net,iface", true, "::/0,eth0", true),
            ("hash:ip,port", false, "10.0.0.1,tcp:80-90", true),
            ("hash:ip,port", false, "10.0.0.1,foo:80", false),
            ("hash:ip,port", false, "10.0.0.1,icmp:ping", true),
            ("hash:ip,port", true, "fd00::1,icmp:ping", false),
            ("hash:ip,mark", false, "10.0.0.1,0x63", true),
            ("hash:ip,mark", false, "10.0.0.1,-1", false),
            ("hash:mac", false, "00:11:22:33:44:55", true),
            ("hash:mac", false, "00:00:00:00:00:00", false),
            ("hash:net", false, "10.0.0.0/8,80", false),
        ] {
            assert_eq!(check(entry, kind, is_ipv6, &Grammar::none()).is_ok(), fits, "{kind} {entry}");
        }
    }

    #[test]
    fn overlapping_entries_are_found() {
        let entries = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let error = check_overlap("10.1.0.0/16", &entries("192.168.0.0/24 10.0.0.0/8")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "INVALID_ENTRY: Entry '10.1.0.0/16' overlaps with existing entry '10.0.0.0/8'"
        );
        assert!(check_overlap("00:11:22:33:44:55", &entries("10.0.0.0/8")).is_ok());
        let error = check_overlaps(&entries("10.1.0.0/16 192.168.1.0/24 10.0.0.0/8")).unwrap_err();
        assert_eq!(error.to_string(), "INVALID_ENTRY: Entry '10.0.0.0/8' overlaps entry '10.1.0.0/16'");
        assert!(check_overlaps(&entries("10.0.0.0/9 10.128.0.0/9 fd00::/8")).is_ok());
        assert!(check_overlaps(&[]).is_ok());
    }

    #[test]
    fn host_bits_are_cleared() {
        assert_eq!(normalize("10.1.2.3/8"), "10.0.0.0/8");
        assert_eq!(normalize("10.1.2.3"), "10.1.2.3");
        assert_eq!(normalize("fd00::1/8,tcp:80"), "fd00::/8,tcp:80");
        assert_eq!(normalize("10.1.2.3/255.0.0.0"), "10.0.0.0/8");
    }
}
