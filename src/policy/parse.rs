//! Reading a policy file's text. A file with an unknown key or an invalid value is refused as a
//! whole, with the line, because half a policy is worse than none.

use std::ffi::OsStr;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::decision::{Exit, RuleId, RuleSource};
use super::matching::{KINDS, WANTS};
use super::query::Source;
use super::rule::{Prefer, Rule};
use crate::error::LineError;
use crate::firewall::ports::PORT_PROTOCOLS;
use crate::firewall::ports::PortRange;
use crate::intent::Verdict;
use crate::tool::Tool;

/// The newest format that this build reads.
const FORMAT: &str = "1";

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// `contradictions`
    pub prefer: Option<Prefer>,
    /// What it forbids the admin tool.
    pub forbidden: Vec<Act>,
    /// How strong keys and signatures have to be.
    pub minimum: Option<Minimum>,
}

/// How strong keys and signatures have to be, named as the crypto policies of distributions
/// (update-crypto-policies(8)), the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Minimum {
    /// RSA and DSA of 1024 bits, SHA-1.
    Legacy,
    /// RSA and DSA of 2048 bits, SHA-1.
    DefaultSha1,
    /// RSA of 2048 bits, no DSA, SHA-2.
    Default,
    /// RSA of 3072 bits, no DSA, SHA-2.
    Future,
}

impl Minimum {
    const ALL: [Minimum; 4] = [
        Minimum::Legacy,
        Minimum::DefaultSha1,
        Minimum::Default,
        Minimum::Future,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Minimum::Legacy => "LEGACY",
            Minimum::DefaultSha1 => "DEFAULT:SHA1",
            Minimum::Default => "DEFAULT",
            Minimum::Future => "FUTURE",
        }
    }
}

/// What the admin tool can be forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// `[keys] import = false`
    ImportKeys,
    /// `[install] unsigned = false`
    InstallUnsigned,
}

type Value<'a> = Spanned<DeValue<'a>>;
/// What is wrong, and where.
type Fault = (Range<usize>, String);

/// Reads the text of a file.
///
/// # Errors
///
/// The first problem, with its line.
pub fn parse(source: impl Into<RuleSource>, text: &str) -> Result<Parsed, LineError> {
    let problem = |at: usize, said: String| LineError {
        line: text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1,
        text: said,
    };
    let table = DeTable::parse(text).map_err(|error| {
        let first = error.message().lines().next().unwrap_or("not TOML").to_owned();
        problem(error.span().map_or(0, |span| span.start), first)
    })?;
    read(&source.into(), table.get_ref()).map_err(|(span, said)| problem(span.start, said))
}

fn read(source: &RuleSource, table: &DeTable) -> Result<Parsed, Fault> {
    let mut parsed = Parsed::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "format" => {
                let known = value.get_ref().as_integer().is_some_and(|number| number.as_str() == FORMAT);
                if !known {
                    return fault(value, format!("this nodeshim reads format {FORMAT} only"));
                }
            }
            "contradictions" => {
                parsed.prefer = Some(match word(value)? {
                    "scriptlet" => Prefer::Scriptlet,
                    "metadata" => Prefer::Metadata,
                    other => return fault(value, format!("{other:?} is neither scriptlet nor metadata")),
                });
            }
            "keys" => read_keys(&mut parsed, value)?,
            "install" => parsed.forbidden.extend(switch(value, "unsigned", Act::InstallUnsigned)?),
            "rule" => {
                let Some(rules) = value.get_ref().as_array() else {
                    return fault(value, "rules are written as [[rule]]".into());
                };
                for (at, rule) in rules.iter().enumerate() {
                    parsed.rules.push(read_rule(source, at + 1, rule)?);
                }
            }
            other => return Err((key.span(), format!("unknown key {other:?}"))),
        }
    }
    Ok(parsed)
}

/// `[keys]`: whether keys may be imported, and how strong they have to be.
fn read_keys(parsed: &mut Parsed, value: &Value) -> Result<(), Fault> {
    let Some(table) = value.get_ref().as_table() else {
        return fault(value, "a table is needed here".into());
    };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "import" => match value.get_ref().as_bool() {
                Some(allowed) => parsed.forbidden.extend((!allowed).then_some(Act::ImportKeys)),
                None => return fault(value, "import is true or false".into()),
            },
            "minimum" => {
                let known = Minimum::ALL.into_iter().find(|minimum| word(value).ok() == Some(minimum.word()));
                match known {
                    Some(minimum) => parsed.minimum = Some(minimum),
                    None => {
                        let all = Minimum::ALL.map(Minimum::word).join(", ");
                        return fault(value, format!("minimum is one of {all}"));
                    }
                }
            }
            other => return Err((key.span(), format!("unknown key {other:?}"))),
        }
    }
    Ok(())
}

/// A table with one switch; off forbids something.
fn switch(value: &Value, name: &str, act: Act) -> Result<Option<Act>, Fault> {
    let Some(table) = value.get_ref().as_table() else {
        return fault(value, "a table is needed here".into());
    };
    let mut forbidden = None;
    for (key, value) in table {
        match value.get_ref().as_bool() {
            _ if key.get_ref() != name => {
                return Err((key.span(), format!("unknown key {:?}", key.get_ref())));
            }
            Some(allowed) => forbidden = (!allowed).then_some(act),
            None => return fault(value, format!("{name} is true or false")),
        }
    }
    Ok(forbidden)
}

fn fault<T>(value: &Value, said: String) -> Result<T, Fault> {
    Err((value.span(), said))
}

fn read_rule(source: &RuleSource, number: usize, value: &Value) -> Result<Rule, Fault> {
    let Some(table) = value.get_ref().as_table() else {
        return fault(value, "a rule is a table".into());
    };
    let mut rule = Rule::new(RuleId {
        source: source.clone(),
        name: format!("#{number}"),
    });
    let mut verdict = None;
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "verdict" => verdict = Some(read_verdict(value)?),
            "exit" => rule.exit = read_exit(value)?,
            key_text => read_key(&mut rule, key_text, key.span(), value)?,
        }
    }
    match verdict {
        Some(verdict) => rule.verdict = verdict,
        None => return fault(value, format!("rule {} has no verdict", rule.id.name)),
    }
    if rule.exit != Exit::Tool && rule.verdict != Verdict::Deny {
        return fault(value, format!("rule {}: only a denial has an exit code", rule.id.name));
    }
    Ok(rule)
}

fn read_key(rule: &mut Rule, key: &str, span: Range<usize>, value: &Value) -> Result<(), Fault> {
    match key {
        "name" => rule.id.name = line(value)?,
        "reason" => rule.reason = line(value)?,
        "plugin" => rule.plugin = words(value, |_| true, "")?,
        "unit" => rule.unit = words(value, |_| true, "")?,
        "service" => rule.service = words(value, |_| true, "")?,
        "zone" => rule.zone = words(value, |_| true, "")?,
        "interface" => rule.interface = words(value, |_| true, "")?,
        "definition" => rule.definition = words(value, |_| true, "")?,
        "account" => rule.account = words(value, |_| true, "")?,
        "kind" => rule.kind = words(value, |word| KINDS.contains(&word), "a kind of intent")?,
        "want" => rule.want = words(value, |word| WANTS.contains(&word), "anything that can be wanted")?,
        "protocol" => rule.protocol = words(value, |word| !word.is_empty(), "a protocol")?,
        "tool" => {
            let tools = words(value, |word| tool(word).is_some(), "a tool")?;
            rule.tool = tools.iter().filter_map(|word| tool(word)).collect();
        }
        "port" => return read_ports(rule, value),
        "global" => match value.get_ref().as_bool() {
            Some(global) => rule.global = Some(global),
            None => return fault(value, "global is true or false".into()),
        },
        "source" => {
            rule.source = Some(match word(value)? {
                "scriptlet" => Source::Scriptlet,
                "metadata" => Source::Metadata,
                other => return fault(value, format!("{other:?} is neither scriptlet nor metadata")),
            });
        }
        other => return Err((span, format!("unknown key {other:?}"))),
    }
    Ok(())
}

fn tool(word: &str) -> Option<Tool> {
    let all = Tool::ALL.into_iter().chain([Tool::Bypass, Tool::System]);
    all.into_iter().find(|tool| OsStr::new(tool.name()) == word)
}

fn read_verdict(value: &Value) -> Result<Verdict, Fault> {
    Ok(match word(value)? {
        "allow" => Verdict::Allow,
        "defer" => Verdict::Defer,
        "deny" => Verdict::Deny,
        "ignore" => Verdict::Ignore,
        other => return fault(value, format!("{other:?} is not a verdict: allow, defer, deny or ignore")),
    })
}

/// `"tool"` or a number.
fn read_exit(value: &Value) -> Result<Exit, Fault> {
    let number = value.get_ref().as_integer().map(|number| number.as_str());
    match number.and_then(|number| number.parse().ok()) {
        Some(code) => Ok(Exit::Code(code)),
        None if value.get_ref().as_str() == Some("tool") => Ok(Exit::Tool),
        None => fault(value, "exit is \"tool\" or a number from 0 to 255".into()),
    }
}

/// Numbers, `"N"`, `"N-M"`, each perhaps with `/PROTOCOL`, which then is the whole rule's.
fn read_ports(rule: &mut Rule, value: &Value) -> Result<(), Fault> {
    let mut ports = Vec::new();
    for value in list(value) {
        let number = value.get_ref().as_integer().map(|number| number.as_str());
        let text = match number.or(value.get_ref().as_str()) {
            Some(text) => text,
            None => return fault(value, "a port is a number or a text".into()),
        };
        let (text, protocol) = text.split_once('/').map_or((text, None), |(port, p)| (port, Some(p)));
        match PortRange::parse(text).filter(|_| protocol.is_none_or(|p| PORT_PROTOCOLS.contains(&p))) {
            Some(range) => ports.push((range, protocol.map(str::to_owned))),
            None => {
                return fault(value, format!("{text:?} is not PORT, FIRST-LAST or either with /PROTOCOL"));
            }
        }
    }
    let first = ports.first().and_then(|(_, protocol)| protocol.clone());
    if ports.iter().any(|(_, protocol)| *protocol != first) {
        return fault(value, "the ports of one rule are of one protocol".into());
    }
    rule.protocol.extend(first);
    rule.port = ports.into_iter().map(|(range, _)| range).collect();
    Ok(())
}

/// A list's values, or the one value.
fn list<'v, 'a>(value: &'v Value<'a>) -> Vec<&'v Value<'a>> {
    match value.get_ref().as_array() {
        Some(array) => array.iter().collect(),
        None => vec![value],
    }
}

fn word<'v>(value: &'v Value) -> Result<&'v str, Fault> {
    value.get_ref().as_str().ok_or_else(|| (value.span(), "a text is needed here".to_owned()))
}

/// Text for people: what would break a line is refused.
fn line(value: &Value) -> Result<String, Fault> {
    let text = word(value)?;
    match text.chars().any(char::is_control) || text.len() > 500 {
        true => fault(value, "one line of at most 500 bytes is needed here".into()),
        false => Ok(text.to_owned()),
    }
}

fn words(value: &Value, fits: impl Fn(&str) -> bool, what: &str) -> Result<Vec<String>, Fault> {
    let mut words = Vec::new();
    for value in list(value) {
        let word = word(value)?;
        if !fits(word) {
            return fault(value, format!("{word:?} is not {what}"));
        }
        words.push(word.to_owned());
    }
    match words.is_empty() {
        true => fault(value, "an empty list matches nothing".into()),
        false => Ok(words),
    }
}
