//! What a plugin wants, zone by zone, as rules, and what the node's own configuration says.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::matches::{self, Match, families};
use super::rules::{RulePosition, Rules, reject};
use super::{nat, rich};
use crate::backend::rulesets::Wanted;
use crate::firewall::definitions::{Definitions, Part, helpers_of};
use crate::firewall::iptables::Family;
use crate::firewall::node::Target;
use crate::firewall::ports::PortRange;
use crate::firewall::ruleset::{Ruleset, ZoneRules};
use crate::firewall::sets::AddressSet;
use crate::intent::FirewallItem;

/// After everything else of a zone.
const LAST: i64 = 1 << 20;
/// After what is kept out at no priority.
const REMOVED: i64 = 1 << 19;

/// The interfaces and sources that are bound to each zone, by plugins and by the node's own
/// configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings {
    by_zone: BTreeMap<String, Vec<Match>>,
    default: String,
    /// Sets of addresses by name.
    sets: Rc<BTreeMap<String, AddressSet>>,
    /// Bindings that no rule can tell from others.
    pub notes: Vec<String>,
}

impl Bindings {
    pub(super) fn of(wanted: &Wanted) -> Bindings {
        let mut bindings = Bindings {
            default: wanted.node.default_zone.clone(),
            sets: Rc::new(wanted.node.sets.clone()),
            ..Bindings::default()
        };
        let own = wanted.node.zones.iter().map(|(name, zone)| (name, &zone.rules));
        for (zone, rules) in own.chain(wanted.rulesets.values().flat_map(|ruleset| &ruleset.zones)) {
            let mut found: Vec<Match> = Vec::new();
            for source in &rules.sources {
                match matches::source('s', source, false, &wanted.node.sets) {
                    Some(entries) => found.extend(entries),
                    None => bindings.notes.push(format!("zone {zone}: source {source} cannot be expressed")),
                }
            }
            found.extend(rules.interfaces.iter().map(|name| Match::new(format!("-i {name}"))));
            let known = bindings.by_zone.entry(zone.clone()).or_default();
            found.retain(|entry| !known.contains(entry));
            known.extend(found);
        }
        bindings
    }

    fn entries(&self, zone: &str) -> &[Match] {
        self.by_zone.get(zone).map_or(&[], Vec::as_slice)
    }

    /// What is bound to another zone than the default one, in a rule set of a family.
    pub(super) fn elsewhere(&self, family: Family) -> Vec<&Match> {
        let others = self.by_zone.iter().filter(|(zone, _)| **zone != self.default);
        let entries = others.flat_map(|(_, entries)| entries);
        entries.filter(|entry| entry.family.is_none_or(|of| of == family)).collect()
    }
}

/// The rules of a plugin, which `stem` names safely.
pub(super) fn rules<'a>(
    stem: &str,
    ruleset: &Ruleset,
    wanted: &Wanted,
    bindings: &Bindings,
    definitions: &'a Definitions<'a>,
) -> Rules<'a> {
    let mut rules = new(stem, definitions, bindings);
    for (zone, of_zone) in &ruleset.zones {
        rules.zone(zone, of_zone, wanted, bindings);
    }
    rules
}

/// The rules that the node's own configuration makes. What its rule file has by itself, as every node
/// has it, is left out: the services that the default zone is shipped with.
pub(super) fn own<'a>(wanted: &Wanted, bindings: &Bindings, definitions: &'a Definitions<'a>) -> Rules<'a> {
    let mut rules = new("", definitions, bindings);
    for (name, zone) in &wanted.node.zones {
        let mut of_zone = zone.rules.clone();
        if *name == wanted.node.default_zone {
            of_zone.services.retain(|service, _| !zone.shipped.contains(service));
            rules.zone(name, &of_zone, wanted, bindings);
            rules.removed(wanted);
            rules.target_of_default(zone.target);
        } else if !bindings.entries(name).is_empty() {
            rules.zone(name, &of_zone, wanted, bindings);
            rules.target(zone.target, bindings.entries(name));
        }
    }
    rules
}

fn new<'a>(stem: &str, definitions: &'a Definitions<'a>, bindings: &Bindings) -> Rules<'a> {
    Rules {
        stem: stem.to_owned(),
        rules: Vec::new(),
        notes: Vec::new(),
        unmet: Vec::new(),
        sets: Rc::clone(&bindings.sets),
        definitions,
        in_default: false,
        is_closed: false,
    }
}

impl Rules<'_> {
    fn zone(&mut self, zone: &str, of_zone: &ZoneRules, wanted: &Wanted, bindings: &Bindings) {
        self.in_default = zone == wanted.node.default_zone;
        let target = wanted.node.target(zone);
        self.is_closed = !self.in_default && matches!(target, Target::Drop | Target::Reject);
        let entries = match self.in_default {
            true => vec![Match::default()],
            false => bindings.entries(zone).to_vec(),
        };
        match entries.is_empty() {
            true => self.note(format!("zone {zone} has no interface or source: nothing is opened in it")),
            false => self.inside(of_zone, &entries),
        }
        self.is_closed = false;
        if of_zone.icmp_block_inversion {
            self.unmet(format!("ICMP block inversion of zone {zone} cannot be expressed"));
        }
        for custom in &of_zone.custom_rules {
            self.unmet(format!("custom rules are not taken over: {custom}"));
        }
        if of_zone.forward && target != Target::Accept && !self.stem.is_empty() {
            self.unmet(format!("forwarding inside zone {zone} cannot be expressed"));
        }
    }

    /// What becomes of packets that nothing in a zone is about.
    fn target(&mut self, target: Target, entries: &[Match]) {
        self.in_default = false;
        for entry in entries {
            match target {
                Target::Default => {}
                Target::Accept => {
                    self.add(RulePosition::Accept, entry, "ACCEPT");
                    self.add(RulePosition::Forward, entry, "ACCEPT");
                }
                Target::Drop => self.add_at(LAST, RulePosition::Deny, entry, "DROP"),
                Target::Reject => {
                    for family in families(entry.family) {
                        let entry = Match {
                            family: Some(family),
                            ..entry.clone()
                        };
                        self.add_at(LAST, RulePosition::Deny, &entry, &reject(family));
                    }
                }
            }
        }
    }

    /// The same for the default zone; the rule file has its other rules.
    fn target_of_default(&mut self, target: Target) {
        self.in_default = true;
        match target {
            Target::Default | Target::Reject => {}
            Target::Accept => self.add_at(LAST, RulePosition::Last, &Match::default(), "ACCEPT"),
            Target::Drop => self.add_at(LAST, RulePosition::Last, &Match::default(), "DROP"),
        }
    }

    /// What plugins took out of the default zone and the rule file may let in.
    fn removed(&mut self, wanted: &Wanted) {
        self.in_default = true;
        let of_default = wanted.removed.iter().filter(|(_, zone)| *zone == wanted.node.default_zone);
        for (item, _) in of_default {
            let parts = match item {
                FirewallItem::FirewallService { service } => {
                    self.definitions.service(service).unwrap_or_default()
                }
                FirewallItem::Port { port, protocol } => {
                    let ports = PortRange::parse(port).map(|range| (protocol.to_lowercase(), vec![range]));
                    vec![Part {
                        ports: ports.into_iter().collect(),
                        ..Part::default()
                    }]
                }
                _ => continue,
            };
            let found: Vec<Match> = parts.iter().flat_map(|part| self.part(part)).collect();
            for found in found {
                for family in families(found.family) {
                    let found = Match {
                        family: Some(family),
                        ..found.clone()
                    };
                    // After what others let in at the same ports.
                    self.add_at(REMOVED, RulePosition::Deny, &found, &reject(family));
                }
            }
        }
    }

    /// What a zone lets in, keeps out and sends elsewhere.
    fn inside(&mut self, wanted: &ZoneRules, entries: &[Match]) {
        let own = Part {
            ports: wanted.ports.clone(),
            source_ports: wanted.source_ports.clone(),
            protocols: wanted.protocols.iter().cloned().collect(),
            ..Part::default()
        };
        for (name, definition) in &wanted.services {
            match definition {
                None => self.unmet(format!("service {name} is not defined in the image")),
                Some(_) if self.stem.is_empty() => {}
                Some(definition) => {
                    helpers_of(name, definition).into_iter().for_each(|text| self.unmet(text))
                }
            }
        }
        let services = wanted.services.values().flatten().flatten();
        let parts = std::iter::once(&own).chain(services);
        let found: Vec<Match> = parts.flat_map(|part| self.part(part)).collect();
        for found in found {
            for entry in entries {
                if let Some(found) = entry.and(&found) {
                    self.add(RulePosition::Accept, &found, "ACCEPT");
                }
            }
        }
        for entry in entries {
            self.icmp_blocks(wanted, entry);
            rich::rules(self, wanted, entry);
            nat::forward_ports(self, wanted, entry);
        }
        nat::masquerade(self, wanted, entries.iter().all(|entry| entry.words.is_empty()));
    }

    fn icmp_blocks(&mut self, wanted: &ZoneRules, entry: &Match) {
        for name in &wanted.icmp_blocks {
            let Some(found) = matches::icmp(name) else {
                self.unmet(format!("ICMP type {name} cannot be expressed"));
                continue;
            };
            for found in found.iter().filter_map(|found| entry.and(found)) {
                let family = found.family.unwrap_or(Family::Ipv4);
                self.add(RulePosition::Deny, &found, &reject(family));
            }
        }
    }
}
