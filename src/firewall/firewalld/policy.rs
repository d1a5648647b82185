//! Policies: `policies/NAME.xml` (firewalld.policy(5)).

use super::code::{Checked, Code, no_number};
use super::names::Names;
use super::port::integer;
use super::reader::{Head, add_once, document, filled, need, only, unexpected};
use super::traffic::Traffic;
use super::xml::Writer;

/// Targets that a policy can have.
pub const TARGETS: [&str; 4] = ["ACCEPT", "REJECT", "DROP", "CONTINUE"];

/// The priority where none is given.
pub const DEFAULT_PRIORITY: i64 = -1;

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
        }
    }
}

impl Policy {
    /// Reads a policy file. What is there twice counts once.
    pub fn parse(text: &str, names: &Names) -> Checked<Policy> {
        let root = document(text, "policy", Code::InvalidPolicy)?;
        only(&root, &["version", "target", "priority", "disable"])?;
        let target = need(&root, "target")?;
        if !TARGETS.contains(&target.as_str()) {
            return Err(Code::InvalidTarget.about(target));
        }
        let mut policy = Policy {
            target,
            ..Policy::default()
        };
        policy.head.version = root.get("version").unwrap_or_default().to_owned();
        if let Some(priority) = root.get("priority") {
            // 0 is reserved, and read as though nothing were said.
            policy.priority = match integer(priority).ok_or_else(|| no_number(priority))? {
                0 => DEFAULT_PRIORITY,
                priority => priority,
            };
        }
        for child in &root.children {
            if policy.head.read(child) || policy.traffic.read(child, names, &[])? {
                continue;
            }
            match &*child.name {
                "ingress-zone" => {
                    only(child, &["name"])?;
                    add_once(&mut policy.ingress_zones, need(child, "name")?);
                }
                "egress-zone" => {
                    only(child, &["name"])?;
                    add_once(&mut policy.egress_zones, need(child, "name")?);
                }
                _ => return unexpected(child),
            }
        }
        policy.traffic.drop_repeats();
        Ok(policy)
    }

    /// The policy's file.
    pub fn to_xml(&self) -> String {
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
        self.traffic.write(&mut writer);
        for (element, zones) in [
            ("ingress-zone", &self.ingress_zones),
            ("egress-zone", &self.egress_zones),
        ] {
            for zone in zones {
                writer.empty(element, &[("name", Some(zone))]);
            }
        }
        writer.finish()
    }

    /// Whether zones are set on both sides.
    pub fn is_active(&self) -> bool {
        !self.ingress_zones.is_empty() && !self.egress_zones.is_empty()
    }
}
