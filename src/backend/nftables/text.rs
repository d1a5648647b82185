//! A document as nft's own text, in syntax that nft takes since 0.9.3. The same document gives the same
//! bytes. Everything that is not a plain word, number or address is quoted or refused.

use nftables::expr::{BinaryOperation, Expression, MetaKey, NamedExpression, Payload, SetItem};
use nftables::schema::{Chain, NfCmd, NfListObject, NfObject, Rule, Set, SetTypeValue};
use nftables::stmt::{Limit, Log, Match, NAT, Operator, Reject, RejectType, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfHook};

use super::model::{Document, TABLE};
use crate::error::{Error, Result};

/// The document's text. Sets, chains and the rules of chains that the document itself declares go
/// into one block; other rules follow it.
pub fn render(document: &Document) -> Result<String> {
    let mut text = String::new();
    let mut block = Block::default();
    for object in document.objects() {
        let NfObject::CmdObject(command) = object else {
            return Err(unsupported(object));
        };
        match command {
            NfCmd::Add(NfListObject::Table(_)) => {
                block.finish(&mut text)?;
                block.declares = true;
            }
            NfCmd::Delete(NfListObject::Table(_)) => {
                block.finish(&mut text)?;
                text.push_str(&format!("delete table inet {TABLE}\n\n"));
            }
            NfCmd::Add(NfListObject::Set(set)) => block.sets.push(set),
            NfCmd::Add(NfListObject::Chain(chain)) => block.chains.push((chain, Vec::new())),
            NfCmd::Add(NfListObject::Rule(rule)) => block.rule(rule),
            other => return Err(unsupported(other)),
        }
    }
    block.finish(&mut text)?;
    Ok(text)
}

fn unsupported(what: &impl std::fmt::Debug) -> Error {
    Error::Internal(format!("nftables text: no rendering of {what:?}"))
}

/// What goes between the braces of one table.
#[derive(Default)]
struct Block<'d> {
    /// Whether the table is to be declared even if it is empty.
    declares: bool,
    sets: Vec<&'d Set<'static>>,
    chains: Vec<(&'d Chain<'static>, Vec<&'d Rule<'static>>)>,
    others: Vec<&'d Rule<'static>>,
}

impl<'d> Block<'d> {
    fn rule(&mut self, rule: &'d Rule<'static>) {
        match self.chains.iter_mut().find(|(chain, _)| chain.name == rule.chain) {
            Some((_, rules)) => rules.push(rule),
            None => self.others.push(rule),
        }
    }

    fn finish(&mut self, text: &mut String) -> Result<()> {
        let done = std::mem::take(self);
        if !done.sets.is_empty() || !done.chains.is_empty() {
            let sets = done.sets.iter().map(|set| set_text(set));
            let chains = done.chains.iter().map(|(chain, rules)| chain_text(chain, rules));
            let parts: Vec<String> = sets.chain(chains).collect::<Result<_>>()?;
            text.push_str(&format!("table inet {TABLE} {{\n{}}}\n", parts.join("\n")));
        } else if done.declares {
            text.push_str(&format!("table inet {TABLE}\n"));
        }
        for rule in done.others {
            text.push_str(&format!("add rule inet {TABLE} {} {}\n", word(&rule.chain)?, rule_text(rule)?));
        }
        Ok(())
    }
}

fn set_text(set: &Set) -> Result<String> {
    let SetTypeValue::Single(kind) = &set.set_type else {
        return Err(unsupported(set));
    };
    let kind = keyword(kind)?;
    let mut text = format!("\tset {} {{\n\t\ttype {kind}\n", word(&set.name)?);
    if set.flags.is_some() {
        text.push_str("\t\tflags interval\n");
    }
    let elements: Vec<String> =
        set.elem.iter().flat_map(|elements| elements.iter()).map(value).collect::<Result<_>>()?;
    if !elements.is_empty() {
        text.push_str(&format!("\t\telements = {{ {} }}\n", wrapped(&elements)));
    }
    text.push_str("\t}\n");
    Ok(text)
}

/// Eight elements a line.
fn wrapped(elements: &[String]) -> String {
    let lines: Vec<String> = elements.chunks(8).map(|line| line.join(", ")).collect();
    lines.join(",\n\t\t\t     ")
}

fn chain_text(chain: &Chain, rules: &[&Rule]) -> Result<String> {
    let mut text = format!("\tchain {} {{\n", word(&chain.name)?);
    if let (Some(kind), Some(hook), Some(priority)) = (chain._type, chain.hook, chain.prio) {
        let policy = match chain.policy {
            Some(NfChainPolicy::Drop) => "drop",
            _ => "accept",
        };
        let (kind, hook) = (kind_text(kind), hook_text(hook));
        text.push_str(&format!("\t\ttype {kind} hook {hook} priority {priority}; policy {policy};\n"));
    }
    for rule in rules {
        text.push_str(&format!("\t\t{}\n", rule_text(rule)?));
    }
    text.push_str("\t}\n");
    Ok(text)
}

fn kind_text(kind: NfChainType) -> &'static str {
    match kind {
        NfChainType::Filter => "filter",
        NfChainType::Route => "route",
        NfChainType::NAT => "nat",
    }
}

fn hook_text(hook: NfHook) -> &'static str {
    match hook {
        NfHook::Ingress => "ingress",
        NfHook::Prerouting => "prerouting",
        NfHook::Forward => "forward",
        NfHook::Input => "input",
        NfHook::Output => "output",
        NfHook::Postrouting => "postrouting",
        NfHook::Egress => "egress",
    }
}

fn rule_text(rule: &Rule) -> Result<String> {
    let mut words: Vec<String> = rule.expr.iter().map(statement).collect::<Result<_>>()?;
    if let Some(comment) = &rule.comment {
        words.push(format!("comment {}", quoted(comment)?));
    }
    Ok(words.join(" "))
}

fn statement(statement: &Statement) -> Result<String> {
    Ok(match statement {
        Statement::Accept(_) => "accept".into(),
        Statement::Drop(_) => "drop".into(),
        Statement::Reject(Some(reject)) => reject_text(reject)?,
        Statement::Limit(limit) => limit_text(limit)?,
        Statement::Log(Some(log)) => log_text(log)?,
        Statement::Jump(to) => format!("jump {}", word(&to.target)?),
        Statement::Goto(to) => format!("goto {}", word(&to.target)?),
        Statement::Return(_) => "return".into(),
        Statement::Match(found) => matching(found)?,
        Statement::Masquerade(_) => "masquerade".into(),
        Statement::Redirect(Some(nat)) => format!("redirect to {}", nat_port(nat)?),
        Statement::DNAT(Some(nat)) => translated("dnat", nat)?,
        Statement::SNAT(Some(nat)) => translated("snat", nat)?,
        Statement::Mangle(change) => format!("{} set {}", value(&change.key)?, value(&change.value)?),
        other => return Err(unsupported(other)),
    })
}

fn reject_text(reject: &Reject) -> Result<String> {
    let kind = match reject._type {
        Some(RejectType::TCPReset) => return Ok("reject with tcp reset".into()),
        Some(RejectType::ICMPX) => "icmpx",
        Some(RejectType::ICMP) => "icmp",
        Some(RejectType::ICMPv6) => "icmpv6",
        None => return Err(unsupported(reject)),
    };
    let code = reject.expr.as_ref().map(keyword).transpose()?.ok_or_else(|| unsupported(reject))?;
    // nft before 0.9.9 wants the word "type".
    Ok(format!("reject with {kind} type {code}"))
}

fn limit_text(limit: &Limit) -> Result<String> {
    let per = limit.per.as_deref().ok_or_else(|| unsupported(limit))?;
    let burst = limit.burst.map_or(String::new(), |burst| format!(" burst {burst} packets"));
    Ok(format!("limit rate {}/{}{burst}", limit.rate, word(per)?))
}

fn log_text(log: &Log) -> Result<String> {
    let mut text = "log".to_owned();
    if let Some(prefix) = &log.prefix {
        text.push_str(&format!(" prefix {}", quoted(prefix)?));
    }
    if let Some(level) = &log.level {
        text.push_str(&format!(" level {}", keyword(level)?));
    }
    for (option, value) in [("group", log.group), ("queue-threshold", log.queue_threshold)] {
        if let Some(value) = value {
            text.push_str(&format!(" {option} {value}"));
        }
    }
    Ok(text)
}

/// What the JSON calls a value is its keyword.
fn keyword(value: &(impl serde::Serialize + std::fmt::Debug)) -> Result<String> {
    let json = serde_json::to_value(value).ok();
    let text = json.as_ref().and_then(|json| json.as_str()).ok_or_else(|| unsupported(value))?;
    Ok(word(text)?.to_owned())
}

fn nat_port(nat: &NAT) -> Result<String> {
    nat.port.as_ref().map_or(Ok(String::new()), |port| Ok(format!(":{}", value(port)?)))
}

fn translated(verb: &str, nat: &NAT) -> Result<String> {
    let address = value(nat.addr.as_ref().ok_or_else(|| unsupported(nat))?)?;
    let is_ipv6 = address.contains(':');
    let port = nat_port(nat)?;
    let family = if is_ipv6 { "ip6" } else { "ip" };
    Ok(match is_ipv6 && !port.is_empty() {
        true => format!("{verb} {family} to [{address}]{port}"),
        false => format!("{verb} {family} to {address}{port}"),
    })
}

fn matching(found: &Match) -> Result<String> {
    let (left, quote) = match &found.left {
        Expression::Named(NamedExpression::Meta(meta)) => meta_key(meta.key)?,
        Expression::Named(NamedExpression::Payload(Payload::PayloadField(field))) => {
            (format!("{} {}", word(&field.protocol)?, word(&field.field)?), false)
        }
        Expression::Named(NamedExpression::CT(ct)) => (format!("ct {}", word(&ct.key)?), false),
        masked @ Expression::BinaryOperation(_) => (format!("{} ==", value(masked)?), false),
        other => return Err(unsupported(other)),
    };
    let right = if quote {
        names(&found.right)?
    } else {
        value(&found.right)?
    };
    match found.op {
        Operator::EQ | Operator::IN => Ok(format!("{left} {right}")),
        Operator::NEQ => Ok(format!("{} != {right}", left.trim_end_matches(" =="))),
        other => Err(unsupported(&other)),
    }
}

/// The key's text, and whether what it is compared with is an interface's name.
fn meta_key(key: MetaKey) -> Result<(String, bool)> {
    Ok(match key {
        MetaKey::Iif => ("iif".into(), true),
        MetaKey::Iifname => ("iifname".into(), true),
        MetaKey::Oifname => ("oifname".into(), true),
        MetaKey::L4proto => ("meta l4proto".into(), false),
        MetaKey::Mark => ("meta mark".into(), false),
        MetaKey::Nfproto => ("meta nfproto".into(), false),
        MetaKey::Pkttype => ("meta pkttype".into(), false),
        other => return Err(unsupported(&other)),
    })
}

fn value(expression: &Expression) -> Result<String> {
    Ok(match expression {
        Expression::String(text) => word(text)?.to_owned(),
        Expression::Number(number) => number.to_string(),
        Expression::Range(range) => format!("{}-{}", value(&range.range[0])?, value(&range.range[1])?),
        Expression::List(values) => values.iter().map(value).collect::<Result<Vec<_>>>()?.join(","),
        Expression::Named(NamedExpression::Meta(meta)) => meta_key(meta.key)?.0,
        Expression::Named(NamedExpression::Payload(Payload::PayloadField(field))) => {
            format!("{} {}", word(&field.protocol)?, word(&field.field)?)
        }
        Expression::BinaryOperation(operation) => match &**operation {
            BinaryOperation::AND(left, right) => format!("{} & {}", value(left)?, value(right)?),
            other => return Err(unsupported(other)),
        },
        Expression::Named(NamedExpression::Prefix(prefix)) => {
            format!("{}/{}", value(&prefix.addr)?, prefix.len)
        }
        Expression::Named(NamedExpression::Set(items)) => braces(items, value)?,
        other => return Err(unsupported(other)),
    })
}

fn names(expression: &Expression) -> Result<String> {
    match expression {
        Expression::String(name) => quoted(name),
        Expression::Named(NamedExpression::Set(items)) => braces(items, names),
        other => Err(unsupported(other)),
    }
}

fn braces(items: &[SetItem], text: impl Fn(&Expression) -> Result<String>) -> Result<String> {
    let texts = items.iter().map(|item| match item {
        SetItem::Element(element) => text(element),
        other => Err(unsupported(other)),
    });
    Ok(format!("{{ {} }}", texts.collect::<Result<Vec<_>>>()?.join(", ")))
}

/// A word that can stand in a rule as it is: a keyword, name, address or `@SET`.
fn word(text: &str) -> Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    let stem = text.strip_prefix('@').unwrap_or(text);
    let good = !stem.is_empty() && stem.bytes().all(plain);
    good.then_some(text)
        .ok_or_else(|| Error::Internal(format!("nftables text: {text:?} is no plain word")))
}

/// A string in double quotes; nft knows no escapes inside of them.
fn quoted(text: &str) -> Result<String> {
    let bad = text.is_empty() || text.chars().any(|c| c == '"' || c == '\\' || c.is_control());
    match bad {
        true => Err(Error::Internal(format!("nftables text: {text:?} cannot be quoted"))),
        false => Ok(format!("\"{text}\"")),
    }
}
