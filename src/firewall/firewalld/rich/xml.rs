//! Rich rules in zone and policy files.

use super::{Action, Audit, Element, Endpoint, Limit, Log, Rule, Verdict};
use crate::firewall::firewalld::code::{Checked, Code};
use crate::firewall::firewalld::names::Names;
use crate::firewall::firewalld::port::integer;
use crate::firewall::firewalld::reader::{self, is_true};
use crate::firewall::firewalld::xml::{self, Writer};

impl Rule {
    /// Reads a `<rule>` element and checks the rule.
    pub(in crate::firewall::firewalld) fn read(element: &xml::Element, names: &Names) -> Checked<Rule> {
        let mut rule = Rule {
            family: element.get("family").map(str::to_owned),
            ..Rule::default()
        };
        if let Some(priority) = element.get("priority") {
            let bad =
                || Code::InvalidPriority.about(format!("invalid 'priority' attribute value '{priority}'."));
            rule.priority = integer(priority).ok_or_else(bad)?;
        }
        if rule.family.as_deref().is_some_and(|family| !matches!(family, "ipv4" | "ipv6")) {
            let family = rule.family.unwrap_or_default();
            return Err(Code::InvalidRule.about(format!("Rule family \"{family}\" invalid")));
        }
        for child in &element.children {
            rule.read_child(child)?;
        }
        rule.check(names)?;
        Ok(rule)
    }

    fn read_child(&mut self, child: &xml::Element) -> Checked<()> {
        let own = |name: &str| child.get(name).map(str::to_owned);
        match &*child.name {
            "source" => self.source = Some(endpoint(child)),
            "destination" => self.destination = Some(endpoint(child)),
            "log" | "nflog" => {
                self.log = Some(Log {
                    nflog: child.name == "nflog",
                    prefix: own("prefix"),
                    level: own("level"),
                    group: own("group"),
                    queue_size: own("queue-size"),
                    limit: limit(child),
                });
            }
            "audit" => self.audit = Some(Audit { limit: limit(child) }),
            "accept" | "reject" | "drop" | "mark" => {
                self.action = Some(Action {
                    verdict: match &*child.name {
                        "accept" => Verdict::Accept,
                        "reject" => Verdict::Reject { with: own("type") },
                        "drop" => Verdict::Drop,
                        _ => Verdict::Mark { set: own("set") },
                    },
                    limit: limit(child),
                });
            }
            _ if self.element.is_some() => return Err(Code::InvalidRule.about("More than one element")),
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
                Verdict::Reject { with } => ("type", with.as_deref()),
                Verdict::Mark { set } => ("set", set.as_deref()),
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

fn limit(element: &xml::Element) -> Option<Limit> {
    let limit = element.children.iter().find(|child| child.name == "limit")?;
    Some(Limit::new(limit.get("value").unwrap_or_default(), limit.get("burst").map(str::to_owned)))
}

fn element(child: &xml::Element) -> Checked<Element> {
    let own = |name: &'static str| reader::need(child, name);
    let optional = |name: &str| child.get(name).unwrap_or_default().to_owned();
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
            value: child.get("value").filter(|value| *value != "pmtu").map(str::to_owned),
        },
        unknown => return Err(Code::ParseError.about(format!("Unexpected element {unknown}"))),
    })
}
