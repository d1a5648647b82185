use super::Rule;
use crate::firewall::firewalld::{Generation, Grammar};

fn show(text: &str) -> String {
    match Rule::parse(text, &Grammar::of_generation(Generation(1, 3))) {
        Ok(rule) => rule.to_string(),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn rules_are_spelt_in_one_way() {
    for (text, expected) in [
        (
            "rule family=ipv4 source address=10.0.0.1 accept",
            r#"rule family="ipv4" source address="10.0.0.1" accept"#,
        ),
        (
            r#"rule family="ipv4" source address="10.0.0.0/8" NOT accept"#,
            r#"rule family="ipv4" source NOT address="10.0.0.0/8" accept"#,
        ),
        (
            "rule family=ipv4 source invert=true address=10.0.0.0/8 accept",
            r#"rule family="ipv4" source NOT address="10.0.0.0/8" accept"#,
        ),
        ("rule source ipset=foo accept", r#"rule source ipset="foo" accept"#),
        ("rule service name=ssh log", r#"rule service name="ssh" log"#),
        (
            "rule service name=ssh log limit value=3/minute prefix=x accept",
            r#"rule service name="ssh" log prefix="x" limit value="3/m" accept"#,
        ),
        (
            "rule service name=ssh nflog group=5 prefix=a queue-size=3 limit value=1/h accept",
            r#"rule service name="ssh" nflog group="5" prefix="a" queue-size="3" limit value="1/h" accept"#,
        ),
        ("rule service name=ssh audit log drop", r#"rule service name="ssh" log audit drop"#),
        ("rule service name=ssh mark set=0x1/0xf", r#"rule service name="ssh" mark set=0x1/0xf"#),
        ("rule accept service name=ssh", r#"rule service name="ssh" accept"#),
        (
            "rule limit value=1/m log service name=ssh accept",
            r#"rule service name="ssh" log limit value="1/m" accept"#,
        ),
        (
            "rule service name=ssh limit value=1/m accept",
            r#"rule service name="ssh" accept limit value="1/m""#,
        ),
        ("rule icmp-block name=echo-request", r#"rule icmp-block name="echo-request""#),
        ("rule tcp-mss-clamp", "rule tcp-mss-clamp"),
        ("rule tcp-mss-clamp value=1400", r#"rule tcp-mss-clamp value="1400""#),
        (
            "rule family=ipv4 priority=-5 service name='a b' accept",
            r#"rule priority="-5" family="ipv4" service name="a b" accept"#,
        ),
        ("rule priority=0 masquerade", "rule masquerade"),
        (
            "rule family=ipv4 forward-port port=80 protocol=tcp to-port=81 to-addr=1.2.3.4",
            r#"rule family="ipv4" forward-port port="80" protocol="tcp" to-port="81" to-addr="1.2.3.4""#,
        ),
        (
            "rule family=ipv4 destination address=1.2.3.4 source address=10.0.0.1 reject type=tcp-reset",
            r#"rule family="ipv4" source address="10.0.0.1" destination address="1.2.3.4" reject type="tcp-reset""#,
        ),
        ("rule priority=5 log", r#"rule priority="5" log"#),
    ] {
        assert_eq!(show(text), expected, "{text}");
        assert_eq!(show(expected), expected, "the canonical spelling reads as itself");
    }
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for (text, expected) in [
        ("rule", "INVALID_RULE: no element, no action"),
        ("rule accept", "INVALID_RULE: no element, no source, no destination"),
        ("rule log", "INVALID_RULE: no element, no action"),
        ("rule source address=10.0.0.1 drop", "MISSING_FAMILY"),
        ("rule family=ipv6 source address=10.0.0.1 accept", "INVALID_ADDR: 10.0.0.1"),
        ("rule source mac=00:11:22 accept", "INVALID_MAC: 00:11:22"),
        ("rule family=ipv4 source drop", "INVALID_RULE: no address, mac and ipset"),
        (
            "rule family=ipv4 source address=1.2.3.4 ipset=foo drop",
            "INVALID_RULE: address and ipset",
        ),
        (
            "rule family=ipv4 destination address=1.2.3.4 ipset=x accept",
            "INVALID_DESTINATION: address and ipset",
        ),
        ("rule service name=ssh", "INVALID_RULE: no action, no log, no audit"),
        ("rule service name=ssh log level=warn accept", "INVALID_LOG_LEVEL: warn"),
        ("rule service name=ssh log limit value=0/m accept", "INVALID_LIMIT: 0/m"),
        ("rule service name=ssh log limit value=1/d accept", "INVALID_LIMIT: 1/d too slow"),
        ("rule service name=ssh log log accept", "INVALID_RULE: more than one logging element"),
        ("rule service name=ssh audit", "INVALID_AUDIT_TYPE: <class 'NoneType'>"),
        ("rule service name=ssh mark", "INVALID_MARK: no value set"),
        ("rule service name=ssh mark set=4294967296", "INVALID_MARK: 4294967296"),
        (
            "rule service name=ssh service name=http accept",
            "INVALID_RULE: more than one element. There cannot be both 'service' and 'service name=\"ssh\"' in one rule.",
        ),
        ("rule service accept", "INVALID_RULE: invalid 'service' element"),
        ("rule service name= accept", "INVALID_RULE: internal error in _lexer(): name="),
        ("rule port port=80 protocol=foo accept", "INVALID_PROTOCOL: foo"),
        ("rule port port=80 accept", "INVALID_PROTOCOL"),
        ("rule icmp-block name=x accept", "INVALID_RULE: icmp-block and action"),
        ("rule forward-port port=80 protocol=tcp to-port=81", "MISSING_FAMILY"),
        ("rule tcp-mss-clamp value=100", "INVALID_RULE: 100"),
        (
            "rule tcp-mss-clamp value=1400 accept",
            "INVALID_RULE: tcp-mss-clamp and accept are mutually exclusive",
        ),
        (
            "rule priority=x service name=ssh accept",
            "INVALID_PRIORITY: invalid 'priority' attribute value 'x'.",
        ),
        ("rule foo", "INVALID_RULE: unknown element foo"),
        ("rule foo=bar service name=ssh accept", "INVALID_RULE: bad attribute 'foo'"),
        (
            "service name=ssh accept",
            "INVALID_RULE: 'service' outside of rule. Use 'rule ... service ...'.",
        ),
        (
            "rule service name=ssh accept drop",
            "INVALID_RULE: more than one 'action' element. There cannot be both 'drop' and 'accept' in one rule.",
        ),
        (
            "rule service name=ssh accept prefix=x",
            "INVALID_RULE: attribute 'prefix' outside of any element. Use 'rule <element> prefix= ...'.",
        ),
        ("rule service name=\"ssh accept", "No closing quotation"),
    ] {
        assert_eq!(show(text), expected, "{text}");
    }
}
