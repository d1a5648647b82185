//! What packets something could let in, however it is spelt: sets of protocol and ports, by which a rule
//! that names ports is held against openings of every form.

use crate::firewall::ports::{PORT_PROTOCOLS, PortRange};

/// Every port.
const ALL: PortRange = PortRange {
    low: 0,
    high: u16::MAX,
};

/// Packets of one protocol, or of any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packets {
    /// Its name; none for every protocol.
    pub protocol: Option<String>,
    /// Their destination ports; none for a protocol that has no ports.
    pub ports: Option<PortRange>,
}

impl Packets {
    /// To these ports.
    pub fn to(protocol: impl Into<String>, ports: PortRange) -> Packets {
        Packets {
            protocol: Some(protocol.into()),
            ports: Some(ports),
        }
    }

    /// All of a protocol.
    pub fn of(protocol: impl Into<String>) -> Packets {
        let protocol = protocol.into().to_lowercase();
        Packets {
            ports: PORT_PROTOCOLS.contains(&protocol.as_str()).then_some(ALL),
            protocol: Some(protocol),
        }
    }

    /// All that there are.
    pub fn any() -> Packets {
        Packets {
            protocol: None,
            ports: Some(ALL),
        }
    }

    /// Whether some of them are of these protocols and ports; an empty list means all.
    pub(super) fn meets(&self, protocols: &[String], ports: &[PortRange]) -> bool {
        let same = |known: &String| self.protocol.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(known));
        let overlaps =
            |known: &PortRange| self.ports.is_some_and(|own| known.low <= own.high && own.low <= known.high);
        (protocols.is_empty() || protocols.iter().any(same))
            && (ports.is_empty() || ports.iter().any(overlaps))
    }

    /// Whether all of them are.
    pub(super) fn is_within(&self, protocols: &[String], ports: &[PortRange]) -> bool {
        let same = |known: &String| self.protocol.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(known));
        let covers =
            |known: &PortRange| self.ports.is_some_and(|own| known.low <= own.low && own.high <= known.high);
        (protocols.is_empty() || protocols.iter().any(same)) && (ports.is_empty() || ports.iter().any(covers))
    }
}
