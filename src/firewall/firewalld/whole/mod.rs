//! Checks of objects against the rest of the configuration, as firewalld makes them before each
//! store, when it starts, and for `--check-config`. Whether a name exists is found by looking for
//! its file.

mod load;
mod names;
mod policy;

use std::collections::BTreeMap;

use super::address::{is_interface, is_source};
use super::code::{Checked, Code, Fault};
use super::conf::Conf;
use super::generation::Feature;
use super::grammar::Grammar;
use super::helper::Helper;
use super::icmptype::Icmptype;
use super::ipset::Ipset;
use super::kind::Kind;
use super::policy::Policy;
use super::port::check_protocol;
use super::rich::{Element, Rule};
use super::service::Service;
use super::store::Tree;
use super::traffic::{ForwardPort, Traffic};
use super::zone::{self, Zone};

pub(crate) use load::{FileFault, Load, check_files, check_log, load, refusals};
pub(crate) use policy::Order;

/// A configuration, one object of which may be about to change.
#[derive(Clone, Copy)]
pub struct Whole<'t, 'r> {
    /// Its files.
    pub tree: &'t Tree<'r>,
    /// How they are read.
    pub grammar: &'t Grammar<'r>,
    /// A zone as it is about to be written, by its name.
    pub edited: Option<(&'t str, &'t Zone)>,
    /// A zone that is about to be deleted.
    pub gone: Option<&'t str>,
    /// The only other zones that are known: those that were read so far, where each file is checked when
    /// it is read.
    pub read_so_far: Option<&'t BTreeMap<String, Zone>>,
}

impl<'t, 'r> Whole<'t, 'r> {
    /// The configuration as its files are.
    pub fn of(tree: &'t Tree<'r>, grammar: &'t Grammar<'r>) -> Self {
        Whole {
            tree,
            grammar,
            edited: None,
            gone: None,
            read_so_far: None,
        }
    }

    fn has(&self, feature: Feature) -> bool {
        self.grammar.has(feature)
    }

    /// What messages about a zone (`Zone 'public': `) or policy begin with.
    fn prefix(&self, what: &str) -> String {
        match self.has(Feature::FaultsNameTheirPlace) {
            true => format!("{what}: "),
            false => String::new(),
        }
    }

    /// Checks a zone as a whole, in firewalld's order: of several faults it names the first.
    ///
    /// # Errors
    /// The first fault.
    pub fn zone(&self, name: &str, zone: &Zone) -> Checked<()> {
        let what = format!("Zone '{name}'");
        if !zone::TARGETS.contains(&zone.target()) && zone.target() != zone::INTERNAL_TARGET {
            return Err(Code::InvalidTarget.about(match self.has(Feature::FaultsNameTheirPlace) {
                true => format!("{what}: invalid target '{}'", zone.target),
                false => zone.target.clone(),
            }));
        }
        self.services(&what, &zone.traffic)?;
        self.icmp_blocks(&what, &zone.traffic)?;
        self.forward_ports(&what, &zone.traffic)?;
        self.bindings(name, zone)?;
        self.rules(&what, &zone.traffic)?;
        self.protocols(&zone.traffic)?;
        for priority in [zone.ingress_priority, zone.egress_priority] {
            if !(-32768..=32767).contains(&priority) {
                return Err(Code::InvalidPriority.about(format!(
                    "{what}: {priority} is an invalid priority value. Must be in range [-32768, 32767]."
                )));
            }
        }
        Ok(())
    }

    /// Checks what is bound to the zone, one after the other: each must be an interface or source,
    /// and bound to no other zone.
    fn bindings(&self, name: &str, zone: &Zone) -> Checked<()> {
        if !zone.is_active() {
            return Ok(());
        }
        let prefix = self.prefix(&format!("Zone '{name}'"));
        let others = self.other_zones(name)?;
        for interface in &zone.interfaces {
            self.interface(name, interface)?;
            if let Some((other, _)) = others.iter().find(|(_, other)| other.interfaces.contains(interface)) {
                let what = format!("interface '{interface}' already bound to zone '{other}'");
                return Err(Code::InvalidInterface.about(format!("{prefix}{what}")));
            }
        }
        for source in &zone.sources {
            self.source(name, source)?;
            if let Some((other, _)) = others.iter().find(|(_, other)| other.sources.contains(source)) {
                let what = format!("source '{source}' already bound to zone '{other}'");
                return Err(Code::InvalidAddr.about(format!("{prefix}{what}")));
            }
        }
        Ok(())
    }

    /// Every zone but this one. Only local zones can have bindings that matter, but a package may
    /// ship some too.
    ///
    /// # Errors
    /// A zone cannot be read.
    pub(crate) fn other_zones(&self, name: &str) -> Checked<Vec<(String, Zone)>> {
        let is_known = |other: &String| other != name && self.gone != Some(other);
        if let Some(zones) = self.read_so_far {
            let others = zones.iter().filter(|(other, _)| is_known(other));
            return Ok(others.map(|(other, zone)| (other.clone(), zone.clone())).collect());
        }
        let mut zones = Vec::new();
        let names = self.tree.names(Kind::Zone).unwrap_or_default();
        for other in names.into_iter().filter(is_known) {
            if let Some((_, zone)) = self.edited.filter(|(edited, _)| *edited == other) {
                zones.push((other, zone.clone()));
            } else if let Some(text) = self.tree.read(Kind::Zone, &other).unwrap_or_default() {
                zones.push((other, Zone::parse(&text, self.grammar).map_err(Fault::in_file)?));
            }
        }
        Ok(zones)
    }

    fn zone_exists(&self, name: &str) -> bool {
        self.gone != Some(name) && self.tree.exists(Kind::Zone, name)
    }

    /// Whether interfaces are bound to a zone.
    fn has_interfaces(&self, name: &str) -> Checked<bool> {
        if let Some((edited, zone)) = self.edited
            && edited == name
        {
            return Ok(!zone.interfaces.is_empty());
        }
        let text = self.tree.read(Kind::Zone, name).unwrap_or_default().unwrap_or_default();
        Ok(!Zone::parse(&text, self.grammar).map_err(Fault::in_file)?.interfaces.is_empty())
    }

    fn services(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        traffic.services.iter().try_for_each(|service| self.service_name(what, service))
    }

    fn icmp_blocks(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        traffic.icmp_blocks.iter().try_for_each(|icmptype| self.icmptype_name(what, icmptype))
    }

    fn forward_ports(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        let aimless = |forward: &&ForwardPort| forward.to_port.is_empty() && forward.to_address.is_empty();
        let Some(forward) = traffic.forward_ports.iter().find(aimless) else {
            return Ok(());
        };
        // 0.9 trips over its own message.
        Err(match self.has(Feature::FaultsNameTheirPlace) {
            true => Code::InvalidForward.about(format!(
                "{what}: '('{}', '{}', '', '')' is missing to-port AND to-addr ",
                forward.port, forward.protocol
            )),
            false => Code::UnknownError.about("not all arguments converted during string formatting"),
        })
    }

    fn rules(&self, what: &str, traffic: &Traffic) -> Checked<()> {
        traffic.rules.iter().try_for_each(|rule| self.rule(what, rule))
    }

    fn protocols(&self, traffic: &Traffic) -> Checked<()> {
        traffic.protocols.iter().try_for_each(|protocol| check_protocol(protocol, self.grammar))
    }

    /// Checks a rich rule of a zone (`Zone 'public'`) or policy.
    ///
    /// # Errors
    /// `INVALID_RULE`, and what it names that is not there.
    pub fn rule(&self, what: &str, rule: &Rule) -> Checked<()> {
        if *rule == Rule::default() {
            return Err(Code::InvalidRule.about("no element, no action"));
        }
        match &rule.element {
            Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => {
                self.icmptype_name(what, name)?;
                self.icmptype_family(what, name, rule.family.as_ref())
            }
            element if self.has(Feature::RuleNamesChecked) => {
                if let Some(Element::Service { name }) = element {
                    return self.service_name(what, name);
                }
                let source = rule.source.as_ref().and_then(|source| source.ipset.as_ref());
                let destination = rule.destination.as_ref().and_then(|to| to.ipset.as_ref());
                match source.or(destination) {
                    Some(ipset) if !self.tree.exists(Kind::Ipset, ipset) => {
                        let detail = format!("{what}: '{ipset}' not among existing ipsets");
                        Err(Code::InvalidIpset.about(detail))
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn icmptype_family(&self, what: &str, name: &str, family: Option<&String>) -> Checked<()> {
        let Some(family) = family else {
            return Ok(());
        };
        let text = self.tree.read(Kind::Icmptype, name).unwrap_or_default();
        let icmptype = text.map(|text| Icmptype::parse(&text)).transpose().map_err(Fault::in_file)?;
        if icmptype.is_none_or(|icmptype| icmptype.effective_destinations().contains(family)) {
            return Ok(());
        }
        let prefix = self.prefix(what);
        let detail = format!("{prefix}rich rule family '{family}' conflicts with icmp type '{name}'");
        Err(Code::InvalidIcmptype.about(detail))
    }

    /// Whether a service that a zone or policy names exists.
    ///
    /// # Errors
    /// `INVALID_SERVICE`
    pub(crate) fn service_name(&self, what: &str, service: &str) -> Checked<()> {
        if self.tree.exists(Kind::Service, service) {
            return Ok(());
        }
        let prefix = self.prefix(what);
        Err(Code::InvalidService.about(format!("{prefix}'{service}' not among existing services")))
    }

    /// Whether an ICMP type that a zone or policy names exists.
    ///
    /// # Errors
    /// `INVALID_ICMPTYPE`
    pub(crate) fn icmptype_name(&self, what: &str, icmptype: &str) -> Checked<()> {
        // If none is shipped, firewalld itself is not installed yet, and its list is not known.
        if self.tree.exists(Kind::Icmptype, icmptype) || !self.tree.ships(Kind::Icmptype) {
            return Ok(());
        }
        let prefix = self.prefix(what);
        let types = if prefix.is_empty() {
            "icmp types"
        } else {
            "ICMP types"
        };
        Err(Code::InvalidIcmptype.about(format!("{prefix}'{icmptype}' not among existing {types}")))
    }

    /// Whether an interface can have this name.
    ///
    /// # Errors
    /// `INVALID_INTERFACE`
    pub fn interface(&self, zone: &str, interface: &str) -> Checked<()> {
        if is_interface(interface) {
            return Ok(());
        }
        Err(Code::InvalidInterface.about(match self.has(Feature::FaultsNameTheirPlace) {
            true => format!("Zone '{zone}': invalid interface '{interface}'"),
            false => interface.to_owned(),
        }))
    }

    /// Whether a zone can be bound to this source.
    ///
    /// # Errors
    /// `INVALID_ADDR`
    pub fn source(&self, zone: &str, source: &str) -> Checked<()> {
        if is_source(source) {
            return Ok(());
        }
        Err(Code::InvalidAddr.about(match self.has(Feature::FaultsNameTheirPlace) {
            true => format!("Zone '{zone}': invalid source '{source}'"),
            false => source.to_owned(),
        }))
    }

    /// Checks a service as a whole.
    ///
    /// # Errors
    /// The first fault.
    pub fn service(&self, name: &str, service: &Service) -> Checked<()> {
        for protocol in &service.protocols {
            check_protocol(protocol, self.grammar)?;
        }
        if let Some(module) = service.modules.iter().find(|module| module.chars().count() < 2) {
            return Err(Code::InvalidModule.about(module));
        }
        let includes = service.includes.iter().filter(|_| self.has(Feature::WholeChecked));
        for include in includes {
            if !self.tree.exists(Kind::Service, include) {
                let detail = format!("Service '{name}': Included service '{include}' not found.");
                return Err(Code::InvalidService.about(detail));
            }
        }
        Ok(())
    }

    /// Checks every local zone and policy except the one that is about to be written: a reference
    /// to an object of an erased package makes every change fail. Before 1.1 firewalld did not
    /// check them.
    ///
    /// # Errors
    /// The first fault.
    pub fn rest(&self, kind: Kind, name: &str) -> Checked<()> {
        if !self.has(Feature::WholeChecked) {
            return Ok(());
        }
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
    ///
    /// # Errors
    /// The first fault, [`Fault::in_file`] if its file cannot be read.
    pub fn object(&self, kind: Kind, name: &str) -> Checked<()> {
        self.object_text(kind, name, &self.text(kind, name)?)
    }

    /// Reads and checks the text of an object.
    ///
    /// # Errors
    /// As [`Whole::object`].
    pub(super) fn object_text(&self, kind: Kind, name: &str, text: &str) -> Checked<()> {
        match kind {
            Kind::Zone => {
                let zone = Zone::parse(text, self.grammar).map_err(Fault::in_file)?;
                self.name(kind, name)?;
                self.zone(name, &zone)
            }
            Kind::Policy => {
                let policy = Policy::parse(text, self.grammar).map_err(Fault::in_file)?;
                self.name(kind, name)?;
                self.policy(name, &policy, Order::Stored)
            }
            Kind::Service => {
                let service = Service::parse(text, self.grammar).map_err(Fault::in_file)?;
                self.service(name, &service)
            }
            Kind::Ipset => Ipset::parse(text, self.grammar).map_err(Fault::in_file)?.check(self.grammar),
            Kind::Icmptype | Kind::Helper => self.read_text(kind, name, text, &mut Vec::new()),
        }
    }

    /// Reads one object.
    ///
    /// # Errors
    /// What is wrong with its file, [`Fault::in_file`].
    pub fn read(&self, kind: Kind, name: &str) -> Checked<()> {
        self.read_logged(kind, name, &mut Vec::new())
    }

    /// Reads one object, and adds to a log what firewalld logs of it.
    ///
    /// # Errors
    /// As [`Whole::read`].
    pub(super) fn read_logged(&self, kind: Kind, name: &str, log: &mut Vec<String>) -> Checked<()> {
        self.read_text(kind, name, &self.text(kind, name)?, log)
    }

    /// Reads the text of an object, and adds to a log what firewalld logs of it.
    ///
    /// # Errors
    /// As [`Whole::read`].
    pub(super) fn read_text(&self, kind: Kind, name: &str, text: &str, log: &mut Vec<String>) -> Checked<()> {
        let grammar = self.grammar;
        // A part of a zone gets the name of its directory later.
        let zone = name.rsplit('/').next().unwrap_or_default();
        let read = match kind {
            Kind::Zone => Zone::parse_logged(zone, text, grammar, log).map(drop),
            Kind::Policy => Policy::parse_logged(name, text, grammar, log).map(drop),
            Kind::Service => Service::parse_logged(text, grammar, log).map(drop),
            Kind::Ipset => Ipset::parse_logged(name, text, grammar, log).map(drop),
            Kind::Icmptype => Icmptype::parse(text).map(drop),
            Kind::Helper => Helper::parse(text, grammar).map(drop),
        };
        read.map_err(Fault::in_file)
    }

    fn text(&self, kind: Kind, name: &str) -> Checked<String> {
        let text = self.tree.read(kind, name).map_err(|error| kind.invalid().about(error.to_string()))?;
        Ok(text.unwrap_or_default())
    }

    /// Whether the backend is nftables.
    fn is_nftables(&self) -> bool {
        // A file that cannot be read counts as none.
        Conf::load(self.tree).map_or(true, |conf| conf.get("FirewallBackend", self.grammar) == "nftables")
    }
}
