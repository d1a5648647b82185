//! What counts as shipped while firewalld itself is not installed: its zones, its ICMP types, and
//! services by the names that packages use. firewalld is taken as missing if none of its own zones
//! is there: other packages put zones and services into its directories too.

use std::cell::OnceCell;

use super::code::Checked;
use super::grammar::Grammar;
use super::icmptype::Icmptype;
use super::kind::Kind;
use super::port::{Port, WITH_PORTS};
use super::service::Service;
use super::stock_data::{ICMPTYPES, SERVICES, StockZone, ZONES};
use super::xml::{self, Element, Handler};
use super::zone::Zone;
use crate::firewall::lokkit::services as lokkit;
use crate::root::Root;

/// Where IANA's services are listed.
const ETC_SERVICES: &str = "/etc/services";
/// A service and an ICMP type that every firewalld ships: their files save a look at all others.
const TYPICAL: [(Kind, &str); 2] = [(Kind::Service, "ssh"), (Kind::Icmptype, "redirect")];

/// Answers for an image; its directories are looked at when the first name is asked for.
#[derive(Debug, Clone)]
pub(super) struct Stock<'r> {
    root: &'r Root,
    shipped: String,
    no_firewalld: OnceCell<bool>,
    no_services: OnceCell<bool>,
    no_icmptypes: OnceCell<bool>,
}

impl<'r> Stock<'r> {
    /// For packages that ship to `shipped`.
    pub(super) fn of(root: &'r Root, shipped: &str) -> Self {
        Stock {
            root,
            shipped: shipped.to_owned(),
            no_firewalld: OnceCell::new(),
            no_services: OnceCell::new(),
            no_icmptypes: OnceCell::new(),
        }
    }

    /// Whether objects of this kind are supplied.
    pub(crate) fn supplies(&self, kind: Kind) -> bool {
        let none_of = match kind {
            Kind::Zone => return self.no_firewalld(),
            Kind::Service => &self.no_services,
            Kind::Icmptype => &self.no_icmptypes,
            Kind::Policy | Kind::Ipset | Kind::Helper => return false,
        };
        *none_of.get_or_init(|| self.no_firewalld() || self.ships_none(kind))
    }

    fn no_firewalld(&self) -> bool {
        let shipped = |zone: &StockZone| self.is_file(Kind::Zone, zone.name);
        // Nearly always it is decided by the first.
        let init = || !self.is_file(Kind::Zone, "public") && !ZONES.iter().any(shipped);
        *self.no_firewalld.get_or_init(init)
    }

    fn ships_none(&self, kind: Kind) -> bool {
        if TYPICAL.iter().any(|(of, name)| *of == kind && self.is_file(kind, name)) {
            return false;
        }
        let entries = self.root.list(format!("{}/{}", self.shipped, kind.directory()));
        let is_object = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.ends_with(".xml"));
        !entries.is_ok_and(|entries| entries.iter().any(|entry| is_object(&entry.name)))
    }

    fn is_file(&self, kind: Kind, name: &str) -> bool {
        self.root.is_file(format!("{}/{}/{name}.xml", self.shipped, kind.directory()))
    }

    /// The text of an object's file, if it is supplied.
    pub(super) fn text(&self, kind: Kind, name: &str) -> Option<String> {
        if !self.supplies(kind) {
            return None;
        }
        match kind {
            Kind::Zone => ZONES
                .iter()
                .find(|zone| zone.name == name)
                .map(|found| zone(found).to_xml(&Grammar::none())),
            Kind::Service => self.service(name).map(|found| found.to_xml()),
            Kind::Icmptype => icmptype(name).map(|found| found.to_xml()),
            Kind::Policy | Kind::Ipset | Kind::Helper => None,
        }
    }

    /// The names of all objects of a kind that are supplied, but for services of `/etc/services`.
    pub(super) fn names(&self, kind: Kind) -> Vec<&'static str> {
        if !self.supplies(kind) {
            return Vec::new();
        }
        match kind {
            Kind::Zone => ZONES.iter().map(|zone| zone.name).collect(),
            Kind::Service => {
                let of_lokkit = lokkit::SERVICES.iter().map(|service| service.key);
                SERVICES.iter().map(|(name, ..)| *name).chain(of_lokkit).collect()
            }
            Kind::Icmptype => ICMPTYPES.iter().map(|(name, _)| *name).collect(),
            Kind::Policy | Kind::Ipset | Kind::Helper => Vec::new(),
        }
    }

    fn service(&self, name: &str) -> Option<Service> {
        let stock = SERVICES.iter().find(|(known, ..)| *known == name);
        let stock = stock.map(|(_, title, words)| service(title, words));
        stock
            .or_else(|| lokkit::service(name).map(of_lokkit))
            .or_else(|| of_iana(&self.root.read_text(ETC_SERVICES).ok()?, name))
    }
}

fn zone(stock: &StockZone) -> Zone {
    let mut zone = Zone {
        target: stock.target.to_owned(),
        forward: true,
        ..Zone::default()
    };
    zone.head.short = stock.short.to_owned();
    zone.head.description = stock.description.to_owned();
    zone.traffic.services = stock.services.iter().map(|name| (*name).to_owned()).collect();
    zone.traffic.masquerade = stock.masquerade;
    zone
}

fn service(title: &str, words: &str) -> Service {
    let mut service = Service::default();
    service.head.short = title.to_owned();
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("protocol", value)) => service.protocols.push(value.to_owned()),
            Some(("include", value)) => service.includes.push(value.to_owned()),
            Some(("helper", value)) => service.helpers.push(value.to_owned()),
            Some((family, address)) => service.destinations.push((family.to_owned(), address.to_owned())),
            None => {
                let port = word.split_once('/').map(|(port, protocol)| Port::new(port, protocol));
                service.ports.extend(port);
            }
        }
    }
    service
}

fn icmptype(name: &str) -> Option<Icmptype> {
    let (_, families) = ICMPTYPES.iter().find(|(known, _)| *known == name)?;
    Some(Icmptype {
        destinations: families.split_whitespace().map(str::to_owned).collect(),
        ..Icmptype::default()
    })
}

fn of_lokkit(known: &lokkit::Service) -> Service {
    let mut service = service(known.title, "");
    let ports = known.ports.iter().map(|port| Port::new(port.port.to_string(), port.protocol));
    service.ports = ports.collect();
    service.protocols = known.protocols.iter().map(|protocol| (*protocol).to_owned()).collect();
    let helper = |module: &&str| module.strip_prefix("nf_conntrack_").map(|name| name.replace('_', "-"));
    service.helpers = known.modules.iter().filter_map(helper).collect();
    if let Some(to) = &known.destination {
        for (family, address) in [("ipv4", to.ipv4), ("ipv6", to.ipv6)] {
            if !address.is_empty() {
                service.destinations.push((family.to_owned(), address.to_owned()));
            }
        }
    }
    service
}

/// services(5): lines of `NAME PORT/PROTOCOL ALIAS... # comment`; the first of each protocol counts.
fn of_iana(text: &str, name: &str) -> Option<Service> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if name.is_empty() || !name.chars().all(fine) {
        return None;
    }
    let mut found = service(name, "");
    for line in text.lines().filter(|line| line.contains(name)) {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (Some(first), Some(port)) = (words.next(), words.next()) else {
            continue;
        };
        let named = first == name || words.any(|alias| alias == name);
        let Some((port, protocol)) = port.split_once('/').filter(|_| named) else {
            continue;
        };
        let known = found.ports.iter().any(|known| known.protocol == protocol);
        if WITH_PORTS.contains(&protocol) && port.parse::<u16>().is_ok() && !known {
            found.ports.push(Port::new(port, protocol));
        }
    }
    (!found.ports.is_empty()).then_some(found)
}

/// The services that an object's file names: those that a zone or policy lets through, by itself or
/// in rich rules, and those that a service includes.
pub(super) fn named_services(text: &str) -> Vec<String> {
    let mut names = Names::default();
    match xml::read(text, &mut names) {
        Ok(()) => names.found,
        Err(_) => Vec::new(),
    }
}

#[derive(Default)]
struct Names {
    found: Vec<String>,
    /// The outermost element, which names nothing else, was seen.
    begun: bool,
}

impl Handler for Names {
    fn start(&mut self, element: &Element) -> Checked<()> {
        let name = match &*element.name {
            "service" if self.begun => element.get("name"),
            "include" => element.get("service"),
            _ => None,
        };
        self.begun = true;
        self.found.extend(name.map(str::to_owned));
        Ok(())
    }

    fn end(&mut self, _: &str, _: &str) -> Checked<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_file_that_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let stock = Stock::of(&root, "/usr/lib/firewalld");
        let text = |kind, name| stock.text(kind, name).unwrap();
        let services = stock.names(Kind::Service);
        for name in &services {
            let service = Service::parse(&text(Kind::Service, name), &Grammar::none()).unwrap();
            assert!(service.includes.iter().all(|include| services.contains(&include.as_str())), "{name}");
            for port in &service.ports {
                Port::parse(&port.to_string(), &Grammar::none()).unwrap();
            }
        }
        for name in stock.names(Kind::Zone) {
            let zone = Zone::parse(&text(Kind::Zone, name), &Grammar::none()).unwrap();
            assert!(zone.forward, "{name}");
            assert!(zone.traffic.services.iter().all(|service| services.contains(&service.as_str())));
        }
        for name in stock.names(Kind::Icmptype) {
            Icmptype::parse(&text(Kind::Icmptype, name)).unwrap();
        }
        assert!(stock.names(Kind::Helper).is_empty());
    }

    #[test]
    fn nothing_is_supplied_where_firewalld_is_installed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let put = |path: &str| {
            let path = format!("/usr/lib/firewalld/{path}");
            root.create_dirs(std::path::Path::new(&path).parent().unwrap(), 0o755).unwrap();
            root.write(&path, b"<x/>", None).unwrap();
        };
        let supplied = || {
            let stock = Stock::of(&root, "/usr/lib/firewalld");
            [Kind::Zone, Kind::Service, Kind::Icmptype].map(|kind| stock.supplies(kind))
        };
        // What other packages ship says nothing.
        put("zones/nm-shared.xml");
        put("services/db.xml");
        assert_eq!(supplied(), [true; 3]);
        put("zones/trusted.xml");
        assert_eq!(supplied(), [false, false, true]);
        put("icmptypes/redirect.xml");
        assert_eq!(supplied(), [false; 3]);
    }

    #[test]
    fn services_are_found_by_name_or_alias() {
        let text =
            "ftp 21/tcp\nmine 77/tcp own # x\nother 1/tcp # mine\nown 78/tcp\nown 78/udp\nx 1/ddp own\n";
        let ports = |name| {
            of_iana(text, name).map(|found| found.ports.iter().map(Port::to_string).collect::<Vec<_>>())
        };
        assert_eq!(ports("own").unwrap(), ["77/tcp", "78/udp"]);
        assert_eq!(ports("mine").unwrap(), ["77/tcp"]);
        assert_eq!(ports("x"), None);
        assert_eq!(ports("../x"), None);
        let samba = of_lokkit(lokkit::service("samba").unwrap());
        assert_eq!(samba.helpers, ["netbios-ns"]);
    }

    #[test]
    fn names_are_found_at_every_depth() {
        let text = "<zone><service name='a'/><rule><service name='b'/></rule><port port='1'/></zone>";
        assert_eq!(named_services(text).len(), 2);
        assert_eq!(named_services("<service name='x'><include service='c'/></service>"), ["c"]);
        assert!(named_services("<zone").is_empty());
    }
}
