//! Reading a rich rule from its textual form. Elements come in any order; an attribute belongs to
//! the element before it that takes it.

use super::lexer;
use super::{Action, Audit, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::firewalld::code::{Checked, Code, Fault};
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::grammar::Grammar;
use crate::firewall::firewalld::port::integer;

/// Every attribute of the language.
const ATTRIBUTES: [&str; 19] = [
    "priority",
    "family",
    "address",
    "mac",
    "ipset",
    "invert",
    "name",
    "port",
    "protocol",
    "value",
    "to-port",
    "to-addr",
    "prefix",
    "level",
    "type",
    "set",
    "group",
    "queue-size",
    "burst",
];

/// The words that begin an element, with the attributes that they take.
const WORDS: [(&str, &[&str]); 18] = [
    ("rule", &["family", "priority"]),
    ("source", &["address", "mac", "ipset", "invert"]),
    ("destination", &["address", "ipset", "invert"]),
    ("service", &["name"]),
    ("port", &["port", "protocol"]),
    ("protocol", &["value"]),
    ("icmp-block", &["name"]),
    ("icmp-type", &["name"]),
    ("masquerade", &[]),
    ("forward-port", &["port", "protocol", "to-port", "to-addr"]),
    ("source-port", &["port", "protocol"]),
    ("tcp-mss-clamp", &["value"]),
    ("log", &["prefix", "level"]),
    ("nflog", &["group", "prefix", "queue-size"]),
    ("audit", &[]),
    ("accept", &[]),
    ("reject", &["type"]),
    ("drop", &[]),
];

const MARK: (&str, &[&str]) = ("mark", &["set"]);
const LIMIT: (&str, &[&str]) = ("limit", &["value", "burst"]);

/// An element that is being read.
struct Open {
    word: &'static str,
    takes: &'static [&'static str],
    given: Vec<(&'static str, String)>,
    invert: bool,
}

impl Open {
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.given.iter().position(|(given, _)| *given == name)?;
        Some(self.given.swap_remove(at).1)
    }

    fn need(&mut self, name: &str) -> Checked<String> {
        self.take(name).ok_or_else(|| invalid(format!("invalid '{}' element", self.word)))
    }
}

fn invalid(what: impl Into<String>) -> Fault {
    Code::InvalidRule.about(what)
}

impl Rule {
    /// Reads a rule and checks it.
    ///
    /// # Errors
    /// What the grammar's generation refuses of it.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Rule> {
        let reader = Reader {
            grammar,
            rule: Rule::default(),
            open: None,
            limit: None,
            limited: None,
            begun: false,
        };
        let rule = reader.read(text)?;
        rule.check(grammar)?;
        Ok(rule)
    }
}

/// Attributes and elements that some generations lack.
fn feature_of(word: &str) -> Option<Feature> {
    match word {
        "tcp-mss-clamp" => Some(Feature::TcpMssClamp),
        "nflog" | "group" | "queue-size" => Some(Feature::NfLog),
        "burst" => Some(Feature::LimitBurst),
        _ => None,
    }
}

struct Reader<'d> {
    grammar: &'d Grammar<'d>,
    rule: Rule,
    open: Option<Open>,
    /// A limit that was read and waits for the element that it limits.
    limit: Option<Limit>,
    /// The element that a limit interrupted.
    limited: Option<Open>,
    begun: bool,
}

impl Reader<'_> {
    fn read(mut self, text: &str) -> Checked<Rule> {
        let words = lexer::split(text).map_err(|error| Code::UnknownError.about(error))?;
        // Before 2.3 a text of no length is none that is read (`core/rich.py` Rich_Rule.__init__).
        if words.is_empty() && (!text.is_empty() || self.grammar.has(Feature::StrictRules)) {
            return Err(invalid("empty rule"));
        }
        // All words are taken apart before the first is looked at.
        let odd = words.iter().find(|word| match word.split_once('=') {
            Some((name, value)) => name.is_empty() || value.is_empty() || value.contains('='),
            None => false,
        });
        if let Some(word) = odd {
            return Err(invalid(format!("internal error in _lexer(): {word}")));
        }
        for word in &words {
            match word.split_once('=') {
                Some((name, value)) => self.attribute(name, value)?,
                None => self.word(word)?,
            }
        }
        self.close_all()?;
        Ok(self.rule)
    }

    fn knows(&self, word: &str) -> bool {
        feature_of(word).is_none_or(|feature| self.grammar.has(feature))
    }

    fn word(&mut self, word: &str) -> Checked<()> {
        if matches!(word, "NOT" | "not") {
            return match &mut self.open {
                Some(open) if matches!(open.word, "source" | "destination") => {
                    open.invert = true;
                    Ok(())
                }
                Some(open) => Err(invalid(format!("invalid '{}' element", open.word))),
                None => Err(invalid("invalid 'rule' element")),
            };
        }
        let all = WORDS.iter().chain([&MARK, &LIMIT]);
        let Some((word, takes)) = all.copied().find(|(known, _)| *known == word && self.knows(word)) else {
            return Err(invalid(format!("unknown element {word}")));
        };
        if word == "rule" {
            if self.begun {
                return Err(invalid("more than one 'rule' element"));
            }
            self.begun = true;
            return Ok(());
        }
        if !self.begun {
            return Err(invalid(format!("'{word}' outside of rule. Use 'rule ... {word} ...'.")));
        }
        if word == "limit" {
            self.close_limit()?;
            let limits = ["log", "nflog", "audit", "accept", "reject", "drop", "mark"];
            match self.open.take() {
                Some(open) if limits.contains(&open.word) => self.limited = Some(open),
                Some(open) => self.close(open)?,
                None => {}
            }
        } else {
            self.close_all()?;
            self.refuse_a_second(word)?;
        }
        let takes = match word {
            "destination" if !self.grammar.has(Feature::DestinationIpset) => &["address", "invert"],
            _ => takes,
        };
        self.open = Some(Open {
            word,
            takes,
            given: Vec::new(),
            invert: false,
        });
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &str) -> Checked<()> {
        if !ATTRIBUTES.contains(&name) || !self.knows(name) {
            return Err(invalid(format!("bad attribute '{name}'")));
        }
        loop {
            if let Some(open) = &mut self.open
                && let Some(known) = open.takes.iter().find(|taken| **taken == name)
            {
                if name == "invert" {
                    open.invert = true;
                } else {
                    open.given.retain(|(given, _)| *given != name);
                    open.given.push((known, value.to_owned()));
                }
                return Ok(());
            }
            if self.open.as_ref().is_some_and(|open| open.word == "limit") && self.limited.is_some() {
                self.close_limit()?;
                continue;
            }
            self.close_all()?;
            return match (self.begun, name) {
                (true, _) => self.rule_attribute(name, value),
                (false, "family" | "priority") => {
                    Err(invalid(format!("'{name}' outside of rule. Use 'rule {name}=...'.")))
                }
                (false, _) => Err(invalid(format!(
                    "'{name}' outside of any element. Use 'rule <element> {name}= ...'."
                ))),
            };
        }
    }

    fn rule_attribute(&mut self, name: &str, value: &str) -> Checked<()> {
        match name {
            "family" if matches!(value, "ipv4" | "ipv6") => self.rule.family = Some(value.to_owned()),
            "family" => {
                return Err(invalid(format!(
                    "'family' attribute cannot have '{value}' value. Use 'ipv4' or 'ipv6' instead."
                )));
            }
            "priority" => {
                let bad =
                    || Code::InvalidPriority.about(format!("invalid 'priority' attribute value '{value}'."));
                self.rule.priority = integer(value).ok_or_else(bad)?;
            }
            "protocol" if self.begun => {
                return Err(invalid(
                    "wrong 'protocol' usage. Use either 'rule protocol value=...' or  'rule [forward-]port protocol=...'.",
                ));
            }
            _ => {
                return Err(invalid(format!(
                    "attribute '{name}' outside of any element. Use 'rule <element> {name}= ...'."
                )));
            }
        }
        Ok(())
    }

    fn refuse_a_second(&self, word: &str) -> Checked<()> {
        let rule = &self.rule;
        let twice = match word {
            "source" => rule.source.is_some(),
            "destination" => rule.destination.is_some(),
            "audit" => rule.audit.is_some(),
            "log" | "nflog" if rule.log.is_some() => {
                // Before there was nflog, a log was the only one (0.9's `core/rich.py`).
                return Err(invalid(match self.grammar.has(Feature::NfLog) {
                    true => "more than one logging element",
                    false => "more than one 'log' element",
                }));
            }
            "accept" | "reject" | "drop" | "mark" => {
                return match &rule.action {
                    Some(action) => Err(invalid(format!(
                        "more than one 'action' element. There cannot be both '{word}' and '{action}' in one rule."
                    ))),
                    None => Ok(()),
                };
            }
            "log" | "nflog" | "tcp-mss-clamp" => false,
            _ => {
                return match &rule.element {
                    Some(element) => Err(invalid(format!(
                        "more than one element. There cannot be both '{word}' and '{element}' in one rule."
                    ))),
                    None => Ok(()),
                };
            }
        };
        if twice {
            Err(invalid(format!("more than one '{word}' element")))
        } else {
            Ok(())
        }
    }

    /// Ends a limit; the element that it interrupted goes on.
    fn close_limit(&mut self) -> Checked<()> {
        if self.open.as_ref().is_some_and(|open| open.word == "limit") {
            if let Some(mut limit) = self.open.take() {
                self.limit = Some(Limit::read(&limit.need("value")?, limit.take("burst"), self.grammar)?);
            }
            self.open = self.limited.take();
        }
        Ok(())
    }

    fn close_all(&mut self) -> Checked<()> {
        self.close_limit()?;
        match self.open.take() {
            Some(open) => self.close(open),
            None => Ok(()),
        }
    }

    fn close(&mut self, mut open: Open) -> Checked<()> {
        // Since 2.3 each part is checked when it is made (`__post_init__` of `core/rich.py`).
        let strict = self.grammar.has(Feature::StrictRules);
        let grammar = self.grammar;
        let rule = &mut self.rule;
        match open.word {
            "source" | "destination" => {
                let endpoint = Endpoint {
                    address: open.take("address"),
                    mac: open.take("mac"),
                    ipset: open.take("ipset"),
                    invert: open.invert,
                };
                if open.word == "source" {
                    rule.source = Some(endpoint.made_source(grammar)?);
                } else {
                    rule.destination = Some(endpoint.made_destination(grammar)?);
                }
            }
            "log" | "nflog" => {
                let log = Log {
                    nflog: open.word == "nflog",
                    prefix: open.take("prefix"),
                    level: open.take("level"),
                    group: open.take("group"),
                    queue_size: open.take("queue-size"),
                    limit: self.limit.take(),
                };
                rule.log = Some(log.made(grammar)?);
            }
            "audit" => {
                rule.audit = Some(Audit {
                    limit: self.limit.take(),
                })
            }
            "accept" | "reject" | "drop" | "mark" => {
                let action = Action {
                    verdict: action(&mut open),
                    limit: self.limit.take(),
                };
                rule.action = Some(action.made(grammar)?);
            }
            _ => {
                let element = element(open)?;
                if strict {
                    element.check_alone(grammar)?;
                }
                rule.element = Some(element);
            }
        }
        Ok(())
    }
}

fn action(open: &mut Open) -> RichAction {
    match open.word {
        "accept" => RichAction::Accept,
        "reject" => RichAction::Reject {
            with: open.take("type"),
        },
        "drop" => RichAction::Drop,
        _ => RichAction::Mark {
            set: open.take("set"),
        },
    }
}

fn element(mut open: Open) -> Checked<Element> {
    Ok(match open.word {
        "service" => Element::Service {
            name: open.need("name")?,
        },
        "icmp-block" => Element::IcmpBlock {
            name: open.need("name")?,
        },
        "icmp-type" => Element::IcmpType {
            name: open.need("name")?,
        },
        "protocol" => Element::Protocol {
            value: open.need("value")?,
        },
        "port" => Element::Port {
            port: open.take("port").unwrap_or_default(),
            protocol: open.take("protocol").unwrap_or_default(),
        },
        "source-port" => Element::SourcePort {
            port: open.take("port").unwrap_or_default(),
            protocol: open.take("protocol").unwrap_or_default(),
        },
        "forward-port" => Element::ForwardPort {
            port: open.take("port").unwrap_or_default(),
            protocol: open.take("protocol").unwrap_or_default(),
            to_port: open.take("to-port").unwrap_or_default(),
            to_address: open.take("to-addr").unwrap_or_default(),
        },
        "tcp-mss-clamp" => Element::TcpMssClamp {
            value: open.take("value"),
        },
        _ => Element::Masquerade,
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
