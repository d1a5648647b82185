//! Connection tracking helpers: `helpers/NAME.xml` (firewalld.helper(5)).

use super::code::{Checked, Code};
use super::grammar::Grammar;
use super::port::{Port, check_stored_port, check_stored_protocol};
use super::reader::{self, Head, add_once, check_attributes, filled, need};
use super::traffic::write_ports;
use super::xml::{Element, Handler, Writer};

/// What a helper's module begins with.
const MODULE_PREFIX: &str = "nf_conntrack_";

/// A helper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Helper {
    /// Version, short name, description.
    pub head: Head,
    /// `ipv4`, `ipv6`, or empty for both.
    pub family: String,
    /// The kernel module.
    pub module: String,
    /// Ports that it watches.
    pub ports: Vec<Port>,
}

impl Helper {
    /// Reads a helper's file.
    ///
    /// # Errors
    /// The first thing in it that firewalld refuses.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Helper> {
        let mut reader = HelperReader {
            grammar,
            helper: Helper::default(),
        };
        reader::read(text, "helper", Code::InvalidHelper, &mut reader)?;
        Ok(reader.helper)
    }

    /// The helper's file.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new(
            "helper",
            &[
                ("module", Some(&self.module)),
                ("version", self.head.version()),
                ("family", filled(&self.family)),
            ],
        );
        self.head.write(&mut writer);
        write_ports(&mut writer, "port", &self.ports);
        writer.finish()
    }
}

struct HelperReader<'d> {
    grammar: &'d Grammar<'d>,
    helper: Helper,
}

impl Handler for HelperReader<'_> {
    fn start(&mut self, element: &Element) -> Checked<()> {
        let known: Option<reader::Attributes> = match &*element.name {
            "short" | "description" => Some((&[], &[])),
            "helper" => Some((&["module"], &["name", "version", "family"])),
            "port" => Some((&[], &["port", "protocol"])),
            _ => None,
        };
        check_attributes(element, known)?;
        match &*element.name {
            "helper" => {
                self.helper.head.version_of(element);
                if let Some(family) = element.get("family") {
                    check_stored_family(family)?;
                    family.clone_into(&mut self.helper.family);
                }
                let module = need(element, "module")?;
                check_module(module)?;
                module.clone_into(&mut self.helper.module);
            }
            "port" => {
                let (port, protocol) = (need(element, "port")?, need(element, "protocol")?);
                check_stored_port(port, self.grammar)?;
                check_stored_protocol(protocol)?;
                add_once(&mut self.helper.ports, Port::new(port, protocol));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        self.helper.head.read(name, text);
        Ok(())
    }
}

/// Whether a file can have this family (`check_ipv` of `core/io/helper.py`).
fn check_stored_family(family: &str) -> Checked<()> {
    if matches!(family, "ipv4" | "ipv6") {
        return Ok(());
    }
    Err(Code::InvalidIpv.about(format!("'{family}' not in '['ipv4', 'ipv6']'")))
}

/// Whether a helper can have this module.
pub(crate) fn check_module(module: &str) -> Checked<()> {
    match module.strip_prefix(MODULE_PREFIX) {
        None => Err(Code::InvalidModule.about(format!("'{module}' does not start with '{MODULE_PREFIX}'"))),
        Some("") => Err(Code::InvalidModule.about(format!("Module name '{module}' too short"))),
        Some(_) => Ok(()),
    }
}

/// Whether a helper can have this family.
pub(crate) fn check_family(family: &str) -> Checked<()> {
    if matches!(family, "" | "ipv4" | "ipv6") {
        return Ok(());
    }
    Err(Code::InvalidIpv.about(format!("invalid argument: {family} (choose from '', 'ipv4', 'ipv6')")))
}
