//! Rich rules. A negative priority comes before everything, a positive one after it; at none,
//! what keeps packets out comes before what lets them in (firewalld.richlanguage(5)). Marks,
//! audits and clamped segment sizes are refused with a remark.

use nftables::expr::{Expression, MetaKey};
use nftables::stmt::{Log as LogStatement, LogLevel, Operator, RejectType, Statement};
use nftables::types::RejectCode;

use super::chains::{Builder, Place, Stage};
use super::model::{
    Statements, accept, address_match, any_of, ct, drop, in_set, limit, meta, payload, payload_with, port,
    reject, reject_with, text,
};
use super::{icmp, nat};
use crate::firewall::definitions::{Definitions, protocol_number};
use crate::firewall::firewalld::Grammar;
use crate::firewall::firewalld::rich::{Action, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::node::Node;
use crate::firewall::ports::PortRange;
use crate::firewall::ruleset::{ForwardPort, ZoneRules};
use crate::firewall::sets::AddressSet;
use crate::firewall::valid::{Source, parse_source};

/// The longest text before a line of the log.
const LOG_PREFIX: usize = 127;
/// How many packets pass at first where a limit does not say so; as in iptables.
const BURST: u32 = 5;

/// Adds a zone's rich rules, in the order in which its file has them.
pub(super) fn add_all(builder: &mut Builder, rules: &ZoneRules) {
    let node = builder.node;
    let order = match &builder.place {
        Place::Zone(zone) => node.zones.get(zone).map(|zone| &zone.order),
        Place::Policy(name) => {
            node.policies.iter().find(|policy| policy.name == *name).map(|policy| &policy.order)
        }
    };
    let mut all: Vec<&String> = rules.rich_rules.iter().collect();
    // Those that are in no file come last.
    all.sort_by_key(|rule| order.and_then(|order| order.get(*rule)).copied().unwrap_or(usize::MAX));
    for rule in all {
        if let Err(reason) = add(builder, rule) {
            builder.unmet(format!("rich rule cannot be expressed ({reason}): {rule}"));
        }
    }
}

/// Adds a rich rule; the error says what cannot be expressed.
fn add(builder: &mut Builder, text: &str) -> Result<(), String> {
    let rule = Rule::parse(text, &Grammar::none()).map_err(|fault| fault.to_string())?;
    let ends = ends(&rule, builder.node)?;
    match &rule.element {
        Some(Element::Masquerade) => masquerade(builder, &rule, ends)?,
        Some(forward @ Element::ForwardPort { .. }) => {
            let forward = ForwardPort::of_rich(forward).ok_or("its port or address")?;
            nat::forward_port(builder, &forward, ends);
        }
        element => {
            if let Some(Element::Service { name }) = element
                && let Some(definition) = builder.definitions.service(name)
            {
                builder.helpers_of(name, &definition);
            }
            let (log, action) = statements(&rule)?;
            for matched in matches(element.as_ref(), builder.definitions)? {
                let found = [ends.as_slice(), &matched].concat();
                for (stage, then) in log
                    .iter()
                    .map(|then| (log_stage(&rule), then))
                    .chain(action.iter().map(|then| (stage(&rule), then)))
                {
                    builder.stage(stage, [found.as_slice(), then].concat());
                }
            }
        }
    }
    Ok(())
}

/// The place of its action.
fn stage(rule: &Rule) -> Stage {
    let accepts = matches!(
        &rule.action,
        Some(Action {
            verdict: RichAction::Accept,
            ..
        })
    );
    match rule.priority {
        priority @ ..0 => Stage::Before(priority),
        0 if accepts => Stage::Allow,
        0 => Stage::Deny,
        priority => Stage::After(priority),
    }
}

/// The place of its log: without a priority before everything that denies or allows.
fn log_stage(rule: &Rule) -> Stage {
    match rule.priority {
        0 => Stage::Log,
        _ => stage(rule),
    }
}

/// Family, source and destination.
fn ends(rule: &Rule, node: &Node) -> Result<Statements, &'static str> {
    let mut ends = Statements::new();
    if let Some(family) = &rule.family {
        ends.push(meta(MetaKey::Nfproto, text(family.clone())));
    }
    for (endpoint, field) in [(&rule.source, "saddr"), (&rule.destination, "daddr")] {
        if let Some(endpoint) = endpoint {
            ends.push(end(endpoint, field, node).ok_or("its address")?);
        }
    }
    Ok(ends)
}

fn end(endpoint: &Endpoint, field: &'static str, node: &Node) -> Option<Statement<'static>> {
    let op = if endpoint.invert {
        Operator::NEQ
    } else {
        Operator::EQ
    };
    if let Some(name) = &endpoint.ipset {
        let set = node.sets.get(name)?;
        // A packet's receiver is known by its address alone.
        let is_known = field == "saddr" || !matches!(set, AddressSet::Mac(_));
        return is_known.then(|| in_set(name, set, field, op));
    }
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

/// The log's statements and the action's, each for a rule of its own: their limits differ.
fn statements(rule: &Rule) -> Result<(Option<Statements>, Option<Statements>), &'static str> {
    if rule.audit.is_some() {
        return Err("its audit");
    }
    let log = rule.log.as_ref().map(|log| -> Result<Statements, &'static str> {
        let mut statements = limited(log.limit.as_ref())?;
        statements.push(log_statement(log)?);
        Ok(statements)
    });
    let action = match (&rule.element, &rule.action) {
        (Some(Element::IcmpBlock { .. }), None) => Some(vec![reject()]),
        (_, Some(action)) => {
            let mut statements = limited(action.limit.as_ref())?;
            statements.push(verdict(&action.verdict, rule)?);
            Some(statements)
        }
        (_, None) if rule.log.is_some() => None,
        (_, None) => return Err("it has no action"),
    };
    Ok((log.transpose()?, action))
}

fn verdict(verdict: &RichAction, rule: &Rule) -> Result<Statement<'static>, &'static str> {
    Ok(match verdict {
        RichAction::Accept => accept(),
        RichAction::Drop => drop(),
        RichAction::Reject { with: None } => reject(),
        RichAction::Reject { with: Some(with) } => {
            let is_ipv6 = rule.family.as_deref() == Some("ipv6");
            let (kind, code) = reject_type(with, is_ipv6).ok_or("its type")?;
            let is_tcp = match &rule.element {
                Some(Element::Port { protocol, .. } | Element::SourcePort { protocol, .. }) => {
                    protocol == "tcp"
                }
                Some(Element::Protocol { value }) => value == "tcp",
                _ => false,
            };
            if kind == RejectType::TCPReset && !is_tcp {
                return Err("only TCP connections can be reset");
            }
            reject_with(kind, code)
        }
        RichAction::Mark { .. } => return Err("mark"),
    })
}

pub(super) fn reject_type(with: &str, is_ipv6: bool) -> Option<(RejectType, Option<RejectCode>)> {
    use RejectCode::*;
    let code = match (with, is_ipv6) {
        ("tcp-reset" | "tcp-rst", _) => return Some((RejectType::TCPReset, None)),
        ("icmp-host-prohibited" | "host-prohib", false) => HostProhibited,
        ("icmp-net-prohibited" | "net-prohib", false) => NetProhibited,
        ("icmp-admin-prohibited" | "admin-prohib", false) => AdminProhibited,
        ("icmp-net-unreachable" | "net-unreach", false) => NetUnreach,
        ("icmp-host-unreachable" | "host-unreach", false) => HostUnreach,
        ("icmp-proto-unreachable" | "proto-unreach", false) => ProtUnreach,
        ("icmp-port-unreachable" | "icmp6-port-unreachable" | "port-unreach", _) => PortUnreach,
        ("icmp6-adm-prohibited" | "adm-prohibited", true) => AdminProhibited,
        ("icmp6-no-route" | "no-route", true) => NoRoute,
        ("icmp6-addr-unreachable" | "addr-unreach", true) => AddrUnreach,
        _ => return None,
    };
    let kind = if is_ipv6 {
        RejectType::ICMPv6
    } else {
        RejectType::ICMP
    };
    Some((kind, Some(code)))
}

fn limited(of: Option<&Limit>) -> Result<Statements, &'static str> {
    let Some(of) = of else {
        return Ok(Vec::new());
    };
    let (rate, unit) = of.rate().ok_or("its limit")?;
    let burst = of.burst().map_err(|_| "its limit")?.unwrap_or(BURST);
    Ok(vec![limit(rate, unit, burst)])
}

fn log_statement(log: &Log) -> Result<Statement<'static>, &'static str> {
    let number = |text: &Option<String>| text.as_deref().map(str::parse::<u32>).transpose();
    let group = number(&log.group).map_err(|_| "its log group")?;
    let mut statement = log_of(log.prefix.as_deref(), log.level.as_deref())?;
    statement.group = if log.nflog { group.or(Some(0)) } else { None };
    statement.queue_threshold = number(&log.queue_size).map_err(|_| "its queue size")?;
    Ok(Statement::Log(Some(statement)))
}

/// A line in the kernel's log.
pub(super) fn log_with(
    prefix: Option<&str>,
    level: Option<&str>,
) -> Result<Statement<'static>, &'static str> {
    Ok(Statement::Log(Some(log_of(prefix, level)?)))
}

fn log_of(prefix: Option<&str>, level: Option<&str>) -> Result<LogStatement<'static>, &'static str> {
    // nft knows no escapes in a string, and takes a dollar for a variable.
    let is_bad = |c: char| matches!(c, '"' | '\\' | '$') || c.is_control();
    let prefix = match prefix {
        Some(prefix) if prefix.chars().any(is_bad) => return Err("its log prefix"),
        prefix => prefix.map(|text| text[..text.floor_char_boundary(LOG_PREFIX)].to_owned().into()),
    };
    let level = match level {
        None => None,
        Some("emerg" | "0") => Some(LogLevel::Emerg),
        Some("alert" | "1") => Some(LogLevel::Alert),
        Some("crit" | "2") => Some(LogLevel::Crit),
        Some("error" | "err" | "3") => Some(LogLevel::Err),
        Some("warning" | "warn" | "4") => Some(LogLevel::Warn),
        Some("notice" | "5") => Some(LogLevel::Notice),
        Some("info" | "6") => Some(LogLevel::Info),
        Some("debug" | "7") => Some(LogLevel::Debug),
        Some(_) => return Err("its log level"),
    };
    Ok(LogStatement {
        prefix,
        level,
        group: None,
        queue_threshold: None,
        snaplen: None,
        flags: None,
    })
}

/// The matches of an element, one a rule; a rule without an element matches everything.
fn matches(element: Option<&Element>, definitions: &Definitions) -> Result<Vec<Statements>, &'static str> {
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
        Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => {
            icmp::matches(name).ok_or("its ICMP type")
        }
        Some(Element::Service { name }) => service(name, definitions),
        Some(_) => Err("its element"),
    }
}

fn ports_of(field: &'static str, protocol: &str, ranges: &[PortRange]) -> Statements {
    let value = any_of(ranges.iter().map(port).collect());
    vec![
        payload(protocol, field, value),
        ct("state", &["new", "untracked"]),
    ]
}

fn protocol(name: &str) -> Option<Statement<'static>> {
    let number = protocol_number(&name.to_lowercase())?;
    Some(meta(MetaKey::L4proto, Expression::Number(number.into())))
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

/// Hides the senders that the rule names, of what leaves by the zone.
fn masquerade(builder: &mut Builder, rule: &Rule, mut ends: Statements) -> Result<(), &'static str> {
    if rule.source.as_ref().is_some_and(|source| source.mac.is_some()) {
        return Err("masquerading by a hardware address");
    }
    if rule.family.is_none() {
        ends.insert(0, meta(MetaKey::Nfproto, text("ipv4")));
    }
    ends.push(nat::not_loopback());
    nat::hide(builder, ends);
    Ok(())
}
