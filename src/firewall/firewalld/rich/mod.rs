//! Rich rules: the model, and their one canonical spelling (firewalld.richlanguage(5)).

mod check;
mod check_action;
mod lexer;
mod order;
mod parse;
mod xml;

use std::fmt;

use super::generation::Feature;
use super::grammar::Grammar;

pub(super) use lexer::split as split_words;
pub(super) use order::sort;
pub(super) use xml::RuleReader;

/// A rich rule. Its `Display` is the canonical spelling, by which rules are compared and listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// `ipv4` or `ipv6`; absent means both.
    pub family: Option<String>,
    /// -32768 to 32767; 0 is not written.
    pub priority: i64,
    /// Where packets come from.
    pub source: Option<Endpoint>,
    /// Where they go to.
    pub destination: Option<Endpoint>,
    /// What they are.
    pub element: Option<Element>,
    /// Logging.
    pub log: Option<Log>,
    /// Auditing.
    pub audit: Option<Audit>,
    /// What becomes of them.
    pub action: Option<Action>,
}

/// A source or destination: exactly one of address, MAC address and ipset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Address or network.
    pub address: Option<String>,
    /// MAC address, sources only.
    pub mac: Option<String>,
    /// Name of an ipset.
    pub ipset: Option<String>,
    /// Everything but that.
    pub invert: bool,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the rule language")]
pub enum Element {
    Service {
        name: String,
    },
    Port {
        port: String,
        protocol: String,
    },
    Protocol {
        value: String,
    },
    IcmpBlock {
        name: String,
    },
    IcmpType {
        name: String,
    },
    Masquerade,
    ForwardPort {
        port: String,
        protocol: String,
        to_port: String,
        to_address: String,
    },
    SourcePort {
        port: String,
        protocol: String,
    },
    /// A number of bytes, `pmtu`, or nothing, which means the same as `pmtu`.
    TcpMssClamp {
        value: Option<String>,
    },
}

/// Logging, by the kernel's log or by nflog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// `nflog` instead of `log`.
    pub nflog: bool,
    /// Text before each line.
    pub prefix: Option<String>,
    /// Log level, `log` only.
    pub level: Option<String>,
    /// Netlink group, `nflog` only.
    pub group: Option<String>,
    /// Queue size, `nflog` only.
    pub queue_size: Option<String>,
    /// At most how often.
    pub limit: Option<Limit>,
}

/// Auditing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// At most how often.
    pub limit: Option<Limit>,
}

/// A rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limit {
    /// `N/s`, `N/m`, `N/h` or `N/d`.
    pub value: String,
    /// How many at first without a limit (firewalld 2.2 and later); none for the kernel's default.
    pub burst: Option<String>,
}

impl Limit {
    /// How many packets in which unit of time, `second` to `day`; none for what is not spelled as a rate.
    pub(crate) fn rate(&self) -> Option<(u32, &'static str)> {
        let (rate, unit) = self.value.split_once('/')?;
        let unit = match unit {
            "s" => "second",
            "m" => "minute",
            "h" => "hour",
            "d" => "day",
            _ => return None,
        };
        Some((rate.parse().ok()?, unit))
    }

    /// The burst, if one is given; an error for what is no number.
    pub(crate) fn burst(&self) -> Result<Option<u32>, std::num::ParseIntError> {
        self.burst.as_deref().map(str::parse).transpose()
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Which action.
    pub verdict: RichAction,
    /// At most how often.
    pub limit: Option<Limit>,
}

/// The kinds of action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the rule language")]
pub enum RichAction {
    Accept,
    Reject { with: Option<String> },
    Drop,
    Mark { set: Option<String> },
}

impl RichAction {
    /// The word in the rule language.
    pub fn word(&self) -> &'static str {
        match self {
            RichAction::Accept => "accept",
            RichAction::Reject { .. } => "reject",
            RichAction::Drop => "drop",
            RichAction::Mark { .. } => "mark",
        }
    }
}

impl Rule {
    /// The rule as a generation prints it: before 1.0 a destination was inverted in small letters
    /// (`Rich_Destination.__str__` of `core/rich.py`).
    pub(crate) fn spelled(&self, grammar: &Grammar) -> String {
        let text = self.to_string();
        let is_inverted = self.destination.as_ref().is_some_and(|destination| destination.invert);
        match is_inverted && !grammar.has(Feature::DestinationIpset) {
            true => text.replacen(" destination NOT ", " destination not ", 1),
            false => text,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rule")?;
        if self.priority != 0 {
            write!(f, " priority=\"{}\"", self.priority)?;
        }
        attribute(f, "family", self.family.as_deref())?;
        if let Some(source) = &self.source {
            write!(f, " source{source}")?;
        }
        if let Some(destination) = &self.destination {
            write!(f, " destination{destination}")?;
        }
        if let Some(element) = &self.element {
            write!(f, " {element}")?;
        }
        if let Some(log) = &self.log {
            write!(f, " {log}")?;
        }
        if let Some(audit) = &self.audit {
            f.write_str(" audit")?;
            limit(f, audit.limit.as_ref())?;
        }
        if let Some(action) = &self.action {
            write!(f, " {action}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.invert {
            f.write_str(" NOT")?;
        }
        attribute(f, "address", self.address.as_deref())?;
        attribute(f, "mac", self.mac.as_deref())?;
        attribute(f, "ipset", self.ipset.as_deref())
    }
}

impl Element {
    /// The word in the rule language, which is the name of the XML element too.
    pub fn word(&self) -> &'static str {
        match self {
            Element::Service { .. } => "service",
            Element::Port { .. } => "port",
            Element::Protocol { .. } => "protocol",
            Element::IcmpBlock { .. } => "icmp-block",
            Element::IcmpType { .. } => "icmp-type",
            Element::Masquerade => "masquerade",
            Element::ForwardPort { .. } => "forward-port",
            Element::SourcePort { .. } => "source-port",
            Element::TcpMssClamp { .. } => "tcp-mss-clamp",
        }
    }

    /// Its attributes in canonical order; empty ones are not written.
    fn attributes(&self) -> Vec<(&'static str, Option<&str>)> {
        let some = |text: &str| !text.is_empty();
        match self {
            Element::Service { name } | Element::IcmpBlock { name } | Element::IcmpType { name } => {
                vec![("name", Some(name))]
            }
            Element::Port { port, protocol } | Element::SourcePort { port, protocol } => {
                vec![("port", Some(port)), ("protocol", Some(protocol))]
            }
            Element::Protocol { value } => vec![("value", Some(value))],
            Element::Masquerade => Vec::new(),
            Element::ForwardPort {
                port,
                protocol,
                to_port,
                to_address,
            } => vec![
                ("port", Some(port)),
                ("protocol", Some(protocol)),
                ("to-port", Some(to_port.as_str()).filter(|text| some(text))),
                ("to-addr", Some(to_address.as_str()).filter(|text| some(text))),
            ],
            Element::TcpMssClamp { value } => vec![("value", value.as_deref())],
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        self.attributes().into_iter().try_for_each(|(name, value)| attribute(f, name, value))
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.nflog { "nflog" } else { "log" })?;
        attribute(f, "group", self.group.as_deref())?;
        attribute(f, "prefix", self.prefix.as_deref())?;
        attribute(f, "queue-size", self.queue_size.as_deref())?;
        attribute(f, "level", self.level.as_deref())?;
        limit(f, self.limit.as_ref())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verdict.word())?;
        match &self.verdict {
            RichAction::Reject { with } => attribute(f, "type", with.as_deref())?,
            RichAction::Mark { set: Some(set) } => write!(f, " set={set}")?,
            _ => {}
        }
        limit(f, self.limit.as_ref())
    }
}

fn attribute(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>) -> fmt::Result {
    match value {
        Some(value) => write!(f, " {name}=\"{value}\""),
        None => Ok(()),
    }
}

fn limit(f: &mut fmt::Formatter<'_>, limit: Option<&Limit>) -> fmt::Result {
    let Some(limit) = limit else { return Ok(()) };
    write!(f, " limit value=\"{}\"", limit.value)?;
    // Unquoted by every version that has it (`Rich_Limit.__str__` of `core/rich.py`).
    match limit.burst.as_deref() {
        Some(burst) => write!(f, " burst={burst}"),
        None => Ok(()),
    }
}

/// A rate with the short name of its unit: `3/minute` is `3/m`.
fn short_rate(value: &str) -> String {
    match value.split_once('/') {
        Some((rate, unit @ ("second" | "minute" | "hour" | "day"))) => format!("{rate}/{}", &unit[..1]),
        _ => value.to_owned(),
    }
}
