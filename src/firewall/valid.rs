//! Which names may be written into firewall files: everything that a shell word, an nft text or an
//! XML attribute could take for more than a name is refused.

use std::net::IpAddr;

/// A name that is used in a path: letters, digits, `_`, `-`, `.`, `+`, not starting with a dot or
/// dash, at most 100 bytes.
pub fn name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.+".contains(&byte);
    (1..=100).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(plain)
}

/// A zone's name: as firewalld has it, letters, digits, `_`, `-`, and no more than 17 of them
/// are usable.
pub fn zone(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=17).contains(&text.len()) && text.bytes().all(plain)
}

/// A service's name.
pub fn service(text: &str) -> bool {
    name(text)
}

/// A protocol or an ICMP type.
pub fn word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(plain)
}

/// An interface, with `+` at the end as a wildcard: at most 15 bytes, as in the kernel.
pub fn interface(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    let stem = text.strip_suffix('+').unwrap_or(text);
    text.len() <= 15 && !stem.is_empty() && stem != "." && stem != ".." && stem.bytes().all(plain)
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A host or network.
    Network(IpAddr, u8),
    /// A hardware address.
    Mac(&'a str),
    /// `ipset:NAME`.
    Ipset(&'a str),
}

/// Reads a source: an address, `ADDRESS/BITS`, `ADDRESS/MASK`, a hardware address or `ipset:NAME`.
pub(crate) fn parse_source(text: &str) -> Option<Source<'_>> {
    if let Some(set) = text.strip_prefix("ipset:") {
        return name(set).then_some(Source::Ipset(set));
    }
    if is_mac(text) {
        return Some(Source::Mac(text));
    }
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => width,
        Some(bits) => prefix(bits)?,
    };
    (bits <= width).then_some(Source::Network(address, bits))
}

/// A prefix length, or an IPv4 mask as one.
fn prefix(text: &str) -> Option<u8> {
    if let Ok(mask) = text.parse::<std::net::Ipv4Addr>() {
        let mask = u32::from(mask);
        return (mask.leading_ones() + mask.trailing_zeros() >= 32).then(|| mask.leading_ones() as u8);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn is_mac(text: &str) -> bool {
    let pairs: Vec<&str> = text.split(':').collect();
    let pair = |pair: &&str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    pairs.len() == 6 && pairs.iter().all(pair)
}

/// A source of any kind.
pub fn source(text: &str) -> bool {
    parse_source(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_more_than_names_are_refused() {
        for good in ["vdsm-hook-fcoe", "libstdc++", "a.b_c", "+unknown"] {
            assert!(name(good), "{good}");
        }
        for bad in [
            "", ".", "../x", "a/b", "a b", "a\"", "a\n", "a;b", "-x", "a<b", "é", "a{b",
        ] {
            assert!(!name(bad), "{bad}");
        }
        assert!(interface("ppp+") && interface("br-lan.1") && interface("eth0:1"));
        assert!(
            !interface("+") && !interface("eth0\"") && !interface("averyveryverylong") && !interface("a*")
        );
    }

    #[test]
    fn sources_are_addresses_networks_macs_and_sets() {
        let network = |text: &str, bits| Some(Source::Network(text.parse().unwrap(), bits));
        assert_eq!(parse_source("10.0.0.0/8"), network("10.0.0.0", 8));
        assert_eq!(parse_source("10.0.0.0/255.0.0.0"), network("10.0.0.0", 8));
        assert_eq!(parse_source("fe80::/64"), network("fe80::", 64));
        assert_eq!(parse_source("00:11:22:aa:bb:cc"), Some(Source::Mac("00:11:22:aa:bb:cc")));
        assert_eq!(parse_source("ipset:x"), Some(Source::Ipset("x")));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/255.0.255.0",
            "x",
            "10.0.0.1 accept",
            "ipset:a b",
        ] {
            assert_eq!(parse_source(bad), None, "{bad}");
        }
    }
}
