//! Direct configuration: chains, rules and passthroughs in the packet filter's own language.

use super::files::{read_file, write_file};
use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::direct::{Chain, FILE, Passthrough, Rule, check_family, check_table, join};
use crate::firewall::firewalld::port::integer;
use crate::firewall::firewalld::{Code, Direct};
use crate::intent::{DefinitionChange, FirewallObject};

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

/// Options after `--direct`.
pub(super) fn direct_options(session: &mut Session) -> Step {
    let mut direct = match read_file(session, FILE)? {
        Some(text) => {
            let direct = Direct::parse(&text);
            session.checked(direct)?
        }
        None => Direct::default(),
    };
    if session.given.has("--passthrough") {
        session.definition(FirewallObject::Direct, "passthrough", DefinitionChange::Edit, false);
        return session.success();
    }
    for (verb, word) in VERBS {
        let words = session.given.values(&format!("--{word}-passthrough")).to_vec();
        if !words.is_empty() {
            return passthrough(session, &mut direct, verb, word, &words);
        }
        let words = session.given.values(&format!("--{word}-chain")).to_vec();
        if !words.is_empty() {
            return chain(session, &mut direct, verb, &words);
        }
        let words = session.given.values(&format!("--{word}-rule")).to_vec();
        if !words.is_empty() {
            return rule(session, &mut direct, verb, word, &words);
        }
    }
    let words = session.given.values("--remove-rules").to_vec();
    if let Some(chain) = chain_of(&words) {
        let checked = chain.check();
        session.checked(checked)?;
        direct.rules.retain(|rule| rule.chain != chain);
        return store_direct(session, &direct);
    }
    direct_lists(session, &direct)
}

fn direct_lists(session: &mut Session, direct: &Direct) -> Step {
    let mut lines = Vec::new();
    if session.given.has("--get-all-passthroughs") {
        lines.extend(direct.passthroughs.iter().map(|p| format!("{} {}", p.family, join(&p.arguments))));
    } else if session.given.has("--get-all-chains") {
        lines.extend(direct.chains.iter().map(shown_chain));
    } else if session.given.has("--get-all-rules") {
        lines.extend(
            direct.rules.iter().map(|rule| {
                format!("{} {} {}", shown_chain(&rule.chain), rule.priority, join(&rule.arguments))
            }),
        );
    } else if let Some(family) = session.given.values("--get-passthroughs").first().cloned() {
        let checked = check_family(&family);
        session.checked(checked)?;
        let own = direct.passthroughs.iter().filter(|passthrough| passthrough.family == family);
        lines.extend(own.map(|passthrough| join(&passthrough.arguments)));
        if lines.is_empty() && session.side == Side::Offline {
            return session.fail(format!("No passthroughs for ipv '{family}'"), 2);
        }
    } else if let [family, table] = &session.given.values("--get-chains").to_vec()[..] {
        let checked = check_table(family, table);
        session.checked(checked)?;
        let own = direct.chains.iter().filter(|chain| chain.family == *family && chain.table == *table);
        let names: Vec<String> = own.map(|chain| chain.chain.clone()).collect();
        if names.is_empty() && session.side == Side::Offline {
            return session.fail(format!("No chains for table '{table}' with ipv '{family}'"), 2);
        }
        return session.answer(names.join(" "));
    } else if let Some(chain) = chain_of(session.given.values("--get-rules")) {
        let checked = chain.check();
        session.checked(checked)?;
        let own = direct.rules.iter().filter(|rule| rule.chain == chain);
        lines.extend(own.map(|rule| format!("{} {}", rule.priority, join(&rule.arguments))));
        if lines.is_empty() && session.side == Side::Offline {
            let Chain { family, table, chain } = &chain;
            let at = format!("table '{table}' and chain '{chain}' with ipv '{family}'");
            return session.fail(format!("No rules for {at}"), 2);
        }
    }
    for line in lines {
        session.print(line);
    }
    Err(super::session::Exit(0))
}

fn passthrough(session: &mut Session, direct: &mut Direct, verb: Verb, word: &str, words: &[String]) -> Step {
    let Some((family, arguments)) = words.split_first().filter(|(_, arguments)| !arguments.is_empty()) else {
        return direct_usage(session, &format!("--{word}-passthrough {{ ipv4 | ipv6 | eb }} <args>"));
    };
    let checked = check_family(family);
    session.checked(checked)?;
    let passthrough = Passthrough {
        family: family.clone(),
        arguments: arguments.to_vec(),
    };
    let shown = format!("passthrough '{family}', '{}'", listed(arguments));
    let list = format!("Passthrough {} for ipv '{family}'", enumerated(arguments));
    let said = match session.side {
        Side::Offline => Said::offline(&list, &list, ""),
        Side::Online => Said::online(shown.clone(), shown),
    };
    edit_list(session, direct, verb, |direct| &mut direct.passthroughs, passthrough, &said)
}

fn chain(session: &mut Session, direct: &mut Direct, verb: Verb, words: &[String]) -> Step {
    let Some(chain) = chain_of(words) else {
        return Ok(());
    };
    let checked = chain.check();
    session.checked(checked)?;
    let Chain {
        family,
        table,
        chain: name,
    } = &chain;
    let said = match session.side {
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
    edit_list(session, direct, verb, |direct| &mut direct.chains, chain, &said)
}

fn rule(session: &mut Session, direct: &mut Direct, verb: Verb, word: &str, words: &[String]) -> Step {
    let syntax = format!("--{word}-rule {{ ipv4 | ipv6 | eb }} <table> <chain> <priority> <args>");
    let (Some(chain), [_, _, _, priority, arguments @ ..]) = (chain_of(words), words) else {
        return direct_usage(session, &syntax);
    };
    if arguments.is_empty() {
        return direct_usage(session, &syntax);
    }
    let Some(priority) = integer(priority) else {
        if session.side == Side::Offline {
            session.complain("wrong priority");
        }
        return direct_usage(session, &syntax);
    };
    let checked = chain.check();
    session.checked(checked)?;
    let rule = Rule {
        chain,
        priority,
        arguments: arguments.to_vec(),
    };
    let said = said_of_rule(session, &rule);
    edit_list(session, direct, verb, |direct| &mut direct.rules, rule, &said)
}

fn said_of_rule(session: &Session, rule: &Rule) -> Said {
    let Chain { family, table, chain } = &rule.chain;
    match session.side {
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
    session: &mut Session,
    direct: &mut Direct,
    verb: Verb,
    list: impl Fn(&mut Direct) -> &mut Vec<T>,
    value: T,
    said: &Said,
) -> Step {
    let there = list(direct).contains(&value);
    match (verb, there) {
        (Verb::Query, yes) => return session.yes_or_no(yes),
        (Verb::Add, false) => list(direct).push(value),
        (Verb::Remove, true) => list(direct).retain(|known| *known != value),
        (Verb::Add, true) => session.complain(&said.already),
        (Verb::Remove, false) if session.side == Side::Offline => {
            session.definition(FirewallObject::Direct, "direct", DefinitionChange::Edit, false);
            return session.fail(&said.missing, 2);
        }
        (Verb::Remove, false) => session.complain(&said.missing),
    }
    store_direct(session, direct)
}

fn store_direct(session: &mut Session, direct: &Direct) -> Step {
    let empty = *direct == Direct::default() && !session.tree.root.is_file(session.tree.file(FILE));
    let changed = !session.runtime && !empty && write_file(session, FILE, &direct.to_xml())?;
    session.definition(FirewallObject::Direct, "direct", DefinitionChange::Edit, changed);
    session.success()
}

fn direct_usage(session: &mut Session, syntax: &str) -> Step {
    let permanent = if session.given.has("--permanent") {
        "--permanent "
    } else {
        ""
    };
    session.fail(format!("usage: {permanent}--direct {syntax}"), 2)
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

/// Words as firewall-offline-cmd shows them.
fn enumerated(words: &[String]) -> String {
    format!("'{}'", words.join("',"))
}

/// A list of words as Python shows it.
fn listed(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}
