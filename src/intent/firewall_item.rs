//! The part of the firewall that an intent is about.

use serde::{Deserialize, Serialize};

use crate::escape::Escaped;

/// What a firewall can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "opening", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum FirewallItem {
    /// Destination ports.
    Port {
        /// `N` or `N-M`.
        port: String,
        /// `tcp`, `udp`, `sctp`, `dccp`.
        protocol: String,
    },
    /// Source ports.
    SourcePort {
        /// `N` or `N-M`.
        port: String,
        /// As in `Port`.
        protocol: String,
    },
    /// A whole protocol.
    Protocol {
        /// Name or number.
        protocol: String,
    },
    /// A predefined service.
    FirewallService {
        /// Its name.
        service: String,
    },
    /// An interface from which everything is accepted, or which belongs to a zone.
    Interface {
        /// Its name; `+` at the end is a wildcard.
        interface: String,
        /// Everything is accepted from it.
        trusted: bool,
    },
    /// A source address, network, MAC or `ipset:NAME` that belongs to the zone.
    Source {
        /// As typed.
        source: String,
    },
    /// Masquerading.
    Masquerade {
        /// Of what leaves by this interface; absent means the whole zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interface: Option<String>,
    },
    /// A forwarded port.
    ForwardPort {
        /// Of what enters by this interface; absent means the whole zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interface: Option<String>,
        /// `N` or `N-M`.
        port: String,
        /// Protocol.
        protocol: String,
        /// `N` or `N-M`; absent means the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_port: Option<String>,
        /// Address; absent means this host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_address: Option<String>,
    },
    /// An ICMP type to reject.
    BlockIcmp {
        /// firewalld's name of the type.
        icmp_type: String,
    },
    /// `--add-icmp-block-inversion`.
    IcmpBlockInversion,
    /// Forwarding inside the zone (`--add-forward`).
    IntraZoneForward,
    /// A rich rule in canonical spelling.
    RichRule {
        /// The rule.
        rule: String,
    },
    /// A file of iptables rules (`lokkit --custom-rules`).
    CustomRules {
        /// `ipv4` or `ipv6`.
        family: String,
        /// `filter`, `mangle` or `nat`.
        table: String,
        /// The file.
        file: Escaped,
    },
}
