//! The meaning of names in an image: services by firewalld's definitions, lokkit's table and
//! `/etc/services`, in this order; protocols by number.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::firewalld::{Grammar, Kind, Port, Service, Tree, store};
use super::helpers::{Tracking, tracking};
use super::lokkit::services as lokkit;
use super::ports::{PORT_PROTOCOLS, PortRange, Ports};
use crate::root::Root;

/// The definition of a service: its own part and those of the services that it includes.
pub type Definition = Vec<Part>;

/// Ports and protocols that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Destination ports.
    pub ports: Ports,
    /// Source ports.
    pub source_ports: Ports,
    /// Whole protocols.
    pub protocols: Vec<String>,
    /// Only packets to these addresses, `ADDRESS[/BITS]`; empty means any.
    pub destinations: Vec<String>,
    /// Connection tracking helpers that make it work, without `nf_conntrack_`.
    pub helpers: Vec<String>,
}

/// Looks names up in an image; files are read at the first question.
#[derive(Debug)]
pub struct Definitions<'r> {
    root: &'r Root,
    /// Files that get another content, or go, before anybody looks.
    upcoming: BTreeMap<PathBuf, Option<String>>,
    services: RefCell<BTreeMap<String, Option<Definition>>>,
    numbers: OnceCell<BTreeMap<(String, String), u16>>,
}

impl<'r> Definitions<'r> {
    /// Reads from `root`.
    pub fn new(root: &'r Root) -> Self {
        Definitions::upcoming(root, BTreeMap::new())
    }

    /// Reads from `root` as it will be once these files have this content, or are gone.
    pub(crate) fn upcoming(root: &'r Root, upcoming: BTreeMap<PathBuf, Option<String>>) -> Self {
        Definitions {
            root,
            upcoming,
            services: RefCell::default(),
            numbers: OnceCell::new(),
        }
    }

    /// The definition of a service.
    pub fn service(&self, name: &str) -> Option<Definition> {
        if let Some(known) = self.services.borrow().get(name) {
            return known.clone();
        }
        let found = self
            .in_firewalld(name)
            .or_else(|| in_lokkit(name).map(|part| vec![part]))
            .or_else(|| self.in_etc_services(name).map(|part| vec![part]));
        self.services.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// A service with those that it includes, each once; an included one that is missing or
    /// malformed is left out.
    fn in_firewalld(&self, name: &str) -> Option<Definition> {
        let load = |name: &str| self.load(name);
        let mut parts = Vec::new();
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut open = vec![load(name)?];
        while let Some(service) = open.pop() {
            let included = service.includes.iter().filter(|name| seen.insert((*name).clone()));
            open.extend(included.filter_map(|name| load(name)));
            parts.push(self.part(&service));
        }
        Some(parts)
    }

    fn load(&self, name: &str) -> Option<Service> {
        let text = match self.upcoming.get(&store::local(Kind::Service, name)) {
            None => return store::load_service(self.root, name).ok().flatten(),
            Some(Some(text)) => text.clone(),
            Some(None) => Tree::of(self.root).shipped_text(Kind::Service, name).ok().flatten()?,
        };
        Service::parse(&text, &Grammar::of(self.root)).ok()
    }

    /// Whether a service of firewalld has a file of its own.
    pub(crate) fn has_file(&self, service: &str) -> bool {
        match self.upcoming.get(&store::local(Kind::Service, service)) {
            None => store::has_file(self.root, Kind::Service, service),
            Some(Some(_)) => true,
            Some(None) => Tree::of(self.root).is_shipped(Kind::Service, service),
        }
    }

    fn part(&self, service: &Service) -> Part {
        let ports = |ports: &[Port]| {
            let mut by_protocol = Ports::new();
            for Port { port, protocol } in ports {
                let range = PortRange::parse(port).or_else(|| self.named_port(port, protocol));
                by_protocol.entry(protocol.clone()).or_default().extend(range);
            }
            by_protocol
        };
        Part {
            ports: ports(&service.ports),
            source_ports: ports(&service.source_ports),
            protocols: service.protocols.clone(),
            destinations: service.destinations.iter().map(|(_, address)| address.clone()).collect(),
            helpers: service.modules.iter().chain(&service.helpers).cloned().collect(),
        }
    }

    /// A connection tracking helper by the name that services have it under.
    pub(crate) fn tracking(&self, name: &str) -> Option<Tracking> {
        tracking(self.root, name)
    }

    /// A port by its name in `/etc/services`.
    pub(crate) fn named_port(&self, name: &str, protocol: &str) -> Option<PortRange> {
        let port = *self.numbers().get(&(name.to_owned(), protocol.to_owned()))?;
        Some(PortRange {
            low: port,
            high: port,
        })
    }

    fn in_etc_services(&self, name: &str) -> Option<Part> {
        let mut part = Part::default();
        for protocol in PORT_PROTOCOLS {
            let port = self.named_port(name, protocol);
            part.ports.extend(port.map(|port| (protocol.to_owned(), vec![port])));
        }
        (!part.ports.is_empty()).then_some(part)
    }

    fn numbers(&self) -> &BTreeMap<(String, String), u16> {
        self.numbers.get_or_init(|| {
            let text = self.root.read_text("/etc/services").unwrap_or_default();
            parse_services(&text)
        })
    }
}

/// Remarks on the connection tracking helpers of a service, for dialects that set up none.
pub(crate) fn helpers_of(service: &str, definition: &Definition) -> Vec<String> {
    let helpers = definition.iter().flat_map(|part| &part.helpers);
    let text = |helper| format!("connection tracking helper {helper} of service {service} is not set up");
    helpers.map(text).collect()
}

/// A service in lokkit's own table.
fn in_lokkit(name: &str) -> Option<Part> {
    let service = lokkit::service(name)?;
    let mut part = Part {
        protocols: service.protocols.iter().map(|protocol| (*protocol).to_owned()).collect(),
        ..Part::default()
    };
    for lokkit::ServicePort { port, protocol } in service.ports {
        let range = PortRange {
            low: *port,
            high: *port,
        };
        part.ports.entry((*protocol).to_owned()).or_default().push(range);
    }
    let modules = service.modules.iter();
    part.helpers = modules.map(|name| name.trim_start_matches("nf_conntrack_").to_owned()).collect();
    let destination = service.destination.iter().flat_map(|to| [to.ipv4, to.ipv6]);
    part.destinations = destination.filter(|to| !to.is_empty()).map(str::to_owned).collect();
    Some(part)
}

/// services(5): name and aliases with a protocol → port; the first line of a name counts.
fn parse_services(text: &str) -> BTreeMap<(String, String), u16> {
    let mut numbers = BTreeMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            continue;
        };
        let Some((port, protocol)) = value.split_once('/') else {
            continue;
        };
        let Ok(port) = port.parse::<u16>() else { continue };
        for name in std::iter::once(name).chain(words) {
            numbers.entry((name.to_owned(), protocol.to_owned())).or_insert(port);
        }
    }
    numbers
}

/// A protocol's number as assigned by IANA, for the protocols that firewalls use; a number is
/// returned as it is.
pub(crate) fn protocol_number(name: &str) -> Option<u8> {
    const ASSIGNED: [(&str, u8); 22] = [
        ("icmp", 1),
        ("igmp", 2),
        ("ipip", 4),
        ("ipencap", 4),
        ("tcp", 6),
        ("egp", 8),
        ("udp", 17),
        ("dccp", 33),
        ("ipv6", 41),
        ("rsvp", 46),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
        ("ipv6-icmp", 58),
        ("icmpv6", 58),
        ("eigrp", 88),
        ("ospf", 89),
        ("pim", 103),
        ("vrrp", 112),
        ("l2tp", 115),
        ("sctp", 132),
        ("udplite", 136),
    ];
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return name.parse().ok();
    }
    let assigned = ASSIGNED.iter().find(|(assigned, _)| *assigned == name);
    assigned.map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_aliases_and_comments() {
        let numbers = parse_services("# x\nhttp 80/tcp www www-http # web\nhttp 81/tcp\nbad\nx y/tcp\n");
        assert_eq!(numbers[&("www".to_owned(), "tcp".to_owned())], 80);
        assert_eq!(numbers[&("http".to_owned(), "tcp".to_owned())], 80);
        assert_eq!(numbers.len(), 3);
    }

    #[test]
    fn a_service_is_looked_up_in_firewalld_lokkit_and_etc_services() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/firewalld/services", 0o755).unwrap();
        let write = |name: &str, text: &str| {
            root.write(format!("/etc/firewalld/services/{name}.xml"), text.as_bytes(), None).unwrap();
        };
        let port = |port: &str| format!("<port port=\"{port}\" protocol=\"tcp\"/>");
        write("a", &format!("<service>{}<include service=\"b\"/></service>", port("1-2")));
        write("b", &format!("<service>{}<include service=\"a\"/></service>", port("9")));
        root.write("/etc/services", b"mine 77/udp\n", None).unwrap();
        let definitions = Definitions::new(&root);
        let found = definitions.service("a").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].ports["tcp"], [PortRange { low: 9, high: 9 }]);
        assert_eq!(definitions.service("mine").unwrap()[0].ports["udp"][0].low, 77);
        let lokkit = definitions.service("mdns").unwrap();
        assert_eq!(lokkit[0].ports["udp"][0].low, 5353);
        assert!(!lokkit[0].destinations.is_empty());
        assert_eq!(definitions.service("none"), None);
    }

    #[test]
    fn protocols_are_known_by_name_or_number() {
        assert_eq!(protocol_number("gre"), Some(47));
        assert_eq!(protocol_number("255"), Some(255));
        assert_eq!(protocol_number("256"), None);
        assert_eq!(protocol_number("nonsense"), None);
    }
}
