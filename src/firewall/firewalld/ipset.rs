//! Sets of addresses: `ipsets/NAME.xml` (firewalld.ipset(5)).

use std::collections::HashSet;

use super::address::{is_interface, is_ipv4, is_ipv4_net, is_ipv6, is_ipv6_net, is_mac};
use super::code::{Checked, Code, Fault};
use super::reader::{Head, document, filled, need, only, unexpected};
use super::traffic::first_of_each;
use super::xml::Writer;

/// Types of sets, as listed.
pub const TYPES: [&str; 11] = [
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

/// Longest name.
const NAME_LENGTH: usize = 31;

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
    /// What is to be said of entries in the file that were left out.
    pub left_out: Vec<String>,
}

impl Ipset {
    /// Reads a set's file.
    pub fn parse(text: &str) -> Checked<Ipset> {
        let root = document(text, "ipset", Code::InvalidIpset)?;
        only(&root, &["type", "version"])?;
        let mut ipset = Ipset {
            kind: need(&root, "type")?,
            ..Ipset::default()
        };
        check_type(&ipset.kind)?;
        ipset.head.version = root.get("version").unwrap_or_default().to_owned();
        for child in &root.children {
            if ipset.head.read(child) {
                continue;
            }
            match &*child.name {
                "option" => {
                    only(child, &["name", "value"])?;
                    let name = need(child, "name")?;
                    if !OPTIONS.contains(&name.as_str()) {
                        return Err(Code::InvalidOption.about(format!("Unknown option '{name}'")));
                    }
                    let value = child.get("value").unwrap_or_default();
                    check_option(&name, value)?;
                    ipset.options.push((name, value.to_owned()));
                }
                "entry" => {
                    only(child, &[])?;
                    ipset.entries.push(child.text.clone());
                }
                _ => return unexpected(child),
            }
        }
        first_of_each(&mut ipset.options, |(name, _)| name.clone());
        ipset.leave_out();
        Ok(ipset)
    }

    /// Leaves out entries that are there twice or do not fit.
    fn leave_out(&mut self) {
        let mut seen = HashSet::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            if let Err(fault) = self.check_entry(&entry) {
                self.left_out.push(format!("{fault}, ignoring."));
            } else if seen.insert(entry.clone()) {
                self.entries.push(entry);
            } else {
                self.left_out.push(format!("Entry {entry} already set, ignoring."));
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

    fn is_ipv6(&self) -> bool {
        self.option("family") == Some("inet6")
    }

    /// Whether an entry fits the set's type and family.
    pub fn check_entry(&self, entry: &str) -> Checked<()> {
        let family = if self.is_ipv6() { "ipv6" } else { "ipv4" };
        let kinds = self.kind.strip_prefix("hash:").unwrap_or_default();
        let bad = |what: &str, part: &str| {
            let detail = format!("invalid {what} '{part}' in '{entry}' for {} ({family})", self.kind);
            Code::InvalidEntry.about(detail)
        };
        let kinds: Vec<&str> = kinds.split(',').collect();
        let parts: Vec<&str> = entry.split(',').collect();
        if kinds.len() != parts.len() {
            return Err(Code::InvalidEntry
                .about(format!("entry '{entry}' does not match ipset type '{}'", self.kind)));
        }
        for (kind, part) in kinds.iter().zip(&parts) {
            match self.misfit(kind, part) {
                Some("") | None => {}
                Some(what @ "mac address") => {
                    return Err(Code::InvalidEntry.about(format!("invalid {what} '{part}' in '{entry}'")));
                }
                Some(what) => return Err(bad(what, part)),
            }
        }
        Ok(())
    }

    /// What a part of an entry is not, if it does not fit.
    fn misfit(&self, kind: &str, part: &str) -> Option<&'static str> {
        let address = |text: &str| {
            if self.is_ipv6() {
                is_ipv6(text)
            } else {
                is_ipv4(text)
            }
        };
        let net = |text: &str| {
            if self.is_ipv6() {
                is_ipv6_net(text)
            } else {
                is_ipv4_net(text)
            }
        };
        let range = |single: &dyn Fn(&str) -> bool| match part.split_once('-') {
            Some((first, last)) if !self.is_ipv6() => address(first) && address(last),
            _ => single(part),
        };
        let (fits, what) = match kind {
            "ip" => (range(&address) || (!self.is_ipv6() && net(part)), "address"),
            "net" => (range(&net), "address"),
            "mac" => (is_mac(part) && part != "00:00:00:00:00:00", "mac address"),
            "iface" => (is_interface(part), "interface"),
            "mark" => (is_number(part), "mark"),
            "port" => (is_entry_port(part), "port"),
            _ => (true, ""),
        };
        (!fits).then_some(what)
    }
}

fn is_number(text: &str) -> bool {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).is_ok(),
        None => text.parse::<u32>().is_ok(),
    }
}

/// `[PROTOCOL:]PORT[-PORT]`
fn is_entry_port(text: &str) -> bool {
    let port = text.split_once(':').map_or(text, |(_, port)| port);
    let mut bounds = port.splitn(2, '-');
    bounds.all(|bound| bound.parse::<u16>().is_ok() || bound.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// Whether a set can be of this type.
pub fn check_type(kind: &str) -> Checked<()> {
    if TYPES.contains(&kind) {
        return Ok(());
    }
    Err(Code::InvalidType.about(format!("'{kind}' is not valid ipset type")))
}

/// Whether a set can have this option.
pub fn check_option(name: &str, value: &str) -> Checked<()> {
    let bad = |detail: String| -> Fault { Code::InvalidIpset.about(detail) };
    match name {
        "family" if matches!(value, "inet" | "inet6") => Ok(()),
        "family" => Err(Code::InvalidFamily.about(value)),
        "timeout" | "hashsize" | "maxelem" => match value.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(()),
            Ok(_) => Err(Code::InvalidValue.about(format!("Option '{name}': Value '{value}' is negative"))),
            Err(_) => {
                Err(Code::InvalidValue.about(format!("Option '{name}': Value '{value}' is not an integer")))
            }
        },
        _ => Err(bad(format!("ipset invalid option '{name}'"))),
    }
}

/// Whether a set can have this name.
pub fn check_name(name: &str) -> Checked<()> {
    if name.chars().count() > NAME_LENGTH {
        return Err(Code::InvalidName.about(format!("'{name}' is too long, max is {NAME_LENGTH}")));
    }
    Ok(())
}
