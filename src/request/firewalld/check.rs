//! Checks of objects against the rest of the configuration, as before each store and for
//! `--check-config`. Whether a name exists is found by looking for its file.

use crate::firewall::firewalld::address::{is_interface, is_source};
use crate::firewall::firewalld::port::check_protocol;
use crate::firewall::firewalld::rich::{Element, Rule};
use crate::firewall::firewalld::{
    Checked, Code, Fault, ForwardPort, Helper, Icmptype, Ipset, Kind, Names, Policy, Service, Traffic, Tree,
    Zone, zone,
};

use super::check_policy::Order;
use super::item::Item;

/// Longest name of a zone.
const ZONE_NAME: usize = 17;
/// Longest name of a policy.
const POLICY_NAME: usize = 18;

/// The configuration around an object that is checked.
pub(super) struct Surroundings<'t, 'r> {
    pub tree: &'t Tree<'r>,
    pub names: &'t Names<'r>,
    /// A zone as it is about to be written, by its name.
    pub edited: Option<(&'t str, &'t Zone)>,
    /// A zone that is about to be deleted.
    pub gone: Option<&'t str>,
}

impl Surroundings<'_, '_> {
    /// Checks a zone as a whole, in the original's order: of several faults it names the first.
    pub fn zone(&self, name: &str, zone: &Zone) -> Checked<()> {
        let what = format!("Zone '{name}'");
        if !zone::TARGETS.contains(&zone.target()) && zone.target() != "{chain}_{zone}" {
            return Err(Code::InvalidTarget.about(format!("{what}: invalid target '{}'", zone.target)));
        }
        self.services(&what, &zone.traffic)?;
        self.icmp_blocks(&what, &zone.traffic)?;
        self.forward_ports(&what, &zone.traffic)?;
        self.bindings(name, zone)?;
        self.rules(&what, &zone.traffic)?;
        self.protocols(&zone.traffic)
    }

    /// Checks what is bound to the zone, one after the other: each must be an interface or source,
    /// and bound to no other zone.
    fn bindings(&self, name: &str, zone: &Zone) -> Checked<()> {
        if !zone.is_active() {
            return Ok(());
        }
        let others = self.other_zones(name)?;
        for interface in &zone.interfaces {
            interface_of_zone(name, interface)?;
            if let Some((other, _)) = others.iter().find(|(_, other)| other.interfaces.contains(interface)) {
                let what = format!("interface '{interface}' already bound to zone '{other}'");
                return Err(Code::InvalidInterface.about(format!("Zone '{name}': {what}")));
            }
        }
        for source in &zone.sources {
            source_of_zone(name, source)?;
            if let Some((other, _)) = others.iter().find(|(_, other)| other.sources.contains(source)) {
                let what = format!("source '{source}' already bound to zone '{other}'");
                return Err(Code::InvalidAddr.about(format!("Zone '{name}': {what}")));
            }
        }
        Ok(())
    }

    /// Every zone but this one. Only local zones can have bindings that matter, but a package may
    /// ship some too.
    pub fn other_zones(&self, name: &str) -> Checked<Vec<(String, Zone)>> {
        let mut zones = Vec::new();
        let names = self.tree.names(Kind::Zone).unwrap_or_default();
        for other in names.into_iter().filter(|other| other != name && self.gone != Some(other)) {
            if let Some((_, zone)) = self.edited.filter(|(edited, _)| *edited == other) {
                zones.push((other, zone.clone()));
            } else if let Some(text) = self.tree.read(Kind::Zone, &other).unwrap_or_default() {
                zones.push((other, Zone::parse(&text, self.names).map_err(Fault::in_file)?));
            }
        }
        Ok(zones)
    }

    pub fn zone_exists(&self, name: &str) -> bool {
        self.gone != Some(name) && self.tree.exists(Kind::Zone, name)
    }

    /// Whether interfaces are bound to a zone.
    pub fn has_interfaces(&self, name: &str) -> Checked<bool> {
        if let Some((edited, zone)) = self.edited
            && edited == name
        {
            return Ok(!zone.interfaces.is_empty());
        }
        let text = self.tree.read(Kind::Zone, name).unwrap_or_default().unwrap_or_default();
        Ok(!Zone::parse(&text, self.names).map_err(Fault::in_file)?.interfaces.is_empty())
    }

    pub fn services(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        traffic.services.iter().try_for_each(|service| self.service_name(what, service))
    }

    pub fn icmp_blocks(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        traffic.icmp_blocks.iter().try_for_each(|icmptype| self.icmptype_name(what, icmptype))
    }

    pub fn forward_ports(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        let aimless = |forward: &&ForwardPort| forward.to_port.is_empty() && forward.to_address.is_empty();
        match traffic.forward_ports.iter().find(aimless) {
            None => Ok(()),
            Some(forward) => Err(Code::InvalidForward.about(format!(
                "{what}: '('{}', '{}', '', '')' is missing to-port AND to-addr",
                forward.port, forward.protocol
            ))),
        }
    }

    pub fn rules(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        traffic.rules.iter().try_for_each(|rule| self.rule(what, rule))
    }

    pub fn protocols(&self, traffic: &Traffic) -> Checked<()> {
        traffic.protocols.iter().try_for_each(|protocol| check_protocol(protocol, self.names))
    }

    fn rule(&self, what: &str, rule: &Rule) -> Checked<()> {
        if *rule == Rule::default() {
            return Err(Code::InvalidRule.about("no element, no action"));
        }
        let Some(Element::IcmpBlock { name } | Element::IcmpType { name }) = &rule.element else {
            return Ok(());
        };
        self.icmptype_name(what, name)?;
        match &rule.family {
            Some(family) if !self.icmptype_knows(name, family)? => {
                let detail = format!("{what}: rich rule family '{family}' conflicts with icmp type '{name}'");
                Err(Code::InvalidIcmptype.about(detail))
            }
            _ => Ok(()),
        }
    }

    fn icmptype_knows(&self, name: &str, family: &String) -> Checked<bool> {
        let text = self.tree.read(Kind::Icmptype, name).unwrap_or_default();
        match text.map(|text| Icmptype::parse(&text)).transpose().map_err(Fault::in_file)? {
            Some(icmptype) => Ok(icmptype.effective_destinations().contains(family)),
            None => Ok(true),
        }
    }

    fn service_name(&self, what: &str, service: &str) -> Checked<()> {
        if self.tree.exists(Kind::Service, service) {
            return Ok(());
        }
        Err(Code::InvalidService.about(format!("{what}: '{service}' not among existing services")))
    }

    fn icmptype_name(&self, what: &str, icmptype: &str) -> Checked<()> {
        // Where none is shipped, firewalld itself is not there yet, and nobody knows.
        if self.tree.exists(Kind::Icmptype, icmptype) || !self.tree.ships(Kind::Icmptype) {
            return Ok(());
        }
        Err(Code::InvalidIcmptype.about(format!("{what}: '{icmptype}' not among existing ICMP types")))
    }

    /// Checks one entry of a zone (`Zone 'public'`) or policy (`Policy 'p'`) alone.
    pub fn item(&self, what: &str, name: &str, item: &Item) -> Checked<()> {
        match item {
            Item::Service(service) => self.service_name(what, service),
            Item::Protocol(protocol) => check_protocol(protocol, self.names),
            Item::IcmpBlock(icmptype) => self.icmptype_name(what, icmptype),
            Item::RichRule(rule, _) => self.rule(what, rule),
            Item::Interface(interface) => interface_of_zone(name, interface),
            Item::Source(source) => source_of_zone(name, source),
            Item::IngressZone(zone) | Item::EgressZone(zone) => {
                self.policy_zones(what, "", std::slice::from_ref(zone), &[])
            }
            Item::Port(_) | Item::SourcePort(_) | Item::ForwardPort(_) => Ok(()),
        }
    }

    /// Checks a service as a whole.
    pub fn service(&self, name: &str, service: &Service) -> Checked<()> {
        for protocol in &service.protocols {
            check_protocol(protocol, self.names)?;
        }
        for include in &service.includes {
            if !self.tree.exists(Kind::Service, include) {
                let detail = format!("Service '{name}': Included service '{include}' not found.");
                return Err(Code::InvalidService.about(detail));
            }
        }
        Ok(())
    }

    fn zone_name(&self, name: &str) -> Checked<()> {
        check_slashes("Zone", name)?;
        check_length("Zone", name.split('/').next().unwrap_or(name), ZONE_NAME)?;
        if self.tree.exists(Kind::Policy, name) {
            let detail = format!("Zone '{name}': Can't have the same name as a policy.");
            return Err(Code::NameConflict.about(detail));
        }
        Ok(())
    }

    fn policy_name(&self, name: &str) -> Checked<()> {
        check_slashes("Policy", name)?;
        check_length("Policy", name, POLICY_NAME)?;
        if self.tree.exists(Kind::Zone, name) {
            let detail = format!("Policy '{name}': Can't have the same name as a zone.");
            return Err(Code::NameConflict.about(detail));
        }
        Ok(())
    }

    /// Checks every local zone and policy but one that is about to be written: what a package that
    /// went away leaves dangling keeps any change from being stored.
    pub fn rest(&self, kind: Kind, name: &str) -> Checked<()> {
        for other_kind in [Kind::Zone, Kind::Policy] {
            for other in self.tree.local_names(other_kind).unwrap_or_default() {
                if (other_kind, other.as_str()) != (kind, name) {
                    self.object(other_kind, &other)?;
                }
            }
        }
        Ok(())
    }

    /// Reads and checks one object.
    pub fn object(&self, kind: Kind, name: &str) -> Checked<()> {
        let text = self.tree.read(kind, name).map_err(|error| kind.invalid().about(error.to_string()))?;
        let text = text.unwrap_or_default();
        match kind {
            Kind::Zone => {
                let zone = Zone::parse(&text, self.names).map_err(Fault::in_file)?;
                self.zone_name(name)?;
                self.zone(name, &zone)
            }
            Kind::Policy => {
                let policy = Policy::parse(&text, self.names).map_err(Fault::in_file)?;
                self.policy_name(name)?;
                self.policy(name, &policy, Order::Stored)
            }
            Kind::Service => {
                let service = Service::parse(&text, self.names).map_err(Fault::in_file)?;
                self.service(name, &service)
            }
            Kind::Ipset => Ipset::parse(&text).map(drop).map_err(Fault::in_file),
            Kind::Icmptype => Icmptype::parse(&text).map(drop).map_err(Fault::in_file),
            Kind::Helper => Helper::parse(&text, self.names).map(drop).map_err(Fault::in_file),
        }
    }

    /// Checks that a new object can have this name.
    pub fn new_name(&self, kind: Kind, name: &str) -> Checked<()> {
        match kind {
            Kind::Zone => {
                check_characters(name, "_-/")?;
                self.zone_name(name)
            }
            Kind::Policy => {
                check_characters(name, "_-/")?;
                self.policy_name(name)
            }
            Kind::Ipset => {
                check_characters(name, "_-:.")?;
                crate::firewall::firewalld::ipset::check_name(name)
            }
            Kind::Helper => check_characters(name, "_-."),
            Kind::Service | Kind::Icmptype => check_characters(name, "_-"),
        }
    }
}

fn check_characters(name: &str, others: &str) -> Checked<()> {
    match name.chars().find(|c| !c.is_alphanumeric() && !others.contains(*c)) {
        Some(c) => Err(Code::InvalidName.about(format!("'{c}' is not allowed in '{name}'"))),
        None => Ok(()),
    }
}

fn check_slashes(what: &str, name: &str) -> Checked<()> {
    let trouble = if name.starts_with('/') {
        "can't start with '/'"
    } else if name.ends_with('/') {
        "can't end with '/'"
    } else if name.matches('/').count() > 1 {
        "has more than one '/'"
    } else {
        return Ok(());
    };
    Err(Code::InvalidName.about(format!("{what} '{name}': name {trouble}")))
}

fn check_length(what: &str, name: &str, most: usize) -> Checked<()> {
    let length = name.chars().count();
    if length <= most {
        return Ok(());
    }
    Err(Code::InvalidName.about(format!("{what} '{name}': name has {length} chars, max is {most}")))
}

fn interface_of_zone(zone: &str, interface: &str) -> Checked<()> {
    if is_interface(interface) {
        return Ok(());
    }
    Err(Code::InvalidInterface.about(format!("Zone '{zone}': invalid interface '{interface}'")))
}

fn source_of_zone(zone: &str, source: &str) -> Checked<()> {
    if is_source(source) {
        return Ok(());
    }
    Err(Code::InvalidAddr.about(format!("Zone '{zone}': invalid source '{source}'")))
}
