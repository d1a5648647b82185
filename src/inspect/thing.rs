//! What an administrator can ask about, and which intents and requests are about it.

use crate::escape::Escaped;
use crate::firewall::definitions::Definitions;
use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, Intent};
use crate::journal::Event;

/// Something in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    /// Ports, of one protocol or any.
    Ports(PortRange, Option<String>),
    /// A path.
    Path(Escaped),
    /// A unit, service, interface, zone or the like, by its name.
    Name(String),
}

impl Query {
    /// Reads `8080`, `8080/tcp`, `8000-8010/udp`, `/path` or a name.
    pub(super) fn parse(text: &str) -> Query {
        if text.starts_with('/') {
            return Query::Path(Escaped::new(text));
        }
        let (ports, protocol) = match text.split_once(['/', ':']) {
            Some((ports, protocol)) => (ports, Some(protocol.to_lowercase())),
            None => (text, None),
        };
        match PortRange::parse(ports) {
            Some(range) => Query::Ports(range, protocol),
            None => Query::Name(text.to_owned()),
        }
    }

    /// Whether an intent is about it.
    pub(super) fn is_of(&self, intent: &Intent, definitions: &Definitions) -> bool {
        match self {
            Query::Ports(range, protocol) => match intent {
                Intent::Allow { opening, .. } | Intent::Withdraw { opening, .. } => {
                    covers(opening, *range, protocol.as_deref(), definitions)
                }
                _ => false,
            },
            Query::Path(_) => false,
            Query::Name(name) => {
                names(intent).into_iter().any(|known| same(known, name))
                    || escaped_name(intent).is_some_and(|known| *known == name.as_str())
            }
        }
    }

    /// Whether a request changed it, a path.
    pub(super) fn was_changed_by(&self, event: &Event) -> bool {
        let Query::Path(path) = self else { return false };
        event.changes.iter().any(|change| {
            change.path == *path
                || change.op == crate::root::Op::Rename && change.target.as_ref() == Some(path)
        })
    }
}

fn covers(
    opening: &FirewallItem,
    range: PortRange,
    protocol: Option<&str>,
    definitions: &Definitions,
) -> bool {
    let overlaps = |other: PortRange| other.low <= range.high && range.low <= other.high;
    let of_protocol = |other: &str| protocol.is_none_or(|protocol| protocol.eq_ignore_ascii_case(other));
    match opening {
        FirewallItem::Port { port, protocol }
        | FirewallItem::SourcePort { port, protocol }
        | FirewallItem::ForwardPort { port, protocol, .. } => {
            of_protocol(protocol) && PortRange::parse(port).is_some_and(overlaps)
        }
        FirewallItem::FirewallService { service } => {
            let parts = definitions.service(service).unwrap_or_default();
            let mut ports = parts.iter().flat_map(|part| &part.ports);
            ports.any(|(protocol, ranges)| of_protocol(protocol) && ranges.iter().copied().any(overlaps))
        }
        _ => false,
    }
}

/// The names in an intent.
fn names(intent: &Intent) -> Vec<&str> {
    match intent {
        Intent::Unit { unit, .. } | Intent::Defer { unit, .. } | Intent::DefaultTarget { unit } => vec![unit],
        Intent::Dependency { unit, target, .. } => vec![unit, target],
        Intent::Service { service, .. } => vec![service],
        Intent::Allow { opening, zone } | Intent::Withdraw { opening, zone } => {
            opening_names(opening).into_iter().chain(zone.as_deref()).collect()
        }
        Intent::Definition { name, .. } => vec![name],
        Intent::DefaultZone { zone } => vec![zone],
        Intent::Selinux { .. } => vec!["selinux"],
        Intent::FirewallSwitch { .. } | Intent::FirewallReset { .. } => vec!["firewall"],
        Intent::KernelModule { module } => vec![module],
        Intent::BootParameter { parameter } => vec![parameter],
        Intent::Sysctl { key, .. } => vec![key],
        Intent::Alternative { name, path } => std::iter::once(name.as_str()).chain(path.as_deref()).collect(),
        Intent::SelinuxPolicy { name, .. } => vec![name, "selinux"],
        Intent::User { user, .. } => vec![user],
        Intent::Group { group, .. } => vec![group],
        Intent::Member { user, group } => vec![user, group],
        Intent::FirewallModule { .. } | Intent::Note { .. } => Vec::new(),
    }
}

/// A name in an intent that need not be text.
fn escaped_name(intent: &Intent) -> Option<&Escaped> {
    match intent {
        Intent::FirewallModule { module, .. } => Some(module),
        Intent::Allow { opening, .. } | Intent::Withdraw { opening, .. } => match opening {
            FirewallItem::CustomRules { file, .. } => Some(file),
            _ => None,
        },
        _ => None,
    }
}

fn opening_names(opening: &FirewallItem) -> Vec<&str> {
    match opening {
        FirewallItem::Protocol { protocol } => vec![protocol],
        FirewallItem::FirewallService { service } => vec![service],
        FirewallItem::Interface { interface, .. } => vec![interface],
        FirewallItem::Source { source } => vec![source],
        FirewallItem::Masquerade { interface } => {
            interface.iter().map(String::as_str).chain(["masquerade"]).collect()
        }
        FirewallItem::ForwardPort {
            interface,
            to_address,
            ..
        } => interface.iter().chain(to_address).map(String::as_str).collect(),
        FirewallItem::BlockIcmp { icmp_type } => vec![icmp_type],
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
    fn why_recognises_ports_units_and_paths() {
        let range = |low, high| PortRange { low, high };
        assert_eq!(Query::parse("80"), Query::Ports(range(80, 80), None));
        assert_eq!(Query::parse("80-90/TCP"), Query::Ports(range(80, 90), Some("tcp".into())));
        assert_eq!(Query::parse("80:udp"), Query::Ports(range(80, 80), Some("udp".into())));
        assert_eq!(Query::parse("foo.service"), Query::Name("foo.service".into()));
        assert_eq!(Query::parse("/etc/x"), Query::Path(Escaped::new("/etc/x")));
        assert_eq!(
            Query::parse(r"/etc/w@a\x2db.service"),
            Query::Path(Escaped::new(r"/etc/w@a\x2db.service"))
        );
    }
}
