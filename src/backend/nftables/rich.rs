//! Rich rules, as far as a filter table can express them: source and destination, one element,
//! accept, reject or drop. Logging is left out with a remark; everything else is refused.

use nftables::expr::{Expression, MetaKey};
use nftables::stmt::{Operator, Statement};

use super::icmp;
use super::model::{Statements, accept, any_of, ct, drop, meta, payload, payload_with, port, reject, text};
use super::plugin::address_match;
use crate::firewall::definitions::{Definitions, protocol_number};
use crate::firewall::firewalld::Names;
use crate::firewall::firewalld::rich::{Element, Endpoint, Rule, Verdict};
use crate::firewall::ports::PortRange;
use crate::firewall::valid::{Source, parse_source};

/// The rules that a rich rule becomes.
pub(super) struct Rich {
    pub rules: Vec<Statements>,
    /// Whether they keep packets out.
    pub denies: bool,
    pub note: Option<String>,
}

/// Translates a rich rule; the error is a remark.
pub(super) fn translate(rule: &str, definitions: &Definitions) -> Result<Rich, String> {
    let refused = |reason: &str| format!("rich rule cannot be expressed ({reason}): {rule}");
    let parsed = Rule::parse(rule, &Names::none()).map_err(|fault| refused(&fault.to_string()))?;
    let verdict = verdict(&parsed).map_err(&refused)?;
    let mut entry = Statements::new();
    if let Some(family) = &parsed.family {
        entry.push(meta(MetaKey::Nfproto, text(family.clone())));
    }
    for (endpoint, field) in [(&parsed.source, "saddr"), (&parsed.destination, "daddr")] {
        if let Some(endpoint) = endpoint {
            entry.push(end(endpoint, field).ok_or_else(|| refused("its address"))?);
        }
    }
    let matches = element(parsed.element.as_ref(), definitions).map_err(&refused)?;
    let rules = matches
        .into_iter()
        .map(|found| [entry.as_slice(), &found, std::slice::from_ref(&verdict)].concat())
        .collect();
    let is_logged = parsed.log.is_some() || parsed.audit.is_some();
    Ok(Rich {
        rules,
        denies: !matches!(verdict, Statement::Accept(_)),
        note: is_logged.then(|| format!("logging is left out of rich rule: {rule}")),
    })
}

fn verdict(rule: &Rule) -> Result<Statement<'static>, &'static str> {
    match (&rule.element, &rule.action) {
        (Some(Element::IcmpBlock { .. }), None) => Ok(reject()),
        (_, Some(action)) if action.limit.is_some() => Err("its limit"),
        (_, Some(action)) => match action.verdict {
            Verdict::Accept => Ok(accept()),
            Verdict::Reject { .. } => Ok(reject()),
            Verdict::Drop => Ok(drop()),
            Verdict::Mark { .. } => Err("mark"),
        },
        (_, None) => Err("it has no action"),
    }
}

fn end(endpoint: &Endpoint, field: &'static str) -> Option<Statement<'static>> {
    let op = if endpoint.invert {
        Operator::NEQ
    } else {
        Operator::EQ
    };
    if let Some(mac) = &endpoint.mac {
        let Source::Mac(mac) = parse_source(mac)? else {
            return None;
        };
        return Some(payload_with("ether", field, op, text(mac)));
    }
    match parse_source(endpoint.address.as_deref()?)? {
        Source::Network(address, bits) => Some(address_match(address, bits, field, op)),
        _ => None,
    }
}

/// The matches of an element, one a rule; a rule without an element matches everything.
fn element(element: Option<&Element>, definitions: &Definitions) -> Result<Vec<Statements>, &'static str> {
    let range = |port: &str| PortRange::parse(port).ok_or("its port");
    match element {
        None => Ok(vec![Vec::new()]),
        Some(Element::Port {
            port: ports,
            protocol,
        }) => Ok(vec![ports_of("dport", protocol, &[range(ports)?])]),
        Some(Element::SourcePort {
            port: ports,
            protocol,
        }) => Ok(vec![ports_of("sport", protocol, &[range(ports)?])]),
        Some(Element::Protocol { value }) => Ok(vec![vec![protocol(value).ok_or("its protocol")?]]),
        Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => icmp_types(name),
        Some(Element::Service { name }) => service(name, definitions),
        Some(_) => Err("its element"),
    }
}

fn ports_of(field: &'static str, protocol: &str, ranges: &[PortRange]) -> Statements {
    let value = any_of(ranges.iter().map(port).collect());
    vec![payload(protocol, field, value), ct("state", &["new"])]
}

fn protocol(name: &str) -> Option<Statement<'static>> {
    let number = protocol_number(&name.to_lowercase())?;
    Some(meta(MetaKey::L4proto, Expression::Number(number.into())))
}

fn icmp_types(name: &str) -> Result<Vec<Statements>, &'static str> {
    let (ipv4, ipv6) = icmp::types(name).ok_or("its ICMP type")?;
    let of = |protocol: &'static str, name: &'static str| vec![payload(protocol, "type", text(name))];
    let ipv4 = ipv4.map(|name| of("icmp", name));
    Ok(ipv4.into_iter().chain(ipv6.map(|name| of("icmpv6", name))).collect())
}

fn service(name: &str, definitions: &Definitions) -> Result<Vec<Statements>, &'static str> {
    let parts = definitions.service(name).ok_or("its service is not defined in the image")?;
    let mut matches = Vec::new();
    for part in parts {
        if !part.destinations.is_empty() {
            return Err("its service has a destination");
        }
        for (protocol, ranges) in &part.ports {
            matches.push(ports_of("dport", protocol, ranges));
        }
        for (protocol, ranges) in &part.source_ports {
            matches.push(ports_of("sport", protocol, ranges));
        }
        matches.extend(part.protocols.iter().filter_map(|name| protocol(name)).map(|found| vec![found]));
    }
    Ok(matches)
}
