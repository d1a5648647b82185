//! Direct configuration: chains, rules and passthroughs in the packet filter's own language.

use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::direct::{Chain, FAMILIES, FILE, Passthrough, Rule, join};
use crate::firewall::firewalld::port::integer;
use crate::firewall::firewalld::{Checked, Code, Direct};

const TABLES: [&str; 5] = ["security", "raw", "mangle", "nat", "filter"];
const BRIDGE_TABLES: [&str; 3] = ["broute", "nat", "filter"];

/// What `--direct` is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Remove,
    Query,
}

/// What is said when nothing changes.
struct Said {
    already: String,
    missing: String,
}

impl Said {
    fn offline(already: &str, missing: &str, gap: &str) -> Self {
        Said {
            already: format!("WARNING: {already}{gap}already in list, ignoring"),
            missing: format!("{missing}{gap}not in list"),
        }
    }

    fn online(already: String, missing: String) -> Self {
        Said {
            already: format!("Warning: {}", Code::AlreadyEnabled.about(already)),
            missing: format!("Warning: {}", Code::NotEnabled.about(missing)),
        }
    }
}

const VERBS: [(Verb, &str); 3] = [
    (Verb::Add, "add"),
    (Verb::Remove, "remove"),
    (Verb::Query, "query"),
];

impl Session<'_> {
    /// Options after `--direct`.
    pub fn direct_options(&mut self) -> Step {
        let mut direct = match self.read_file(FILE)? {
            Some(text) => {
                let direct = Direct::parse(&text);
                self.checked(direct)?
            }
            None => Direct::default(),
        };
        if self.given.has("--passthrough") {
            self.definition("direct", "passthrough", "edit", false);
            return self.success();
        }
        for (verb, word) in VERBS {
            let words = self.given.values(&format!("--{word}-passthrough")).to_vec();
            if !words.is_empty() {
                return self.passthrough(&mut direct, verb, word, &words);
            }
            let words = self.given.values(&format!("--{word}-chain")).to_vec();
            if !words.is_empty() {
                return self.chain(&mut direct, verb, &words);
            }
            let words = self.given.values(&format!("--{word}-rule")).to_vec();
            if !words.is_empty() {
                return self.rule(&mut direct, verb, word, &words);
            }
        }
        let words = self.given.values("--remove-rules").to_vec();
        if let Some(chain) = chain_of(&words) {
            let checked = check_chain(&chain);
            self.checked(checked)?;
            direct.rules.retain(|rule| rule.chain != chain);
            return self.store_direct(&direct);
        }
        self.direct_lists(&direct)
    }

    fn direct_lists(&mut self, direct: &Direct) -> Step {
        let mut lines = Vec::new();
        if self.given.has("--get-all-passthroughs") {
            lines.extend(direct.passthroughs.iter().map(|p| format!("{} {}", p.family, join(&p.arguments))));
        } else if self.given.has("--get-all-chains") {
            lines.extend(direct.chains.iter().map(shown_chain));
        } else if self.given.has("--get-all-rules") {
            lines.extend(direct.rules.iter().map(|rule| {
                format!("{} {} {}", shown_chain(&rule.chain), rule.priority, join(&rule.arguments))
            }));
        } else if let Some(family) = self.given.values("--get-passthroughs").first().cloned() {
            let checked = check_family(&family);
            self.checked(checked)?;
            let own = direct.passthroughs.iter().filter(|passthrough| passthrough.family == family);
            lines.extend(own.map(|passthrough| join(&passthrough.arguments)));
            if lines.is_empty() && self.side == Side::Offline {
                return self.fail(format!("No passthroughs for ipv '{family}'"), 2);
            }
        } else if let [family, table] = &self.given.values("--get-chains").to_vec()[..] {
            let checked = check_table(family, table);
            self.checked(checked)?;
            let own = direct.chains.iter().filter(|chain| chain.family == *family && chain.table == *table);
            let names: Vec<String> = own.map(|chain| chain.chain.clone()).collect();
            if names.is_empty() && self.side == Side::Offline {
                return self.fail(format!("No chains for table '{table}' with ipv '{family}'"), 2);
            }
            return self.answer(names.join(" "));
        } else if let Some(chain) = chain_of(self.given.values("--get-rules")) {
            let checked = check_chain(&chain);
            self.checked(checked)?;
            let own = direct.rules.iter().filter(|rule| rule.chain == chain);
            lines.extend(own.map(|rule| format!("{} {}", rule.priority, join(&rule.arguments))));
            if lines.is_empty() && self.side == Side::Offline {
                let Chain { family, table, chain } = &chain;
                let at = format!("table '{table}' and chain '{chain}' with ipv '{family}'");
                return self.fail(format!("No rules for {at}"), 2);
            }
        }
        for line in lines {
            self.print(line);
        }
        Err(super::session::Exit(0))
    }

    fn passthrough(&mut self, direct: &mut Direct, verb: Verb, word: &str, words: &[String]) -> Step {
        let Some((family, arguments)) = words.split_first().filter(|(_, arguments)| !arguments.is_empty())
        else {
            return self.direct_usage(&format!("--{word}-passthrough {{ ipv4 | ipv6 | eb }} <args>"));
        };
        let checked = check_family(family);
        self.checked(checked)?;
        let passthrough = Passthrough {
            family: family.clone(),
            arguments: arguments.to_vec(),
        };
        let shown = format!("passthrough '{family}', '{}'", listed(arguments));
        let list = format!("Passthrough {} for ipv '{family}'", enumerated(arguments));
        let said = match self.side {
            Side::Offline => Said::offline(&list, &list, ""),
            Side::Online => Said::online(shown.clone(), shown),
        };
        self.edit_list(direct, verb, |direct| &mut direct.passthroughs, passthrough, &said)
    }

    fn chain(&mut self, direct: &mut Direct, verb: Verb, words: &[String]) -> Step {
        let Some(chain) = chain_of(words) else {
            return Ok(());
        };
        let checked = check_chain(&chain);
        self.checked(checked)?;
        let Chain {
            family,
            table,
            chain: name,
        } = &chain;
        let said = match self.side {
            Side::Offline => Said::offline(
                &format!("Chain '{name}' for table '{table}' with ipv '{family}'"),
                &format!("Chain '{name}' with table '{table}' with ipv '{family}'"),
                " ",
            ),
            Side::Online => Said::online(
                format!("chain '{name}' already is in '{family}:{table}'"),
                format!("chain '{name}' is not in '{family}:{table}'"),
            ),
        };
        self.edit_list(direct, verb, |direct| &mut direct.chains, chain, &said)
    }

    fn rule(&mut self, direct: &mut Direct, verb: Verb, word: &str, words: &[String]) -> Step {
        let syntax = format!("--{word}-rule {{ ipv4 | ipv6 | eb }} <table> <chain> <priority> <args>");
        let (Some(chain), [_, _, _, priority, arguments @ ..]) = (chain_of(words), words) else {
            return self.direct_usage(&syntax);
        };
        if arguments.is_empty() {
            return self.direct_usage(&syntax);
        }
        let Some(priority) = integer(priority) else {
            if self.side == Side::Offline {
                self.complain("wrong priority");
            }
            return self.direct_usage(&syntax);
        };
        let checked = check_chain(&chain);
        self.checked(checked)?;
        let rule = Rule {
            chain,
            priority,
            arguments: arguments.to_vec(),
        };
        let said = self.said_of_rule(&rule);
        self.edit_list(direct, verb, |direct| &mut direct.rules, rule, &said)
    }

    fn said_of_rule(&self, rule: &Rule) -> Said {
        let Chain { family, table, chain } = &rule.chain;
        match self.side {
            Side::Offline => {
                let arguments = enumerated(&rule.arguments);
                let at = format!("table '{table}' and chain '{chain}' with ipv '{family}'");
                let rule = format!("Rule {arguments} for {at} and priority {}", rule.priority);
                Said::offline(&rule, &rule, " ")
            }
            Side::Online => {
                let rule = format!("rule '{}'", listed(&rule.arguments));
                let at = format!("'{family}:{table}:{chain}'");
                Said::online(format!("{rule} already is in {at}"), format!("{rule} is not in {at}"))
            }
        }
    }

    fn edit_list<T: PartialEq>(
        &mut self,
        direct: &mut Direct,
        verb: Verb,
        list: impl Fn(&mut Direct) -> &mut Vec<T>,
        value: T,
        said: &Said,
    ) -> Step {
        let there = list(direct).contains(&value);
        match (verb, there) {
            (Verb::Query, yes) => return self.yes_or_no(yes),
            (Verb::Add, false) => list(direct).push(value),
            (Verb::Remove, true) => list(direct).retain(|known| *known != value),
            (Verb::Add, true) => self.complain(&said.already),
            (Verb::Remove, false) if self.side == Side::Offline => {
                self.definition("direct", "direct", "edit", false);
                return self.fail(&said.missing, 2);
            }
            (Verb::Remove, false) => self.complain(&said.missing),
        }
        self.store_direct(direct)
    }

    fn store_direct(&mut self, direct: &Direct) -> Step {
        let empty = *direct == Direct::default() && !self.tree.root.is_file(self.tree.file(FILE));
        let changed = !self.runtime && !empty && self.write_file(FILE, &direct.to_xml())?;
        self.definition("direct", "direct", "edit", changed);
        self.success()
    }

    fn direct_usage(&mut self, syntax: &str) -> Step {
        let permanent = if self.given.has("--permanent") {
            "--permanent "
        } else {
            ""
        };
        self.fail(format!("usage: {permanent}--direct {syntax}"), 2)
    }
}

/// Checks the file's families and tables.
pub(super) fn check_file(text: &str) -> Checked<()> {
    let direct = Direct::parse(text)?;
    let chains = direct.chains.iter().chain(direct.rules.iter().map(|rule| &rule.chain));
    for chain in chains {
        check_family(&chain.family)?;
        check_table(&chain.family, &chain.table)?;
    }
    direct.passthroughs.iter().try_for_each(|passthrough| check_family(&passthrough.family))
}

fn chain_of(words: &[String]) -> Option<Chain> {
    let [family, table, chain, ..] = words else {
        return None;
    };
    Some(Chain {
        family: family.clone(),
        table: table.clone(),
        chain: chain.clone(),
    })
}

fn shown_chain(chain: &Chain) -> String {
    format!("{} {} {}", chain.family, chain.table, chain.chain)
}

fn check_family(family: &str) -> Checked<()> {
    if FAMILIES.contains(&family) {
        return Ok(());
    }
    let detail = format!("invalid argument: {family} (choose from 'ipv4', 'ipv6', 'eb')");
    Err(Code::InvalidIpv.about(detail))
}

fn check_table(family: &str, table: &str) -> Checked<()> {
    check_family(family)?;
    let tables: &[&str] = if family == "eb" { &BRIDGE_TABLES } else { &TABLES };
    if tables.contains(&table) {
        return Ok(());
    }
    let tables: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
    Err(Code::InvalidTable.about(format!("'{table}' not in 'dict_keys([{}])'", tables.join(", "))))
}

fn check_chain(chain: &Chain) -> Checked<()> {
    check_table(&chain.family, &chain.table)
}

/// Words as firewall-offline-cmd shows them.
fn enumerated(words: &[String]) -> String {
    format!("'{}'", words.join("',"))
}

/// A list of words as Python shows it.
fn listed(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}
