//! Policies (firewalld.policy(5)) in no dialect: what becomes of packets between zones.

use std::collections::BTreeMap;

use super::definitions::Definitions;
use super::firewalld::{Grammar, Policy};
use super::items::of_traffic;
use super::ruleset::ZoneRules;
use super::valid;
use crate::intent::FirewallItem;

/// The zone of the node itself.
pub(crate) const HOST: &str = "HOST";
/// The zone for all others.
pub(crate) const ANY: &str = "ANY";

/// A policy that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePolicy {
    /// Its name.
    pub name: String,
    /// The lowest comes first; what is below 0 comes before the zones.
    pub priority: i64,
    /// What becomes of packets that nothing in the policy is about.
    pub target: PolicyTarget,
    /// Zones that packets come from; none for all of them.
    pub ingress: Side,
    /// Zones that packets go to.
    pub egress: Side,
    /// What it lets through, keeps out and sends elsewhere.
    pub rules: ZoneRules,
    /// The places of its rich rules.
    pub order: BTreeMap<String, usize>,
}

/// Where packets come from, or go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The node itself.
    Host,
    /// Any zone, but not the node.
    Any,
    /// These zones.
    Zones(Vec<String>),
}

/// What becomes of packets that nothing in a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyTarget {
    /// Other policies and the zones decide.
    Continue,
    /// Let through.
    Accept,
    /// Rejected.
    Reject,
    /// Dropped.
    Drop,
}

impl Side {
    /// firewalld refuses HOST and ANY together with others (`core/io/policy.py` _check_config).
    fn of(zones: Vec<String>) -> Side {
        match zones.as_slice() {
            [one] if one == HOST => Side::Host,
            [one] if one == ANY => Side::Any,
            _ => Side::Zones(zones),
        }
    }
}

impl NodePolicy {
    /// Reads a policy's file. None for one that is switched off or has no zones on a side.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn of(
        name: &str,
        text: &str,
        grammar: &Grammar,
        definitions: &Definitions,
    ) -> Result<Option<NodePolicy>, String> {
        let policy = Policy::parse(text, grammar).map_err(|fault| fault.to_string())?;
        if policy.disable || !policy.is_active() {
            return Ok(None);
        }
        if !valid::name(name) {
            return Err("its name is not valid here".into());
        }
        let items = of_traffic(&policy.traffic);
        let mut rules = ZoneRules::default();
        items.iter().try_for_each(|item| rules.add(item, definitions))?;
        rules.tidy();
        let in_order = items.iter().filter_map(|item| match item {
            FirewallItem::RichRule { rule } => Some(rule.clone()),
            _ => None,
        });
        Ok(Some(NodePolicy {
            name: name.to_owned(),
            priority: policy.priority,
            target: match policy.target.as_str() {
                "ACCEPT" => PolicyTarget::Accept,
                "REJECT" => PolicyTarget::Reject,
                "DROP" => PolicyTarget::Drop,
                _ => PolicyTarget::Continue,
            },
            ingress: Side::of(policy.ingress_zones),
            egress: Side::of(policy.egress_zones),
            order: in_order.enumerate().map(|(place, rule)| (rule, place)).collect(),
            rules,
        }))
    }

    /// Whether it comes before what zones say.
    pub(crate) fn is_before_zones(&self) -> bool {
        self.priority < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    #[test]
    fn a_policy_counts_where_both_sides_have_zones() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let definitions = Definitions::new(&root);
        let read = |text: &str| NodePolicy::of("p", text, &Grammar::none(), &definitions).unwrap();
        let zones = "<ingress-zone name=\"dmz\"/><egress-zone name=\"ANY\"/>";
        let found = read(&format!("<policy target=\"ACCEPT\" priority=\"5\">{zones}<masquerade/></policy>"));
        let found = found.unwrap();
        assert_eq!((found.ingress, found.egress), (Side::Zones(vec!["dmz".into()]), Side::Any));
        assert!(!found.rules.masquerade.is_empty() && found.target == PolicyTarget::Accept);
        assert_eq!(read("<policy target=\"ACCEPT\"><ingress-zone name=\"dmz\"/></policy>"), None);
        assert_eq!(read(&format!("<policy target=\"DROP\">{zones}<disable/></policy>")), None);
    }
}
