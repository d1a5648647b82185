//! The kinds of objects.

use super::code::Code;
use crate::intent::FirewallObject;

/// The kinds of objects that have a file each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Zone,
    Service,
    Policy,
    Ipset,
    Icmptype,
    Helper,
}

impl Kind {
    /// Every kind, in the order in which the configuration is checked.
    pub const ALL: [Kind; 6] = [
        Kind::Ipset,
        Kind::Icmptype,
        Kind::Helper,
        Kind::Service,
        Kind::Zone,
        Kind::Policy,
    ];

    /// What it is called in messages and options.
    pub fn word(self) -> &'static str {
        self.object().word()
    }

    /// What records call it.
    pub(crate) fn object(self) -> FirewallObject {
        match self {
            Kind::Zone => FirewallObject::Zone,
            Kind::Service => FirewallObject::Service,
            Kind::Policy => FirewallObject::Policy,
            Kind::Ipset => FirewallObject::Ipset,
            Kind::Icmptype => FirewallObject::Icmptype,
            Kind::Helper => FirewallObject::Helper,
        }
    }

    /// The directory's name.
    pub fn directory(self) -> &'static str {
        match self {
            Kind::Zone => "zones",
            Kind::Service => "services",
            Kind::Policy => "policies",
            Kind::Ipset => "ipsets",
            Kind::Icmptype => "icmptypes",
            Kind::Helper => "helpers",
        }
    }

    /// The code for a name that does not exist.
    pub fn invalid(self) -> Code {
        match self {
            Kind::Zone => Code::InvalidZone,
            Kind::Service => Code::InvalidService,
            Kind::Policy => Code::InvalidPolicy,
            Kind::Ipset => Code::InvalidIpset,
            Kind::Icmptype => Code::InvalidIcmptype,
            Kind::Helper => Code::InvalidHelper,
        }
    }

    /// The code for deleting one that a package ships.
    pub fn builtin(self) -> Code {
        match self {
            Kind::Zone => Code::BuiltinZone,
            Kind::Service => Code::BuiltinService,
            Kind::Policy => Code::BuiltinPolicy,
            Kind::Ipset => Code::BuiltinIpset,
            Kind::Icmptype => Code::BuiltinIcmptype,
            Kind::Helper => Code::BuiltinHelper,
        }
    }
}
