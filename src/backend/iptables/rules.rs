//! What a plugin wants as rules, each with the place where it belongs.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::matches::{self, Match};
use crate::firewall::definitions::{Definitions, Part};
use crate::firewall::firewalld::add_once;
use crate::firewall::iptables::Family;
use crate::firewall::sets::AddressSet;

/// Where a rule belongs, in the order of a file's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RulePosition {
    /// Marks packets: PREROUTING of mangle.
    Mark,
    /// Changes packets that pass through: FORWARD of mangle.
    Change,
    /// Sends packets elsewhere: PREROUTING of nat.
    Redirect,
    /// Hides where packets come from: POSTROUTING of nat.
    Masquerade,
    /// Blocks packets, even if another rule lets them in.
    Deny,
    /// Lets packets in.
    Accept,
    /// Comes after everything that lets packets in.
    Last,
    /// Lets packets through.
    Forward,
}

/// After what is kept out at no priority, before rich rules of a positive one.
const AFTER_DENIALS: i64 = 1;

/// A rule without its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub place: RulePosition,
    /// The only family that it is for.
    pub family: Option<Family>,
    /// Lower ones come first in their place.
    pub priority: i64,
    /// Only for packets of the default zone, which nothing in it says.
    pub in_default: bool,
    pub text: String,
}

/// The rules of one plugin.
pub(super) struct Rules<'a> {
    /// The plugin's name, safe to be written.
    pub stem: String,
    pub rules: Vec<Rule>,
    /// Remarks about them.
    pub notes: Vec<String>,
    /// What could not be expressed.
    pub unmet: Vec<String>,
    /// Sets of addresses by name.
    pub(super) sets: Rc<BTreeMap<String, AddressSet>>,
    pub(super) definitions: &'a Definitions<'a>,
    /// The zone that is worked on is the default zone.
    pub(super) in_default: bool,
    /// The current zone blocks all other packets: what it lets in comes before that.
    pub(super) is_closed: bool,
}

impl<'a> Rules<'a> {
    /// Adds `TARGET` for what matches.
    pub(super) fn add(&mut self, place: RulePosition, found: &Match, target: &str) {
        self.add_at(0, place, found, target);
    }

    pub(super) fn add_at(&mut self, priority: i64, place: RulePosition, found: &Match, target: &str) {
        let text = match found.words.is_empty() {
            true => format!("-j {target}"),
            false => format!("{} -j {target}", found.words),
        };
        let (place, priority) = match place {
            RulePosition::Accept if self.is_closed => (RulePosition::Deny, AFTER_DENIALS),
            place => (place, priority.saturating_mul(2)),
        };
        self.rules.push(Rule {
            place,
            family: found.family,
            priority,
            in_default: self.in_default,
            text,
        });
    }

    /// Adds a remark once.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        add_once(&mut self.notes, text.into());
    }

    /// Adds, once, what could not be expressed.
    pub(super) fn unmet(&mut self, text: impl Into<String>) {
        add_once(&mut self.unmet, text.into());
    }

    /// The matches of a part, each destination with each port.
    pub(super) fn part(&mut self, part: &Part) -> Vec<Match> {
        let addresses = part.destinations.iter().filter_map(|text| matches::address('d', text, false));
        let destinations: Vec<Match> = match part.destinations.is_empty() {
            true => vec![Match::default()],
            false => addresses.collect(),
        };
        let mut all = Vec::new();
        for protocol in &part.protocols {
            let found = matches::protocol(protocol);
            if found.is_empty() {
                self.unmet(format!("protocol {protocol} cannot be expressed"));
            }
            all.extend(found);
        }
        for (option, ports) in [("dport", &part.ports), ("sport", &part.source_ports)] {
            all.extend(ports.iter().flat_map(|(protocol, ranges)| matches::ports(option, protocol, ranges)));
        }
        let pairs = destinations.iter().flat_map(|to| all.iter().filter_map(move |found| to.and(found)));
        pairs.collect()
    }
}

/// Says to the sender that the packet is not wanted.
pub(super) fn reject(family: Family) -> String {
    let with = match family {
        Family::Ipv4 => "icmp-admin-prohibited",
        Family::Ipv6 => "icmp6-adm-prohibited",
    };
    format!("REJECT --reject-with {with}")
}
