//! Tests of generated rule sets: which rules there are and in which order.

use super::super::config;
use super::*;

/// The rules that a configuration gives, without comments.
fn rules(config: &str, family: Family) -> Vec<String> {
    let (settings, errors) = config::parse(config.as_bytes(), &|_| None);
    assert_eq!(errors, Vec::<String>::new());
    let mut read = |file: &OsStr| (file == "/rules").then(|| b"-A INPUT -s 192.0.2.1 -j DROP".to_vec());
    let text = String::from_utf8(render(&settings, family, &mut read)).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Those that are in the second list but not in the first.
fn added(config: &str, family: Family) -> Vec<String> {
    let plain = rules("", family);
    rules(config, family).into_iter().filter(|rule| !plain.contains(rule)).collect()
}

#[test]
fn a_closed_firewall() {
    assert_eq!(
        rules("", Family::Ipv6),
        [
            "*filter",
            ":INPUT ACCEPT [0:0]",
            ":FORWARD ACCEPT [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            "-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT",
            "-A INPUT -p ipv6-icmp -j ACCEPT",
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m state --state NEW -m udp -p udp --dport 546 -d fe80::/64 -j ACCEPT",
            "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
            "-A FORWARD -j REJECT --reject-with icmp6-adm-prohibited",
            "COMMIT",
        ]
    );
}

#[test]
fn services_follow_their_table() {
    assert_eq!(
        added("--service=ipsec\n--service=mdns\n--service=tftp-client", Family::Ipv4),
        [
            "-A INPUT -p ah -j ACCEPT",
            "-A INPUT -p esp -j ACCEPT",
            "-A INPUT -m state --state NEW -m udp -p udp --dport 500 -j ACCEPT",
            "-A INPUT -m state --state NEW -m udp -p udp --dport 5353 -d 224.0.0.251 -j ACCEPT",
        ]
    );
    assert_eq!(
        added("--service=ipsec\n--service=mdns", Family::Ipv6),
        [
            "-A INPUT -m ipv6header --header ah -j ACCEPT",
            "-A INPUT -m ipv6header --header esp -j ACCEPT",
            "-A INPUT -m state --state NEW -m udp -p udp --dport 500 -j ACCEPT",
            "-A INPUT -m state --state NEW -m udp -p udp --dport 5353 -d ff02::fb -j ACCEPT",
        ]
    );
}

#[test]
fn blocked_icmp_types_come_before_icmp_is_accepted() {
    let config = "--block-icmp=source-quench\n--block-icmp=redirect";
    let ipv4 = rules(config, Family::Ipv4);
    assert_eq!(
        ipv4[5..8],
        [
            "-A INPUT -p icmp -m icmp --icmp-type source-quench -j REJECT --reject-with icmp-host-prohibited",
            "-A INPUT -p icmp -m icmp --icmp-type redirect -j REJECT --reject-with icmp-host-prohibited",
            "-A INPUT -p icmp -j ACCEPT",
        ]
    );
    assert_eq!(
        added(config, Family::Ipv6),
        [
            "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type redirect -j REJECT --reject-with icmp6-adm-prohibited",
        ]
    );
}

#[test]
fn forwards_to_this_host_are_marked_in_order() {
    let config = "--forward-port=if=w:port=80-81:proto=tcp:toport=8080-8081\n\
                  --forward-port=if=w:port=1:proto=udp:toaddr=192.0.2.1\n\
                  --forward-port=if=x:port=53:proto=udp:toport=5353";
    assert_eq!(
        rules(config, Family::Ipv4),
        [
            "*mangle",
            ":PREROUTING ACCEPT [0:0]",
            ":INPUT ACCEPT [0:0]",
            ":FORWARD ACCEPT [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            ":POSTROUTING ACCEPT [0:0]",
            "-A PREROUTING -i w -p tcp --dport 80:81 -j MARK --set-mark 0x64",
            "-A PREROUTING -i x -p udp --dport 53 -j MARK --set-mark 0x65",
            "COMMIT",
            "*nat",
            ":PREROUTING ACCEPT [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            ":POSTROUTING ACCEPT [0:0]",
            "-A PREROUTING -i w -p tcp --dport 80:81 -m mark --mark 0x64 -j DNAT --to-destination :8080-8081",
            "-A PREROUTING -i w -p udp --dport 1 -j DNAT --to-destination 192.0.2.1",
            "-A PREROUTING -i x -p udp --dport 53 -m mark --mark 0x65 -j DNAT --to-destination :5353",
            "COMMIT",
            "*filter",
            ":INPUT ACCEPT [0:0]",
            ":FORWARD ACCEPT [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            "-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT",
            "-A INPUT -p icmp -j ACCEPT",
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -i w -m state --state NEW -m tcp -p tcp --dport 8080:8081 -m mark --mark 0x64 -j ACCEPT",
            "-A INPUT -i x -m state --state NEW -m udp -p udp --dport 5353 -m mark --mark 0x65 -j ACCEPT",
            "-A FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT",
            "-A FORWARD -p icmp -j ACCEPT",
            "-A FORWARD -i lo -j ACCEPT",
            "-A FORWARD -i w -m state --state NEW -m udp -p udp -d 192.0.2.1 --dport 1 -j ACCEPT",
            "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
            "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
            "COMMIT",
        ]
    );
    assert_eq!(added(config, Family::Ipv6), Vec::<String>::new());
}

#[test]
fn custom_files_go_where_they_belong() {
    let custom = "-A INPUT -s 192.0.2.1 -j DROP";
    let config = "--custom-rules=/rules\n--custom-rules=mangle:/rules\n--custom-rules=nat:/rules\n--custom-rules=/none";
    let ipv4 = rules(config, Family::Ipv4);
    let at: Vec<_> = (0..ipv4.len()).filter(|&at| ipv4[at] == custom).collect();
    let begins = |table: &str| ipv4.iter().position(|line| line == table).unwrap();
    let [mangle, nat, filter] = at[..] else {
        panic!("{ipv4:?}")
    };
    assert_eq!(mangle, begins("*mangle") + 6);
    assert_eq!(nat, begins("*nat") + 4);
    assert!(filter > begins("*filter") && ipv4[filter + 1].starts_with("-A INPUT -j REJECT"));
    assert_eq!(added("--custom-rules=ipv6:/rules", Family::Ipv4), Vec::<String>::new());
    assert_eq!(added("--custom-rules=ipv6:/rules", Family::Ipv6), [custom]);
}

#[test]
fn a_name_with_a_quote_is_one_word() {
    assert_eq!(quoted("br+"), "br+");
    assert_eq!(quoted(r#"a"\b"#), r#""a\"\\b""#);
}
