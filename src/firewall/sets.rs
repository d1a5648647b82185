//! Sets of addresses (firewalld.ipset(5)) in no dialect: of one family, sorted and merged.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::firewalld::Ipset;
use super::valid::{Source, parse_source};

/// First and last address of a range.
pub(crate) type Range = (IpAddr, IpAddr);

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressSet {
    /// IPv4 hosts and networks.
    Ipv4(Vec<Range>),
    /// IPv6 hosts and networks.
    Ipv6(Vec<Range>),
    /// Hardware addresses.
    Mac(BTreeSet<String>),
}

impl AddressSet {
    /// Takes a set's entries apart.
    ///
    /// # Errors
    /// Why only firewalld can set it up, in words.
    pub fn of(ipset: &Ipset) -> Result<AddressSet, String> {
        if ipset.has_timeout() {
            return Err("its entries are added while it is in use and time out".into());
        }
        let is_ipv6 = ipset.option("family") == Some("inet6");
        match (ipset.kind.as_str(), is_ipv6) {
            ("hash:ip" | "hash:net", false) => Ok(AddressSet::Ipv4(ranges(&ipset.entries)?)),
            ("hash:ip" | "hash:net", true) => Ok(AddressSet::Ipv6(ranges(&ipset.entries)?)),
            ("hash:mac", _) => {
                Ok(AddressSet::Mac(ipset.entries.iter().map(|entry| entry.to_lowercase()).collect()))
            }
            (kind, _) => Err(format!("sets of type {kind} are not set up")),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        match self {
            AddressSet::Ipv4(ranges) | AddressSet::Ipv6(ranges) => ranges.len(),
            AddressSet::Mac(addresses) => addresses.len(),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its entries as sources of zones are written: networks and hardware addresses.
    pub fn sources(&self) -> Vec<String> {
        match self {
            AddressSet::Ipv4(ranges) | AddressSet::Ipv6(ranges) => {
                ranges.iter().flat_map(|range| networks(*range)).collect()
            }
            AddressSet::Mac(addresses) => addresses.iter().cloned().collect(),
        }
    }
}

/// Sorted ranges that do not touch: neither nft nor a reader wants one address twice.
fn ranges(entries: &[String]) -> Result<Vec<Range>, String> {
    let read = |entry: &String| bounds(entry).ok_or_else(|| format!("entry {entry:?} is not a network"));
    let mut found: Vec<(u128, u128, bool)> = entries.iter().map(read).collect::<Result<_, _>>()?;
    found.sort_unstable();
    let mut merged: Vec<(u128, u128, bool)> = Vec::with_capacity(found.len());
    for (low, high, is_ipv6) in found {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high, is_ipv6)),
        }
    }
    Ok(merged
        .into_iter()
        .map(|(low, high, is_ipv6)| (address(low, is_ipv6), address(high, is_ipv6)))
        .collect())
}

/// First and last address of `ADDRESS`, `ADDRESS/BITS` or `FIRST-LAST`, and whether they are IPv6.
fn bounds(entry: &str) -> Option<(u128, u128, bool)> {
    if let Some((first, last)) = entry.split_once('-') {
        let ((low, _, is_ipv6), (_, high, _)) = (bounds(first)?, bounds(last)?);
        return (low <= high).then_some((low, high, is_ipv6));
    }
    let Source::Network(base, bits) = parse_source(entry)? else {
        return None;
    };
    let width = if base.is_ipv4() { 32 } else { 128 };
    let host = u128::MAX.checked_shr(128 - (width - u32::from(bits))).unwrap_or(0);
    let low = number(base) & !host;
    Some((low, low | host, base.is_ipv6()))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn address(number: u128, is_ipv6: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !is_ipv6 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

/// The fewest networks that a range is made of.
fn networks((first, last): Range) -> Vec<String> {
    let is_ipv6 = first.is_ipv6();
    let width: u32 = if is_ipv6 { 128 } else { 32 };
    let (mut low, high) = (number(first), number(last));
    let mut found = Vec::new();
    loop {
        // As many addresses as the first one is aligned to, and as there are left.
        let aligned = low.trailing_zeros().min(width);
        let left = (high - low).checked_add(1).map_or(width, u128::ilog2);
        let host = aligned.min(left);
        found.push(format!("{}/{}", address(low, is_ipv6), width - host));
        let size = 1u128.checked_shl(host);
        match size.and_then(|size| low.checked_add(size)) {
            Some(next) if next <= high => low = next,
            _ => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::firewalld::Grammar;

    fn set(kind: &str, family: &str, entries: &[&str]) -> Result<AddressSet, String> {
        let option = match family {
            "" => String::new(),
            family => format!("<option name=\"family\" value=\"{family}\"/>"),
        };
        let entries: String = entries.iter().map(|entry| format!("<entry>{entry}</entry>")).collect();
        let text = format!("<ipset type=\"{kind}\">{option}{entries}</ipset>");
        AddressSet::of(&Ipset::parse(&text, &Grammar::none()).unwrap())
    }

    #[test]
    fn entries_of_an_ipset_are_merged_and_come_back_as_networks() {
        let found = set("hash:net", "", &["10.1.0.0/16", "10.0.0.0/16", "192.0.2.7", "10.0.5.0/24"]).unwrap();
        assert_eq!(found.sources(), ["10.0.0.0/15", "192.0.2.7/32"]);
        let range = set("hash:ip", "", &["192.0.2.1-192.0.2.6"]).unwrap();
        assert_eq!(range.sources(), ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32"]);
        let ipv6 = set("hash:net", "inet6", &["fd00::/8", "::1"]).unwrap();
        assert_eq!(ipv6.sources(), ["::1/128", "fd00::/8"]);
        assert_eq!(networks(("0.0.0.0".parse().unwrap(), "255.255.255.255".parse().unwrap())), ["0.0.0.0/0"]);
        let all = ("::".parse().unwrap(), IpAddr::V6(Ipv6Addr::from(u128::MAX)));
        assert_eq!(networks(all), ["::/0"]);
        assert_eq!(set("hash:mac", "", &["00:11:22:33:44:AA"]).unwrap().sources(), ["00:11:22:33:44:aa"]);
    }

    #[test]
    fn an_ipset_of_pairs_is_refused_by_its_type() {
        assert!(set("hash:ip,port", "", &[]).unwrap_err().contains("hash:ip,port"));
    }
}
