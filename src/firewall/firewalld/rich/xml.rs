//! Rich rules in zone and policy files.

use super::{Action, Audit, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::firewalld::code::{Checked, Code, Fault, no_number};
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::grammar::Grammar;
use crate::firewall::firewalld::port::integer;
use crate::firewall::firewalld::reader::{is_true, need};
use crate::firewall::firewalld::xml::{self, Writer};

/// Which part of a rule a limit belongs to.
#[derive(Debug, Clone, Copy)]
enum Limited {
    Log,
    Audit,
    Action,
}

/// Reads the elements of rich rules. Before 2.3 a rule that makes no sense is left out with a line
/// for the log, since then the file is wrong (`common_startElement` of `core/io/policy.py`).
#[derive(Debug, Default)]
pub(crate) struct RuleReader {
    rule: Option<Rule>,
    /// The rule makes no sense: everything up to its end is passed over.
    skips: bool,
    limited: Option<Limited>,
}

impl RuleReader {
    /// Whether a rule is open.
    pub(crate) fn is_open(&self) -> bool {
        self.rule.is_some()
    }

    /// Whether elements are passed over, even those that the file cannot have.
    pub(crate) fn skips(&self) -> bool {
        self.skips
    }

    /// What is wrong with the rule: it is left out, or the file is refused. `strict` is what 2.3 and
    /// later say.
    pub(crate) fn reject(
        &mut self,
        grammar: &Grammar,
        log: &mut Vec<String>,
        lenient: &str,
        strict: &str,
    ) -> Checked<()> {
        if grammar.has(Feature::StrictRules) {
            return Err(Code::InvalidRule.about(strict));
        }
        log.push(format!("Invalid rule: {lenient}"));
        self.skips = true;
        Ok(())
    }

    fn reject_second(&mut self, what: &str, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let rule = self.rule.as_ref().map(|rule| rule.spelled(grammar)).unwrap_or_default();
        let lenient = format!("More than one {what} in rule '{rule}', ignoring.");
        self.reject(grammar, log, &lenient, &format!("More than one {what} in rule '{rule}'."))
    }

    /// Takes the beginning of an element; false if it means something outside of rules only.
    pub(crate) fn start(
        &mut self,
        element: &xml::Element,
        grammar: &Grammar,
        log: &mut Vec<String>,
    ) -> Checked<bool> {
        match &*element.name {
            "rule" => self.open(element, grammar, log)?,
            "source" if self.is_open() => self.source(element, grammar, log)?,
            "destination" => self.destination(element, grammar, log)?,
            "log" | "nflog" => self.log(element, grammar, log)?,
            "audit" => self.audit(grammar, log)?,
            "accept" | "reject" | "drop" | "mark" => self.action(element, grammar, log)?,
            "limit" => self.limit(element, grammar, log)?,
            "icmp-type" | "tcp-mss-clamp" if !self.is_open() => {
                let strict = match &*element.name {
                    "icmp-type" => "icmp-block outside of rule.",
                    _ => "tcp-mss-clamp outside of rule.",
                };
                if grammar.has(Feature::StrictRules) {
                    return Err(Code::InvalidRule.about(strict));
                }
                log.push(match element.get("name") {
                    Some(name) => format!("Invalid rule: icmp-block '{name}' outside of rule"),
                    None => "Invalid rule: tcp-mss-clamp outside of rule".to_owned(),
                });
            }
            "service" | "port" | "protocol" | "icmp-block" | "icmp-type" | "masquerade" | "forward-port"
            | "source-port" | "tcp-mss-clamp"
                if self.is_open() =>
            {
                self.element(element, grammar, log)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn open(&mut self, element: &xml::Element, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let family = element.get("family").filter(|family| !family.is_empty()).map(str::to_owned);
        if let Some(family) = element.get("family")
            && !matches!(family, "ipv4" | "ipv6")
            && !grammar.has(Feature::StrictRules)
        {
            log.push(format!("Invalid rule: Rule family \"{family}\" invalid"));
            self.skips = true;
            return Ok(());
        }
        let priority = match element.get("priority") {
            Some(priority) => integer(priority).ok_or_else(|| no_number(priority))?,
            None => 0,
        };
        self.rule = Some(Rule {
            family,
            priority,
            ..Rule::default()
        });
        Ok(())
    }

    fn source(&mut self, element: &xml::Element, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let Some(rule) = self.rule.as_mut().filter(|rule| rule.source.is_none()) else {
            return self.reject_second("source", grammar, log);
        };
        rule.source = Some(endpoint(element).made_source(grammar)?);
        Ok(())
    }

    fn destination(
        &mut self,
        element: &xml::Element,
        grammar: &Grammar,
        log: &mut Vec<String>,
    ) -> Checked<()> {
        let Some(rule) = &mut self.rule else {
            return self.reject(
                grammar,
                log,
                "Destination outside of rule",
                "Destination outside of rich rule.",
            );
        };
        if rule.destination.is_some() {
            return self.reject_second("destination", grammar, log);
        }
        rule.destination = Some(endpoint(element).made_destination(grammar)?);
        Ok(())
    }

    fn log(&mut self, element: &xml::Element, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let nflog = element.name == "nflog";
        let Some(rule) = &mut self.rule else {
            let strict = if nflog {
                "Log outside of rule."
            } else {
                "Log outside of rich rule."
            };
            return passed_over(grammar, log, "Log outside of rule", strict);
        };
        if rule.log.is_some() {
            let strict = format!("More than one log in rule '{rule}'.");
            return passed_over(grammar, log, "More than one log", &strict);
        }
        let own = |name: &str| element.get(name).map(str::to_owned);
        let made = Log {
            nflog,
            prefix: own("prefix"),
            level: own("level"),
            group: own("group"),
            queue_size: own("queue-size"),
            limit: None,
        };
        if !grammar.has(Feature::StrictRules)
            && let Err(why) = made.check_read(grammar)
        {
            return self.reject(grammar, log, why, why);
        }
        rule.log = Some(made.made(grammar)?);
        self.limited = Some(Limited::Log);
        Ok(())
    }

    fn audit(&mut self, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let Some(rule) = &mut self.rule else {
            return passed_over(grammar, log, "Audit outside of rule", "Audit outside of rule.");
        };
        if rule.audit.is_some() {
            return self.reject_second("audit", grammar, log);
        }
        rule.audit = Some(Audit::default());
        self.limited = Some(Limited::Audit);
        Ok(())
    }

    fn action(&mut self, element: &xml::Element, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let Some(rule) = &mut self.rule else {
            return self.reject(grammar, log, "Action outside of rule", "Action outside of rich rule.");
        };
        if rule.action.is_some() {
            let strict = format!("More than one action in rule '{rule}'.");
            return self.reject(grammar, log, "More than one action", &strict);
        }
        let own = |name: &str| element.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let verdict = match &*element.name {
            "accept" => RichAction::Accept,
            "reject" => RichAction::Reject { with: own("type") },
            "drop" => RichAction::Drop,
            _ => RichAction::Mark {
                set: Some(need(element, "set")?.to_owned()),
            },
        };
        rule.action = Some(Action { verdict, limit: None }.made(grammar)?);
        self.limited = Some(Limited::Action);
        Ok(())
    }

    fn limit(&mut self, element: &xml::Element, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let slot = self.rule.as_mut().zip(self.limited).and_then(|(rule, limited)| match limited {
            Limited::Log => rule.log.as_mut().map(|log| &mut log.limit),
            Limited::Audit => rule.audit.as_mut().map(|audit| &mut audit.limit),
            Limited::Action => rule.action.as_mut().map(|action| &mut action.limit),
        });
        let Some(slot) = slot else {
            let lenient = "Limit outside of action, log and audit";
            return self.reject(grammar, log, lenient, "Limit outside of action, log and audit.");
        };
        if slot.is_some() {
            return self.reject_second("limit", grammar, log);
        }
        let burst = element.get("burst").map(str::to_owned);
        *slot = Some(Limit::read(need(element, "value")?, burst, grammar)?);
        Ok(())
    }

    fn element(&mut self, element: &xml::Element, grammar: &Grammar, log: &mut Vec<String>) -> Checked<()> {
        let Some(rule) = self.rule.as_mut().filter(|rule| rule.element.is_none()) else {
            return self.reject_second("element", grammar, log);
        };
        let found = rule_element(element)?;
        if grammar.has(Feature::StrictRules) {
            found.check_alone(grammar)?;
        }
        rule.element = Some(found);
        Ok(())
    }

    /// Takes the end of an element; a rule that ends with it, if it makes sense.
    pub(crate) fn end(
        &mut self,
        name: &str,
        grammar: &Grammar,
        log: &mut Vec<String>,
    ) -> Checked<Option<Rule>> {
        match name {
            "rule" => {
                self.limited = self.limited.filter(|_| grammar.has(Feature::StrictRules));
                let skipped = std::mem::take(&mut self.skips);
                let Some(rule) = self.rule.take().filter(|_| !skipped) else {
                    return Ok(None);
                };
                match rule.check(grammar) {
                    Ok(()) => Ok(Some(rule)),
                    Err(fault) if grammar.has(Feature::StrictRules) => Err(fault),
                    Err(fault) => {
                        log.push(format!("{fault}: {}", rule.spelled(grammar)));
                        Ok(None)
                    }
                }
            }
            "accept" | "reject" | "drop" | "mark" | "log" | "audit" => {
                self.limited = None;
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

/// Something that is passed over while the rule stays, before 2.3.
fn passed_over(grammar: &Grammar, log: &mut Vec<String>, lenient: &str, strict: &str) -> Checked<()> {
    if grammar.has(Feature::StrictRules) {
        return Err(Code::InvalidRule.about(strict));
    }
    log.push(format!("Invalid rule: {lenient}"));
    Ok(())
}

fn endpoint(element: &xml::Element) -> Endpoint {
    let own = |name: &str| element.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    Endpoint {
        address: own("address"),
        mac: own("mac"),
        ipset: own("ipset"),
        invert: element.get("invert").is_some_and(is_true),
    }
}

fn rule_element(element: &xml::Element) -> Result<Element, Fault> {
    let own = |name: &str| need(element, name).map(str::to_owned);
    let optional = |name: &str| element.get(name).unwrap_or_default().to_owned();
    Ok(match &*element.name {
        "service" => Element::Service { name: own("name")? },
        "port" => Element::Port {
            port: own("port")?,
            protocol: own("protocol")?,
        },
        "protocol" => Element::Protocol { value: own("value")? },
        "icmp-block" => Element::IcmpBlock { name: own("name")? },
        "icmp-type" => Element::IcmpType { name: own("name")? },
        "forward-port" => Element::ForwardPort {
            port: own("port")?,
            protocol: own("protocol")?,
            to_port: optional("to-port"),
            to_address: optional("to-addr"),
        },
        "source-port" => Element::SourcePort {
            port: own("port")?,
            protocol: own("protocol")?,
        },
        // A clamp without a value is written without one, and read as `pmtu`.
        "tcp-mss-clamp" => Element::TcpMssClamp {
            value: Some(element.get("value").filter(|value| *value != "None").unwrap_or("pmtu").to_owned()),
        },
        _ => Element::Masquerade,
    })
}

impl Rule {
    /// Writes a `<rule>` element.
    pub(in crate::firewall::firewalld) fn write(&self, writer: &mut Writer, grammar: &Grammar) {
        let priority = (self.priority != 0).then(|| self.priority.to_string());
        let attributes = [
            ("family", self.family.as_deref()),
            ("priority", priority.as_deref()),
        ];
        writer.open("rule", &attributes);
        for (name, endpoint) in [("source", &self.source), ("destination", &self.destination)] {
            if let Some(endpoint) = endpoint {
                writer.empty(
                    name,
                    &[
                        ("address", endpoint.address.as_deref()),
                        ("mac", endpoint.mac.as_deref()),
                        ("ipset", endpoint.ipset.as_deref()),
                        ("invert", endpoint.invert.then_some("True")),
                    ],
                );
            }
        }
        if let Some(element) = &self.element {
            let mut attributes = element.attributes();
            // `common_writer` leaves out what is read as `pmtu` anyway.
            if matches!(element, Element::TcpMssClamp { .. }) {
                attributes.retain(|(_, value)| *value != Some("pmtu"));
            }
            writer.empty(element.word(), &attributes);
        }
        if let Some(log) = &self.log {
            let attributes = [
                ("group", log.group.as_deref()),
                ("prefix", log.prefix.as_deref()),
                ("level", log.level.as_deref()),
                ("queue-size", log.queue_size.as_deref()),
            ];
            limited(
                writer,
                if log.nflog { "nflog" } else { "log" },
                &attributes,
                log.limit.as_ref(),
                grammar,
            );
        }
        if let Some(audit) = &self.audit {
            limited(writer, "audit", &[], audit.limit.as_ref(), grammar);
        }
        if let Some(action) = &self.action {
            let attribute = match &action.verdict {
                RichAction::Reject { with } => ("type", with.as_deref()),
                RichAction::Mark { set } => ("set", set.as_deref()),
                _ => ("", None),
            };
            limited(writer, action.verdict.word(), &[attribute], action.limit.as_ref(), grammar);
        }
        writer.close();
    }
}

fn limited(
    writer: &mut Writer,
    name: &'static str,
    attributes: xml::Attributes,
    limit: Option<&Limit>,
    grammar: &Grammar,
) {
    let Some(limit) = limit else {
        writer.empty(name, attributes);
        return;
    };
    writer.open(name, attributes);
    // 2.3 and later write a burst of 0 where there is none (observed with 2.5.0).
    let none = grammar.has(Feature::ZeroBurstWritten).then_some("0");
    writer.empty(
        "limit",
        &[
            ("value", Some(&limit.value)),
            ("burst", limit.burst.as_deref().or(none)),
        ],
    );
    writer.close();
}
