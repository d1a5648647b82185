//! Rules of iptables(8) as statements, where both say exactly the same.

use std::net::IpAddr;

use nftables::expr::{BinaryOperation, Expression, Meta, MetaKey, NamedExpression, Payload, PayloadField};
use nftables::stmt::{Mangle, Match as MatchStatement, NAT, NATFamily, Operator, Statement};

use super::model::{
    Statements, accept, address_match, any_of, back, ct, drop, goto, interface_with, jump, limit, meta,
    payload_with, port, reject_with, text,
};
use super::rich::{log_with, reject_type};
use crate::firewall::iptables::{Condition, Family, Match, Rule, State, Target, protocol_name};
use crate::firewall::ports::PortRange;

/// The states of connections; every packet has exactly one.
const STATES: [(State, &str); 5] = [
    (State::New, "new"),
    (State::Established, "established"),
    (State::Related, "related"),
    (State::Invalid, "invalid"),
    (State::Untracked, "untracked"),
];
/// What iptables has where a limit names none.
const BURST: u32 = 5;

/// The statements of a rule. `chain` knows the name of a chain of one's own. The error says what
/// cannot be translated.
pub(super) fn statements(
    rule: &Rule,
    family: Family,
    chain: &dyn Fn(&str) -> Option<String>,
) -> Result<Statements, String> {
    let nfproto = match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    };
    let mut all = vec![meta(MetaKey::Nfproto, text(nfproto))];
    let protocol = rule.protocol();
    let implied = rule.conditions.iter().any(|condition| {
        matches!(
            condition.on,
            Match::Ports(_) | Match::SourcePorts(_) | Match::TcpFlags { .. } | Match::Icmp(..)
        )
    });
    for condition in &rule.conditions {
        let is_implied = implied
            && matches!(
                condition,
                Condition {
                    not: false,
                    on: Match::Protocol(_)
                }
            );
        if !is_implied {
            all.extend(matching(condition, protocol, family)?);
        }
    }
    let target = rule.target.as_ref().ok_or("it has no target")?;
    all.push(then(target, protocol, family, chain)?);
    Ok(all)
}

fn matching(
    condition: &Condition,
    protocol: Option<u8>,
    family: Family,
) -> Result<Option<Statement<'static>>, String> {
    let op = if condition.not {
        Operator::NEQ
    } else {
        Operator::EQ
    };
    let number = |number: u8| Expression::Number(number.into());
    let ports = |field: &'static str, ports: &[PortRange]| {
        let name = protocol.and_then(protocol_name).ok_or("ports without a protocol")?;
        Ok::<_, String>(payload_with(name, field, op, any_of(ports.iter().map(port).collect())))
    };
    Ok(Some(match &condition.on {
        Match::Family(of) if *of == family => return Ok(None),
        Match::Protocol(of) => compare(
            NamedExpression::Meta(Meta {
                key: MetaKey::L4proto,
            }),
            op,
            number(*of),
        ),
        Match::Source(address, bits) => address_match(*address, *bits, "saddr", op),
        Match::Destination(address, bits) => address_match(*address, *bits, "daddr", op),
        Match::In(name) => interface_with(MetaKey::Iifname, op, name),
        Match::Out(name) => interface_with(MetaKey::Oifname, op, name),
        Match::Ports(of) => ports("dport", of)?,
        Match::SourcePorts(of) => ports("sport", of)?,
        Match::TcpFlags { mask, set } if protocol == Some(6) => {
            let flags = PayloadField {
                protocol: "tcp".into(),
                field: "flags".into(),
            };
            let flags = Expression::Named(NamedExpression::Payload(Payload::PayloadField(flags)));
            masked(flags, op, (*mask).into(), (*set).into())
        }
        Match::States(states) => of_states(states, condition.not)?,
        Match::Icmp(kind, code) if !condition.not => {
            let name = if family == Family::Ipv4 { "icmp" } else { "icmpv6" };
            if code.is_some() {
                return Err("an ICMP code".into());
            }
            payload_with(name, "type", op, number(*kind))
        }
        Match::Limit(rate, burst) if !condition.not => {
            let (rate, unit) = rate_of(rate).ok_or("its limit")?;
            limit(rate, unit, burst.unwrap_or(BURST))
        }
        Match::Mac(mac) => payload_with("ether", "saddr", op, text(mac.to_lowercase())),
        Match::Mark(value, mask) => {
            let mark = Expression::Named(NamedExpression::Meta(Meta { key: MetaKey::Mark }));
            masked(mark, op, *mask, *value)
        }
        Match::Other(module, words) => return Err(format!("{module} {}", words.join(" ")).trim().to_owned()),
        other => return Err(named(other, condition.not)),
    }))
}

/// A match that is not translated, in words.
fn named(on: &Match, not: bool) -> String {
    let what = match on {
        Match::Fragment => "fragments",
        Match::SourceRange(..) | Match::DestinationRange(..) => "a range of addresses",
        Match::EitherPorts(_) => "ports of either end",
        Match::TcpFlags { .. } => "TCP flags without -p tcp",
        Match::Icmp(..) => "an ICMP type",
        Match::Limit(..) => "a limit",
        Match::DestinationType(_) | Match::SourceType(_) => "a type of address",
        Match::PacketType(_) => "a type of packet",
        Match::Family(_) => "the other family of addresses",
        _ => "a match",
    };
    let negated = if not { ", negated" } else { "" };
    format!("{what}{negated}")
}

fn compare(left: NamedExpression<'static>, op: Operator, right: Expression<'static>) -> Statement<'static> {
    Statement::Match(MatchStatement {
        left: Expression::Named(left),
        right,
        op,
    })
}

fn masked(left: Expression<'static>, op: Operator, mask: u32, value: u32) -> Statement<'static> {
    let left = match mask {
        u32::MAX => left,
        mask => Expression::BinaryOperation(Box::new(BinaryOperation::AND(left, Expression::Number(mask)))),
    };
    Statement::Match(MatchStatement {
        left,
        right: Expression::Number(value),
        op,
    })
}

fn of_states(states: &[State], not: bool) -> Result<Statement<'static>, String> {
    if states == [State::Dnat] && !not {
        return Ok(ct("status", &["dnat"]));
    }
    if states == [State::Snat] && !not {
        return Ok(ct("status", &["snat"]));
    }
    if states.iter().any(|state| matches!(state, State::Dnat | State::Snat)) {
        return Err("states together with NAT".into());
    }
    let words: Vec<&str> = STATES
        .iter()
        .filter(|(state, _)| states.contains(state) != not)
        .map(|(_, word)| *word)
        .collect();
    match words.is_empty() {
        true => Err("no state".into()),
        false => Ok(ct("state", &words)),
    }
}

fn rate_of(text: &str) -> Option<(u32, &'static str)> {
    let (rate, unit) = text.split_once('/')?;
    let units = ["second", "minute", "hour", "day"];
    let unit = units.into_iter().find(|known| !unit.is_empty() && known.starts_with(unit))?;
    Some((rate.parse().ok()?, unit))
}

fn then(
    target: &Target,
    protocol: Option<u8>,
    family: Family,
    chain: &dyn Fn(&str) -> Option<String>,
) -> Result<Statement<'static>, String> {
    let takes = |names: &[&str]| {
        let strange = target.options.iter().step_by(2).find(|word| !names.contains(&word.as_str()));
        match strange {
            Some(option) => Err(format!("{} {option}", target.name)),
            None => Ok(target.option(names)),
        }
    };
    Ok(match target.name.as_str() {
        "ACCEPT" => accept(),
        "DROP" => drop(),
        "RETURN" => back(),
        "REJECT" => {
            let with = takes(&["--reject-with"])?.unwrap_or("port-unreach");
            let (kind, code) = reject_type(with, family == Family::Ipv6).ok_or("its type of rejection")?;
            if code.is_none() && protocol != Some(6) {
                return Err("only TCP connections can be reset".into());
            }
            reject_with(kind, code)
        }
        "LOG" => {
            takes(&["--log-prefix", "--log-level"])?;
            log_with(target.option(&["--log-prefix"]), target.option(&["--log-level"]))?
        }
        "MASQUERADE" if target.options.is_empty() => Statement::Masquerade(None),
        "SNAT" => Statement::SNAT(Some(nat(takes(&["--to-source", "--to"])?, protocol)?)),
        "DNAT" => Statement::DNAT(Some(nat(takes(&["--to-destination", "--to"])?, protocol)?)),
        "REDIRECT" => {
            let to = takes(&["--to-ports", "--to-port", "--to"])?.ok_or("where it sends packets")?;
            protocol.and_then(protocol_name).ok_or("ports without a protocol")?;
            Statement::Redirect(Some(NAT {
                addr: None,
                family: None,
                port: Some(port(&PortRange::parse(to).ok_or("its port")?)),
                flags: None,
            }))
        }
        "MARK" => {
            let to = takes(&["--set-mark", "--set-xmark"])?.ok_or("its mark")?;
            let (value, mask) = crate::firewall::iptables::mark(to).ok_or("its mark")?;
            if mask != u32::MAX {
                return Err("a part of a mark".into());
            }
            Statement::Mangle(Mangle {
                key: Expression::Named(NamedExpression::Meta(Meta { key: MetaKey::Mark })),
                value: Expression::Number(value),
            })
        }
        name => match chain(name) {
            Some(name) if target.goto => goto(&name),
            Some(name) => jump(&name),
            None => return Err(format!("target {name}")),
        },
    })
}

/// `ADDRESS[:PORT[-PORT]]`, an IPv6 address with a port in brackets.
fn nat(to: Option<&str>, protocol: Option<u8>) -> Result<NAT<'static>, String> {
    let to = to.ok_or("where it sends packets")?;
    let (address, ports) = match to.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None if to.matches(':').count() == 1 => {
            let (address, ports) = to.split_once(':').unwrap_or((to, ""));
            (address, Some(ports))
        }
        None => (to, None),
    };
    let address: IpAddr = address.parse().map_err(|_| format!("address {address:?}"))?;
    if ports.is_some() {
        protocol.and_then(protocol_name).ok_or("ports without a protocol")?;
    }
    let ports = ports.map(|ports| PortRange::parse(ports).ok_or("its port")).transpose()?;
    Ok(NAT {
        addr: Some(text(address.to_string())),
        family: Some(if address.is_ipv4() {
            NATFamily::IP
        } else {
            NATFamily::IP6
        }),
        port: ports.as_ref().map(port),
        flags: None,
    })
}
