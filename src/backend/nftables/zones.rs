//! Which packets belong to which zone, and what of a zone is whose.

use std::collections::{BTreeMap, BTreeSet};

use nftables::expr::MetaKey;
use nftables::stmt::{Operator, Statement};

use super::model::{Statements, address_match, back, goto, in_set, interface, payload, text};
use crate::firewall::node::{Node, Target};
use crate::firewall::ruleset::{Ruleset, ZoneRules};
use crate::firewall::sets::AddressSet;
use crate::firewall::valid::{Source, parse_source};

/// The zones of the whole firewall.
pub(super) struct Zones<'a> {
    node: &'a Node,
    /// What is bound to zones, in the order in which firewalld looks: sources, interfaces,
    /// wildcards.
    bound: Vec<(Bound, String)>,
    /// Zones that let in only the ICMP types that are listed (`icmp-block-inversion`).
    inverted: BTreeSet<String>,
    /// Zones whose interfaces and sources may send packets to each other.
    forwards: BTreeSet<String>,
    /// Bindings that no rule can tell from others.
    pub notes: Vec<String>,
}

/// Something that is bound to a zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bound {
    Source(String),
    Interface(String),
    Wildcard(String),
}

/// How packets are known by what is bound to a zone.
pub(super) type By = fn(&Bound, &Node) -> Option<Statement<'static>>;

impl Bound {
    /// Packets that come from it.
    pub(super) fn from(&self, node: &Node) -> Option<Statement<'static>> {
        match self {
            Bound::Interface(name) | Bound::Wildcard(name) => Some(interface(MetaKey::Iifname, name)),
            Bound::Source(source) => match parse_source(source)? {
                Source::Network(address, bits) => Some(address_match(address, bits, "saddr", Operator::EQ)),
                Source::Mac(mac) => Some(payload("ether", "saddr", text(mac))),
                Source::Ipset(name) => Some(in_set(name, node.sets.get(name)?, "saddr", Operator::EQ)),
            },
        }
    }

    /// Packets that go to it, known before their way is; none for an interface.
    pub(super) fn to_source(&self, node: &Node) -> Option<Statement<'static>> {
        match self {
            Bound::Source(_) => self.to(node),
            Bound::Interface(_) | Bound::Wildcard(_) => None,
        }
    }

    /// Packets that go to it; none for a hardware address.
    pub(super) fn to(&self, node: &Node) -> Option<Statement<'static>> {
        match self {
            Bound::Interface(name) | Bound::Wildcard(name) => Some(interface(MetaKey::Oifname, name)),
            Bound::Source(source) => match parse_source(source)? {
                Source::Network(address, bits) => Some(address_match(address, bits, "daddr", Operator::EQ)),
                Source::Ipset(name) => match node.sets.get(name)? {
                    AddressSet::Mac(_) => None,
                    set => Some(in_set(name, set, "daddr", Operator::EQ)),
                },
                Source::Mac(_) => None,
            },
        }
    }
}

impl<'a> Zones<'a> {
    pub(super) fn of(node: &'a Node, rulesets: &BTreeMap<String, Ruleset>) -> Zones<'a> {
        let own = node.zones.iter().map(|(name, zone)| (name, &zone.rules));
        let all: Vec<(&String, &ZoneRules)> =
            own.chain(rulesets.values().flat_map(|ruleset| &ruleset.zones)).collect();
        let mut bound = BTreeSet::new();
        let mut notes = Vec::new();
        for (zone, rules) in &all {
            for source in &rules.sources {
                let source = Bound::Source(source.clone());
                match source.from(node) {
                    Some(_) => drop(bound.insert((source, (*zone).clone()))),
                    None => notes.push(format!("zone {zone}: {source:?} cannot be expressed")),
                }
            }
            for name in &rules.interfaces {
                let name = match name.ends_with('+') {
                    true => Bound::Wildcard(name.clone()),
                    false => Bound::Interface(name.clone()),
                };
                bound.insert((name, (*zone).clone()));
            }
        }
        let with = |has: fn(&ZoneRules) -> bool| {
            let found = all.iter().filter(|(_, rules)| has(rules));
            found.map(|(zone, _)| (*zone).clone()).collect()
        };
        let mut bound: Vec<(Bound, String)> = bound.into_iter().collect();
        bound.sort_by(|(a, zone_a), (b, zone_b)| {
            kind(a).cmp(&kind(b)).then(zone_a.cmp(zone_b)).then(a.cmp(b))
        });
        Zones {
            inverted: with(|rules| rules.icmp_block_inversion),
            forwards: with(|rules| rules.forward),
            node,
            bound,
            notes,
        }
    }

    pub(super) fn default(&self) -> &str {
        &self.node.default_zone
    }

    pub(super) fn target(&self, zone: &str) -> Target {
        self.node.target(zone)
    }

    pub(super) fn is_inverted(&self, zone: &str) -> bool {
        self.inverted.contains(zone)
    }

    /// Whether packets can come in by the zone.
    pub(super) fn is_active(&self, zone: &str) -> bool {
        zone == self.default() || self.bound.iter().any(|(_, of)| of == zone)
    }

    pub(super) fn forwards(&self, zone: &str) -> bool {
        self.forwards.contains(zone)
    }

    /// The zones that packets can come in by, the default zone last.
    pub(super) fn active(&self) -> Vec<&str> {
        let bound: BTreeSet<&str> = self.bound.iter().map(|(_, zone)| zone.as_str()).collect();
        let others = bound.into_iter().filter(|zone| *zone != self.default());
        others.chain([self.default()]).collect()
    }

    /// Rules that send packets to the chains of their zones. A zone without one has nothing to say; the
    /// default zone has all that are left.
    pub(super) fn dispatch(&self, by: By, names: &BTreeMap<String, String>) -> Vec<Statements> {
        let mut rules = Vec::new();
        let default = names.get(self.default());
        for (bound, zone) in self.bound() {
            let Some(found) = by(bound, self.node) else {
                continue;
            };
            match names.get(zone) {
                Some(name) => rules.push(vec![found, goto(name)]),
                // Not to be taken for packets of the default zone.
                None if default.is_some() => rules.push(vec![found, back()]),
                None => {}
            }
        }
        rules.extend(default.map(|default| vec![goto(default)]));
        rules
    }

    /// Rules that send packets of some zones to one chain, and no others.
    pub(super) fn dispatch_some(&self, by: By, zones: &[String], chain: &str) -> Vec<Statements> {
        let mut rules = Vec::new();
        for (bound, zone) in self.bound() {
            if let Some(found) = by(bound, self.node) {
                let then = if zones.contains(zone) { goto(chain) } else { back() };
                rules.push(vec![found, then]);
            }
        }
        rules.extend(zones.iter().any(|zone| zone == self.default()).then(|| vec![goto(chain)]));
        rules
    }

    /// What is bound to which zone, in order.
    pub(super) fn bound(&self) -> &[(Bound, String)] {
        &self.bound
    }
}

fn kind(bound: &Bound) -> u8 {
    match bound {
        Bound::Source(_) => 0,
        Bound::Interface(_) => 1,
        Bound::Wildcard(_) => 2,
    }
}
