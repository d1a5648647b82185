//! Checks of addresses, networks, MAC addresses and interface names, as strict as those of
//! firewalld's functions.py (1.3.4): `checkIP()`, `checkIPnMask()`, `checkIP6nMask()`,
//! `check_mac()` and `checkInterface()`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text is an IPv4 address.
pub(crate) fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Whether a text is an IPv6 address, which may stand in brackets.
pub(crate) fn is_ipv6(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<Ipv6Addr>().is_ok()
}

/// Whether a text is an IPv4 address or network; the mask is a length or dotted.
pub(crate) fn is_ipv4_net(text: &str) -> bool {
    let Some((address, mask)) = text.split_once('/') else {
        return is_ipv4(text);
    };
    let length = !mask.is_empty() && mask.bytes().all(|b| b.is_ascii_digit());
    let mask = if length {
        mask.parse().is_ok_and(|length: u32| length <= 32)
    } else {
        is_ipv4(mask)
    };
    is_ipv4(address) && mask
}

/// Whether a text is an IPv6 address or network.
pub(crate) fn is_ipv6_net(text: &str) -> bool {
    let Some((address, mask)) = text.split_once('/') else {
        return is_ipv6(text);
    };
    let length = !mask.is_empty() && mask.bytes().all(|b| b.is_ascii_digit());
    is_ipv6(address) && length && mask.parse().is_ok_and(|length: u32| length <= 128)
}

/// Whether a text is an address or network of a family, `ipv4` or `ipv6`.
pub(crate) fn is_net(family: &str, text: &str) -> bool {
    match family {
        "ipv4" => is_ipv4_net(text),
        "ipv6" => is_ipv6_net(text),
        _ => false,
    }
}

/// Whether a text is a MAC address, six pairs of hexadecimal digits separated by colons.
pub(crate) fn is_mac(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 17
        && bytes.iter().enumerate().all(|(at, byte)| match at % 3 {
            2 => *byte == b':',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a zone can have this source: a network, a MAC address, or `ipset:NAME`.
pub(crate) fn is_source(text: &str) -> bool {
    text.starts_with("ipset:") || is_ipv4_net(text) || is_ipv6_net(text) || is_mac(text)
}

/// Whether an interface can have this name: 1 to 16 characters without blanks, `/`, `!` and `*`.
pub(crate) fn is_interface(name: &str) -> bool {
    let length = name.chars().count();
    (1..=16).contains(&length) && !name.contains([' ', '/', '!', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_addresses_are_checked_as_firewalld_does() {
        for text in [
            "10.0.0.1",
            "10.0.0.1/8",
            "10.0.0.0/255.0.0.0",
            "::1",
            "FE80::1",
            "::/0",
            "00:11:22:33:44:AA",
            "ipset:",
            "0.0.0.0/0",
        ] {
            assert!(is_source(text), "{text}");
        }
        for text in [
            "",
            "10",
            "10.0.0",
            "10.0.0.1/",
            "10.0.0.0/33",
            "1.2.3.04",
            "fe80::/129",
            "fe80::1%eth0",
            "00:11:22:33:44:5",
            "001122334455",
            "1.2.3.4-1.2.3.9",
        ] {
            assert!(!is_source(text), "{text}");
        }
    }

    #[test]
    fn interface_names_are_checked_as_firewalld_does() {
        for (name, fine) in [
            ("eth+", true),
            ("br0:1", true),
            ("aaaaaaaaaaaaaaaa", true),
            ("aaaaaaaaaaaaaaaaa", false),
            ("", false),
            ("a/b", false),
            ("eth0!", false),
            ("*x", false),
            ("a b", false),
        ] {
            assert_eq!(is_interface(name), fine, "{name}");
        }
    }
}
