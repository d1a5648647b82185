//! The ICMP types that lokkit can block.

/// An ICMP type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// The name that `--block-icmp` takes; iptables and ip6tables know it too.
    pub key: &'static str,
    /// What `--list-icmp-types` calls it.
    pub title: &'static str,
    /// Whether ICMPv6 has it.
    pub ipv6: bool,
}

/// The type of that name; names are case sensitive, numbers are none.
pub fn icmp_type(name: &str) -> Option<&'static IcmpType> {
    ICMP_TYPES.iter().find(|icmp| icmp.key == name)
}

const fn both(key: &'static str, title: &'static str) -> IcmpType {
    IcmpType {
        key,
        title,
        ipv6: true,
    }
}

/// All of them, as `--list-icmp-types` orders them.
pub static ICMP_TYPES: [IcmpType; 9] = [
    both("echo-request", "Ping"),
    both("echo-reply", "Answer to a ping"),
    both("destination-unreachable", "Destination cannot be reached"),
    both("parameter-problem", "Bad header"),
    both("redirect", "Better route"),
    both("router-advertisement", "Router announces itself"),
    both("router-solicitation", "Host asks for routers"),
    IcmpType {
        ipv6: false,
        ..both("source-quench", "Sender is to slow down")
    },
    both("time-exceeded", "Time to live ran out"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_known() {
        assert!(ICMP_TYPES.iter().all(|icmp| icmp_type(icmp.key) == Some(icmp)));
        for name in ["8", "Echo-Request", "timestamp-request", ""] {
            assert_eq!(icmp_type(name), None, "{name}");
        }
    }
}
