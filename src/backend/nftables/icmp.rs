//! firewalld's names of ICMP types in nft's words.

/// The type's name in ICMP and in ICMPv6, where it exists there. Types that firewalld tells apart
/// by code are not in it.
pub(super) fn types(name: &str) -> Option<(Option<&'static str>, Option<&'static str>)> {
    const TYPES: [(&str, Option<&str>, Option<&str>); 18] = [
        ("address-mask-reply", Some("address-mask-reply"), None),
        ("address-mask-request", Some("address-mask-request"), None),
        (
            "destination-unreachable",
            Some("destination-unreachable"),
            Some("destination-unreachable"),
        ),
        ("echo-reply", Some("echo-reply"), Some("echo-reply")),
        ("echo-request", Some("echo-request"), Some("echo-request")),
        ("mld-listener-done", None, Some("mld-listener-done")),
        ("mld-listener-query", None, Some("mld-listener-query")),
        ("mld-listener-report", None, Some("mld-listener-report")),
        ("packet-too-big", None, Some("packet-too-big")),
        ("parameter-problem", Some("parameter-problem"), Some("parameter-problem")),
        ("redirect", Some("redirect"), Some("nd-redirect")),
        ("router-advertisement", Some("router-advertisement"), Some("nd-router-advert")),
        ("router-solicitation", Some("router-solicitation"), Some("nd-router-solicit")),
        ("source-quench", Some("source-quench"), None),
        ("time-exceeded", Some("time-exceeded"), Some("time-exceeded")),
        ("timestamp-reply", Some("timestamp-reply"), None),
        ("timestamp-request", Some("timestamp-request"), None),
        ("ttl-exceeded", Some("time-exceeded"), Some("time-exceeded")),
    ];
    let found = TYPES.iter().find(|(known, _, _)| *known == name)?;
    Some((found.1, found.2))
}
