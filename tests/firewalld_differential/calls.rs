//! Random command lines of firewall-offline-cmd.

use super::support::Numbers;

const ZONES: [&str; 6] = ["public", "trusted", "drop", "plug", "nope", "../x"];
const VALUES: [(&str, &[&str]); 8] = [
    (
        "port",
        &[
            "80/tcp",
            "80-90/tcp",
            "85/udp",
            "90-80/tcp",
            "x/tcp",
            "1/foo",
            "443",
            "0080/tcp",
            "70000/tcp",
            "domain/udp",
            "-1/tcp",
            "1-/tcp",
            "99999999999999999999/tcp",
        ],
    ),
    ("source-port", &["80/tcp", "80-90/tcp", "7/sctp", "70000/tcp"]),
    ("interface", &["eth0", "eth1", "a b", "toolonginterfacename", "e/h", "br+"]),
    (
        "source",
        &[
            "10.0.0.0/8",
            "::1",
            "foo",
            "ipset:x",
            "1.2.3.4/33",
            "00:11:22:33:44:55",
            "10.0.0.1/255.0.0.0",
        ],
    ),
    ("service", &["ssh", "db", "nope", "s", "t", "a\"><x/>"]),
    ("protocol", &["gre", "tcp", "zz", "47", "300"]),
    ("icmp-block", &["redirect", "nope"]),
    (
        "forward-port",
        &[
            "port=80:proto=tcp:toport=81",
            "port=80:proto=tcp",
            "port=9-12:proto=udp:toaddr=1.2.3.4",
            "port=80:proto=tcp:toaddr=fd00::1",
            "proto=tcp:toport=1",
            "port=80:proto=zz:toport=81",
            "foo=1",
        ],
    ),
];
const RULES: [&str; 14] = [
    "rule service name=ssh accept",
    "rule family=ipv4 source address=10.0.0.1 drop",
    "rule foo",
    "",
    "rule priority=3 port port=1 protocol=tcp log prefix=x level=info limit value=3/m reject",
    "rule family=ipv4 source address=10.0.0.0/8 masquerade",
    "rule tcp-mss-clamp value=1000",
    "rule icmp-block name=nope",
    "rule family=ipv4 forward-port port=1 protocol=tcp to-port=2",
    "rule priority=-1 mark set=0x1/0xff",
    "rule family=\"ipv6\" source NOT address=\"fd00::/8\" nflog group=2 drop",
    "rule service name=\"a&b<c>\" accept",
    "rule protocol value=gre audit accept limit value=1/d",
    "rule destination ipset=x accept",
];
const OTHERS: [&str; 80] = [
    "--list-all",
    "--list-ports",
    "--zone=trusted --list-all",
    "--list-all-zones",
    "--list-rich-rules",
    "--list-services",
    "--list-forward-ports",
    "--zone=plug --list-all",
    "--new-zone=plug",
    "--new-zone=a/b/c",
    "--new-zone=verylongnameofazone",
    "--new-zone=a;b",
    "--delete-zone=plug",
    "--delete-zone=public",
    "--load-zone-defaults=public",
    "--info-zone=public",
    "--set-target=DROP",
    "--set-target=nix",
    "--zone=plug --set-target=%%REJECT%%",
    "--get-target",
    "--set-short=A&B",
    "--get-short",
    "--set-description=a<b>",
    "--get-description",
    "--add-masquerade",
    "--remove-masquerade",
    "--query-masquerade",
    "--add-forward",
    "--remove-forward",
    "--query-forward",
    "--add-icmp-block-inversion",
    "--remove-icmp-block-inversion",
    "--new-service=s",
    "--new-service=a\"b",
    "--delete-service=t",
    "--delete-service=ssh",
    "--service=s --add-port=9500/tcp",
    "--service=s --remove-port=80/tcp",
    "--service=s --query-port=80/tcp",
    "--service=s --get-ports",
    "--service=s --set-destination=ipv4:1.2.3.4",
    "--service=s --add-include=t",
    "--service=t --add-include=s",
    "--service=s --add-include=nope",
    "--service=s --add-protocol=zz",
    "--service=s --add-helper=ftp",
    "--service=s --add-module=nf_conntrack_ftp",
    "--info-service=s",
    "--info-service=t",
    "--get-services",
    "--get-zones",
    "--new-ipset=x --type=hash:ip",
    "--ipset=x --add-entry=1.2.3.4",
    "--ipset=x --remove-entry=1.2.3.4",
    "--ipset=x --get-entries",
    "--info-ipset=x",
    "--delete-ipset=x",
    "--new-policy=p",
    "--new-policy=public",
    "--policy=p --add-ingress-zone=public",
    "--policy=p --add-egress-zone=HOST",
    "--policy=p --add-egress-zone=trusted",
    "--policy=p --list-all",
    "--policy=p --set-priority=7",
    "--delete-policy=p",
    "--set-default-zone=trusted",
    "--get-default-zone",
    "--get-log-denied",
    "--zone=plug --set-priority=5",
    "--zone=public --get-priority",
    "--zone=plug --set-ingress-priority=-5",
    "--policy=p --add-disable",
    "--policy=p --query-disable",
    "--policy=p --get-priority",
    "--get-policies",
    "--info-policy=p",
    "--list-all-policies",
    "--new-zone=a-zone-of-a-longer-name",
    "--check-config",
    "--set-log-denied=unicast",
];
const LOKKIT: [&str; 10] = [
    "-p 8080:tcp -s db -t eth1",
    "--remove-service=ssh",
    "-s ssh",
    "-s nope",
    "-p 80:tcp -p 80:tcp",
    "-p 70000:tcp",
    "-m eth0",
    "--forward-port=if=eth0:port=80:proto=tcp:toport=8080",
    "--block-icmp=redirect",
    "-p x",
];

/// One command line.
pub fn random(numbers: &mut Numbers) -> Vec<String> {
    match numbers.below(8) {
        0..3 => return words(numbers.pick(&OTHERS)),
        3 if numbers.below(2) == 0 => return words(numbers.pick(&LOKKIT)),
        _ => {}
    }
    let mut words = Vec::new();
    match numbers.below(6) {
        0..3 => words.push(format!("--zone={}", numbers.pick(&ZONES))),
        3 => words.push("--policy=p".to_owned()),
        _ => {}
    }
    let verb = numbers.pick(&["add", "add", "remove", "query"]);
    let (stem, values) = match numbers.below(6) {
        0 => ("rich-rule", &RULES[..]),
        _ => VALUES[numbers.below(VALUES.len())],
    };
    let option = match (verb, stem) {
        ("remove", "service") if words == ["--policy=p"] => "remove-service-from-policy".to_owned(),
        ("remove", "service") => "remove-service-from-zone".to_owned(),
        _ => format!("{verb}-{stem}"),
    };
    for _ in 0..1 + numbers.below(3) {
        words.push(format!("--{option}={}", numbers.pick(values)));
    }
    words
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
