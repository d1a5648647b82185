//! Direct rules and passthroughs, word for word.

use std::collections::BTreeMap;

use super::place::{At, Insert};
use crate::firewall::direct_rules::{DirectRule, DirectRules};
use crate::firewall::firewalld;
use crate::firewall::firewalld::direct::join;
use crate::firewall::iptables::{Family, Match, Rule, quoted};

/// The filter's chains: what becomes of connections that there are, the option that names loopback,
/// and the chain that the rules are put in. A rule file may let nothing through that firewalld would
/// let back.
const FILTER: [(&str, &str, &str, &str); 3] = [
    ("INPUT", "RETURN", " -i lo", "nodeshim-INPUT"),
    ("FORWARD", "ACCEPT", "", "nodeshim-FORWARD"),
    ("OUTPUT", "RETURN", " -o lo", "nodeshim-OUTPUT"),
];
/// The chains of the other tables.
const OTHERS: [(&str, &str); 10] = [
    ("nat", "PREROUTING"),
    ("nat", "INPUT"),
    ("nat", "OUTPUT"),
    ("nat", "POSTROUTING"),
    ("mangle", "PREROUTING"),
    ("mangle", "INPUT"),
    ("mangle", "FORWARD"),
    ("mangle", "OUTPUT"),
    ("mangle", "POSTROUTING"),
    ("raw", "PREROUTING"),
];

/// Rules by family, table and chain, each with its words in a line.
pub(super) struct Direct {
    chains: Vec<(Family, String, String)>,
    rules: BTreeMap<(Family, String, String), Vec<String>>,
    /// What cannot be taken over.
    pub notes: Vec<String>,
}

impl Direct {
    pub(super) fn of(direct: &firewalld::Direct) -> Direct {
        let found = DirectRules::of(direct);
        let mut all = Direct {
            chains: found.chains,
            rules: BTreeMap::new(),
            notes: found.notes,
        };
        for rule in found.rules {
            match all.line(&rule) {
                Ok(line) => all.rules.entry((rule.family, rule.table, rule.chain)).or_default().push(line),
                Err(why) => {
                    all.notes.push(format!("direct rule is not taken over ({why}): {}", join(&rule.words)))
                }
            }
        }
        all
    }

    /// The rule's words as iptables-restore reads them. What it would refuse would take the whole
    /// file along.
    fn line(&self, rule: &DirectRule) -> Result<String, String> {
        let DirectRule {
            family,
            table,
            chain,
            words,
        } = rule;
        let is_known = FILTER.iter().any(|(known, ..)| table == "filter" && chain == known)
            || OTHERS.contains(&(table.as_str(), chain.as_str()))
            || self.chains.contains(&(*family, table.clone(), chain.clone()));
        if !is_known {
            return Err(format!("there is no chain {chain} in table {table}"));
        }
        let read = Rule::parse(words, &|_| None);
        if let Some(why) = rule.refusal(&read) {
            return Err(why);
        }
        let strange = read.conditions.iter().find_map(|condition| match &condition.on {
            Match::Other(module, words) if module.is_empty() => Some(words.join(" ")),
            _ => None,
        });
        match (strange, read.target) {
            (Some(strange), _) => return Err(strange),
            (None, None) => return Err("it has no target".into()),
            _ => {}
        }
        let words: Option<Vec<String>> = words.iter().map(|word| quoted(word)).collect();
        Ok(words.ok_or("a word that cannot be written into a rule file")?.join(" "))
    }

    pub(super) fn is_empty(&self, of: Family) -> bool {
        !self.rules.keys().any(|(family, ..)| *family == of)
    }

    /// Whether packets are sent elsewhere.
    pub(super) fn redirects(&self, of: Family) -> bool {
        let nat = |(family, table, chain): &(Family, String, String)| {
            *family == of && table == "nat" && chain != "POSTROUTING"
        };
        self.rules.keys().any(nat)
    }

    /// What goes into the tables. Connections that there are, and loopback, pass the filter's rules
    /// by, as in firewalld.
    pub(super) fn inserts(&self, of: Family) -> Vec<Insert> {
        let mut inserts = vec![self.own_chains(of, "filter")];
        for (chain, connected, loopback, into) in FILTER {
            let mut lines = self.lines(of, "filter", chain, into);
            if !lines.is_empty() {
                let mut first = vec![
                    format!(":{into} - [0:0]"),
                    format!("-A {into} -m state --state ESTABLISHED,RELATED -j {connected}"),
                ];
                first.extend((!loopback.is_empty()).then(|| format!("-A {into}{loopback} -j RETURN")));
                first.append(&mut lines);
                first.push(format!("-A {chain} -j {into}"));
                lines = first;
            }
            inserts.push(Insert {
                table: "filter",
                at: At::First(chain),
                lines,
            });
        }
        for table in ["nat", "mangle", "raw"] {
            inserts.push(self.own_chains(of, table));
        }
        inserts.extend(OTHERS.map(|(table, chain)| Insert {
            table,
            at: At::First(chain),
            lines: self.lines(of, table, chain, chain),
        }));
        inserts
    }

    fn own_chains(&self, of: Family, table: &'static str) -> Insert {
        let own = self.chains.iter().filter(|(family, in_table, _)| *family == of && in_table == table);
        let names: Vec<&str> = own.map(|(.., name)| name.as_str()).collect();
        let mut lines: Vec<String> = names.iter().map(|name| format!(":{name} - [0:0]")).collect();
        lines.extend(names.iter().flat_map(|name| self.lines(of, table, name, name)));
        Insert {
            table,
            at: At::Start,
            lines,
        }
    }

    fn lines(&self, of: Family, table: &str, chain: &str, into: &str) -> Vec<String> {
        let rules = self.rules.get(&(of, table.to_owned(), chain.to_owned()));
        rules.into_iter().flatten().map(|line| format!("-A {into} {line}")).collect()
    }
}
