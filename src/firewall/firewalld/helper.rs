//! Connection tracking helpers: `helpers/NAME.xml` (firewalld.helper(5)).

use super::code::{Checked, Code};
use super::names::Names;
use super::port::Port;
use super::reader::{Head, add_once, document, filled, need, only, unexpected};
use super::traffic::{read_port, write_ports};
use super::xml::Writer;

/// What a helper's module begins with.
pub const MODULE_PREFIX: &str = "nf_conntrack_";

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
    pub fn parse(text: &str, names: &Names) -> Checked<Helper> {
        let root = document(text, "helper", Code::InvalidHelper)?;
        only(&root, &["name", "version", "family", "module"])?;
        let mut helper = Helper {
            family: root.get("family").unwrap_or_default().to_owned(),
            module: need(&root, "module")?,
            ..Helper::default()
        };
        check_family(&helper.family)?;
        check_module(&helper.module)?;
        helper.head.version = root.get("version").unwrap_or_default().to_owned();
        for child in &root.children {
            if helper.head.read(child) {
                continue;
            }
            if child.name != "port" {
                return unexpected(child);
            }
            add_once(&mut helper.ports, read_port(child, names)?);
        }
        Ok(helper)
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

/// Whether a helper can have this module.
pub fn check_module(module: &str) -> Checked<()> {
    match module.strip_prefix(MODULE_PREFIX) {
        None => Err(Code::InvalidModule.about(format!("'{module}' does not start with '{MODULE_PREFIX}'"))),
        Some("") => Err(Code::InvalidModule.about(format!("Module name '{module}' too short"))),
        Some(_) => Ok(()),
    }
}

/// Whether a helper can have this family.
pub fn check_family(family: &str) -> Checked<()> {
    if matches!(family, "" | "ipv4" | "ipv6") {
        return Ok(());
    }
    Err(Code::InvalidIpv.about(format!("invalid argument: {family} (choose from '', 'ipv4', 'ipv6')")))
}
