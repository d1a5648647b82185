//! Direct rules and passthroughs, where nft can say the same.

use std::collections::BTreeMap;

use super::chains::{Builder, Chain, Stage};
use super::model::Statements;
use super::translate;
use crate::backend::name::identifier;
use crate::firewall::direct_rules::{DirectRule, DirectRules};
use crate::firewall::firewalld::direct::join;
use crate::firewall::iptables::{Family, Rule};
use crate::firewall::node::Node;

/// The chains of tables that rules can be in.
const BUILT_IN: [(&str, &str); 10] = [
    ("filter", "INPUT"),
    ("filter", "FORWARD"),
    ("filter", "OUTPUT"),
    ("nat", "PREROUTING"),
    ("nat", "OUTPUT"),
    ("nat", "POSTROUTING"),
    ("mangle", "PREROUTING"),
    ("mangle", "INPUT"),
    ("mangle", "FORWARD"),
    ("mangle", "POSTROUTING"),
];

/// Rules by the names of the chains that they are in.
#[derive(Default)]
pub(super) struct Direct {
    chains: BTreeMap<String, Vec<Statements>>,
    own: Vec<(Family, String, String)>,
}

impl Direct {
    /// Translates the node's direct rules; those for a zone's own chains, as firewalld's iptables
    /// backend has them, go to `builder`, and so do the remarks.
    pub(super) fn of(node: &Node, builder: &mut Builder) -> Direct {
        let found = DirectRules::of(&node.direct);
        found.notes.iter().for_each(|text| builder.note(text.as_str()));
        let mut direct = Direct {
            own: found.chains,
            ..Direct::default()
        };
        for (family, table, name) in direct.own.clone() {
            direct.chains.entry(own_name(family, &table, &name)).or_default();
        }
        for rule in &found.rules {
            if let Err(why) = direct.add(rule, builder) {
                let words = join(&rule.words);
                let text = format!(
                    "direct rule of {} {} cannot be translated ({why}): {words}",
                    rule.table, rule.chain
                );
                builder.note(text);
            }
        }
        direct
    }

    fn add(&mut self, rule: &DirectRule, builder: &mut Builder) -> Result<(), String> {
        let DirectRule {
            family,
            table,
            chain,
            words,
        } = rule;
        let definitions = builder.definitions;
        let port = |name: &str| {
            let found = definitions.named_port(name, "tcp").or_else(|| definitions.named_port(name, "udp"));
            found.map(|range| range.low)
        };
        let parsed = Rule::parse(words, &port);
        if let Some(why) = rule.refusal(&parsed) {
            return Err(why);
        }
        let own = |name: &str| self.own_chain(*family, table, name);
        let statements = translate::statements(&parsed, *family, &own)?;
        if BUILT_IN.contains(&(table.as_str(), chain.as_str())) {
            self.chains.entry(name(table, chain)).or_default().push(statements);
        } else if let Some(own) = self.own_chain(*family, table, chain) {
            self.chains.entry(own).or_default().push(statements);
        } else if let Some((zone, stage)) = of_zone(chain).filter(|_| table == "filter") {
            builder.add(Chain::In(zone, stage), statements);
        } else {
            return Err(format!("there is no chain {chain} in table {table}"));
        }
        Ok(())
    }

    fn own_chain(&self, family: Family, table: &str, name: &str) -> Option<String> {
        let is_own = self.own.contains(&(family, table.to_owned(), name.to_owned()));
        is_own.then(|| own_name(family, table, name))
    }

    /// All chains and their rules.
    pub(super) fn chains(&self) -> &BTreeMap<String, Vec<Statements>> {
        &self.chains
    }

    /// The chain with the rules of a built-in one, if there are any.
    pub(super) fn chain(&self, table: &str, chain: &str) -> Option<String> {
        let name = name(table, chain);
        self.chains.contains_key(&name).then_some(name)
    }
}

fn name(table: &str, chain: &str) -> String {
    format!("direct_{table}_{}", chain.to_lowercase())
}

fn own_name(family: Family, table: &str, name: &str) -> String {
    let family = match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    };
    format!("direct_{table}_{family}_{}", identifier(name))
}

/// The zone and stage of a chain that firewalld's iptables backend has: `IN_public_allow`.
fn of_zone(chain: &str) -> Option<(String, Stage)> {
    let (zone, stage) = chain.strip_prefix("IN_")?.rsplit_once('_')?;
    let stage = match stage {
        "log" => Stage::Log,
        "deny" => Stage::Deny,
        "allow" => Stage::Allow,
        _ => return None,
    };
    Some((zone.to_owned(), stage))
}
