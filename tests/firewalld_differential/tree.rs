//! Random trees of configuration: files as packages and people write them, with comments, odd
//! spellings, repetitions, and names of things that are not there.

use super::support::{Files, Numbers};

const SERVICES: [&str; 6] = ["ssh", "db", "s", "t", "ssh", "http"];
const PORTS: [&str; 12] = [
    "80", "443", "80-90", "85", "85-100", "90-80", "0080", "0", "65535", "1-65535", "domain", "7-7",
];
const PROTOCOLS: [&str; 5] = ["tcp", "udp", "tcp", "sctp", "dccp"];
const ADDRESSES: [&str; 6] = [
    "10.0.0.0/8",
    "192.168.1.5",
    "::1",
    "fd00::/8",
    "00:11:22:33:44:55",
    "10.0.0.1/255.0.0.0",
];
const TEXTS: [&str; 7] = [
    "A name",
    "Fish &amp; chips &lt;raw&gt;",
    "Two\n  lines",
    "<![CDATA[<raw> & more]]>",
    "it's \"quoted\"",
    "  Größe  ",
    "",
];
/// So many of the rules are known to every generation.
const EVERY_GENERATION: usize = 6;
const RULES: [&str; 9] = [
    "<rule family=\"ipv4\"><source address=\"10.0.0.0/8\"/><service name=\"ssh\"/><accept/></rule>",
    "<rule priority=\"-5\" family=\"ipv4\"><source invert=\"yes\" address=\"10.0.0.1\"/><drop/></rule>",
    "<rule><port protocol=\"tcp\" port=\"99\"/><log level=\"info\" prefix=\"a b\"><limit value=\"3/minute\"/></log><reject/></rule>",
    "<rule><service name=\"db\"/><audit/><accept><limit value=\"1/s\"/></accept></rule>",
    "<rule family=\"ipv4\"><forward-port port=\"1\" protocol=\"tcp\" to-port=\"2\" to-addr=\"1.2.3.4\"/></rule>",
    "<rule><icmp-block name=\"redirect\"/></rule>",
    "<rule><tcp-mss-clamp value=\"pmtu\"/></rule>",
    "<rule><source mac=\"00:11:22:33:44:55\"/><nflog group=\"1\"/><accept/></rule>",
    "<rule family=\"ipv5\"><service name=\"ssh\"/><accept/></rule>",
];

/// The files of one sequence.
pub fn random(numbers: &mut Numbers) -> Files {
    let mut files = Files::new();
    let mut put = |path: &str, text: String| drop(files.insert(path.to_owned(), text));
    let shipped = "usr/lib/firewalld";
    put(
        &format!("{shipped}/zones/trusted.xml"),
        "<zone target=\"ACCEPT\"><forward/></zone>\n".to_owned(),
    );
    put(&format!("{shipped}/zones/drop.xml"), "<zone target=\"DROP\"/>\n".to_owned());
    put(&format!("{shipped}/zones/block.xml"), "<zone target=\"%%REJECT%%\"/>\n".to_owned());
    // What a firewalld ships it can read itself.
    put(&format!("{shipped}/zones/public.xml"), zone(numbers, &RULES[..EVERY_GENERATION]));
    put(&format!("{shipped}/icmptypes/redirect.xml"), "<icmptype/>\n".to_owned());
    for name in ["ssh", "db", "http"] {
        put(
            &format!("{shipped}/services/{name}.xml"),
            "<service><port port=\"22\" protocol=\"tcp\"/></service>\n".to_owned(),
        );
    }
    // What calls name most is there more often than not.
    for name in ["s", "t"] {
        if numbers.below(3) > 0 {
            put(&format!("etc/firewalld/services/{name}.xml"), service(numbers));
        }
    }
    for name in ["public", "plug"] {
        if numbers.below(3) == 0 {
            put(&format!("etc/firewalld/zones/{name}.xml"), zone(numbers, &RULES));
        }
    }
    if numbers.below(3) == 0 {
        put("etc/firewalld/policies/p.xml", policy(numbers));
    }
    if numbers.below(3) == 0 {
        put("etc/firewalld/ipsets/x.xml", ipset(numbers));
    }
    let conf = [
        "DefaultZone=public\n",
        "# c\n\nDefaultZone = trusted\nLogDenied=all\n",
        "LogDenied=x\nfoo\n",
        "",
        "DefaultZone=public\rLogDenied=all\r\nfoo=1\n\n\n \n\n;x=1\n;x=1\nfoo=2\r",
    ];
    put("etc/firewalld/firewalld.conf", numbers.pick(&conf).to_owned());
    files
}

fn document(numbers: &mut Numbers, name: &str, attributes: &str, mut body: Vec<String>) -> String {
    // Order is what the writer decides.
    for at in (1..body.len()).rev() {
        let other = numbers.below(at + 1);
        body.swap(at, other);
    }
    let head = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
        "",
        "<?xml version='1.0'?><!-- c -->\n",
    ];
    let gap = ["\n  ", "", "\r\n\t", " <!-- <port/> -->\n"];
    let mut text = format!("{}<{name}{attributes}>", numbers.pick(&head));
    for element in body {
        text += numbers.pick(&gap);
        text += &element;
    }
    format!("{text}\n</{name}>\n")
}

fn some(numbers: &mut Numbers, most: usize, mut each: impl FnMut(&mut Numbers) -> String) -> Vec<String> {
    (0..numbers.below(most + 1)).map(|_| each(numbers)).collect()
}

fn texts(numbers: &mut Numbers) -> Vec<String> {
    let mut body = Vec::new();
    for element in ["short", "description"] {
        if numbers.below(2) == 0 {
            body.push(format!("<{element}>{}</{element}>", numbers.pick(&TEXTS)));
        }
    }
    body
}

fn port(numbers: &mut Numbers, element: &str) -> String {
    let (port, protocol) = (numbers.pick(&PORTS), numbers.pick(&PROTOCOLS));
    match numbers.below(2) {
        0 => format!("<{element} port=\"{port}\" protocol=\"{protocol}\"/>"),
        _ => format!("<{element}  protocol='{protocol}' port='{port}'></{element}>"),
    }
}

fn traffic(numbers: &mut Numbers, rules: &[&str]) -> Vec<String> {
    let mut body = texts(numbers);
    body.extend(some(numbers, 3, |n| port(n, "port")));
    body.extend(some(numbers, 1, |n| port(n, "source-port")));
    body.extend(some(numbers, 2, |n| format!("<service name=\"{}\"/>", n.pick(&["ssh", "db", "http"]))));
    body.extend(some(numbers, 1, |n| format!("<protocol value=\"{}\"/>", n.pick(&["gre", "47", "esp"]))));
    body.extend(some(numbers, 2, |n| n.pick(rules).to_owned()));
    body.extend(some(numbers, 1, |_| "<icmp-block name=\"redirect\"/>".to_owned()));
    body.extend(some(numbers, 1, |n| n.pick(&["<masquerade/>", "<masquerade></masquerade>"]).to_owned()));
    body
}

fn zone(numbers: &mut Numbers, rules: &[&str]) -> String {
    let mut body = traffic(numbers, rules);
    body.extend(some(numbers, 1, |n| format!("<interface name=\"{}\"/>", n.pick(&["eth0", "eth1"]))));
    body.extend(some(numbers, 1, |n| format!("<source address=\"{}\"/>", n.pick(&ADDRESSES))));
    body.extend(some(numbers, 1, |_| "<forward/>".to_owned()));
    body.extend(some(numbers, 1, |_| {
        "<forward-port port=\"9-12\" protocol=\"udp\" to-addr=\"1.2.3.4\"/>".to_owned()
    }));
    let attributes = [
        "",
        "",
        " target=\"DROP\"",
        " version=\"1.0\" target='default'",
        " name=\"z\"",
    ];
    let attributes = numbers.pick(&attributes);
    document(numbers, "zone", attributes, body)
}

fn service(numbers: &mut Numbers) -> String {
    let mut body = texts(numbers);
    body.extend(some(numbers, 3, |n| port(n, "port")));
    body.extend(some(numbers, 1, |n| port(n, "source-port")));
    body.extend(some(numbers, 1, |_| "<protocol value=\"gre\"/>".to_owned()));
    body.extend(some(numbers, 1, |n| {
        format!("<module name=\"{}\"/>", n.pick(&["nf_conntrack_ftp", "nf_conntrack_a_b"]))
    }));
    body.extend(some(numbers, 1, |_| "<destination ipv6=\"fe80::/64\" ipv4=\"1.2.3.4\"/>".to_owned()));
    // The two may include each other.
    body.extend(some(numbers, 1, |n| format!("<include service=\"{}\"/>", n.pick(&SERVICES[..2]))));
    body.extend(some(numbers, 1, |_| "<helper name=\"ftp\"/>".to_owned()));
    document(numbers, "service", "", body)
}

fn policy(numbers: &mut Numbers) -> String {
    let mut body = traffic(numbers, &RULES);
    let zones = ["public", "trusted", "HOST", "ANY"];
    body.extend(some(numbers, 1, |n| format!("<ingress-zone name=\"{}\"/>", n.pick(&zones))));
    body.extend(some(numbers, 1, |n| format!("<egress-zone name=\"{}\"/>", n.pick(&zones))));
    let attributes = [
        " target=\"CONTINUE\"",
        " priority=\"5\" target=\"DROP\"",
        " target=\"ACCEPT\" priority=\"-1\"",
    ];
    let attributes = numbers.pick(&attributes);
    document(numbers, "policy", attributes, body)
}

fn ipset(numbers: &mut Numbers) -> String {
    let mut body = texts(numbers);
    body.extend(some(numbers, 3, |n| {
        format!("<entry>{}</entry>", n.pick(&["1.2.3.4", "1.2.3.5", "x", "::1"]))
    }));
    body.extend(some(numbers, 1, |_| "<option name=\"maxelem\" value=\"7\"/>".to_owned()));
    document(numbers, "ipset", " type=\"hash:ip\"", body)
}
