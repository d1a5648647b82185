use super::super::place::At;
use super::*;
use crate::firewall::iptables::Family;

const TEXT: &str = "# mine\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n\
                    -A INPUT -s 10.0.0.1 -j DROP\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n\
                    -A FORWARD -j REJECT\nCOMMIT\n";

fn insert(table: &'static str, at: At, line: &str) -> Insert {
    Insert {
        table,
        at,
        lines: vec![line.to_owned()],
    }
}

/// As [`super::replace`], for IPv4.
fn replace(before: Option<&str>, inserts: &[Insert]) -> Option<String> {
    let reading = Reading {
        family: Family::Ipv4,
        port: &|_| None,
    };
    super::replace(before, inserts, reading, &mut Vec::new())
}

fn accept() -> Insert {
    insert("filter", At::BeforeClose("INPUT"), "-A INPUT -p tcp --dport 80 -j ACCEPT")
}

#[test]
fn each_block_has_its_place() {
    let inserts = [
        insert("nat", At::End, "-A PREROUTING x"),
        insert("filter", At::First("INPUT"), "-A INPUT -j deny"),
        accept(),
        insert("filter", At::BeforeClose("FORWARD"), "-A FORWARD x"),
        insert("mangle", At::End, "-A FORWARD y"),
    ];
    let with = replace(Some(TEXT), &inserts).unwrap();
    let block = |line: &str| format!("{BEGIN}\n{line}\n{END}\n");
    let expected = format!(
        "# mine\n*nat\n:PREROUTING ACCEPT [0:0]\n{}COMMIT\n*filter\n:INPUT ACCEPT [0:0]\n\
         {}-A INPUT -s 10.0.0.1 -j DROP\n{}-A INPUT -j REJECT --reject-with icmp-host-prohibited\n\
         {}-A FORWARD -j REJECT\nCOMMIT\n{}",
        block("-A PREROUTING x"),
        block("-A INPUT -j deny"),
        block("-A INPUT -p tcp --dport 80 -j ACCEPT"),
        block("-A FORWARD x"),
        block("*mangle\n-A FORWARD y\nCOMMIT"),
    );
    assert_eq!(with, expected);
    assert_eq!(replace(Some(&with), &inserts).unwrap(), with);
    assert_eq!(replace(Some(&with), &[]).unwrap(), TEXT);
}

#[test]
fn every_text_comes_back() {
    for text in [
        "*filter\n:INPUT DROP [0:0]\nCOMMIT\n*nat\nCOMMIT",
        "*nat\nCOMMIT\n",
        "",
        "\n",
        "# only a comment",
        "*filter\r\n-A INPUT -j DROP\r\nCOMMIT\r\n\n\n",
        "*filter\n# nodeshim: begin\n-A INPUT -j DROP\nCOMMIT\n",
    ] {
        let with = replace(Some(text), &[accept(), insert("nat", At::End, "x")]).unwrap();
        assert!(with.ends_with('\n'));
        assert_eq!(replace(Some(&with), &[]).as_deref(), Some(text), "{with}");
        assert_eq!(replace(Some(text), &[]).as_deref(), Some(text));
    }
}

#[test]
fn a_file_that_was_not_there_goes_again() {
    let with = replace(None, &[insert("nat", At::End, "-A PREROUTING x")]).unwrap();
    assert_eq!(with, format!("{BEGIN}\n{MADE}\n*nat\n-A PREROUTING x\nCOMMIT\n{END}\n"));
    assert_eq!(
        replace(Some(&with), &[accept(), insert("nat", At::End, "-A PREROUTING x")])
            .unwrap()
            .matches(MADE)
            .count(),
        1
    );
    assert_eq!(replace(Some(&with), &[]), None);
    let edited = format!("{with}# an administrator's\n");
    assert_eq!(replace(Some(&edited), &[]).as_deref(), Some("# an administrator's\n"));
    assert_eq!(replace(None, &[]), None);
}
