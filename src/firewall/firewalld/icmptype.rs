//! ICMP types: `icmptypes/NAME.xml` (firewalld.icmptype(5)).

use super::code::{Checked, Code};
use super::reader::{Head, document, is_true, only, unexpected};
use super::xml::Writer;

/// An ICMP type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Icmptype {
    /// Version, short name, description.
    pub head: Head,
    /// The families that know it, `ipv4` and `ipv6`; none means both.
    pub destinations: Vec<String>,
}

impl Icmptype {
    /// Reads an ICMP type's file.
    pub fn parse(text: &str) -> Checked<Icmptype> {
        let root = document(text, "icmptype", Code::InvalidIcmptype)?;
        only(&root, &["name", "version"])?;
        let mut icmptype = Icmptype::default();
        icmptype.head.version = root.get("version").unwrap_or_default().to_owned();
        for child in &root.children {
            if icmptype.head.read(child) {
                continue;
            }
            if child.name != "destination" {
                return unexpected(child);
            }
            only(child, &["ipv4", "ipv6"])?;
            for family in ["ipv4", "ipv6"] {
                if child.get(family).is_some_and(is_true) {
                    icmptype.destinations.push(family.to_owned());
                }
            }
        }
        Ok(icmptype)
    }

    /// The families, all of them if none is named.
    pub fn effective_destinations(&self) -> Vec<String> {
        if self.destinations.is_empty() {
            return vec!["ipv4".to_owned(), "ipv6".to_owned()];
        }
        self.destinations.clone()
    }

    /// The ICMP type's file.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new("icmptype", &[("version", self.head.version())]);
        self.head.write(&mut writer);
        if !self.destinations.is_empty() {
            let yes = |family: &str| self.destinations.iter().any(|known| known == family).then_some("yes");
            writer.empty("destination", &[("ipv4", yes("ipv4")), ("ipv6", yes("ipv6"))]);
        }
        writer.finish()
    }
}
