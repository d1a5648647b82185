//! `direct.xml`: rules in the packet filter's own language (firewalld.direct(5)).

use super::code::{Checked, Code};
use super::port::integer;
use super::reader::{add_once, document, need, only, unexpected};
use super::rich::split_words;
use super::xml::Writer;

/// The file's name in the local configuration.
pub const FILE: &str = "direct.xml";

/// Families that chains, rules and passthroughs can have.
pub const FAMILIES: [&str; 3] = ["ipv4", "ipv6", "eb"];

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
    pub fn parse(text: &str) -> Checked<Direct> {
        let root = document(text, "direct", Code::InvalidType)?;
        let mut direct = Direct::default();
        for child in &root.children {
            let chain = || -> Checked<Chain> {
                Ok(Chain {
                    family: need(child, "ipv")?,
                    table: need(child, "table")?,
                    chain: need(child, "chain")?,
                })
            };
            let arguments = split_words(child.text.trim()).map_err(|error| Code::ParseError.about(error))?;
            match &*child.name {
                "chain" => {
                    only(child, &["ipv", "table", "chain"])?;
                    add_once(&mut direct.chains, chain()?);
                }
                "rule" => {
                    only(child, &["ipv", "table", "chain", "priority"])?;
                    let priority = need(child, "priority")?;
                    let bad = || Code::UnknownError.about(format!("'{priority}' is not a valid priority"));
                    let priority = integer(&priority).ok_or_else(bad)?;
                    add_once(
                        &mut direct.rules,
                        Rule {
                            chain: chain()?,
                            priority,
                            arguments,
                        },
                    );
                }
                "passthrough" => {
                    only(child, &["ipv"])?;
                    let family = need(child, "ipv")?;
                    add_once(&mut direct.passthroughs, Passthrough { family, arguments });
                }
                _ => return unexpected(child),
            }
        }
        Ok(direct)
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

fn chain_attributes(chain: &Chain) -> [(&'static str, Option<&str>); 3] {
    [
        ("ipv", Some(&chain.family)),
        ("table", Some(&chain.table)),
        ("chain", Some(&chain.chain)),
    ]
}

/// Joins words so that a shell would split them the same way.
pub fn join(words: &[String]) -> String {
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
