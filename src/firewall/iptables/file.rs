//! A file for iptables-restore, by tables and chains. Lines are known by their index.

use std::collections::BTreeMap;

use super::condition::Rule;
use super::words::split;

/// The chains that each table has without being declared.
const BUILT_IN: [(&str, &[&str]); 5] = [
    ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ("raw", &["PREROUTING", "OUTPUT"]),
    ("security", &["INPUT", "FORWARD", "OUTPUT"]),
];

/// A file taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleFile {
    /// Its tables in order.
    pub tables: Vec<Table>,
    /// Why iptables-restore would not load it, in words; empty if it would.
    pub faults: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// `filter`, `nat`, ...
    pub name: String,
    /// The line that opens it.
    pub start: usize,
    /// Its chains, the built-in ones too.
    pub chains: BTreeMap<String, Chain>,
    /// The line of its `COMMIT`.
    pub commit: Option<usize>,
}

/// A chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    /// Whether packets that reach its end are dropped.
    pub drops: bool,
    /// Its rules in the order in which packets meet them.
    pub rules: Vec<Line>,
}

/// A rule of a file.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The line's index.
    pub at: usize,
    /// The rule.
    pub rule: Rule,
    /// It was put at a place of its own (`-I`): what a line before it appends comes after it.
    pub inserted: bool,
}

impl RuleFile {
    /// Reads the lines of a file. `port` knows ports by name.
    pub(crate) fn parse(lines: &[&str], port: &dyn Fn(&str) -> Option<u16>) -> RuleFile {
        let mut file = RuleFile::default();
        for (at, line) in lines.iter().enumerate() {
            let number = at + 1;
            if line.ends_with('\r') {
                file.fault(format!("line {number} ends with a carriage return"));
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('*') {
                file.open(name, at);
                continue;
            }
            match file.tables.last_mut().filter(|table| table.commit.is_none()) {
                None => file.fault(format!("line {number} is outside of any table")),
                Some(table) if line == "COMMIT" => table.commit = Some(at),
                Some(table) => {
                    let read = table.read(at, line, port);
                    read.unwrap_or_else(|fault| file.fault(format!("line {number}: {fault}")));
                }
            }
        }
        if file.tables.last().is_some_and(|table| table.commit.is_none()) {
            file.fault("the last table has no COMMIT".into());
        }
        file
    }

    /// The table by this name that is closed by a `COMMIT`.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name && table.commit.is_some())
    }

    fn open(&mut self, name: &str, start: usize) {
        if let Some(last) = self.tables.last().filter(|table| table.commit.is_none()) {
            let fault = format!("table {} has no COMMIT", last.name);
            self.fault(fault);
        }
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        if built_in.is_none() {
            self.fault(format!("there is no table {name}"));
        }
        let chains = built_in.iter().flat_map(|(_, chains)| chains.iter());
        self.tables.push(Table {
            name: name.to_owned(),
            start,
            chains: chains.map(|chain| ((*chain).to_owned(), Chain::default())).collect(),
            commit: None,
        });
    }

    /// Faults of one kind can be as many as lines: the first few say it.
    fn fault(&mut self, fault: String) {
        if self.faults.len() < 3 {
            self.faults.push(fault);
        }
    }
}

impl Table {
    fn read(&mut self, at: usize, line: &str, port: &dyn Fn(&str) -> Option<u16>) -> Result<(), String> {
        if let Some(declared) = line.strip_prefix(':') {
            let mut words = declared.split_whitespace();
            let name = words.next().unwrap_or_default();
            self.chains.entry(name.to_owned()).or_default().drops = words.next() == Some("DROP");
            return Ok(());
        }
        let mut words = split(line).ok_or("a quote is not closed")?;
        if words.first().is_some_and(|word| word.starts_with('[') && word.ends_with(']')) {
            words.remove(0);
        }
        let (command, name) = match words.as_slice() {
            [command, name, ..] => (command.as_str(), name.clone()),
            _ => return Err(format!("{line:?} is no rule")),
        };
        let rest = words.get(2).map(String::as_str);
        // The newer kind of iptables-restore makes chains that are not declared.
        let chain = self.chains.entry(name).or_default();
        let rules = &mut chain.rules;
        match command {
            "-A" | "--append" => {
                let rule = Rule::parse(&words[2..], port);
                let line = Line {
                    at,
                    rule,
                    inserted: false,
                };
                rules.push(line);
            }
            "-I" | "--insert" => {
                let number = rest.and_then(|word| word.parse::<usize>().ok());
                let rule = Rule::parse(&words[2 + usize::from(number.is_some())..], port);
                let line = Line {
                    at,
                    rule,
                    inserted: true,
                };
                let place = number.map_or(0, |number| number.saturating_sub(1));
                rules.insert(place.min(rules.len()), line);
            }
            "-P" | "--policy" => chain.drops = rest == Some("DROP"),
            "-N" | "--new-chain" | "-F" | "--flush" | "-Z" | "--zero" => {}
            "-D" | "--delete" => {
                let number = rest.and_then(|word| word.parse::<usize>().ok());
                let gone = match number {
                    Some(number) => number.checked_sub(1).filter(|at| *at < rules.len()),
                    None => {
                        let rule = Rule::parse(&words[2..], port);
                        rules.iter().position(|line| line.rule == rule)
                    }
                };
                rules.remove(gone.ok_or("there is no such rule to delete")?);
            }
            _ => return Err(format!("{command} is not understood")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RuleFile {
        RuleFile::parse(&text.lines().collect::<Vec<_>>(), &|_| None)
    }

    #[test]
    fn rules_are_in_the_order_in_which_packets_meet_them() {
        let file = parse(
            "*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n-A INPUT -j one\n[3:4] -A INPUT -j two\n\
             -I INPUT -j three\n-I INPUT 2 -j four\n\
             -A INPUT -j five\n-D INPUT -j five\nCOMMIT\n*nat\nCOMMIT",
        );
        let input = &file.table("filter").unwrap().chains["INPUT"];
        let targets = input.rules.iter().map(|line| line.rule.target.as_ref().unwrap().name.as_str());
        assert_eq!(targets.collect::<Vec<_>>(), ["three", "four", "one", "two"]);
        assert!(input.drops && file.faults.is_empty(), "{:?}", file.faults);
    }

    #[test]
    fn what_iptables_restore_refuses_is_a_fault() {
        for (text, fault) in [
            ("*filter\n-A INPUT -j ACCEPT", "no COMMIT"),
            ("*filter\n*nat\nCOMMIT", "table filter has no COMMIT"),
            ("-A INPUT -j ACCEPT\n*filter\nCOMMIT", "outside of any table"),
            ("*nosuch\nCOMMIT", "no table nosuch"),
            ("*filter\niptables -A INPUT\nCOMMIT", "iptables is not understood"),
        ] {
            let faults = parse(text).faults;
            assert!(faults.iter().any(|said| said.contains(fault)), "{text}: {faults:?}");
        }
        let lines = ["*filter\r", "COMMIT\r"];
        let faults = RuleFile::parse(&lines, &|_| None).faults;
        assert!(faults[0].contains("line 1 ends with a carriage return"), "{faults:?}");
    }
}
