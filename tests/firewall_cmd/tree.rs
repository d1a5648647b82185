//! The configuration that all of these calls begin with: one that a firewalld starts with, small, so
//! that it reloads quickly.

use super::support::Files;

/// What firewalld ships, and what is there locally.
pub fn files() -> Files {
    let shipped = [
        // As on a node that is up: a zone that is not active earns its callers a warning.
        (
            "zones/public",
            "<zone>\n  <short>Public</short>\n  <service name=\"ssh\"/>\n  \
             <interface name=\"up0\"/>\n  <forward/>\n</zone>",
        ),
        ("zones/trusted", "<zone target=\"ACCEPT\">\n  <forward/>\n</zone>"),
        ("zones/drop", "<zone target=\"DROP\"/>"),
        ("zones/block", "<zone target=\"%%REJECT%%\"/>"),
        ("zones/home", "<zone>\n  <service name=\"ssh\"/>\n  <service name=\"ftp\"/>\n</zone>"),
        (
            "services/ssh",
            "<service>\n  <short>SSH</short>\n  <port protocol=\"tcp\" port=\"22\"/>\n</service>",
        ),
        ("services/http", "<service>\n  <port protocol=\"tcp\" port=\"80\"/>\n</service>"),
        (
            "services/ftp",
            "<service>\n  <port protocol=\"tcp\" port=\"21\"/>\n  <helper name=\"ftp\"/>\n</service>",
        ),
        (
            "services/db",
            "<service>\n  <port protocol=\"tcp\" port=\"5432\"/>\n  <destination ipv4=\"10.0.0.1\"/>\n</service>",
        ),
        (
            "helpers/ftp",
            "<helper module=\"nf_conntrack_ftp\">\n  <port protocol=\"tcp\" port=\"21\"/>\n</helper>",
        ),
        ("icmptypes/echo-request", "<icmptype/>"),
        ("icmptypes/redirect", "<icmptype>\n  <destination ipv4=\"yes\"/>\n</icmptype>"),
    ];
    let local = [
        ("zones/plug", "<zone>\n  <port port=\"8000-8100\" protocol=\"tcp\"/>\n</zone>"),
        ("services/s", "<service>\n  <port port=\"9000\" protocol=\"udp\"/>\n</service>"),
        (
            "policies/p",
            "<policy priority=\"5\" target=\"CONTINUE\">\n  <ingress-zone name=\"plug\"/>\n  \
             <egress-zone name=\"HOST\"/>\n</policy>",
        ),
        ("ipsets/x", "<ipset type=\"hash:ip\">\n  <entry>1.2.3.4</entry>\n</ipset>"),
    ];
    let mut files = Files::new();
    for (place, objects) in [("usr/lib/firewalld", &shipped[..]), ("etc/firewalld", &local[..])] {
        for (name, text) in objects {
            files.insert(
                format!("{place}/{name}.xml"),
                format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{text}\n"),
            );
        }
    }
    files.insert("etc/firewalld/firewalld.conf".to_owned(), "DefaultZone=public\n".to_owned());
    // Read by calls that name them.
    files.insert("etc/firewalld/new.xml".to_owned(), "<service>\n</service>\n".to_owned());
    files.insert("etc/firewalld/entries".to_owned(), "1.1.1.1\n# none\n1.1.1.2\n".to_owned());
    files
}
