//! ICMP types: `icmptypes/NAME.xml` (firewalld.icmptype(5)).

use super::code::{Checked, Code};
use super::reader::{self, Head, add_once, check_attributes, is_true};
use super::xml::{Element, Handler, Writer};

/// An ICMP type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Icmptype {
    /// Version, short name, description.
    pub head: Head,
    /// The families that know it, `ipv4` and `ipv6`, in the order in which they are written; none means both.
    pub destinations: Vec<String>,
}

impl Icmptype {
    /// Reads an ICMP type's file.
    ///
    /// # Errors
    /// The first thing in it that firewalld refuses.
    pub fn parse(text: &str) -> Checked<Icmptype> {
        let mut icmptype = Icmptype::default();
        reader::read(text, "icmptype", Code::InvalidIcmptype, &mut icmptype)?;
        Ok(icmptype)
    }

    /// The families, all of them if none is named.
    pub(crate) fn effective_destinations(&self) -> Vec<String> {
        if self.destinations.is_empty() {
            return vec!["ipv4".to_owned(), "ipv6".to_owned()];
        }
        self.destinations.clone()
    }

    /// Adds a family; none means all of them (addDestination() of `client.py`, 1.3.3).
    ///
    /// # Errors
    /// `ALREADY_ENABLED`
    pub(crate) fn add_destination(&mut self, family: &str) -> Checked<()> {
        if self.effective_destinations().iter().any(|known| known == family) {
            return Err(Code::AlreadyEnabled.about(family));
        }
        self.destinations.push(family.to_owned());
        Ok(())
    }

    /// Takes a family away; where it was the last, the type is for all of them again (removeDestination() of
    /// `client.py`, 1.3.3).
    ///
    /// # Errors
    /// `NOT_ENABLED`
    pub(crate) fn remove_destination(&mut self, family: &str) -> Checked<()> {
        let mut families = self.effective_destinations();
        let at = families.iter().position(|known| known == family);
        families.remove(at.ok_or_else(|| Code::NotEnabled.about(family))?);
        self.destinations = families;
        Ok(())
    }

    /// The ICMP type's file.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new("icmptype", &[("version", self.head.version())]);
        self.head.write(&mut writer);
        if !self.destinations.is_empty() {
            let mut families: Vec<(&str, Option<&str>)> = Vec::new();
            for family in &self.destinations {
                add_once(&mut families, (family, Some("yes")));
            }
            writer.empty("destination", &families);
        }
        writer.finish()
    }
}

impl Handler for Icmptype {
    fn start(&mut self, element: &Element) -> Checked<()> {
        let known: Option<reader::Attributes> = match &*element.name {
            "short" | "description" => Some((&[], &[])),
            "icmptype" => Some((&[], &["name", "version"])),
            "destination" => Some((&[], &["ipv4", "ipv6"])),
            _ => None,
        };
        check_attributes(element, known)?;
        match &*element.name {
            "icmptype" => self.head.version_of(element),
            "destination" => {
                for family in ["ipv4", "ipv6"] {
                    if element.get(family).is_some_and(is_true) {
                        self.destinations.push(family.to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        self.head.read(name, text);
        Ok(())
    }
}
