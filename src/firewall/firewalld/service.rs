//! Services: `services/NAME.xml` (firewalld.service(5)).

use super::code::{Checked, Code};
use super::names::Names;
use super::port::{Port, check_protocol};
use super::reader::{Head, add_once, document, need, only, unexpected};
use super::store::{Kind, Tree};
use super::traffic::{first_of_each, read_port, write_ports};
use super::xml::{Element, Writer};
use crate::error::{Error, Result};
use crate::root::Root;

/// A service: what it opens when a zone lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Version, short name, description.
    pub head: Head,
    /// Destination ports.
    pub ports: Vec<Port>,
    /// Protocols, by name or number.
    pub protocols: Vec<String>,
    /// Source ports.
    pub source_ports: Vec<Port>,
    /// Connection tracking helpers by the name of their module.
    pub modules: Vec<String>,
    /// Only packets to these addresses: family (`ipv4`, `ipv6`) and address or network.
    pub destinations: Vec<(String, String)>,
    /// Services that this one includes.
    pub includes: Vec<String>,
    /// Connection tracking helpers.
    pub helpers: Vec<String>,
}

impl Service {
    /// Loads a service: the local file, or the shipped one if there is none.
    pub fn load(root: &Root, name: &str) -> Result<Option<Service>> {
        let tree = Tree::of(root);
        let Some(text) = tree.read(Kind::Service, name)? else {
            return Ok(None);
        };
        let parsed = Service::parse(&text, &Names::of(root));
        parsed.map(Some).map_err(|fault| {
            Error::malformed(tree.find(Kind::Service, name).unwrap_or_default(), fault.to_string())
        })
    }

    /// Writes the service to its local file, keeping the file that was there as `NAME.xml.old`.
    pub fn save(&self, root: &Root, name: &str) -> Result<()> {
        Tree::of(root).replace(Kind::Service, name, &self.to_xml()).map(drop)
    }

    /// Reads a service file. What is there twice counts once.
    pub fn parse(text: &str, names: &Names) -> Checked<Service> {
        let root = document(text, "service", Code::InvalidService)?;
        only(&root, &["name", "version"])?;
        let mut service = Service::default();
        service.head.version = root.get("version").unwrap_or_default().to_owned();
        for child in &root.children {
            if !service.head.read(child) {
                service.read(child, names)?;
            }
        }
        first_of_each(&mut service.ports, Clone::clone);
        first_of_each(&mut service.source_ports, Clone::clone);
        Ok(service)
    }

    fn read(&mut self, child: &Element, names: &Names) -> Checked<()> {
        match &*child.name {
            // The old way to name a protocol as a whole.
            "port" if child.get("port") == Some("") => {
                let protocol = need(child, "protocol")?;
                check_protocol(&protocol, names)?;
                add_once(&mut self.protocols, protocol);
            }
            "port" => self.ports.push(read_port(child, names)?),
            "source-port" => self.source_ports.push(read_port(child, names)?),
            "protocol" => {
                only(child, &["value"])?;
                let value = need(child, "value")?;
                check_protocol(&value, names)?;
                add_once(&mut self.protocols, value);
            }
            "module" => {
                only(child, &["name"])?;
                let name = need(child, "name")?;
                // `nf_conntrack_NAME` is the helper's module; the helper is what is meant.
                let name = match name.strip_prefix("nf_conntrack_") {
                    Some(helper) => helper.replace('_', "-"),
                    None => name,
                };
                add_once(&mut self.modules, name);
            }
            "destination" => self.read_destination(child)?,
            "include" => {
                only(child, &["service"])?;
                add_once(&mut self.includes, need(child, "service")?);
            }
            "helper" => {
                only(child, &["name"])?;
                add_once(&mut self.helpers, need(child, "name")?);
            }
            _ => return unexpected(child),
        }
        Ok(())
    }

    fn read_destination(&mut self, child: &Element) -> Checked<()> {
        only(child, &["ipv4", "ipv6"])?;
        for family in ["ipv4", "ipv6"] {
            if let Some(address) = child.get(family) {
                if !super::address::is_net(family, address) {
                    return Err(Code::InvalidAddr.about(format!("'{address}' is not valid {family} address")));
                }
                if self.destination(family).is_none() {
                    self.destinations.push((family.to_owned(), address.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// The destination of a family.
    pub fn destination(&self, family: &str) -> Option<&str> {
        let found = self.destinations.iter().find(|(known, _)| known == family);
        found.map(|(_, address)| address.as_str())
    }

    /// The service's file.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new("service", &[("version", self.head.version())]);
        self.head.write(&mut writer);
        write_ports(&mut writer, "port", &self.ports);
        for protocol in &self.protocols {
            writer.empty("protocol", &[("value", Some(protocol))]);
        }
        write_ports(&mut writer, "source-port", &self.source_ports);
        for module in &self.modules {
            writer.empty("module", &[("name", Some(module))]);
        }
        if !self.destinations.is_empty() {
            let family = |family: &'static str| (family, self.destination(family));
            writer.empty("destination", &[family("ipv4"), family("ipv6")]);
        }
        for service in &self.includes {
            writer.empty("include", &[("service", Some(service))]);
        }
        for helper in &self.helpers {
            writer.empty("helper", &[("name", Some(helper))]);
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_spellings_become_the_present_ones() {
        let text = "<service version='1' name='foo'><include service='ssh'/><helper name='ftp'/>\
            <module name='nf_conntrack_ftp'/><module name='nf_nat_tftp'/><short>a</short>\
            <destination ipv6='fe80::/64' ipv4='1.2.3.4'/><destination ipv4='1.2.3.5'/>\
            <port port='' protocol='gre'/><port port='90' protocol='tcp'/><protocol value='esp'/>\
            <source-port protocol='tcp' port='9'/><description>d\n e</description></service>";
        let expected = r#"<?xml version="1.0" encoding="utf-8"?>
<service version="1">
  <short>a</short>
  <description>d  e</description>
  <port port="90" protocol="tcp"/>
  <protocol value="gre"/>
  <protocol value="esp"/>
  <source-port port="9" protocol="tcp"/>
  <module name="ftp"/>
  <module name="nf_nat_tftp"/>
  <destination ipv4="1.2.3.4" ipv6="fe80::/64"/>
  <include service="ssh"/>
  <helper name="ftp"/>
</service>
"#;
        let service = Service::parse(text, &Names::none()).unwrap();
        assert_eq!(service.to_xml(), expected);
        assert_eq!(Service::parse(expected, &Names::none()).unwrap(), service);
    }

    #[test]
    fn an_empty_service_has_a_line_for_its_end() {
        let text = Service::default().to_xml();
        assert_eq!(text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service>\n</service>\n");
    }
}
