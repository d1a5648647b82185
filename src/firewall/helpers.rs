//! Connection tracking helpers: what the image's firewalld says of them (firewalld.helper(5)), else
//! what firewalld ships.

use super::firewalld::kind::Kind;
use super::firewalld::{Grammar, Helper, Tree};
use super::ports::PortRange;
use super::valid;
use crate::root::Root;

/// A connection tracking helper of the kernel, and the ports whose connections it watches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tracking {
    /// Its name in the kernel.
    pub name: String,
    /// Protocols and ports.
    pub ports: Vec<(String, PortRange)>,
}

/// What a module is called by before its own name.
const MODULE: &str = "nf_conntrack_";
/// The longest name of a helper in the kernel (`NF_CT_HELPER_NAME_LEN`).
const LONGEST: usize = 15;

/// A helper's name, its module, and its ports.
type Shipped = (&'static str, &'static str, &'static [(&'static str, u16)]);

/// The helpers that firewalld ships (`config/helpers` of 1.3.4).
const SHIPPED: [Shipped; 13] = [
    ("amanda", "amanda", &[("udp", 10080)]),
    ("ftp", "ftp", &[("tcp", 21)]),
    ("h323", "h323", &[]),
    ("irc", "irc", &[("tcp", 194)]),
    ("netbios-ns", "netbios_ns", &[("udp", 137)]),
    ("pptp", "pptp", &[("tcp", 1723)]),
    ("proto-gre", "proto_gre", &[]),
    ("Q.931", "h323", &[("tcp", 1720)]),
    ("RAS", "h323", &[("udp", 1719)]),
    ("sane", "sane", &[("tcp", 6566)]),
    ("sip", "sip", &[("tcp", 5060), ("udp", 5060)]),
    ("snmp", "snmp", &[("udp", 161)]),
    ("tftp", "tftp", &[("udp", 69)]),
];

/// Looks a helper up by the name, or by the module, that a service has it under.
pub(crate) fn tracking(root: &Root, name: &str) -> Option<Tracking> {
    let name = name
        .strip_prefix(MODULE)
        .map_or_else(|| name.to_owned(), |module| module.replace('_', "-"));
    let found = local(root, &name).or_else(|| shipped(&name))?;
    (valid::word(&found.name) && found.name.len() <= LONGEST).then_some(found)
}

fn local(root: &Root, name: &str) -> Option<Tracking> {
    let text = Tree::of(root).read(Kind::Helper, name).ok()??;
    let helper = Helper::parse(&text, &Grammar::of(root)).ok()?;
    let ports = helper
        .ports
        .iter()
        .map(|port| Some((port.protocol.clone(), PortRange::parse(&port.port)?)));
    Some(Tracking {
        name: of_module(name, &helper.module),
        ports: ports.collect::<Option<_>>()?,
    })
}

fn shipped(name: &str) -> Option<Tracking> {
    let (name, module, ports) = SHIPPED.iter().find(|(known, ..)| *known == name)?;
    let range = |port: u16| PortRange {
        low: port,
        high: port,
    };
    Some(Tracking {
        name: of_module(name, module),
        ports: ports.iter().map(|(protocol, port)| ((*protocol).to_owned(), range(*port))).collect(),
    })
}

/// The kernel calls a helper as its module; that of H.323 has several, which firewalld calls as the
/// kernel does.
fn of_module(name: &str, module: &str) -> String {
    match module.trim_start_matches(MODULE) {
        "h323" => name.to_owned(),
        module => module.replace('_', "-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_known_by_its_name_by_its_module_and_by_the_image_s_own_file() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let ports = |name: &str| tracking(&root, name).unwrap().ports;
        let port = |protocol: &str, port| {
            (
                protocol.to_owned(),
                PortRange {
                    low: port,
                    high: port,
                },
            )
        };
        assert_eq!(ports("nf_conntrack_ftp"), [port("tcp", 21)]);
        assert_eq!(tracking(&root, "netbios-ns").unwrap().name, "netbios-ns");
        assert_eq!(tracking(&root, "RAS").unwrap().name, "RAS");
        assert_eq!(tracking(&root, "nosuch"), None);
        root.create_dirs("/etc/firewalld/helpers", 0o755).unwrap();
        let text = "<helper module=\"nf_conntrack_ftp\"><port port=\"2121\" protocol=\"tcp\"/></helper>";
        root.write("/etc/firewalld/helpers/mine.xml", text.as_bytes(), None).unwrap();
        let mine = tracking(&root, "mine").unwrap();
        assert_eq!((mine.name.as_str(), mine.ports), ("ftp", vec![port("tcp", 2121)]));
    }
}
