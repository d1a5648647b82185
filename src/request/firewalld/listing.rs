//! Layouts of `--list-all` and `--info-...`. A list that is empty keeps the blank after its colon.

use super::place::ZoneOrPolicy;
use crate::firewall::firewalld::{Helper, Icmptype, Ipset, Policy, Port, Service, Traffic, Zone};

/// Options that list one thing of a zone or policy.
pub(super) const OPTIONS: [&str; 12] = [
    "--list-all",
    "--list-services",
    "--list-ports",
    "--list-source-ports",
    "--list-protocols",
    "--list-icmp-blocks",
    "--list-forward-ports",
    "--list-rich-rules",
    "--list-interfaces",
    "--list-sources",
    "--list-ingress-zones",
    "--list-egress-zones",
];

/// A zone or policy.
pub(super) fn place(place: &ZoneOrPolicy) -> String {
    match place {
        ZoneOrPolicy::Zone(name, found) => zone(name, found),
        ZoneOrPolicy::Policy(name, found) => policy(name, found),
    }
}

/// A zone.
pub(super) fn zone(name: &str, zone: &Zone) -> String {
    let traffic = &zone.traffic;
    let mut text = heading(name, zone.is_active());
    line(&mut text, "target", zone.target());
    for (side, priority) in [("ingress", &zone.priorities.0), ("egress", &zone.priorities.1)] {
        if let Some(priority) = priority {
            line(&mut text, &format!("{side}-priority"), priority);
        }
    }
    line(&mut text, "icmp-block-inversion", yes_no(zone.icmp_block_inversion));
    line(&mut text, "interfaces", &sorted(&zone.interfaces).join(" "));
    line(&mut text, "sources", &zone.sources.join(" "));
    opened(&mut text, traffic);
    line(&mut text, "forward", yes_no(zone.forward));
    rest(&mut text, traffic);
    text
}

/// A policy.
pub(super) fn policy(name: &str, policy: &Policy) -> String {
    let mut text = heading(name, policy.is_active());
    line(&mut text, "priority", &policy.priority.to_string());
    line(&mut text, "target", &policy.target);
    line(&mut text, "ingress-zones", &policy.ingress_zones.join(" "));
    line(&mut text, "egress-zones", &policy.egress_zones.join(" "));
    opened(&mut text, &policy.traffic);
    rest(&mut text, &policy.traffic);
    text
}

/// A service.
pub(super) fn service(name: &str, service: &Service) -> String {
    let mut text = heading(name, false);
    line(&mut text, "ports", &ports(&service.ports));
    line(&mut text, "protocols", &service.protocols.join(" "));
    line(&mut text, "source-ports", &ports(&service.source_ports));
    line(&mut text, "modules", &service.modules.join(" "));
    let destinations: Vec<String> = service
        .destinations
        .iter()
        .map(|(family, address)| format!("{family}:{address}"))
        .collect();
    line(&mut text, "destination", &destinations.join(" "));
    line(&mut text, "includes", &sorted(&service.includes).join(" "));
    line(&mut text, "helpers", &sorted(&service.helpers).join(" "));
    text
}

/// A set of addresses.
pub(super) fn ipset(name: &str, ipset: &Ipset) -> String {
    let mut text = heading(name, false);
    line(&mut text, "type", &ipset.kind);
    let option = |(name, value): &(String, String)| match value.as_str() {
        "" => name.clone(),
        value => format!("{name}={value}"),
    };
    line(&mut text, "options", &ipset.options.iter().map(option).collect::<Vec<_>>().join(" "));
    line(&mut text, "entries", &ipset.entries.join(" "));
    text
}

/// An ICMP type.
pub(super) fn icmptype(name: &str, icmptype: &Icmptype) -> String {
    let mut text = heading(name, false);
    line(&mut text, "destination", &icmptype.effective_destinations().join(" "));
    text
}

/// A helper.
pub(super) fn helper(name: &str, helper: &Helper) -> String {
    let mut text = heading(name, false);
    line(&mut text, "family", &helper.family);
    line(&mut text, "module", &helper.module);
    line(&mut text, "ports", &ports(&helper.ports));
    text
}

fn opened(text: &mut String, traffic: &Traffic) {
    line(text, "services", &sorted(&traffic.services).join(" "));
    line(text, "ports", &ports(&traffic.ports));
    line(text, "protocols", &sorted(&traffic.protocols).join(" "));
}

fn rest(text: &mut String, traffic: &Traffic) {
    line(text, "masquerade", yes_no(traffic.masquerade));
    line(text, "forward-ports", "");
    for port in &traffic.forward_ports {
        *text += &format!("\t{}\n", port.listed());
    }
    line(text, "source-ports", &ports(&traffic.source_ports));
    line(text, "icmp-blocks", &traffic.icmp_blocks.join(" "));
    line(text, "rich rules", "");
    let mut rules: Vec<_> = traffic.rules.iter().collect();
    rules.sort_by_key(|rule| rule.priority);
    for rule in rules {
        *text += &format!("\t{rule}\n");
    }
}

fn heading(name: &str, active: bool) -> String {
    format!("{name}{}\n", if active { " (active)" } else { "" })
}

fn line(text: &mut String, name: &str, value: &str) {
    *text += &format!("  {name}: {value}\n");
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn ports(ports: &[Port]) -> String {
    ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
}

fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort();
    list
}
