//! The packets that an opening is for, and how much of them a rule meets.

use std::net::IpAddr;

use super::Family;
use super::condition::{Condition, Match, Rule, State};
use crate::firewall::ports::PortRange;

/// The ports that senders use where they have a choice.
const EPHEMERAL: PortRange = PortRange {
    low: 32768,
    high: 60999,
};
/// The flags of the first packet of a connection.
const SYN: u8 = 2;
const TCP: u8 = 6;

/// Packets that begin connections, described as far as an opening describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packets {
    /// The family of the rule set.
    pub family: Family,
    /// What connection tracking says of them: a new connection, one that is sent elsewhere.
    pub state: State,
    /// Only those of this protocol.
    pub protocol: Option<u8>,
    /// Only those to these ports.
    pub ports: Option<Vec<PortRange>>,
    /// Only those from these ports.
    pub source_ports: Option<Vec<PortRange>>,
    /// Only those that come in by this interface.
    pub input: Option<String>,
    /// Only those that leave by this interface; none for those to the node.
    pub output: Option<String>,
    /// Whether they leave again.
    pub forwarded: bool,
    /// Only those from there.
    pub source: Option<(IpAddr, u8)>,
    /// Only those to there.
    pub destination: Option<(IpAddr, u8)>,
}

/// How much of the packets meets a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// None.
    No,
    /// Those of a few senders, or odd ones: somebody keeps them out on purpose.
    Few,
    /// Some of everybody's.
    Some,
    /// All.
    All,
}

/// How much of the packets a rule meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    pub fit: Fit,
    /// Only as long as there are not too many.
    pub rated: bool,
    /// Only those that are too many.
    pub is_excess: bool,
}

impl Packets {
    /// Packets that begin connections to the node.
    pub(crate) fn new(family: Family) -> Packets {
        Packets {
            family,
            state: State::New,
            protocol: None,
            ports: None,
            source_ports: None,
            input: None,
            output: None,
            forwarded: false,
            source: None,
            destination: None,
        }
    }

    /// The packets that meet a rule's conditions; those that say "not" are left out.
    pub(crate) fn of(rule: &Rule, family: Family, forwarded: bool) -> Packets {
        let mut packets = Packets {
            forwarded,
            ..Packets::new(family)
        };
        for condition in rule.conditions.iter().filter(|condition| !condition.not) {
            packets.narrow(&condition.on);
        }
        packets
    }

    /// Only those of the packets that match.
    fn narrow(&mut self, on: &Match) {
        match on {
            Match::Protocol(number) => self.protocol = Some(*number),
            Match::Ports(ports) => self.ports = Some(ports.clone()),
            Match::SourcePorts(ports) => self.source_ports = Some(ports.clone()),
            Match::In(name) => self.input = Some(name.clone()),
            Match::Out(name) => self.output = Some(name.clone()),
            Match::Source(address, bits) => self.source = Some((*address, *bits)),
            Match::Destination(address, bits) => self.destination = Some((*address, *bits)),
            Match::States(states) if !states.contains(&State::New) => {
                self.state = states.first().copied().unwrap_or(State::New);
            }
            _ => {}
        }
    }

    /// The part that a rule sends to another chain, as far as it can be computed.
    pub(super) fn within(&self, rule: &Rule) -> Packets {
        let mut packets = self.clone();
        for condition in rule.conditions.iter().filter(|condition| !condition.not) {
            let is_free = match &condition.on {
                Match::Protocol(_) => self.protocol.is_none(),
                Match::Ports(_) => self.ports.is_none(),
                Match::SourcePorts(_) => self.source_ports.is_none(),
                Match::In(_) => self.input.is_none(),
                Match::Out(_) => self.output.is_none(),
                Match::Source(..) => self.source.is_none(),
                Match::Destination(..) => self.destination.is_none(),
                _ => false,
            };
            if is_free {
                packets.narrow(&condition.on);
            }
        }
        packets
    }

    /// How much of them a rule meets.
    pub(super) fn met_by(&self, rule: &Rule) -> Met {
        let mut met = Met {
            fit: Fit::All,
            rated: false,
            is_excess: false,
        };
        for condition in &rule.conditions {
            match rate(&condition.on) {
                Some(true) => met.rated = true,
                Some(false) => {
                    met.is_excess = true;
                    met.fit = met.fit.min(Fit::Few);
                }
                None => met.fit = met.fit.min(self.fit(condition)),
            }
        }
        met
    }

    fn fit(&self, condition: &Condition) -> Fit {
        let fit = self.fits(&condition.on);
        match (condition.not, fit) {
            (false, fit) => fit,
            (true, Fit::No) => Fit::All,
            // Everybody but a few.
            (true, Fit::Few | Fit::Some) => Fit::Some,
            (true, Fit::All) => Fit::No,
        }
    }

    fn fits(&self, on: &Match) -> Fit {
        match on {
            Match::Family(family) => all_or_no(*family == self.family),
            Match::Protocol(number) => match self.protocol {
                None => Fit::Some,
                Some(own) => all_or_no(own == *number),
            },
            Match::Ports(ports) => match &self.ports {
                None => Fit::Some,
                Some(own) => part(own, ports),
            },
            Match::EitherPorts(ports) => match &self.ports {
                None => Fit::Some,
                Some(own) => part(own, ports).max(self.from(ports)),
            },
            Match::SourcePorts(ports) => self.from(ports),
            Match::In(name) => self.comes_in_by(name),
            Match::Out(_) if !self.forwarded => Fit::No,
            Match::Out(name) => by(self.output.as_deref(), name),
            Match::Source(address, bits) => inside(self.source, (*address, *bits), Fit::Few),
            Match::Destination(address, bits) => self.goes_to(*address, *bits),
            Match::States(states) => all_or_no(states.contains(&self.state)),
            Match::TcpFlags { mask, set } => match self.protocol {
                Some(TCP) => all_or_no(SYN & mask == *set),
                None if SYN & mask == *set => Fit::Some,
                _ => Fit::No,
            },
            Match::DestinationType(kinds) => kind(kinds, "LOCAL"),
            Match::SourceType(kinds) => kind(kinds, "UNICAST"),
            Match::PacketType(name) => match name.as_str() {
                "unicast" | "host" => Fit::All,
                _ => Fit::Few,
            },
            Match::Icmp(..) if self.protocol.is_none() => Fit::Few,
            Match::Icmp(..) | Match::Fragment => Fit::No,
            Match::SourceRange(..) | Match::Mac(_) | Match::Mark(..) | Match::Other(..) => Fit::Few,
            Match::DestinationRange(..) => Fit::Some,
            // Counted as a rate.
            Match::Limit(..) => Fit::All,
        }
    }

    fn from(&self, ports: &[PortRange]) -> Fit {
        match &self.source_ports {
            Some(own) => part(own, ports),
            None => match part(&[EPHEMERAL], ports) {
                Fit::Some => Fit::Few,
                fit => fit,
            },
        }
    }

    /// Nothing that an opening is for comes in by loopback.
    fn comes_in_by(&self, name: &str) -> Fit {
        match &self.input {
            None if name == "lo" => Fit::No,
            own => by(own.as_deref(), name),
        }
    }

    /// An address that a rule names may be one of the node's own, unless it is for many at once.
    fn goes_to(&self, address: IpAddr, bits: u8) -> Fit {
        let for_many = match address {
            IpAddr::V4(address) => {
                address.is_multicast() || address.is_broadcast() || bits == 32 && address.octets()[3] == 255
            }
            IpAddr::V6(address) => address.is_multicast(),
        };
        let unknown = if for_many { Fit::Few } else { Fit::Some };
        inside(self.destination, (address, bits), unknown)
    }
}

fn all_or_no(all: bool) -> Fit {
    if all { Fit::All } else { Fit::No }
}

/// Whether a match is met by everybody until there is too much of it (`Some(true)`), or only once
/// there is too much (`Some(false)`).
fn rate(on: &Match) -> Option<bool> {
    match on {
        Match::Limit(..) => Some(true),
        Match::Other(module, words) => {
            let has = |option: &str| words.iter().any(|word| word == option);
            match module.as_str() {
                "hashlimit" => Some(!has("--hashlimit-above")),
                "connlimit" => Some(has("--connlimit-upto")),
                // `--set` only remembers the sender.
                "recent" if has("--set") => Some(true),
                "recent" => Some(false),
                _ => None,
            }
        }
        _ => None,
    }
}

fn part(own: &[PortRange], of: &[PortRange]) -> Fit {
    let covers = |range: &PortRange| of.iter().any(|of| of.low <= range.low && range.high <= of.high);
    let meets = |range: &PortRange| of.iter().any(|of| of.low <= range.high && range.low <= of.high);
    match (own.iter().all(covers), own.iter().any(meets)) {
        (true, _) => Fit::All,
        (_, true) => Fit::Some,
        _ => Fit::No,
    }
}

/// How much of what passes by an interface, or by any, passes by the named one.
fn by(own: Option<&str>, name: &str) -> Fit {
    let Some(own) = own else {
        return Fit::Some;
    };
    let covers = |wide: &str, narrow: &str| match wide.strip_suffix('+') {
        Some(stem) => narrow.starts_with(stem),
        None => wide == narrow,
    };
    match (covers(name, own), covers(own, name)) {
        (true, _) => Fit::All,
        (_, true) => Fit::Some,
        _ => Fit::No,
    }
}

/// How much of what is from or to `own` is within a network; `unknown` where `own` says nothing or
/// is wider.
fn inside(own: Option<(IpAddr, u8)>, (address, bits): (IpAddr, u8), unknown: Fit) -> Fit {
    if bits == 0 {
        return Fit::All;
    }
    let Some((own, own_bits)) = own else {
        return unknown;
    };
    let same = |bits: u8| prefix(own, bits) == prefix(address, bits);
    match own_bits >= bits {
        true => all_or_no(same(bits)),
        false if same(own_bits) => unknown,
        false => Fit::No,
    }
}

/// The first bits of an address; addresses of the two families never are the same.
fn prefix(address: IpAddr, bits: u8) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => {
            let shifted = u32::from(address).checked_shr(32 - u32::from(bits.min(32))).unwrap_or(0);
            (true, shifted.into())
        }
        IpAddr::V6(address) => {
            let shifted = u128::from(address).checked_shr(128 - u32::from(bits.min(128)));
            (false, shifted.unwrap_or(0))
        }
    }
}

fn kind(kinds: &[String], usual: &str) -> Fit {
    match kinds.iter().any(|kind| kind == usual) {
        true => Fit::All,
        false => Fit::Few,
    }
}
