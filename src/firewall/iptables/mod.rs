//! Rules of iptables(8): taken apart word by word, and followed as packets would.
//!
//! Pure: nothing here reads files or loads rules.

mod condition;
mod file;
mod packets;
mod parse;
mod walk;
mod words;

pub(crate) use condition::{Condition, Match, Rule, State, Target, protocol_name};
pub(crate) use file::RuleFile;
pub(crate) use packets::Packets;
pub(crate) use parse::mark;
pub(crate) use walk::{Place, closing, walk};
pub(crate) use words::{quoted, split};

/// The two address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}
