//! `direct.xml`: rules in the packet filter's own language (firewalld.direct(5)).

use super::code::{Checked, Code};
use super::port::integer;
use super::reader::{Attributes, add_once, check_attributes, need};
use super::rich::split_words;
use super::xml::{self, Element, Handler, Stop, Writer};

/// The file's name in the local configuration.
pub(crate) const FILE: &str = "direct.xml";

const TABLES: [&str; 5] = ["security", "raw", "mangle", "nat", "filter"];
const BRIDGE_TABLES: [&str; 3] = ["broute", "nat", "filter"];

/// Families that chains, rules and passthroughs can have.
pub(crate) const FAMILIES: [&str; 3] = ["ipv4", "ipv6", "eb"];

/// A chain of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// `ipv4`, `ipv6` or `eb`.
    pub family: String,
    /// Table.
    pub table: String,
    /// Name of the chain.
    pub chain: String,
}

/// A rule in a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// The chain.
    pub chain: Chain,
    /// The lowest comes first.
    pub priority: i64,
    /// The rule's words.
    pub arguments: Vec<String>,
}

/// Words that are handed through as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passthrough {
    /// `ipv4`, `ipv6` or `eb`.
    pub family: String,
    /// The words.
    pub arguments: Vec<String>,
}

/// All direct configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Direct {
    /// Chains.
    pub chains: Vec<Chain>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Passthroughs.
    pub passthroughs: Vec<Passthrough>,
}

impl Direct {
    /// Reads the file.
    ///
    /// # Errors
    /// The first thing in it that firewalld refuses.
    pub fn parse(text: &str) -> Checked<Direct> {
        let mut reader = DirectReader::default();
        xml::read(text, &mut reader).map_err(|stop| match stop {
            Stop::Refused(fault) => fault,
            Stop::Malformed(what) => Code::InvalidType.about(format!("Not a valid file: {what}")),
        })?;
        Ok(reader.direct)
    }

    /// Checks the families and tables of all that is in it.
    ///
    /// # Errors
    /// `INVALID_IPV`, `INVALID_TABLE`
    pub fn check(&self) -> Checked<()> {
        let chains = self.chains.iter().chain(self.rules.iter().map(|rule| &rule.chain));
        chains.into_iter().try_for_each(Chain::check)?;
        self.passthroughs.iter().try_for_each(|passthrough| check_family(&passthrough.family))
    }

    /// The file.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new("direct", &[]);
        for chain in &self.chains {
            writer.empty("chain", &chain_attributes(chain));
        }
        for rule in &self.rules {
            let [family, table, chain] = chain_attributes(&rule.chain);
            let priority = rule.priority.to_string();
            let attributes = [family, table, chain, ("priority", Some(priority.as_str()))];
            writer.text("rule", &attributes, &join(&rule.arguments));
        }
        for passthrough in &self.passthroughs {
            let attributes = [("ipv", Some(passthrough.family.as_str()))];
            writer.text("passthrough", &attributes, &join(&passthrough.arguments));
        }
        writer.finish()
    }
}

/// What a `rule` or `passthrough` holds is known at its end only.
#[derive(Debug, Default)]
struct DirectReader {
    direct: Direct,
    begun: bool,
    rule: Option<Rule>,
    passthrough: Option<String>,
}

impl Handler for DirectReader {
    fn start(&mut self, element: &Element) -> Checked<()> {
        let known: Option<Attributes> = match &*element.name {
            "direct" => Some((&[], &[])),
            "chain" => Some((&["ipv", "table", "chain"], &[])),
            "rule" => Some((&["ipv", "table", "chain", "priority"], &[])),
            "passthrough" => Some((&["ipv"], &[])),
            _ => None,
        };
        check_attributes(element, known)?;
        if element.name == "direct" {
            return match std::mem::replace(&mut self.begun, true) {
                true => Err(Code::ParseError.about("More than one direct tag.")),
                false => Ok(()),
            };
        }
        if !self.begun {
            return Ok(());
        }
        match &*element.name {
            "chain" => drop(add_once(&mut self.direct.chains, chain(element)?)),
            "rule" => {
                let chain = chain(element)?;
                if !FAMILIES.contains(&chain.family.as_str()) {
                    let detail = format!("'{}' not from {{'ipv4'|'ipv6'|'eb'}}", chain.family);
                    return Err(Code::InvalidIpv.about(detail));
                }
                // One whose priority is no number is passed over.
                self.rule = integer(need(element, "priority")?).map(|priority| Rule {
                    chain,
                    priority,
                    arguments: Vec::new(),
                });
            }
            _ => self.passthrough = Some(need(element, "ipv")?.to_owned()),
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        let words = || split_words(text).map_err(|error| Code::UnknownError.about(error));
        match name {
            "rule" => {
                if let Some(rule) = self.rule.take().filter(|_| !text.is_empty()) {
                    let arguments = words()?;
                    add_once(&mut self.direct.rules, Rule { arguments, ..rule });
                }
            }
            "passthrough" => {
                if let Some(family) = self.passthrough.take().filter(|_| !text.is_empty()) {
                    let arguments = words()?;
                    add_once(&mut self.direct.passthroughs, Passthrough { family, arguments });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn chain(element: &Element) -> Checked<Chain> {
    Ok(Chain {
        family: need(element, "ipv")?.to_owned(),
        table: need(element, "table")?.to_owned(),
        chain: need(element, "chain")?.to_owned(),
    })
}

impl Chain {
    /// Checks its family and table.
    ///
    /// # Errors
    /// `INVALID_IPV`, `INVALID_TABLE`
    pub fn check(&self) -> Checked<()> {
        check_table(&self.family, &self.table)
    }
}

/// Whether a chain, rule or passthrough can have this family.
///
/// # Errors
/// `INVALID_IPV`
pub(crate) fn check_family(family: &str) -> Checked<()> {
    if FAMILIES.contains(&family) {
        return Ok(());
    }
    let detail = format!("invalid argument: {family} (choose from 'ipv4', 'ipv6', 'eb')");
    Err(Code::InvalidIpv.about(detail))
}

/// Whether a family has this table.
///
/// `_check_ipv_table()` of core/fw_direct.py; the message has Python's text of the table names.
///
/// # Errors
/// `INVALID_IPV`, `INVALID_TABLE`
pub(crate) fn check_table(family: &str, table: &str) -> Checked<()> {
    check_family(family)?;
    let tables: &[&str] = if family == "eb" { &BRIDGE_TABLES } else { &TABLES };
    if tables.contains(&table) {
        return Ok(());
    }
    let tables: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
    Err(Code::InvalidTable.about(format!("'{table}' not in 'dict_keys([{}])'", tables.join(", "))))
}

fn chain_attributes(chain: &Chain) -> [(&'static str, Option<&str>); 3] {
    [
        ("ipv", Some(&chain.family)),
        ("table", Some(&chain.table)),
        ("chain", Some(&chain.chain)),
    ]
}

/// Joins words so that a shell would split them the same way.
pub(crate) fn join(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let text = "<direct><chain ipv=\"ipv4\" table=\"filter\" chain=\"c\"/><rule ipv=\"ipv4\" table=\"filter\" \
                    chain=\"INPUT\" priority=\"1\">-p tcp  --dport \"a b\" -j &amp;</rule>\
                    <passthrough ipv=\"ipv6\">-A x</passthrough></direct>";
        let direct = Direct::parse(text).unwrap();
        let expected = r#"<?xml version="1.0" encoding="utf-8"?>
<direct>
  <chain ipv="ipv4" table="filter" chain="c"/>
  <rule ipv="ipv4" table="filter" chain="INPUT" priority="1">-p tcp --dport 'a b' -j '&amp;'</rule>
  <passthrough ipv="ipv6">-A x</passthrough>
</direct>
"#;
        assert_eq!(direct.to_xml(), expected);
        assert_eq!(Direct::parse(expected).unwrap(), direct);
    }
}
