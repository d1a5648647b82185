use super::*;
use crate::firewall::iptables::{Family, Rule, RuleFile, split};

const REPLY: &str = "-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT";

/// Where an opening with these words has to stand among rules of the filter table: chain and the
/// rule that it comes before, in short.
fn places(rules: &[&str], opening: &str) -> Vec<String> {
    let found = walked(rules, opening);
    let place = |place: &Place| match place.before {
        Some(at) => format!("{} before {}", place.chain, text(rules)[at]),
        None => format!("{} end", place.chain),
    };
    found.places.iter().map(place).collect()
}

fn text<'r>(rules: &[&'r str]) -> Vec<&'r str> {
    [&["*filter"], rules, &["COMMIT"]].concat()
}

fn walked(rules: &[&str], opening: &str) -> Walk {
    let file = RuleFile::parse(&text(rules), &|_| None);
    assert_eq!(file.faults, Vec::<String>::new());
    let rule = Rule::parse(&split(opening).unwrap(), &|_| None);
    walk(file.table("filter").unwrap(), "INPUT", &Packets::of(&rule, Family::Ipv4, false))
}

const TCP: &str = "-m state --state NEW -p tcp -m tcp --dport 8080 -j ACCEPT";
const UDP: &str = "-m state --state NEW -p udp -m udp --dport 500 -j ACCEPT";

#[test]
fn a_rule_that_rejects_or_drops_the_opening_s_packets_is_one_to_come_before() {
    for (rule, tcp, udp) in [
        ("-A INPUT -j REJECT", true, true),
        ("-A INPUT -p tcp -j REJECT --reject-with tcp-reset", true, false),
        ("-A INPUT -p udp -j REJECT", false, true),
        ("-A INPUT -i eth0 -j DROP", true, true),
        ("-A INPUT ! -i lo -j REJECT", true, true),
        ("-A INPUT -i ! lo -j REJECT", true, true),
        ("-A INPUT -p tcp --syn -j DROP", true, false),
        ("-A INPUT -p udp --dport 0:1023 -j DROP", false, true),
        ("-A INPUT -p tcp -m multiport ! --dports 22,80 -j DROP", true, false),
        ("-A INPUT -j DROP -p tcp", true, false),
        ("-A INPUT ! -s 10.0.0.0/8 -j DROP", true, true),
        ("-A INPUT -m state --state NEW,INVALID -j DROP", true, true),
        ("-A INPUT -m conntrack ! --ctstate ESTABLISHED -j DROP", true, true),
        ("-A INPUT -d 192.0.2.1 -j REJECT", true, true),
        ("-A INPUT -m comment --comment \"all the rest\" -j DROP", true, true),
        // What is kept out on purpose: some senders, too much at once, odd packets.
        ("-A INPUT -s 192.0.2.66 -j DROP", false, false),
        ("-A INPUT -m state --state INVALID -j DROP", false, false),
        ("-A INPUT -p tcp --tcp-flags ALL NONE -j DROP", false, false),
        ("-A INPUT -p tcp ! --syn -m state --state NEW -j DROP", false, false),
        ("-A INPUT -f -j DROP", false, false),
        ("-A INPUT -d 224.0.0.0/4 -j DROP", false, false),
        ("-A INPUT -p tcp -m connlimit --connlimit-above 20 -j REJECT", false, false),
        ("-A INPUT -m recent --name x --rcheck -j DROP", false, false),
        ("-A INPUT -m set --match-set bad src -j DROP", false, false),
        ("-A INPUT -m addrtype --dst-type BROADCAST -j DROP", false, false),
        ("-A INPUT -p icmp -j DROP", false, false),
        ("-A INPUT -i lo -j DROP", false, false),
        ("-A INPUT -o eth0 -j DROP", false, false),
        ("-A INPUT -p tcp --dport 8081 -j DROP", false, false),
        ("-A INPUT -p tcp --sport 1:1023 -j DROP", false, false),
    ] {
        let expected = |closes: bool| match closes {
            true => vec![format!("INPUT before {rule}")],
            false => Vec::new(),
        };
        assert_eq!(places(&[REPLY, rule], TCP), expected(tcp), "tcp: {rule}");
        assert_eq!(places(&[REPLY, rule], UDP), expected(udp), "udp: {rule}");
    }
}

#[test]
fn what_a_rule_lets_in_already_needs_no_place() {
    let reject = "-A INPUT -j REJECT";
    for open in [
        "-A INPUT -p tcp --dport 8000:8100 -j ACCEPT",
        "-A INPUT -j ACCEPT",
        "-A INPUT -p tcp -j all\n-A all -j ACCEPT",
    ] {
        let rules: Vec<&str> = [":all - [0:0]"].into_iter().chain(open.lines()).chain([reject]).collect();
        assert_eq!(places(&rules, TCP), Vec::<String>::new(), "{open}");
    }
    for part in [
        "-A INPUT -s 10.0.0.0/8 -j ACCEPT",
        "-A INPUT -i eth1 -j ACCEPT",
        "-A INPUT -p tcp --dport 8080 -m limit --limit 1/s -j ACCEPT",
    ] {
        assert_eq!(places(&[part, reject], TCP), [format!("INPUT before {reject}")], "{part}");
    }
}

#[test]
fn every_way_that_packets_take_gets_a_place() {
    let rules = [
        ":net - [0:0]",
        "-A INPUT -s 192.0.2.66 -j DROP",
        "-A INPUT -i eth0 -j net",
        "-A INPUT -j LOG",
        "-A INPUT -j DROP",
        "-A net -p icmp -j ACCEPT",
        "-A net -j REJECT",
    ];
    let expected = ["net before -A net -j REJECT", "INPUT before -A INPUT -j LOG"];
    assert_eq!(places(&rules, TCP), expected);
    // An opening for one interface takes one way only.
    let on = |interface: &str| format!("-i {interface} -j ACCEPT");
    assert_eq!(places(&rules, &on("eth0")), [expected[0]]);
    assert_eq!(places(&rules, &on("eth1")), [expected[1]]);
    assert_eq!(places(&rules, &on("eth+")), expected);
}

#[test]
fn iptables_chains_are_followed_through_return_and_goto() {
    let flood = [
        ":flood - [0:0]",
        "-A INPUT -p tcp --syn -j flood",
        "-A INPUT -j REJECT",
        "-A flood -m limit --limit 50/s -j RETURN",
        "-A flood -j DROP",
    ];
    assert_eq!(places(&flood, TCP), ["INPUT before -A INPUT -j REJECT"]);
    let rules = [
        ":INPUT DROP [0:0]",
        ":tcp - [0:0]",
        "-A INPUT -p tcp -g tcp",
        "-A INPUT -j REJECT",
        "-A tcp -p tcp --dport 22 -j ACCEPT",
    ];
    assert_eq!(places(&rules, TCP), ["tcp end"]);
    assert_eq!(places(&rules, UDP), ["INPUT before -A INPUT -j REJECT"]);
    // Chains that lead back to themselves.
    let ring = [":a - [0:0]", "-A INPUT -j a", "-A a -j INPUT", "-A INPUT -j DROP"];
    assert_eq!(places(&ring, TCP), ["INPUT before -A INPUT -j DROP"]);
}

#[test]
fn iptables_insert_comes_before_all_other_rules() {
    let rules = ["-A INPUT -j ACCEPT", "-I INPUT -p tcp -j DROP"];
    let found = walked(&rules, TCP);
    assert_eq!((found.places, found.first), (Vec::new(), vec![2]));
}

#[test]
fn an_opening_for_some_senders_comes_before_what_keeps_those_out() {
    let rules = [
        "-A INPUT -s 10.1.0.0/16 -j DROP",
        "-A INPUT -s 10.2.3.4 -j DROP",
        "-A INPUT -s 10.0.0.0/8 -j REJECT",
    ];
    let from = |source: &str| format!("-s {source} -m state --state NEW -p tcp -m tcp --dport 1 -j ACCEPT");
    assert_eq!(places(&rules, &from("10.2.0.0/16")), ["INPUT before -A INPUT -s 10.0.0.0/8 -j REJECT"]);
    assert_eq!(places(&rules, &from("10.1.2.3")), ["INPUT before -A INPUT -s 10.1.0.0/16 -j DROP"]);
    assert_eq!(places(&rules, &from("192.0.2.1")), Vec::<String>::new());
}

#[test]
fn a_chain_for_some_senders_gets_a_place_where_it_lets_in_others_of_their_packets() {
    let through = |last: &[&'static str]| {
        let head = [
            ":office - [0:0]",
            "-A INPUT -s 10.0.0.0/8 -j office",
            "-A INPUT -j DROP",
        ];
        places(&[&head[..], last].concat(), TCP)
    };
    let (ssh, reject) = ("-A office -p tcp --dport 22 -j ACCEPT", "-A office -p tcp -j REJECT");
    let drop = "INPUT before -A INPUT -j DROP";
    assert_eq!(through(&[ssh, reject]), [&format!("office before {reject}"), drop]);
    // Senders that are kept out on purpose.
    assert_eq!(through(&["-A office -j LOG", "-A office -j DROP"]), [drop]);
    assert_eq!(
        through(&[
            "-A office -m state --state ESTABLISHED -j ACCEPT",
            "-A office -j DROP"
        ]),
        [drop]
    );
    // Too many packets stay out.
    let excess = [
        ":over - [0:0]",
        "-A INPUT -p tcp -m connlimit --connlimit-above 20 -j over",
        "-A over -s 10.0.0.1 -j ACCEPT",
        "-A over -j DROP",
    ];
    assert_eq!(places(&excess, TCP), Vec::<String>::new());
}

#[test]
fn negations_sets_and_partial_rejects_are_found_in_chains_that_are_jumped_to() {
    for (jump, reject, tcp, udp) in [
        ("-i eth0 -j own", "-p tcp --syn -j DROP", true, false),
        ("! -i lo -j own", "! -i lo -j REJECT", true, true),
        ("! -i lo -g own", "-p udp --dport 0:1023 -j DROP", false, true),
        ("! -s 10.0.0.0/8 -j own", "-p tcp ! --dport 22 -j REJECT", true, false),
        ("-p tcp -j own", "-m set ! --match-set friends src -j DROP", true, false),
        ("-m set ! --match-set friends src -j own", "-j DROP", true, true),
        ("-p udp -g own", "-m multiport ! --dports 53,123 -j REJECT", false, true),
        ("-m set --match-set enemies src -j own", "-j DROP", false, false),
        ("-p tcp --dport 22 -j own", "-j DROP", false, false),
    ] {
        let rules = [
            ":own - [0:0]",
            &format!("-A INPUT {jump}"),
            &format!("-A own {reject}"),
        ];
        let expected = |closes: bool| match closes {
            true => vec![format!("own before -A own {reject}")],
            false => Vec::new(),
        };
        assert_eq!(places(&rules, TCP), expected(tcp), "tcp: {jump}, {reject}");
        assert_eq!(places(&rules, UDP), expected(udp), "udp: {jump}, {reject}");
    }
}

#[test]
fn taking_packets_out_of_tracking_is_found() {
    let file = RuleFile::parse(
        &[
            "*raw",
            "-A PREROUTING -p tcp --dport 8080 -j NOTRACK",
            "-A PREROUTING -p udp -j CT --notrack",
            "COMMIT",
        ],
        &|_| None,
    );
    let of = |opening: &str| {
        let rule = Rule::parse(&split(opening).unwrap(), &|_| None);
        walk(file.table("raw").unwrap(), "PREROUTING", &Packets::of(&rule, Family::Ipv4, false)).untracked
    };
    assert_eq!((of(TCP), of(UDP)), (vec![1], vec![2]));
}

#[test]
fn only_a_rule_for_everything_closes_a_chain() {
    let closing_in = |rules: &[&str]| {
        let file = RuleFile::parse(&text(rules), &|_| None);
        closing(file.table("filter").unwrap(), "INPUT", Family::Ipv4).map(|at| text(rules)[at].to_owned())
    };
    let drop_one = "-A INPUT -s 10.0.0.1 -j DROP";
    let reject = "-A INPUT -j REJECT";
    assert_eq!(closing_in(&[drop_one, "-A FORWARD -j DROP", reject]).as_deref(), Some(reject));
    assert_eq!(closing_in(&[drop_one, "-A INPUT -i eth1 -j DROP", "-A INPUT -p tcp -j DROP"]), None);
    assert_eq!(closing_in(&["-A INPUT -m state --state INVALID -j DROP"]), None);
    let counted = "[3:180] -A INPUT -m comment --comment \"all the rest\" -j REJECT --reject-with x";
    assert_eq!(closing_in(&["-A INPUT -p icmp -j ACCEPT", counted]).as_deref(), Some(counted));
    let own = [
        ":own - [0:0]",
        "-A INPUT -j own",
        "-A own -i lo -j ACCEPT",
        "-A own -m limit --limit 2/min -j LOG",
        "-A own -j REJECT",
    ];
    assert_eq!(closing_in(&own).as_deref(), Some("-A INPUT -j own"));
    let logged = [
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -m limit --limit 2/min -j LOG",
        "-A INPUT -j DROP",
    ];
    assert_eq!(closing_in(&logged).as_deref(), Some(logged[1]));
}
