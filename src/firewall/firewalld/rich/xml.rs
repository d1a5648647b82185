//! Rich rules in zone and policy files.

use super::check::check_read_log;
use super::{Action, Audit, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::firewalld::code::{Checked, Code, Fault, no_number};
use crate::firewall::firewalld::names::Names;
use crate::firewall::firewalld::port::integer;
use crate::firewall::firewalld::reader::{self, is_true};
use crate::firewall::firewalld::xml::{self, Writer};

/// Why a rule is not read.
enum Trouble {
    /// The file as a whole cannot be read.
    File(Fault),
    /// The rule is left out, with a line for the log.
    Rule(String),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::File(fault)
    }
}

impl Rule {
    /// Reads a `<rule>` element. A rule that makes no sense is left out; `log` gets a line then.
    pub(in crate::firewall::firewalld) fn read(
        element: &xml::Element,
        names: &Names,
        log: &mut Vec<String>,
    ) -> Checked<Option<Rule>> {
        match Rule::read_whole(element, log) {
            Ok(rule) => match rule.check(names) {
                Ok(()) => return Ok(Some(rule)),
                Err(fault) => log.push(format!("{fault}: {rule}")),
            },
            Err(Trouble::Rule(why)) => log.push(format!("Invalid rule: {why}")),
            Err(Trouble::File(fault)) => return Err(fault),
        }
        Ok(None)
    }

    fn read_whole(element: &xml::Element, log: &mut Vec<String>) -> Result<Rule, Trouble> {
        reader::only(element, &["family", "priority"])?;
        let mut rule = Rule {
            family: element.get("family").map(str::to_owned),
            ..Rule::default()
        };
        if let Some(priority) = element.get("priority") {
            rule.priority = integer(priority).ok_or_else(|| no_number(priority))?;
        }
        if let Some(family) = rule.family.as_deref().filter(|family| !matches!(*family, "ipv4" | "ipv6")) {
            return Err(Trouble::Rule(format!("Rule family \"{family}\" invalid")));
        }
        for child in &element.children {
            rule.read_child(child, log)?;
        }
        Ok(rule)
    }

    fn read_child(&mut self, child: &xml::Element, said: &mut Vec<String>) -> Result<(), Trouble> {
        let own = |name: &str| child.get(name).map(str::to_owned);
        let twice = |rule: &Rule, what: &str| {
            Trouble::Rule(format!("More than one {what} in rule '{rule}', ignoring."))
        };
        match &*child.name {
            "short" | "description" => {}
            "source" | "destination" => {
                let source = child.name == "source";
                let slot = if source { &self.source } else { &self.destination };
                if slot.is_some() {
                    return Err(twice(self, &child.name));
                }
                let known = ["address", "mac", "ipset", "invert", "family"];
                reader::only(child, &known)?;
                let end = endpoint(child);
                if end.address.is_none() && end.mac.is_none() && end.ipset.is_none() {
                    let detail = if source {
                        "no address, mac and ipset"
                    } else {
                        "no address and ipset"
                    };
                    return Err(Code::InvalidRule.about(detail).into());
                }
                *(if source {
                    &mut self.source
                } else {
                    &mut self.destination
                }) = Some(end);
            }
            "log" | "nflog" if self.log.is_some() => said.push("Invalid rule: More than one log".to_owned()),
            "log" | "nflog" => self.log = Some(log_of(child)?),
            "audit" if self.audit.is_some() => said.push("Invalid rule: More than one audit".to_owned()),
            "audit" => {
                reader::only(child, &[])?;
                self.audit = Some(Audit { limit: limit(child)? });
            }
            "accept" | "reject" | "drop" | "mark" => {
                if self.action.is_some() {
                    return Err(Trouble::Rule("More than one action".to_owned()));
                }
                let (known, verdict) = match &*child.name {
                    "accept" => ("", RichAction::Accept),
                    "reject" => ("type", RichAction::Reject { with: own("type") }),
                    "drop" => ("", RichAction::Drop),
                    _ => ("set", RichAction::Mark { set: own("set") }),
                };
                reader::only(child, &[known])?;
                self.action = Some(Action {
                    verdict,
                    limit: limit(child)?,
                });
            }
            "limit" if child.get("value").is_none() => reader::need(child, "value").map(drop)?,
            "limit" => return Err(Trouble::Rule("Limit outside of action, log and audit".to_owned())),
            _ if self.element.is_some() => return Err(twice(self, "element")),
            _ => self.element = Some(element(child)?),
        }
        Ok(())
    }

    /// Writes a `<rule>` element.
    pub(in crate::firewall::firewalld) fn write(&self, writer: &mut Writer) {
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
            writer.empty(element.word(), &element.attributes());
        }
        if let Some(log) = &self.log {
            let attributes = [
                ("group", log.group.as_deref()),
                ("prefix", log.prefix.as_deref()),
                ("level", log.level.as_deref()),
                ("queue-size", log.queue_size.as_deref()),
            ];
            limited(writer, if log.nflog { "nflog" } else { "log" }, &attributes, log.limit.as_ref());
        }
        if let Some(audit) = &self.audit {
            limited(writer, "audit", &[], audit.limit.as_ref());
        }
        if let Some(action) = &self.action {
            let attribute = match &action.verdict {
                RichAction::Reject { with } => ("type", with.as_deref()),
                RichAction::Mark { set } => ("set", set.as_deref()),
                _ => ("", None),
            };
            limited(writer, action.verdict.word(), &[attribute], action.limit.as_ref());
        }
        writer.close();
    }
}

fn limited(writer: &mut Writer, name: &'static str, attributes: xml::Attributes, limit: Option<&Limit>) {
    let Some(limit) = limit else {
        writer.empty(name, attributes);
        return;
    };
    writer.open(name, attributes);
    writer.empty("limit", &[("value", Some(&limit.value)), ("burst", limit.burst.as_deref())]);
    writer.close();
}

fn endpoint(element: &xml::Element) -> Endpoint {
    let own = |name: &str| element.get(name).map(str::to_owned);
    Endpoint {
        address: own("address"),
        mac: own("mac"),
        ipset: own("ipset"),
        invert: element.get("invert").is_some_and(is_true),
    }
}

/// What is in a log, audit or action: nothing, or one limit.
fn limit(element: &xml::Element) -> Result<Option<Limit>, Trouble> {
    let mut found = None;
    for child in &element.children {
        if child.name != "limit" {
            return reader::unexpected(child).map_err(Trouble::File);
        }
        reader::only(child, &["value", "burst"])?;
        if found.is_some() {
            return Err(Trouble::Rule("More than one limit".to_owned()));
        }
        found = Some(Limit::new(&reader::need(child, "value")?, child.get("burst").map(str::to_owned)));
    }
    Ok(found)
}

fn log_of(child: &xml::Element) -> Result<Log, Trouble> {
    let own = |name: &str| child.get(name).map(str::to_owned);
    let nflog = child.name == "nflog";
    let known: &[&str] = if nflog {
        &["group", "prefix", "queue-size"]
    } else {
        &["prefix", "level"]
    };
    reader::only(child, known)?;
    let log = Log {
        nflog,
        prefix: own("prefix"),
        level: own("level"),
        group: own("group"),
        queue_size: own("queue-size"),
        limit: limit(child)?,
    };
    check_read_log(&log).map_err(|why| Trouble::Rule(why.to_owned()))?;
    Ok(log)
}

fn element(child: &xml::Element) -> Checked<Element> {
    let own = |name: &'static str| reader::need(child, name);
    let optional = |name: &str| child.get(name).unwrap_or_default().to_owned();
    let known: &[&str] = match &*child.name {
        "service" | "icmp-block" | "icmp-type" => &["name"],
        "port" | "source-port" => &["port", "protocol"],
        "protocol" | "tcp-mss-clamp" => &["value"],
        "masquerade" => &["enabled"],
        "forward-port" => &["port", "protocol", "to-port", "to-addr"],
        _ => return reader::unexpected(child),
    };
    reader::only(child, known)?;
    Ok(match &*child.name {
        "service" => Element::Service { name: own("name")? },
        "port" => Element::Port {
            port: own("port")?,
            protocol: own("protocol")?,
        },
        "protocol" => Element::Protocol { value: own("value")? },
        "icmp-block" => Element::IcmpBlock { name: own("name")? },
        "icmp-type" => Element::IcmpType { name: own("name")? },
        "masquerade" => Element::Masquerade,
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
        "tcp-mss-clamp" => Element::TcpMssClamp {
            value: child.get("value").filter(|value| !matches!(*value, "pmtu" | "None")).map(str::to_owned),
        },
        _ => return reader::unexpected(child),
    })
}
