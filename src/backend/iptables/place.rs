//! Where lines belong in the tables of a rule file that is somebody else's.

use std::collections::BTreeMap;

use crate::firewall::firewalld::add_once;
use crate::firewall::iptables::{self, Family, Packets, Rule, RuleFile, closing, split, walk};

/// Tables in which packets are before they come to the filter table, and the chains that they take.
const BEFORE_FILTER: [(&str, &str); 3] = [
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("mangle", "INPUT"),
];

/// Where in a table lines are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Before the first rule of any chain: chains that rules name have to be declared before.
    Start,
    /// Before the first rule of a chain.
    First(&'static str),
    /// Each rule before the first rule that blocks its packets, of those that enter a chain.
    BeforeDenial(&'static str),
    /// Before the rule of a chain that keeps out what is left; else at the table's end.
    BeforeClose(&'static str),
    /// At the table's end.
    End,
}

/// Lines for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Insert {
    pub table: &'static str,
    pub at: At,
    pub lines: Vec<String>,
}

/// How a rule file is read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    /// The family that it is for.
    pub family: Family,
    /// Ports by the names that the node has for them.
    pub port: &'r dyn Fn(&str) -> Option<u16>,
}

/// A rule file's tables, and its lines.
pub(super) struct Tables<'t> {
    lines: Vec<&'t str>,
    file: RuleFile,
    reading: Reading<'t>,
}

/// Lines, each with the index of the line that it comes before.
type Splices = Vec<(usize, Vec<String>)>;

impl<'t> Tables<'t> {
    /// The tables that `lines` are.
    pub(super) fn of(lines: &[&'t str], reading: Reading<'t>) -> Tables<'t> {
        Tables {
            lines: lines.to_vec(),
            file: RuleFile::parse(lines, reading.port),
            reading,
        }
    }

    /// Why iptables-restore would not load the file.
    pub(super) fn faults(&self) -> &[String] {
        &self.file.faults
    }

    /// Where an insert's lines go; none if there is no such table.
    pub(super) fn splices(&self, insert: &Insert, notes: &mut Vec<String>) -> Option<Splices> {
        let table = self.file.table(insert.table)?;
        let (start, commit) = (table.start, table.commit?);
        // A chain that the file declares itself keeps what is in it.
        let is_new = |line: &&String| {
            let name = line.strip_prefix(':').and_then(|rest| rest.split(' ').next());
            name.is_none_or(|name| !table.chains.contains_key(name))
        };
        let whole = |at: usize| vec![(at, insert.lines.iter().filter(is_new).cloned().collect())];
        Some(match insert.at {
            At::End => whole(commit),
            At::Start => {
                let first = self.lines[start..commit].iter().position(|line| chain_of(line).is_some());
                whole(first.map_or(commit, |first| start + first))
            }
            At::First(chain) => {
                let rules = &self.lines[start..commit];
                let first = rules.iter().position(|line| chain_of(line) == Some(chain));
                whole(first.map_or(commit, |first| start + first))
            }
            At::BeforeClose(chain) => whole(closing(table, chain, self.reading.family).unwrap_or(commit)),
            At::BeforeDenial(chain) => self.one_by_one(chain, &insert.lines, notes),
        })
    }

    /// Each rule in every place where something would keep out its packets; a comment goes with the
    /// rules after it.
    fn one_by_one(&self, chain: &str, lines: &[String], notes: &mut Vec<String>) -> Splices {
        let mut placed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut labels: BTreeMap<usize, &str> = BTreeMap::new();
        let mut label = "";
        for line in lines {
            let Some(words) = rule_of(line, chain) else {
                label = line;
                continue;
            };
            for (at, chain) in self.places(chain, words, notes) {
                let here = placed.entry(at).or_default();
                if !label.is_empty() && labels.insert(at, label) != Some(label) {
                    here.push(label.to_owned());
                }
                here.push(format!("-A {chain} {words}"));
            }
        }
        placed.into_iter().collect()
    }

    /// Where a rule goes: the index of a line, and the chain. Where nothing keeps its packets out,
    /// at the end.
    fn places(&self, chain: &str, words: &str, notes: &mut Vec<String>) -> Vec<(usize, String)> {
        let Some(table) = self.file.table("filter") else {
            return Vec::new();
        };
        let commit = table.commit.unwrap_or(self.lines.len());
        let rule = Rule::parse(&split(words).unwrap_or_default(), self.reading.port);
        let packets = Packets::of(&rule, self.reading.family, chain == "FORWARD");
        let found = walk(table, chain, &packets);
        self.remarks(words, &packets, &found.first, notes);
        if found.places.is_empty() {
            let at = closing(table, chain, self.reading.family).unwrap_or(commit);
            return vec![(at, chain.to_owned())];
        }
        let of_line = |place: iptables::Place| (place.before.unwrap_or(commit), place.chain);
        found.places.into_iter().map(of_line).collect()
    }

    /// Notes about a rule that has no effect at any place.
    fn remarks(&self, words: &str, packets: &Packets, first: &[usize], notes: &mut Vec<String>) {
        let mut note = |what: &str, at: usize| {
            let line = self.lines.get(at).map_or("", |line| line.trim());
            let text = format!("line {} {what}: {line}; not valid there: {words}", at + 1);
            add_once(notes, text);
        };
        first
            .iter()
            .for_each(|at| note("is put at the head of its chain and keeps packets out", *at));
        for (name, chain) in BEFORE_FILTER.iter().filter(|_| !packets.forwarded) {
            let Some(table) = self.file.table(name) else {
                continue;
            };
            let found = walk(table, chain, packets);
            for at in found.places.iter().filter_map(|place| place.before).chain(found.first) {
                note(&format!("of table {name} keeps packets out"), at);
            }
            for at in found.untracked {
                note(&format!("of table {name} takes packets out of connection tracking"), at);
            }
        }
    }
}

/// What a line appends to a chain, without the chain.
fn rule_of<'l>(line: &'l str, chain: &str) -> Option<&'l str> {
    line.strip_prefix("-A ")?.strip_prefix(chain)?.strip_prefix(' ')
}

/// The chain that a line appends to; none if it is no such line. Counters before it are those of
/// `iptables-save -c`.
pub(super) fn chain_of(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().peekable();
    words.next_if(|word| word.starts_with('[') && word.ends_with(']'));
    match words.next()? {
        "-A" | "--append" => words.next(),
        _ => None,
    }
}
