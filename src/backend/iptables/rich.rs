//! Rich rules. A negative priority comes before everything, a positive one after it; at none,
//! what keeps packets out comes before what lets them in (firewalld.richlanguage(5)).

use std::collections::BTreeMap;

use super::matches::{self, Match, families};
use super::nat;
use super::rules::{RulePosition, Rules, reject};
use crate::firewall::definitions::helpers_of;
use crate::firewall::firewalld::Grammar;
use crate::firewall::firewalld::rich::{Action, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::iptables::Family;
use crate::firewall::ports::PortRange;
use crate::firewall::ruleset::{ForwardPort, ZoneRules};
use crate::firewall::sets::AddressSet;

/// The longest text before a line of the kernel's log, and before one of nflog.
const LOG_PREFIX: usize = 29;
const NFLOG_PREFIX: usize = 63;

/// Adds a zone's rich rules for what `entry` matches.
pub(super) fn rules(rules: &mut Rules, wanted: &ZoneRules, entry: &Match) {
    for text in &wanted.rich_rules {
        let added = Rule::parse(text, &Grammar::none())
            .map_err(|fault| fault.to_string())
            .and_then(|rule| add(rules, &rule, entry).map_err(str::to_owned));
        if let Err(reason) = added {
            rules.unmet(format!("rich rule cannot be expressed ({reason}): {text}"));
        }
    }
}

fn add(rules: &mut Rules, rule: &Rule, entry: &Match) -> Result<(), &'static str> {
    let all = ends(rule, entry, &rules.sets)?;
    // Each rule counts for itself.
    let is_limited = [
        rule.log.as_ref().and_then(|log| log.limit.as_ref()),
        rule.audit.as_ref().and_then(|audit| audit.limit.as_ref()),
        rule.action.as_ref().and_then(|action| action.limit.as_ref()),
    ];
    if all.len() > 1 && is_limited.iter().any(Option::is_some) {
        return Err("the limit of an ipset's entries together");
    }
    if let Some(Element::Masquerade) = &rule.element {
        return masquerade(rules, rule, entry);
    }
    all.iter().try_for_each(|found| add_for(rules, rule, found))
}

/// Adds the rules for one source and destination.
fn add_for(rules: &mut Rules, rule: &Rule, found: &Match) -> Result<(), &'static str> {
    match &rule.element {
        Some(forward @ Element::ForwardPort { .. }) => {
            let forward = ForwardPort::of_rich(forward).ok_or("its port or address")?;
            nat::forward_port(rules, &forward, found, rule.priority);
            Ok(())
        }
        Some(Element::TcpMssClamp { value }) => {
            let size = value.as_deref().filter(|value| !matches!(*value, "pmtu" | "None"));
            clamp(rules, found, size, rule.priority)
        }
        element => {
            for matched in element_matches(rules, element.as_ref())? {
                if let Some(found) = found.and(&matched) {
                    verdicts(rules, rule, &found)?;
                }
            }
            Ok(())
        }
    }
}

/// Family, source and destination: those that fit a family in common with `entry`.
fn ends(rule: &Rule, entry: &Match, sets: &BTreeMap<String, AddressSet>) -> Result<Vec<Match>, &'static str> {
    let family = match rule.family.as_deref() {
        Some("ipv4") => Match::of(Family::Ipv4, ""),
        Some(_) => Match::of(Family::Ipv6, ""),
        None => Match::default(),
    };
    let mut found: Vec<Match> = entry.and(&family).into_iter().collect();
    for (option, endpoint) in [('s', &rule.source), ('d', &rule.destination)] {
        if let Some(endpoint) = endpoint {
            let ends = end(option, endpoint, sets).ok_or("its address")?;
            found = found.iter().flat_map(|found| ends.iter().filter_map(|end| found.and(end))).collect();
        }
    }
    Ok(found)
}

fn end(option: char, endpoint: &Endpoint, sets: &BTreeMap<String, AddressSet>) -> Option<Vec<Match>> {
    if let Some(name) = &endpoint.ipset {
        return matches::source(option, &format!("ipset:{name}"), endpoint.invert, sets);
    }
    let text = endpoint.mac.as_deref().or(endpoint.address.as_deref())?;
    Some(vec![matches::address(option, text, endpoint.invert)?])
}

fn element_matches(rules: &mut Rules, element: Option<&Element>) -> Result<Vec<Match>, &'static str> {
    let range = |port: &str| PortRange::parse(port).ok_or("its port");
    match element {
        None => Ok(vec![Match::default()]),
        Some(Element::Port { port, protocol }) => Ok(matches::ports("dport", protocol, &[range(port)?])),
        Some(Element::SourcePort { port, protocol }) => {
            Ok(matches::ports("sport", protocol, &[range(port)?]))
        }
        Some(Element::Protocol { value }) => {
            Some(matches::protocol(value)).filter(|found| !found.is_empty()).ok_or("its protocol")
        }
        Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => {
            matches::icmp(name).ok_or("its ICMP type")
        }
        Some(Element::Service { name }) => {
            let parts = rules.definitions.service(name).ok_or("its service is not defined in the image")?;
            helpers_of(name, &parts).into_iter().for_each(|text| rules.unmet(text));
            Ok(parts.iter().flat_map(|part| rules.part(part)).collect())
        }
        Some(_) => Err("its element"),
    }
}

/// The log's rule, the audit's and the action's, in this order.
fn verdicts(rules: &mut Rules, rule: &Rule, found: &Match) -> Result<(), &'static str> {
    let blocks = matches!(rule.element, Some(Element::IcmpBlock { .. }));
    let accepts = matches!(
        &rule.action,
        Some(Action {
            verdict: RichAction::Accept,
            ..
        })
    );
    let place = match rule.priority {
        ..0 => RulePosition::Deny,
        0 if accepts => RulePosition::Accept,
        0 => RulePosition::Deny,
        _ => RulePosition::Last,
    };
    if let Some(log) = &rule.log {
        let target = log_target(rules, log)?;
        rules.add_at(rule.priority, place, &limited(found, log.limit.as_ref())?, &target);
    }
    if let Some(audit) = &rule.audit {
        let kind = rule.action.as_ref().map_or("reject", |action| action.verdict.word());
        let found = limited(found, audit.limit.as_ref())?;
        rules.add_at(rule.priority, place, &found, &format!("AUDIT --type {kind}"));
    }
    let Some(action) = &rule.action else {
        if blocks {
            add_reject(rules, rule.priority, place, found);
        }
        return Ok(());
    };
    let found = limited(found, action.limit.as_ref())?;
    match &action.verdict {
        RichAction::Accept => rules.add_at(rule.priority, place, &found, "ACCEPT"),
        RichAction::Drop => rules.add_at(rule.priority, place, &found, "DROP"),
        RichAction::Reject { with: None } => add_reject(rules, rule.priority, place, &found),
        RichAction::Reject { with: Some(with) } => {
            if matches!(with.as_str(), "tcp-reset" | "tcp-rst") && !found.words.contains("-p tcp") {
                return Err("only TCP connections can be reset");
            }
            rules.add_at(rule.priority, place, &found, &format!("REJECT --reject-with {with}"));
        }
        RichAction::Mark { set } => {
            let set = set.as_deref().ok_or("its mark")?;
            rules.add_at(rule.priority, RulePosition::Mark, &found, &format!("MARK --set-xmark {set}"));
        }
    }
    Ok(())
}

fn add_reject(rules: &mut Rules, priority: i64, place: RulePosition, found: &Match) {
    for family in families(found.family) {
        let found = Match {
            family: Some(family),
            ..found.clone()
        };
        rules.add_at(priority, place, &found, &reject(family));
    }
}

fn limited(found: &Match, limit: Option<&Limit>) -> Result<Match, &'static str> {
    let Some(limit) = limit else {
        return Ok(found.clone());
    };
    let (rate, unit) = limit.rate().ok_or("its limit")?;
    // The kernel counts in steps of a ten thousandth of a second.
    if unit == "second" && rate > 10_000 {
        return Err("its limit");
    }
    let burst = limit.burst().map_err(|_| "its limit")?;
    let burst = burst.map_or(String::new(), |burst| format!(" --limit-burst {burst}"));
    let words = format!("-m limit --limit {rate}/{unit}{burst}");
    found.and(&Match::new(words)).ok_or("its limit")
}

fn log_target(rules: &mut Rules, log: &Log) -> Result<String, &'static str> {
    let (mut target, prefix, longest) = match log.nflog {
        false => ("LOG".to_owned(), "--log-prefix", LOG_PREFIX),
        true => ("NFLOG".to_owned(), "--nflog-prefix", NFLOG_PREFIX),
    };
    if let Some(text) = &log.prefix {
        let short = &text[..text.floor_char_boundary(longest)];
        if short != text {
            rules.note(format!("the prefix of a log is cut to {longest} bytes: {text}"));
        }
        target.push_str(&format!(" {prefix} {}", quoted(short)?));
    }
    for (option, value) in [
        ("--log-level", &log.level),
        ("--nflog-group", &log.group),
        ("--nflog-threshold", &log.queue_size),
    ] {
        if let Some(value) = value {
            // Levels are among a few words, the others are numbers: checked with the rule.
            target.push_str(&format!(" {option} {value}"));
        }
    }
    Ok(target)
}

/// In double quotes, in which a backslash escapes.
fn quoted(text: &str) -> Result<String, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("its log prefix");
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Hides the senders that the rule names; interfaces that packets came in by are not known any
/// more when they leave.
fn masquerade(rules: &mut Rules, rule: &Rule, entry: &Match) -> Result<(), &'static str> {
    let is_mac = rule.source.as_ref().is_some_and(|source| source.mac.is_some());
    if !entry.words.is_empty() || is_mac {
        return Err("masquerading by where packets come in");
    }
    let family = match rule.family {
        Some(_) => Match::default(),
        None => Match::of(Family::Ipv4, ""),
    };
    let out = Match::new("! -o lo");
    for found in ends(rule, &family, &rules.sets)?.iter().filter_map(|found| found.and(&out)) {
        rules.add_at(rule.priority, RulePosition::Masquerade, &found, "MASQUERADE");
        rules.add_at(rule.priority, RulePosition::Forward, &found, "ACCEPT");
    }
    Ok(())
}

fn clamp(rules: &mut Rules, found: &Match, value: Option<&str>, priority: i64) -> Result<(), &'static str> {
    let size = value.map(str::parse::<u16>).transpose().map_err(|_| "its segment size")?;
    let target = match size {
        Some(size) => format!("TCPMSS --set-mss {size}"),
        None => "TCPMSS --clamp-mss-to-pmtu".to_owned(),
    };
    let syn = Match::new("-p tcp -m tcp --tcp-flags SYN,RST SYN");
    if let Some(found) = found.and(&syn) {
        rules.add_at(priority, RulePosition::Change, &found, &target);
    }
    Ok(())
}
