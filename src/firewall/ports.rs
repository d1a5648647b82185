//! Port numbers and ranges, and sets of them that are sorted and merged.

use std::collections::BTreeMap;
use std::fmt;

/// The protocols that have ports.
pub(crate) const PORT_PROTOCOLS: [&str; 4] = ["tcp", "udp", "sctp", "dccp"];

/// Ports by protocol.
pub(crate) type Ports = BTreeMap<String, Vec<PortRange>>;

/// A range of ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The lowest port.
    pub low: u16,
    /// The highest port.
    pub high: u16,
}

impl PortRange {
    /// Reads `N`, `N-M` or `N:M`; a range that runs backwards is none.
    pub fn parse(text: &str) -> Option<PortRange> {
        let (low, high) = text.split_once('-').or_else(|| text.split_once(':')).unwrap_or((text, text));
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (low, high) = (number(low)?, number(high)?);
        (low <= high).then_some(PortRange { low, high })
    }

    /// Whether the port is in the range.
    pub fn contains(&self, port: u16) -> bool {
        (self.low..=self.high).contains(&port)
    }
}

impl fmt::Display for PortRange {
    /// `N` or `N-M`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.low == self.high {
            write!(f, "{}", self.low)
        } else {
            write!(f, "{}-{}", self.low, self.high)
        }
    }
}

/// Merges ranges that overlap or touch, and sorts them.
pub(crate) fn coalesce(ranges: impl IntoIterator<Item = PortRange>) -> Vec<PortRange> {
    let mut sorted: Vec<PortRange> = ranges.into_iter().collect();
    sorted.sort_unstable();
    let mut merged: Vec<PortRange> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last) if u32::from(range.low) <= u32::from(last.high) + 1 => {
                last.high = last.high.max(range.high);
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(ranges: &[&str]) -> Vec<String> {
        let parsed = ranges.iter().filter_map(|text| PortRange::parse(text));
        coalesce(parsed).iter().map(PortRange::to_string).collect()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(
            texts(&["8050", "8000-8100", "80", "81", "65535", "0080"]),
            ["80-81", "8000-8100", "65535"]
        );
        assert_eq!(texts(&["65535", "0-65534"]), ["0-65535"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "", "-", "1-", "-1", "65536", "5-4", "1-2-3", "ssh", "+1", " 1", "1\n", "1; drop",
        ] {
            assert_eq!(PortRange::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn merging_keeps_exactly_the_ports(pairs in proptest::collection::vec((0u16..300, 0u16..20), 0..30)) {
            let ranges: Vec<PortRange> =
                pairs.iter().map(|(low, more)| PortRange { low: *low, high: low + more }).collect();
            let merged = coalesce(ranges.clone());
            for port in 0..400 {
                let before = ranges.iter().any(|range| range.contains(port));
                prop_assert_eq!(before, merged.iter().any(|range| range.contains(port)));
            }
            for pair in merged.windows(2) {
                prop_assert!(pair[0].high + 1 < pair[1].low);
            }
        }
    }
}
