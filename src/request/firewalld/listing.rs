//! Layouts of `--list-all` and `--info-...`. A list that is empty keeps the blank after its colon.

use super::session::{Exit, Session, Step};
use super::zone_or_policy::ZoneOrPolicy;
use crate::firewall::firewalld::port::sort_for_listing;
use crate::firewall::firewalld::{
    Feature, ForwardPort, Grammar, Helper, Icmptype, Ipset, Policy, Port, Service, Traffic, Zone,
};

/// Options that list one thing of a zone or policy.
const OPTIONS: [&str; 12] = [
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

pub(super) fn list_options(session: &mut Session, place: &ZoneOrPolicy) -> Step {
    let ports = |session: &Session, ports: &[Port]| {
        let mut ports = ports.to_vec();
        sort_for_listing(&mut ports, &session.grammar);
        ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
    };
    let sorted = |list: &[String]| sorted(list).join(" ");
    let Some(option) = session.given.first(&OPTIONS) else {
        return Ok(());
    };
    let traffic = place.traffic();
    let line = match (option, place) {
        ("--list-all", _) => {
            let text = zone_or_policy(session, place)?;
            if !text.is_empty() {
                session.reply.output.out(text);
            }
            return Err(Exit(0));
        }
        ("--list-services", _) => sorted(&traffic.services),
        ("--list-ports", _) => ports(session, &traffic.ports),
        ("--list-source-ports", _) => ports(session, &traffic.source_ports),
        ("--list-protocols", _) => sorted(&traffic.protocols),
        ("--list-icmp-blocks", _) => sorted(&traffic.icmp_blocks),
        ("--list-forward-ports", _) => {
            traffic.forward_ports.iter().map(ForwardPort::listed).collect::<Vec<_>>().join("\n")
        }
        ("--list-rich-rules", _) => {
            let spelled = traffic.rules.iter().map(|rule| rule.spelled(&session.grammar));
            spelled.collect::<Vec<_>>().join("\n")
        }
        ("--list-interfaces", ZoneOrPolicy::Zone(_, zone)) => zone.interfaces.join(" "),
        ("--list-sources", ZoneOrPolicy::Zone(_, zone)) => zone.sources.join(" "),
        ("--list-ingress-zones", ZoneOrPolicy::Policy(_, policy)) => sorted(&policy.ingress_zones),
        ("--list-egress-zones", ZoneOrPolicy::Policy(_, policy)) => sorted(&policy.egress_zones),
        _ => return Ok(()),
    };
    session.answer(line)
}

/// A zone or policy.
fn zone_or_policy(session: &mut Session, place: &ZoneOrPolicy) -> Step<String> {
    match place {
        ZoneOrPolicy::Zone(name, found) => zone(session, name, found),
        ZoneOrPolicy::Policy(name, found) => policy(session, name, found),
    }
}

/// A zone. Until 2.0 one that interfaces or sources are bound to is called active, since then one
/// that runs, as the default zone always does (`print_zone_policy_info` of `command.py`).
pub(super) fn zone(session: &mut Session, name: &str, zone: &Zone) -> Step<String> {
    let marked = session.has(Feature::DefaultMarked);
    let is_default = marked && session.conf()?.default_zone(&session.tree) == name;
    let is_active = match marked {
        true => session.runtime && (is_default || zone.is_active()),
        false => zone.is_active(),
    };
    let grammar = &session.grammar;
    let traffic = &zone.traffic;
    let mut text = heading(name, &[("default", is_default), ("active", is_active)]);
    line(&mut text, "target", zone.target());
    if grammar.has(Feature::ZonePriorities) {
        line(&mut text, "ingress-priority", &zone.ingress_priority.to_string());
        line(&mut text, "egress-priority", &zone.egress_priority.to_string());
    }
    line(&mut text, "icmp-block-inversion", yes_no(zone.icmp_block_inversion));
    line(&mut text, "interfaces", &sorted(&zone.interfaces).join(" "));
    line(&mut text, "sources", &zone.sources.join(" "));
    opened(&mut text, traffic);
    line(&mut text, "forward", yes_no(zone.forward));
    rest(&mut text, traffic, grammar);
    Ok(text)
}

/// A policy.
pub(super) fn policy(session: &Session, name: &str, policy: &Policy) -> Step<String> {
    let runs = session.runtime;
    let is_active = match session.has(Feature::DefaultMarked) {
        true => runs && !policy.disable && policy.is_active(),
        false => policy.is_active(),
    };
    let is_disabled = runs && policy.disable;
    let mut text = heading(name, &[("active", is_active), ("disabled", is_disabled)]);
    if session.has(Feature::PolicyDisable) {
        line(&mut text, "disable", yes_no(policy.disable));
    }
    line(&mut text, "priority", &policy.priority.to_string());
    line(&mut text, "target", &policy.target);
    line(&mut text, "ingress-zones", &policy.ingress_zones.join(" "));
    line(&mut text, "egress-zones", &policy.egress_zones.join(" "));
    opened(&mut text, &policy.traffic);
    rest(&mut text, &policy.traffic, &session.grammar);
    Ok(text)
}

/// A service.
pub(super) fn service(name: &str, service: &Service) -> String {
    let mut text = heading(name, &[]);
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
    let mut text = heading(name, &[]);
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
    let mut text = heading(name, &[]);
    line(&mut text, "destination", &icmptype.effective_destinations().join(" "));
    text
}

/// A helper.
pub(super) fn helper(name: &str, helper: &Helper) -> String {
    let mut text = heading(name, &[]);
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

fn rest(text: &mut String, traffic: &Traffic, grammar: &Grammar) {
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
        *text += &format!("\t{}\n", rule.spelled(grammar));
    }
}

fn heading(name: &str, attributes: &[(&str, bool)]) -> String {
    let attributes: Vec<&str> =
        attributes.iter().filter(|(_, holds)| *holds).map(|(attribute, _)| *attribute).collect();
    match attributes.is_empty() {
        true => format!("{name}\n"),
        false => format!("{name} ({})\n", attributes.join(", ")),
    }
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
