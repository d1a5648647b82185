//! Policies: `policies/NAME.xml` (firewalld.policy(5)).

use super::code::{Checked, Code, no_number};
use super::generation::Feature;
use super::grammar::Grammar;
use super::port::integer;
use super::reader::{self, Attributes, Head, add_once, filled, need};
use super::traffic::{Traffic, TrafficReader};
use super::xml::{Element, Handler, Writer};

/// Targets that a policy can have.
pub(crate) const TARGETS: [&str; 4] = ["ACCEPT", "REJECT", "DROP", "CONTINUE"];

/// The priority where none is given.
const DEFAULT_PRIORITY: i64 = -1;

/// A policy: what becomes of traffic between zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Version, short name, description.
    pub head: Head,
    /// `ACCEPT`, `REJECT`, `DROP` or `CONTINUE`.
    pub target: String,
    /// -32768 to 32767 without 0; the lowest comes first.
    pub priority: i64,
    /// What is let through, blocked and forwarded.
    pub traffic: Traffic,
    /// Zones that traffic comes from; `HOST` and `ANY` are symbolic.
    pub ingress_zones: Vec<String>,
    /// Zones that it goes to.
    pub egress_zones: Vec<String>,
    /// Whether it is switched off (firewalld 2.4 and later).
    pub disable: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            head: Head::default(),
            target: "CONTINUE".to_owned(),
            priority: DEFAULT_PRIORITY,
            traffic: Traffic::default(),
            ingress_zones: Vec::new(),
            egress_zones: Vec::new(),
            disable: false,
        }
    }
}

/// The zone of a policy in what 1.1 to 2.2 log of ports: its `derived_from_zone` in `core/io/policy.py`, which none in a
/// file has.
const NO_ZONE: &str = "None";

impl Policy {
    /// Reads a policy file. What is there twice counts once.
    ///
    /// # Errors
    /// The first thing in it that the grammar's generation refuses.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Policy> {
        Policy::parse_logged("", text, grammar, &mut Vec::new())
    }

    /// Reads the file of the policy NAME, and adds to a log what firewalld logs of it.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub(crate) fn parse_logged(
        name: &str,
        text: &str,
        grammar: &Grammar,
        log: &mut Vec<String>,
    ) -> Checked<Policy> {
        let place = if grammar.has(Feature::PortsMerged) {
            NO_ZONE
        } else {
            name
        };
        let mut reader = PolicyReader {
            grammar,
            policy: Policy::default(),
            traffic: TrafficReader::new(place, grammar),
        };
        let read = reader::read(text, "policy", Code::InvalidPolicy, &mut reader);
        let mut policy = reader.policy;
        policy.traffic = reader.traffic.finish(log);
        read.map(|()| policy)
    }

    /// The policy's file.
    pub fn to_xml(&self, grammar: &Grammar) -> String {
        let priority = (self.priority != DEFAULT_PRIORITY).then(|| self.priority.to_string());
        let mut writer = Writer::new(
            "policy",
            &[
                ("version", self.head.version()),
                ("priority", priority.as_deref()),
                ("target", filled(&self.target)),
            ],
        );
        self.head.write(&mut writer);
        self.traffic.write(&mut writer, grammar);
        for (element, zones) in [
            ("ingress-zone", &self.ingress_zones),
            ("egress-zone", &self.egress_zones),
        ] {
            for zone in zones {
                writer.empty(element, &[("name", Some(zone))]);
            }
        }
        if self.disable {
            writer.empty("disable", &[]);
        }
        writer.finish()
    }

    /// Whether zones are set on both sides.
    pub(crate) fn is_active(&self) -> bool {
        !self.ingress_zones.is_empty() && !self.egress_zones.is_empty()
    }
}

/// The attributes of a policy file's elements.
fn attributes(name: &str, grammar: &Grammar) -> Option<Attributes> {
    Some(match name {
        "policy" => (&["target"], &["version", "priority"]),
        "masquerade" => (&[], &[]),
        "ingress-zone" | "egress-zone" => (&["name"], &[]),
        "disable" if grammar.has(Feature::PolicyDisable) => (&[], &[]),
        _ => return super::traffic::attributes(name, grammar),
    })
}

struct PolicyReader<'d> {
    grammar: &'d Grammar<'d>,
    policy: Policy,
    traffic: TrafficReader<'d>,
}

impl Handler for PolicyReader<'_> {
    fn start(&mut self, element: &Element) -> Checked<()> {
        if self.traffic.start(element, attributes(&element.name, self.grammar))? {
            return Ok(());
        }
        match &*element.name {
            "policy" => self.policy(element)?,
            "ingress-zone" | "egress-zone" => {
                let ingress = element.name == "ingress-zone";
                let name = need(element, "name")?;
                let list = match ingress {
                    true => &mut self.policy.ingress_zones,
                    false => &mut self.policy.egress_zones,
                };
                if !add_once(list, name.to_owned()) {
                    let side = if ingress { "Ingress" } else { "Egress" };
                    self.traffic.repeated(&format!("{side} zone '{name}'"));
                }
            }
            "disable" => self.policy.disable = true,
            _ => {
                let log = &mut self.traffic.log;
                let lenient = "Source outside of rule";
                self.traffic.rules.reject(self.grammar, log, lenient, "Source outside of rule.")?;
            }
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        self.policy.head.read(name, text);
        self.traffic.end(name)
    }
}

impl PolicyReader<'_> {
    fn policy(&mut self, element: &Element) -> Checked<()> {
        self.policy.head.version_of(element);
        if let Some(priority) = element.get("priority") {
            // 0 is reserved. Before 2.0 it is read as though nothing were said
            // (`export_config_dict` of `core/io/io_object.py`), since then it is found when checked.
            self.policy.priority = match integer(priority).ok_or_else(|| no_number(priority))? {
                0 if !self.grammar.has(Feature::ZonePriorities) => DEFAULT_PRIORITY,
                priority => priority,
            };
        }
        let target = need(element, "target")?;
        if !TARGETS.contains(&target) {
            return Err(Code::InvalidTarget.about(target));
        }
        target.clone_into(&mut self.policy.target);
        Ok(())
    }
}
