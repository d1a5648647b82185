//! What one plugin wants of the firewall, in no dialect: by zone, validated, sorted and merged.
//! What is not understood is kept as a remark, never dropped in silence.

use std::collections::{BTreeMap, BTreeSet};

use super::definitions::{Definition, Definitions};
use super::firewalld::rich::Element;
use super::ports::{PORT_PROTOCOLS, PortRange, Ports, coalesce};
use super::valid;
use crate::intent::FirewallItem;

/// Everything that one plugin wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// By zone. Requests that named none are under the default zone's name.
    pub zones: BTreeMap<String, ZoneRules>,
    /// What could not be understood: text and events.
    pub notes: Vec<(String, Vec<u64>)>,
    /// The events that everything rests on.
    pub events: BTreeSet<u64>,
}

/// What is wanted in one zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneRules {
    /// Destination ports, sorted and merged.
    pub ports: Ports,
    /// Source ports, in the same form.
    pub source_ports: Ports,
    /// Whole protocols.
    pub protocols: BTreeSet<String>,
    /// Named services, and what they stand for where that is known.
    pub services: BTreeMap<String, Option<Definition>>,
    /// Interfaces that belong to the zone; `+` at the end is a wildcard.
    pub interfaces: BTreeSet<String>,
    /// Sources that belong to the zone.
    pub sources: BTreeSet<String>,
    /// Masquerading, by the interface that packets leave by; none means the whole zone.
    pub masquerade: BTreeSet<Option<String>>,
    /// Forwarded ports.
    pub forward_ports: BTreeSet<ForwardPort>,
    /// ICMP types to reject, by firewalld's names.
    pub icmp_blocks: BTreeSet<String>,
    /// Whether `icmp_blocks` are the types to accept instead.
    pub icmp_block_inversion: bool,
    /// Forwarding between the interfaces of the zone.
    pub forward: bool,
    /// Rich rules.
    pub rich_rules: BTreeSet<String>,
    /// Files of iptables rules.
    pub custom_rules: BTreeSet<String>,
}

/// A forwarded port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForwardPort {
    /// Of what enters by this interface; none means the whole zone.
    pub interface: Option<String>,
    /// The ports that are forwarded.
    pub ports: PortRange,
    /// Their protocol.
    pub protocol: String,
    /// The ports that they become; none means the same.
    pub to_ports: Option<PortRange>,
    /// The host that they go to; none means this one.
    pub to_address: Option<std::net::IpAddr>,
}

impl ForwardPort {
    /// The forwarded port of a rich rule; none if its ports or address are none.
    pub(crate) fn of_rich(element: &Element) -> Option<ForwardPort> {
        let Element::ForwardPort {
            port,
            protocol,
            to_port,
            to_address,
        } = element
        else {
            return None;
        };
        let to_ports = match to_port.as_str() {
            "" => None,
            text => Some(PortRange::parse(text)?),
        };
        let to_address = match to_address.as_str() {
            "" => None,
            text => Some(text.parse().ok()?),
        };
        Some(ForwardPort {
            interface: None,
            ports: PortRange::parse(port)?,
            protocol: protocol.clone(),
            to_ports,
            to_address,
        })
    }
}

/// An intent for the firewall: opening, zone, events.
pub(crate) type Wanted<'a> = (&'a FirewallItem, Option<&'a str>, &'a [u64]);

impl Ruleset {
    /// Collects the intents of one plugin.
    pub fn collect<'a>(
        wanted: impl IntoIterator<Item = Wanted<'a>>,
        default_zone: &str,
        definitions: &Definitions,
    ) -> Ruleset {
        let mut ruleset = Ruleset::default();
        for (opening, zone, events) in wanted {
            let zone = match opening {
                FirewallItem::Interface { trusted: true, .. } => "trusted",
                _ => zone.unwrap_or(default_zone),
            };
            if !valid::zone(zone) {
                ruleset.notes.push((format!("zone {zone:?} has no valid name"), events.to_vec()));
                continue;
            }
            let rules = ruleset.zones.entry(zone.to_owned()).or_default();
            match rules.add(opening, definitions) {
                Ok(()) => ruleset.events.extend(events),
                Err(text) => ruleset.notes.push((text, events.to_vec())),
            }
        }
        ruleset.zones.values_mut().for_each(ZoneRules::tidy);
        ruleset.zones.retain(|_, rules| *rules != ZoneRules::default());
        ruleset
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }
}

impl ZoneRules {
    /// Adds an entry; the error says what is wrong with it.
    pub(super) fn add(&mut self, opening: &FirewallItem, definitions: &Definitions) -> Result<(), String> {
        match opening {
            FirewallItem::Port { port, protocol } => add_port(&mut self.ports, port, protocol, definitions)?,
            FirewallItem::SourcePort { port, protocol } => {
                add_port(&mut self.source_ports, port, protocol, definitions)?;
            }
            FirewallItem::Protocol { protocol } => {
                check(valid::word(protocol), "protocol", protocol)?;
                self.protocols.insert(protocol.to_lowercase());
            }
            FirewallItem::FirewallService { service } => {
                check(valid::service(service), "service", service)?;
                self.services.insert(service.clone(), definitions.service(service));
            }
            FirewallItem::Interface { interface, .. } => {
                check(valid::interface(interface), "interface", interface)?;
                self.interfaces.insert(interface.clone());
            }
            FirewallItem::Source { source } => {
                check(valid::source(source), "source", source)?;
                self.sources.insert(source.clone());
            }
            FirewallItem::Masquerade { interface } => {
                check_interface(interface.as_deref())?;
                self.masquerade.insert(interface.clone());
            }
            FirewallItem::ForwardPort { .. } => {
                self.forward_ports.insert(forward_port(opening)?);
            }
            FirewallItem::BlockIcmp { icmp_type } => {
                check(valid::word(icmp_type), "ICMP type", icmp_type)?;
                self.icmp_blocks.insert(icmp_type.to_lowercase());
            }
            FirewallItem::IcmpBlockInversion => self.icmp_block_inversion = true,
            FirewallItem::IntraZoneForward => self.forward = true,
            FirewallItem::RichRule { rule } => {
                self.rich_rules.insert(rule.clone());
            }
            FirewallItem::CustomRules { family, table, file } => {
                self.custom_rules.insert(format!("{family}:{table}:{}", file.shown()));
            }
        }
        Ok(())
    }

    /// Whether there is more than the interfaces and sources that belong to the zone.
    pub fn opens(&self) -> bool {
        let bound = ZoneRules {
            interfaces: self.interfaces.clone(),
            sources: self.sources.clone(),
            ..ZoneRules::default()
        };
        *self != bound
    }

    /// Sorts and merges ports.
    pub(super) fn tidy(&mut self) {
        for ports in [&mut self.ports, &mut self.source_ports] {
            for ranges in ports.values_mut() {
                *ranges = coalesce(std::mem::take(ranges));
            }
        }
    }
}

fn check(good: bool, what: &str, text: &str) -> Result<(), String> {
    if good {
        Ok(())
    } else {
        Err(format!("invalid {what} {text:?}"))
    }
}

fn check_interface(interface: Option<&str>) -> Result<(), String> {
    interface.map_or(Ok(()), |name| check(valid::interface(name), "interface", name))
}

fn add_port(ports: &mut Ports, port: &str, protocol: &str, names: &Definitions) -> Result<(), String> {
    let protocol = port_protocol(protocol)?;
    let range = PortRange::parse(port)
        .or_else(|| names.named_port(port, &protocol))
        .ok_or_else(|| format!("invalid port {port:?}"))?;
    ports.entry(protocol).or_default().push(range);
    Ok(())
}

fn port_protocol(protocol: &str) -> Result<String, String> {
    let lower = protocol.to_lowercase();
    check(PORT_PROTOCOLS.contains(&lower.as_str()), "protocol with ports", protocol)?;
    Ok(lower)
}

fn forward_port(opening: &FirewallItem) -> Result<ForwardPort, String> {
    let FirewallItem::ForwardPort {
        interface,
        port,
        protocol,
        to_port,
        to_address,
    } = opening
    else {
        return Err("not a forwarded port".into());
    };
    check_interface(interface.as_deref())?;
    let range = |text: &str| PortRange::parse(text).ok_or_else(|| format!("invalid port {text:?}"));
    let address = |text: &str| text.parse().map_err(|_| format!("invalid address {text:?}"));
    Ok(ForwardPort {
        interface: interface.clone(),
        ports: range(port)?,
        protocol: port_protocol(protocol)?,
        to_ports: to_port.as_deref().filter(|text| !text.is_empty()).map(range).transpose()?,
        to_address: to_address.as_deref().filter(|text| !text.is_empty()).map(address).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(port: &str, protocol: &str) -> FirewallItem {
        FirewallItem::Port {
            port: port.into(),
            protocol: protocol.into(),
        }
    }

    #[test]
    fn intents_are_sorted_into_zones_and_merged() {
        let dir = tempfile::tempdir().unwrap();
        let root = crate::root::Root::open(dir.path()).unwrap();
        let definitions = Definitions::new(&root);
        let trusted = FirewallItem::Interface {
            interface: "eth1".into(),
            trusted: true,
        };
        let openings = [
            (port("81", "tcp"), None, 1),
            (port("0080", "TCP"), Some("public"), 2),
            (port("53", "udp"), Some("internal"), 3),
            (trusted, None, 4),
            (port("80; drop", "tcp"), None, 5),
            (port("80", "tcp\" accept"), None, 6),
            (port("80", "tcp"), Some("../x"), 7),
        ];
        let events: Vec<[u64; 1]> = openings.iter().map(|(_, _, id)| [*id]).collect();
        let wanted = openings.iter().zip(&events).map(|((opening, zone, _), id)| (opening, *zone, &id[..]));
        let ruleset = Ruleset::collect(wanted, "public", &definitions);
        assert_eq!(ruleset.zones.keys().collect::<Vec<_>>(), ["internal", "public", "trusted"]);
        assert_eq!(ruleset.zones["public"].ports["tcp"], [PortRange { low: 80, high: 81 }]);
        assert_eq!(ruleset.events, BTreeSet::from([1, 2, 3, 4]));
        let noted: Vec<u64> = ruleset.notes.iter().map(|(_, events)| events[0]).collect();
        assert_eq!(noted, [5, 6, 7]);
    }
}
