//! What a zone file of firewalld lets through that it did not before, as wishes.

use super::changes::Found;
use crate::firewall::firewalld::{Names, Zone};
use crate::intent::{Opening, Wish};
use crate::root::Root;

/// Where an administrator's zones are; the shipped one of the same name counts before there is one.
pub(super) const LOCAL: &str = "/etc/firewalld/zones/";
const SHIPPED: &str = "/usr/lib/firewalld/zones/";

/// Openings and withdrawals between the two states of a zone file; nothing for any other file.
pub(super) fn wishes(root: &Root, found: &Found) -> Vec<Wish> {
    let name = found.change.path.strip_prefix(LOCAL).and_then(|name| name.strip_suffix(".xml"));
    let Some(name) = name.filter(|name| !name.contains('/')) else {
        return Vec::new();
    };
    let shipped = || root.read(format!("{SHIPPED}{name}.xml")).ok();
    let openings = |content: Option<Vec<u8>>| content.map(|content| openings(&content)).unwrap_or_default();
    let before = openings(found.content_before().map(<[u8]>::to_vec).or_else(shipped));
    let after = openings(found.content_after().map(<[u8]>::to_vec).or_else(shipped));
    let zone = || Some(name.to_owned());
    let added = after.iter().filter(|opening| !before.contains(opening)).map(|opening| Wish::Allow {
        opening: opening.clone(),
        zone: zone(),
    });
    let gone = before.iter().filter(|opening| !after.contains(opening)).map(|opening| Wish::Withdraw {
        opening: opening.clone(),
        zone: zone(),
    });
    added.chain(gone).collect()
}

fn openings(content: &[u8]) -> Vec<Opening> {
    let Ok(zone) = Zone::parse(&String::from_utf8_lossy(content), &Names::none()) else {
        return Vec::new();
    };
    let traffic = zone.traffic;
    let ports = traffic.ports.into_iter().map(|port| Opening::Port {
        port: port.port,
        protocol: port.protocol,
    });
    let source_ports = traffic.source_ports.into_iter().map(|port| Opening::SourcePort {
        port: port.port,
        protocol: port.protocol,
    });
    let services = traffic.services.into_iter().map(|service| Opening::FirewallService { service });
    let protocols = traffic.protocols.into_iter().map(|protocol| Opening::Protocol { protocol });
    let masquerade = traffic.masquerade.then_some(Opening::Masquerade { interface: None });
    let rules = traffic.rules.into_iter().map(|rule| Opening::RichRule {
        rule: rule.to_string(),
    });
    let interfaces = zone.interfaces.into_iter().map(|interface| Opening::Interface {
        interface,
        trusted: false,
    });
    let sources = zone.sources.into_iter().map(|source| Opening::Source { source });
    ports
        .chain(source_ports)
        .chain(services)
        .chain(protocols)
        .chain(masquerade)
        .chain(rules)
        .chain(interfaces)
        .chain(sources)
        .collect()
}
