//! Direct rules and passthroughs (firewalld.direct(5)) as rules of tables and chains.

use super::firewalld::Direct;
use super::firewalld::direct::join;
use super::iptables::{Family, Match, Rule};
use super::valid;

/// A rule, by the chain that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectRule {
    /// The rule set.
    pub family: Family,
    /// `filter`, `nat`, ...
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The rule's words.
    pub words: Vec<String>,
}

/// Targets that one table alone takes, and the built-in chains of it that do; none for all of them
/// (iptables-extensions(8)).
const BOUND_TARGETS: [(&str, &str, &[&str]); 6] = [
    ("REJECT", "filter", &[]),
    ("MARK", "mangle", &[]),
    ("MASQUERADE", "nat", &["POSTROUTING"]),
    ("SNAT", "nat", &["POSTROUTING", "INPUT"]),
    ("DNAT", "nat", &["PREROUTING", "OUTPUT"]),
    ("REDIRECT", "nat", &["PREROUTING", "OUTPUT"]),
];

/// Chains that tables have by themselves.
const BUILT_IN: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
/// Chains in which a packet has no interface that it came in by, or none that it leaves by.
const WITHOUT_IN: [&str; 2] = ["OUTPUT", "POSTROUTING"];
const WITHOUT_OUT: [&str; 2] = ["INPUT", "PREROUTING"];

impl DirectRule {
    /// Why iptables, and with it all that is loaded together, would refuse the rule; `rule` are its
    /// words, taken apart. None where it would not.
    pub(crate) fn refusal(&self, rule: &Rule) -> Option<String> {
        let (table, chain) = (self.table.as_str(), self.chain.as_str());
        let is_built_in = BUILT_IN.contains(&chain);
        let target = rule.target.as_ref()?.name.as_str();
        if let Some((_, of, chains)) = BOUND_TARGETS.iter().find(|(name, ..)| *name == target) {
            let is_there = chains.is_empty() || !is_built_in || chains.contains(&chain);
            if *of != table || !is_there {
                return Some(format!("target {target} is not valid in {table} {chain}"));
            }
        }
        rule.conditions.iter().find_map(|condition| match &condition.on {
            Match::In(name) | Match::Out(name) if !valid::interface(name) => {
                Some(format!("no interface can be named {name:?}"))
            }
            Match::In(_) if WITHOUT_IN.contains(&chain) => Some(format!("{chain} knows no -i")),
            Match::Out(_) if WITHOUT_OUT.contains(&chain) => Some(format!("{chain} knows no -o")),
            _ => None,
        })
    }
}

/// Direct configuration as rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DirectRules {
    /// Chains of its own: family, table, name.
    pub chains: Vec<(Family, String, String)>,
    /// The rules, those of a chain in the order in which packets meet them.
    pub rules: Vec<DirectRule>,
    /// What is no rule of a chain.
    pub notes: Vec<String>,
}

impl DirectRules {
    /// Sorts rules by priority; passthroughs come after them, as in firewalld.
    pub(crate) fn of(direct: &Direct) -> DirectRules {
        let mut found = DirectRules::default();
        for chain in &direct.chains {
            match family(&chain.family) {
                Some(family) => found.chains.push((family, chain.table.clone(), chain.chain.clone())),
                None => found.notes.push(format!("direct chain of bridges is not set up: {}", chain.chain)),
            }
        }
        let mut rules: Vec<_> = direct.rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        for rule in rules {
            match family(&rule.chain.family) {
                Some(family) => found.rules.push(DirectRule {
                    family,
                    table: rule.chain.table.clone(),
                    chain: rule.chain.chain.clone(),
                    words: rule.arguments.clone(),
                }),
                None => found
                    .notes
                    .push(format!("direct rule of bridges is not set up: {}", join(&rule.arguments))),
            }
        }
        for passthrough in &direct.passthroughs {
            let text = join(&passthrough.arguments);
            match family(&passthrough.family) {
                None => found.notes.push(format!("passthrough of bridges is not set up: {text}")),
                Some(family) if found.passthrough(family, &passthrough.arguments) => {}
                Some(_) => found.notes.push(format!("passthrough is not a rule of a chain: {text}")),
            }
        }
        found
    }

    /// Adds a passthrough; false if it is none that adds a rule or a chain.
    fn passthrough(&mut self, family: Family, words: &[String]) -> bool {
        let (table, words) = table_of(words);
        match words.first().map(String::as_str) {
            Some("-N" | "--new-chain") if words.len() == 2 => {
                self.chains.push((family, table, words[1].clone()));
                true
            }
            Some(command @ ("-A" | "--append" | "-I" | "--insert")) if words.len() > 2 => {
                let chain = words[1].clone();
                let inserts = command == "-I" || command == "--insert";
                let number = words[2].parse::<usize>().ok().filter(|_| inserts);
                let rule = DirectRule {
                    family,
                    table,
                    chain,
                    words: words[2 + usize::from(number.is_some())..].to_vec(),
                };
                let same = |known: &&DirectRule| {
                    known.family == family && known.table == rule.table && known.chain == rule.chain
                };
                let at = match inserts {
                    true => self.rules.iter().position(|known| same(&known)),
                    false => None,
                };
                self.rules.insert(at.unwrap_or(self.rules.len()), rule);
                true
            }
            _ => false,
        }
    }
}

fn family(text: &str) -> Option<Family> {
    match text {
        "ipv4" => Some(Family::Ipv4),
        "ipv6" => Some(Family::Ipv6),
        _ => None,
    }
}

/// The table that is named anywhere, and the other words.
fn table_of(words: &[String]) -> (String, Vec<String>) {
    let mut rest = words.to_vec();
    match rest.iter().position(|word| word == "-t" || word == "--table") {
        Some(at) if at + 1 < rest.len() => {
            rest.remove(at);
            (rest.remove(at), rest)
        }
        _ => ("filter".to_owned(), rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sorted_and_passthroughs_taken_apart() {
        let text = "<direct><chain ipv=\"ipv4\" table=\"filter\" chain=\"own\"/>\
            <rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"1\">-j own</rule>\
            <rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-p tcp --dport 1 -j ACCEPT</rule>\
            <rule ipv=\"eb\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-j DROP</rule>\
            <passthrough ipv=\"ipv4\">-t nat -A POSTROUTING -s 10.8.0.0/24 -j MASQUERADE</passthrough>\
            <passthrough ipv=\"ipv4\">-I INPUT -p udp -j ACCEPT</passthrough>\
            <passthrough ipv=\"ipv6\">-P INPUT DROP</passthrough></direct>";
        let found = DirectRules::of(&Direct::parse(text).unwrap());
        let shown: Vec<String> = found
            .rules
            .iter()
            .map(|rule| format!("{} {} {}", rule.table, rule.chain, rule.words.join(" ")))
            .collect();
        let expected = [
            "filter INPUT -p udp -j ACCEPT",
            "filter INPUT -p tcp --dport 1 -j ACCEPT",
            "filter INPUT -j own",
            "nat POSTROUTING -s 10.8.0.0/24 -j MASQUERADE",
        ];
        assert_eq!(shown, expected);
        assert_eq!(found.chains, [(Family::Ipv4, "filter".to_owned(), "own".to_owned())]);
        assert_eq!(found.notes.len(), 2);
    }

    #[test]
    fn a_direct_rule_that_iptables_refuses_is_known_by_its_chain() {
        let refusal = |table: &str, chain: &str, words: &str| {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            let rule = Rule::parse(&words, &|_| None);
            let direct = DirectRule {
                family: Family::Ipv4,
                table: table.into(),
                chain: chain.into(),
                words,
            };
            direct.refusal(&rule)
        };
        for (table, chain, words) in [
            ("filter", "INPUT", "-j MASQUERADE"),
            ("nat", "PREROUTING", "-j MASQUERADE"),
            ("nat", "POSTROUTING", "-p tcp -j REDIRECT --to-ports 1"),
            ("nat", "PREROUTING", "-j REJECT"),
            ("filter", "INPUT", "-i averyveryverylongname -j ACCEPT"),
            ("filter", "INPUT", "-o eth0 -j ACCEPT"),
            ("nat", "POSTROUTING", "-i eth0 -j MASQUERADE"),
        ] {
            assert!(refusal(table, chain, words).is_some(), "{table} {chain} {words}");
        }
        assert_eq!(refusal("nat", "POSTROUTING", "-o eth0 -j MASQUERADE"), None);
        assert_eq!(refusal("nat", "VPN", "-o eth0 -j MASQUERADE"), None);
        assert_eq!(refusal("filter", "FORWARD", "-i eth0 -o ppp+ -j REJECT"), None);
    }
}
