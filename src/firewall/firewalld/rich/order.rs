//! The order in which firewalld 2.3 and later keeps rich rules: by priority, then as the rules'
//! parts compare (`Rich_Rule.__lt__` of `core/rich.py`).

use std::cmp::Ordering;

use super::{Action, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::firewalld::port::integer;

/// Sorts rules. Logs compare so that two can each be less than the other; a merge that asks only
/// whether the later one is less, as Python's does, copes with that.
pub(crate) fn sort(rules: &mut Vec<Rule>) {
    if rules.is_sorted_by(|a, b| !is_less(b, a)) {
        return;
    }
    let mut right = rules.split_off(rules.len() / 2);
    sort(rules);
    sort(&mut right);
    let mut left = std::mem::take(rules).into_iter().peekable();
    for rule in right {
        while let Some(before) = left.next_if(|before| !is_less(&rule, before)) {
            rules.push(before);
        }
        rules.push(rule);
    }
    rules.extend(left);
}

fn is_less(a: &Rule, b: &Rule) -> bool {
    type Less = fn(&Rule, &Rule) -> bool;
    let family = |rule: &Rule| rule.family.clone().unwrap_or_default();
    if (a.priority, family(a)) != (b.priority, family(b)) {
        return (a.priority, family(a)) < (b.priority, family(b));
    }
    let parts: [Less; 6] = [
        |a, b| endpoint(a.source.as_ref()) < endpoint(b.source.as_ref()),
        |a, b| endpoint(a.destination.as_ref()) < endpoint(b.destination.as_ref()),
        |a, b| element(a.element.as_ref()) < element(b.element.as_ref()),
        |a, b| is_less_option(a.log.as_ref(), b.log.as_ref(), is_less_log),
        |a, b| {
            is_less_option(a.audit.as_ref(), b.audit.as_ref(), |a, b| {
                limit(a.limit.as_ref()) < limit(b.limit.as_ref())
            })
        },
        |a, b| is_less_option(a.action.as_ref(), b.action.as_ref(), is_less_action),
    ];
    for less in parts {
        if less(a, b) {
            return true;
        }
        if less(b, a) {
            return false;
        }
    }
    false
}

/// None comes first.
fn is_less_option<T>(a: Option<&T>, b: Option<&T>, less: fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => less(a, b),
        (a, b) => a.is_none() && b.is_some(),
    }
}

fn endpoint(end: Option<&Endpoint>) -> Option<[String; 4]> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let invert = |end: &Endpoint| if end.invert { "1" } else { "0" }.to_owned();
    end.map(|end| [text(&end.address), text(&end.mac), text(&end.ipset), invert(end)])
}

/// Elements of different kinds compare by the names of their classes.
fn element(element: Option<&Element>) -> Option<(&'static str, Vec<String>)> {
    let element = element?;
    let class = match element {
        Element::ForwardPort { .. } => "ForwardPort",
        Element::IcmpBlock { .. } => "IcmpBlock",
        Element::IcmpType { .. } => "IcmpType",
        Element::Masquerade => "Masquerade",
        Element::Port { .. } => "Port",
        Element::Protocol { .. } => "Protocol",
        Element::Service { .. } => "Service",
        Element::SourcePort { .. } => "SourcePort",
        Element::TcpMssClamp { .. } => "Tcp_Mss_Clamp",
    };
    let values = element.attributes().into_iter();
    Some((class, values.map(|(_, value)| value.unwrap_or_default().to_owned()).collect()))
}

/// Burst, rate, unit.
fn limit(limit: Option<&Limit>) -> Option<(i64, i64, String)> {
    let limit = limit?;
    let (rate, unit) = limit.value.split_once('/').unwrap_or((&limit.value, ""));
    let number = |text: &str| integer(text).unwrap_or_default();
    Some((limit.burst.as_deref().map_or(0, number), number(rate), unit.to_owned()))
}

fn is_less_log(a: &Log, b: &Log) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |text: &Option<String>| text.as_deref().and_then(integer).unwrap_or_default();
    let limits = limit(a.limit.as_ref()) < limit(b.limit.as_ref());
    match (a.nflog, b.nflog) {
        (false, false) => text(&a.prefix) < text(&b.prefix) || text(&a.level) < text(&b.level) || limits,
        (true, true) => {
            number(&a.group) < number(&b.group)
                || text(&a.prefix) < text(&b.prefix)
                || number(&a.queue_size) < number(&b.queue_size)
                || limits
        }
        (a, b) => !a && b,
    }
}

fn is_less_action(a: &Action, b: &Action) -> bool {
    let class = |action: &Action| match action.verdict {
        RichAction::Accept => 0,
        RichAction::Drop => 1,
        RichAction::Mark { .. } => 2,
        RichAction::Reject { .. } => 3,
    };
    let own = |action: &Action| match &action.verdict {
        RichAction::Mark { set: own } | RichAction::Reject { with: own } => own.clone().unwrap_or_default(),
        _ => String::new(),
    };
    match class(a).cmp(&class(b)) {
        Ordering::Equal => own(a) < own(b) || limit(a.limit.as_ref()) < limit(b.limit.as_ref()),
        order => order == Ordering::Less,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::firewalld::Grammar;

    #[test]
    fn rules_come_by_priority_and_then_by_their_parts() {
        // Observed with 2.5.2: what `--list-rich-rules` prints after adding these.
        let expected = [
            "rule priority=\"-5\" service name=\"ssh\" accept",
            "rule masquerade",
            "rule service name=\"http\" accept",
            "rule service name=\"ssh\" drop",
            "rule service name=\"ssh\" nflog group=\"2\" accept",
            "rule tcp-mss-clamp",
            "rule tcp-mss-clamp value=\"1000\"",
            "rule tcp-mss-clamp value=\"pmtu\"",
            "rule family=\"ipv4\" source address=\"10.0.0.1\" accept",
            "rule family=\"ipv4\" source NOT address=\"10.0.0.1\" reject",
            "rule priority=\"7\" port port=\"1\" protocol=\"tcp\" accept",
        ];
        let mut rules: Vec<Rule> =
            expected.iter().rev().map(|text| Rule::parse(text, &Grammar::none()).unwrap()).collect();
        sort(&mut rules);
        let sorted: Vec<String> = rules.iter().map(Rule::to_string).collect();
        assert_eq!(sorted, expected);
    }
}
