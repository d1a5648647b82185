//! A plugin's own service: its ports, protocols and source ports, and the services it named.

use std::collections::BTreeMap;

use crate::backend::name;
use crate::firewall::definitions::{Definitions, Part};
use crate::firewall::firewalld::{Port, Service};
use crate::firewall::ports::Ports;
use crate::firewall::ports::coalesce;
use crate::firewall::ruleset::{Ruleset, ZoneRules};

pub(super) use crate::firewall::OWN_SERVICE as PREFIX;

/// The services of one plugin: zone → name and content. `stem` names it safely.
pub(super) fn services(
    definitions: &Definitions,
    stem: &str,
    ruleset: &Ruleset,
    default_zone: &str,
    notes: &mut Vec<String>,
) -> BTreeMap<String, (String, Service)> {
    let mut services = BTreeMap::new();
    for (zone, rules) in &ruleset.zones {
        let service = service(definitions, stem, rules, notes);
        let has_some = !service.ports.is_empty()
            || !service.protocols.is_empty()
            || !service.source_ports.is_empty()
            || !service.includes.is_empty();
        if has_some {
            services.insert(zone.clone(), (service_name(stem, zone, default_zone), service));
        }
    }
    services
}

/// `nodeshim-PLUGIN`, in another zone than the default one `nodeshim-PLUGIN_zZONE`: a `z` never
/// follows an underscore in a plugin's own name.
fn service_name(stem: &str, zone: &str, default_zone: &str) -> String {
    let plugin = name::service(stem);
    match zone == default_zone {
        true => format!("{PREFIX}{plugin}"),
        false => format!("{PREFIX}{plugin}_z{zone}"),
    }
}

fn service(definitions: &Definitions, stem: &str, rules: &ZoneRules, notes: &mut Vec<String>) -> Service {
    let mut open = Part {
        ports: rules.ports.clone(),
        source_ports: rules.source_ports.clone(),
        protocols: rules.protocols.iter().cloned().collect(),
        ..Part::default()
    };
    let mut service = Service::default();
    for (name, definition) in &rules.services {
        match definition {
            _ if definitions.has_file(name) => service.includes.push(name.clone()),
            Some(definition) => definition.iter().for_each(|part| widen(&mut open, name, part, notes)),
            None => notes.push(format!("service {name} is not defined in the image")),
        }
    }
    service.head.short = format!("{stem} (nodeshim)");
    service.head.description = format!("What the plugin {stem} asked for. Written by nodeshim.");
    service.ports = ports(&open.ports);
    service.source_ports = ports(&open.source_ports);
    service.protocols = open.protocols;
    service
}

/// Takes a definition in that firewalld itself does not know.
fn widen(open: &mut Part, name: &str, part: &Part, notes: &mut Vec<String>) {
    if !part.destinations.is_empty() {
        notes.push(format!("service {name} is opened for all destinations"));
    }
    for (into, from) in [
        (&mut open.ports, &part.ports),
        (&mut open.source_ports, &part.source_ports),
    ] {
        for (protocol, ranges) in from {
            into.entry(protocol.clone()).or_default().extend(ranges);
        }
    }
    for protocol in &part.protocols {
        if !open.protocols.contains(protocol) {
            open.protocols.push(protocol.clone());
        }
    }
}

fn ports(ports: &Ports) -> Vec<Port> {
    let of = |(protocol, ranges): (&String, &Vec<_>)| {
        let ranges = coalesce(ranges.iter().copied());
        ranges
            .into_iter()
            .map(|range| Port::new(range.to_string(), protocol.clone()))
            .collect::<Vec<_>>()
    };
    ports.iter().flat_map(of).collect()
}
