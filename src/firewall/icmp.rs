//! firewalld's names of ICMP types as numbers, in ICMP and in ICMPv6 (RFC 792, RFC 1812, RFC 4443,
//! RFC 4861): rule languages know different names for them, and the same numbers.

/// A type, and a code where only one of the type's codes is meant.
pub(crate) type TypeCode = (u8, Option<u8>);

/// The numbers of a name; a family without it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IcmpType {
    /// In ICMP.
    pub ipv4: Option<TypeCode>,
    /// In ICMPv6.
    pub ipv6: Option<TypeCode>,
}

/// Looks a name up.
pub(crate) fn icmp_type(name: &str) -> Option<IcmpType> {
    let find = |table: &[(&str, u8, Option<u8>)]| {
        let found = table.iter().find(|(known, ..)| *known == name);
        found.map(|(_, number, code)| (*number, *code))
    };
    let (ipv4, ipv6) = (find(&IPV4), find(&IPV6));
    (ipv4.is_some() || ipv6.is_some()).then_some(IcmpType { ipv4, ipv6 })
}

const IPV4: [(&str, u8, Option<u8>); 37] = [
    ("echo-reply", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("tos-network-unreachable", 3, Some(11)),
    ("tos-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("tos-network-redirect", 5, Some(2)),
    ("tos-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

const IPV6: [(&str, u8, Option<u8>); 27] = [
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("echo-reply", 129, None),
    ("mld-listener-query", 130, None),
    ("mld-listener-report", 131, None),
    ("mld-listener-done", 132, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("redirect", 137, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_types_and_codes() {
        let echo = icmp_type("echo-request").unwrap();
        assert_eq!((echo.ipv4, echo.ipv6), (Some((8, None)), Some((128, None))));
        let unreachable = icmp_type("port-unreachable").unwrap();
        assert_eq!((unreachable.ipv4, unreachable.ipv6), (Some((3, Some(3))), Some((1, Some(4)))));
        assert_eq!(icmp_type("no-route").unwrap().ipv4, None);
        assert_eq!(icmp_type("source-quench").unwrap().ipv6, None);
        assert_eq!(icmp_type("echo-request\""), None);
    }
}
