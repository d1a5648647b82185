//! A rule taken apart: conditions, and what becomes of packets that meet all of them.

use std::net::IpAddr;

use crate::firewall::ports::PortRange;

/// What connection tracking knows of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of iptables-extensions(8)")]
pub(crate) enum State {
    New,
    Established,
    Related,
    Invalid,
    Untracked,
    Snat,
    Dnat,
}

impl State {
    /// Reads a state's name, in any case as iptables takes it.
    pub(crate) fn parse(text: &str) -> Option<State> {
        Some(match text.to_ascii_uppercase().as_str() {
            "NEW" => State::New,
            "ESTABLISHED" => State::Established,
            "RELATED" => State::Related,
            "INVALID" => State::Invalid,
            "UNTRACKED" => State::Untracked,
            "SNAT" => State::Snat,
            "DNAT" => State::Dnat,
            _ => return None,
        })
    }
}

/// One thing that a rule asks of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    /// Only in a rule set of this family.
    Family(super::Family),
    /// The protocol's number.
    Protocol(u8),
    /// The sender: address and prefix length.
    Source(IpAddr, u8),
    /// The receiver: address and prefix length.
    Destination(IpAddr, u8),
    /// The sender is in a range of addresses.
    SourceRange(IpAddr, IpAddr),
    /// The receiver is in a range of addresses.
    DestinationRange(IpAddr, IpAddr),
    /// The interface by which it came in; `+` at the end is a wildcard.
    In(String),
    /// The interface by which it leaves.
    Out(String),
    /// Second and further fragments.
    Fragment,
    /// Source ports.
    SourcePorts(Vec<PortRange>),
    /// Destination ports.
    Ports(Vec<PortRange>),
    /// Ports of either end.
    EitherPorts(Vec<PortRange>),
    /// Of the TCP flags in `mask` exactly those in `set`.
    TcpFlags {
        /// The flags that are looked at.
        mask: u8,
        /// Those that are set.
        set: u8,
    },
    /// What connection tracking says.
    States(Vec<State>),
    /// An ICMP type by number, and its code.
    Icmp(u8, Option<u8>),
    /// A rate, `N/UNIT`, and how many packets may come at once.
    Limit(String, Option<u32>),
    /// The sender's hardware address.
    Mac(String),
    /// The packet's mark: value and mask.
    Mark(u32, u32),
    /// Kinds of addresses of the receiver, as `LOCAL`.
    DestinationType(Vec<String>),
    /// Kinds of addresses of the sender.
    SourceType(Vec<String>),
    /// `unicast`, `broadcast` or `multicast`.
    PacketType(String),
    /// Something else: the module's name and its words.
    Other(String, Vec<String>),
}

/// A match, or that it is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Whether packets that do not match are meant.
    pub not: bool,
    /// The match.
    pub on: Match,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `ACCEPT`, `DROP`, a chain, ...
    pub name: String,
    /// `-g`: what returns from the chain returns from this one, too.
    pub goto: bool,
    /// The target's options.
    pub options: Vec<String>,
}

impl Target {
    /// The value of an option by any of its names.
    pub(crate) fn option(&self, names: &[&str]) -> Option<&str> {
        let at = self.options.iter().position(|word| names.contains(&word.as_str()))?;
        self.options.get(at + 1).map(String::as_str)
    }
}

/// A rule without its chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What packets have to meet, all of it.
    pub conditions: Vec<Condition>,
    /// What becomes of them; none if they are only counted.
    pub target: Option<Target>,
    /// The comment.
    pub comment: Option<String>,
}

impl Rule {
    /// Whether packets that begin a connection can meet the rule.
    pub(crate) fn meets_new(&self) -> bool {
        self.conditions.iter().all(|condition| match &condition.on {
            Match::States(states) => states.contains(&State::New) != condition.not,
            _ => true,
        })
    }

    /// The only protocol that the rule is for, by number.
    pub(crate) fn protocol(&self) -> Option<u8> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition {
                not: false,
                on: Match::Protocol(number),
            } => Some(*number),
            _ => None,
        })
    }
}

/// The name of a protocol with ports.
pub(crate) fn protocol_name(number: u8) -> Option<&'static str> {
    Some(match number {
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        132 => "sctp",
        136 => "udplite",
        _ => return None,
    })
}
