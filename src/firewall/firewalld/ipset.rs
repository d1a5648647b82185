//! Sets of addresses: `ipsets/NAME.xml` (firewalld.ipset(5)).

use std::collections::HashSet;

use super::code::{Checked, Code};
use super::generation::Feature;
use super::grammar::Grammar;
use super::ipset_entry;
use super::port::integer;
use super::reader::{self, Head, check_attributes, filled, need};
use super::xml::{Element, Handler, Writer};

/// Types of sets, as listed.
pub(crate) const TYPES: [&str; 11] = [
    "hash:ip",
    "hash:ip,mark",
    "hash:ip,port",
    "hash:ip,port,ip",
    "hash:ip,port,net",
    "hash:mac",
    "hash:net",
    "hash:net,iface",
    "hash:net,net",
    "hash:net,port",
    "hash:net,port,net",
];

/// Options that a set can have.
const OPTIONS: [&str; 4] = ["family", "timeout", "hashsize", "maxelem"];

/// A set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ipset {
    /// Version, short name, description.
    pub head: Head,
    /// `hash:ip`, `hash:net`, ...
    pub kind: String,
    /// Options with their values, which may be empty.
    pub options: Vec<(String, String)>,
    /// Entries.
    pub entries: Vec<String>,
}

impl Ipset {
    /// Reads a set's file. Entries that are there twice or do not fit are left out.
    ///
    /// # Errors
    /// The first thing in it that firewalld refuses.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Ipset> {
        Ipset::parse_logged("", text, grammar, &mut Vec::new())
    }

    /// Reads the file of the set NAME, and adds to a log what firewalld logs of it.
    ///
    /// # Errors
    /// As [`Ipset::parse`].
    pub(crate) fn parse_logged(
        name: &str,
        text: &str,
        grammar: &Grammar,
        log: &mut Vec<String>,
    ) -> Checked<Ipset> {
        let mut reader = IpsetReader {
            ipset: Ipset::default(),
            log,
        };
        reader::read(text, "ipset", Code::InvalidIpset, &mut reader)?;
        let mut ipset = reader.ipset;
        ipset.leave_out(name, grammar, log);
        Ok(ipset)
    }

    fn leave_out(&mut self, name: &str, grammar: &Grammar, log: &mut Vec<String>) {
        if self.has_timeout() && !self.entries.is_empty() {
            log.push(format!("ipset '{name}': timeout option is set, entries are ignored"));
            self.entries.clear();
        }
        let mut seen = HashSet::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            if seen.contains(&entry) {
                log.push(format!("Entry {entry} already set, ignoring."));
            } else if let Err(fault) = self.check_entry(&entry, grammar) {
                log.push(format!("{fault}, ignoring."));
            } else {
                seen.insert(entry.clone());
                self.entries.push(entry);
            }
        }
    }

    /// The set's file.
    pub fn to_xml(&self) -> String {
        let attributes = [
            ("type", Some(self.kind.as_str())),
            ("version", self.head.version()),
        ];
        let mut writer = Writer::new("ipset", &attributes);
        self.head.write(&mut writer);
        for (name, value) in &self.options {
            writer.empty("option", &[("name", Some(name)), ("value", filled(value))]);
        }
        for entry in &self.entries {
            writer.text("entry", &[], entry);
        }
        writer.finish()
    }

    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether entries stay for a time only: then the kernel alone has them.
    pub(crate) fn has_timeout(&self) -> bool {
        self.option("timeout").is_some_and(|timeout| timeout != "0")
    }

    /// Whether an entry fits the set's type and family.
    ///
    /// # Errors
    /// `INVALID_ENTRY`
    pub(crate) fn check_entry(&self, entry: &str, grammar: &Grammar) -> Checked<()> {
        ipset_entry::check(entry, &self.kind, self.option("family") == Some("inet6"), grammar)
    }

    /// Checks the set as it is about to be stored (`IPSet.import_config`).
    ///
    /// # Errors
    /// `IPSET_WITH_TIMEOUT`, `INVALID_ENTRY`, and what is wrong with its type and options.
    pub fn check(&self, grammar: &Grammar) -> Checked<()> {
        if self.has_timeout() && !self.entries.is_empty() {
            return Err(Code::IpsetWithTimeout.about(""));
        }
        self.entries.iter().try_for_each(|entry| self.check_entry(entry, grammar))?;
        check_type(&self.kind)?;
        for (name, value) in &self.options {
            check_option(name, value)?;
            let most = integer(value).and_then(|most| usize::try_from(most).ok());
            if name == "maxelem"
                && most.is_some_and(|most| self.entries.len() > most)
                && grammar.has(Feature::IpsetSizeChecked)
            {
                let detail = format!("the number of ipset entries exceeds the maximum set size of {value}");
                return Err(Code::InvalidIpset.about(detail));
            }
        }
        Ok(())
    }
}

struct IpsetReader<'l> {
    ipset: Ipset,
    log: &'l mut Vec<String>,
}

impl Handler for IpsetReader<'_> {
    fn start(&mut self, element: &Element) -> Checked<()> {
        let known: Option<reader::Attributes> = match &*element.name {
            "short" | "description" | "entry" => Some((&[], &[])),
            "ipset" => Some((&["type"], &["version"])),
            "option" => Some((&["name"], &["value"])),
            _ => None,
        };
        check_attributes(element, known)?;
        match &*element.name {
            "ipset" => {
                let kind = need(element, "type")?;
                if !TYPES.contains(&kind) {
                    return Err(Code::InvalidType.about(kind));
                }
                kind.clone_into(&mut self.ipset.kind);
                self.ipset.head.version_of(element);
            }
            "option" => self.read_option(element)?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        self.ipset.head.read(name, text);
        if name == "entry" {
            self.ipset.entries.push(text.to_owned());
        }
        Ok(())
    }
}

impl IpsetReader<'_> {
    fn read_option(&mut self, element: &Element) -> Checked<()> {
        let name = need(element, "name")?;
        let value = element.get("value").unwrap_or_default();
        let wrong = if !OPTIONS.contains(&name) {
            format!("Unknown option '{name}'")
        } else if self.ipset.kind == "hash:mac" && name == "family" {
            format!("Unsupported option '{name}' for type '{}'", self.ipset.kind)
        } else if value.is_empty() {
            format!("Missing mandatory value of option '{name}'")
        } else {
            check_option(name, value)?;
            if self.ipset.option(name).is_some() {
                self.log.push(format!("Option {name} already set, ignoring."));
            } else {
                self.ipset.options.push((name.to_owned(), value.to_owned()));
            }
            return Ok(());
        };
        Err(Code::InvalidOption.about(wrong))
    }
}

/// Whether a set can be of this type.
fn check_type(kind: &str) -> Checked<()> {
    if TYPES.contains(&kind) {
        return Ok(());
    }
    Err(Code::InvalidType.about(format!("'{kind}' is not valid ipset type")))
}

/// Whether a set can have this option.
///
/// # Errors
/// `INVALID_IPSET` for an unknown one, `INVALID_VALUE` and `INVALID_FAMILY` for a value.
fn check_option(name: &str, value: &str) -> Checked<()> {
    match name {
        "family" if matches!(value, "inet" | "inet6") => Ok(()),
        "family" => Err(Code::InvalidFamily.about(value)),
        "timeout" | "hashsize" | "maxelem" => match integer(value) {
            Some(number) if number >= 0 => Ok(()),
            Some(_) => Err(Code::InvalidValue.about(format!("Option '{name}': Value '{value}' is negative"))),
            None => {
                Err(Code::InvalidValue.about(format!("Option '{name}': Value '{value}' is not an integer")))
            }
        },
        _ => Err(Code::InvalidIpset.about(format!("ipset invalid option '{name}'"))),
    }
}
