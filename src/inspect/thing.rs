//! What an administrator can ask about, and which wishes and requests are about it.

use crate::escape::escape;
use crate::firewall::definitions::Definitions;
use crate::firewall::ports::PortRange;
use crate::intent::{Opening, Wish};
use crate::journal::Event;

/// Something in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thing {
    /// Ports, of one protocol or any.
    Ports(PortRange, Option<String>),
    /// A path.
    Path(String),
    /// A unit, service, interface, zone or the like, by its name.
    Name(String),
}

impl Thing {
    /// Reads `8080`, `8080/tcp`, `8000-8010/udp`, `/path` or a name.
    pub(super) fn parse(text: &str) -> Thing {
        if text.starts_with('/') {
            return Thing::Path(escape(std::ffi::OsStr::new(text)));
        }
        let (ports, protocol) = match text.split_once(['/', ':']) {
            Some((ports, protocol)) => (ports, Some(protocol.to_lowercase())),
            None => (text, None),
        };
        match PortRange::parse(ports) {
            Some(range) => Thing::Ports(range, protocol),
            None => Thing::Name(text.to_owned()),
        }
    }

    /// Whether a wish is about it.
    pub(super) fn is_of(&self, wish: &Wish, definitions: &Definitions) -> bool {
        match self {
            Thing::Ports(range, protocol) => match wish {
                Wish::Allow { opening, .. } | Wish::Withdraw { opening, .. } => {
                    covers(opening, *range, protocol.as_deref(), definitions)
                }
                _ => false,
            },
            Thing::Path(_) => false,
            Thing::Name(name) => names(wish).into_iter().any(|known| same(known, name)),
        }
    }

    /// Whether a request changed it, a path.
    pub(super) fn was_changed_by(&self, event: &Event) -> bool {
        let Thing::Path(path) = self else { return false };
        event.changes.iter().any(|change| {
            change.path == *path
                || change.op == crate::root::Op::Rename && change.target.as_ref() == Some(path)
        })
    }
}

fn covers(opening: &Opening, range: PortRange, protocol: Option<&str>, definitions: &Definitions) -> bool {
    let overlaps = |other: PortRange| other.low <= range.high && range.low <= other.high;
    let of_protocol = |other: &str| protocol.is_none_or(|protocol| protocol.eq_ignore_ascii_case(other));
    match opening {
        Opening::Port { port, protocol }
        | Opening::SourcePort { port, protocol }
        | Opening::ForwardPort { port, protocol, .. } => {
            of_protocol(protocol) && PortRange::parse(port).is_some_and(overlaps)
        }
        Opening::FirewallService { service } => {
            let parts = definitions.service(service).unwrap_or_default();
            let mut ports = parts.iter().flat_map(|part| &part.ports);
            ports.any(|(protocol, ranges)| of_protocol(protocol) && ranges.iter().copied().any(overlaps))
        }
        _ => false,
    }
}

/// The names in a wish.
fn names(wish: &Wish) -> Vec<&str> {
    match wish {
        Wish::Unit { unit, .. } | Wish::Defer { unit, .. } | Wish::DefaultTarget { unit } => vec![unit],
        Wish::Dependency { unit, target, .. } => vec![unit, target],
        Wish::Service { service, .. } => vec![service],
        Wish::Allow { opening, zone } | Wish::Withdraw { opening, zone } => {
            opening_names(opening).into_iter().chain(zone.as_deref()).collect()
        }
        Wish::Definition { name, .. } => vec![name],
        Wish::DefaultZone { zone } => vec![zone],
        Wish::FirewallModule { module, .. } => vec![module],
        Wish::Selinux { .. } => vec!["selinux"],
        Wish::FirewallSwitch { .. } | Wish::FirewallReset { .. } => vec!["firewall"],
        Wish::KernelModule { module } => vec![module],
        Wish::BootParameter { parameter } => vec![parameter],
        Wish::User { user, .. } => vec![user],
        Wish::Group { group, .. } => vec![group],
        Wish::Member { user, group } => vec![user, group],
        Wish::Note { .. } => Vec::new(),
    }
}

fn opening_names(opening: &Opening) -> Vec<&str> {
    match opening {
        Opening::Protocol { protocol } => vec![protocol],
        Opening::FirewallService { service } => vec![service],
        Opening::Interface { interface, .. } => vec![interface],
        Opening::Source { source } => vec![source],
        Opening::Masquerade { interface } => {
            interface.iter().map(String::as_str).chain(["masquerade"]).collect()
        }
        Opening::ForwardPort {
            interface,
            to_address,
            ..
        } => interface.iter().chain(to_address).map(String::as_str).collect(),
        Opening::BlockIcmp { icmp_type } => vec![icmp_type],
        Opening::CustomRules { file, .. } => vec![file],
        _ => Vec::new(),
    }
}

/// `foo` also asks about `foo.service`.
fn same(known: &str, asked: &str) -> bool {
    known == asked || known.strip_suffix(".service") == Some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_about_is_recognised() {
        let range = |low, high| PortRange { low, high };
        assert_eq!(Thing::parse("80"), Thing::Ports(range(80, 80), None));
        assert_eq!(Thing::parse("80-90/TCP"), Thing::Ports(range(80, 90), Some("tcp".into())));
        assert_eq!(Thing::parse("80:udp"), Thing::Ports(range(80, 80), Some("udp".into())));
        assert_eq!(Thing::parse("foo.service"), Thing::Name("foo.service".into()));
        assert_eq!(Thing::parse("/etc/x"), Thing::Path("/etc/x".into()));
    }
}
