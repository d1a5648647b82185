//! Services: `services/NAME.xml` (firewalld.service(5)).

use std::collections::HashSet;

use super::code::{Checked, Code};
use super::grammar::Grammar;
use super::port::{Port, check_protocol, check_stored_port, check_stored_protocol};
use super::reader::{self, Attributes, Head, add_once, check_attributes, need};
use super::traffic::write_ports;
use super::xml::{Element, Handler, Writer};

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
    /// Reads a service file. What is there twice counts once.
    ///
    /// # Errors
    /// The first thing in it that firewalld refuses.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Service> {
        Service::parse_logged(text, grammar, &mut Vec::new())
    }

    /// Reads a service file, and adds to a log what firewalld logs of it.
    ///
    /// # Errors
    /// As [`Service::parse`].
    pub(crate) fn parse_logged(text: &str, grammar: &Grammar, log: &mut Vec<String>) -> Checked<Service> {
        let mut reader = ServiceReader {
            grammar,
            service: Service::default(),
            seen: HashSet::new(),
            log,
        };
        reader::read(text, "service", Code::InvalidService, &mut reader)?;
        Ok(reader.service)
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

/// The attributes of a service file's elements. Many are asked for only when they are used.
fn attributes(name: &str) -> Option<Attributes> {
    Some(match name {
        "short" | "description" => (&[], &[]),
        "service" => (&[], &["name", "version"]),
        "port" | "source-port" => (&[], &["port", "protocol"]),
        "protocol" => (&[], &["value"]),
        "module" | "helper" => (&[], &["name"]),
        "destination" => (&[], &["ipv4", "ipv6"]),
        "include" => (&[], &["service"]),
        _ => return None,
    })
}

struct ServiceReader<'d, 'l> {
    grammar: &'d Grammar<'d>,
    service: Service,
    /// Ports and source ports, by their elements: there may be thousands.
    seen: HashSet<(bool, Port)>,
    log: &'l mut Vec<String>,
}

impl Handler for ServiceReader<'_, '_> {
    fn start(&mut self, element: &Element) -> Checked<()> {
        check_attributes(element, attributes(&element.name))?;
        let own = |name| need(element, name);
        let service = &mut self.service;
        match &*element.name {
            "service" => {
                service.head.version_of(element);
                if let Some(name) = element.get("name") {
                    self.log.push(format!("Ignoring deprecated attribute name='{name}'"));
                }
            }
            // The old way to name a protocol as a whole.
            "port" if own("port")?.is_empty() => self.protocol(own("protocol")?)?,
            "port" | "source-port" => self.port(element)?,
            "protocol" => self.protocol(own("value")?)?,
            "module" => {
                // `nf_conntrack_NAME` is the helper's module; the helper is what is meant.
                let name = own("name")?;
                let name = match name.strip_prefix("nf_conntrack_") {
                    Some(helper) => helper.replace('_', "-"),
                    None => name.to_owned(),
                };
                let is_new = add_once(&mut service.modules, name.clone());
                self.repeated(is_new, || format!("Module '{name}' already set, ignoring."));
            }
            "destination" => self.destination(element)?,
            "include" => {
                let name = own("service")?;
                let is_new = add_once(&mut service.includes, name.to_owned());
                self.repeated(is_new, || format!("Include '{name}' already set, ignoring."));
            }
            "helper" => {
                let name = own("name")?;
                let is_new = add_once(&mut service.helpers, name.to_owned());
                self.repeated(is_new, || format!("Helper '{name}' already set, ignoring."));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        self.service.head.read(name, text);
        Ok(())
    }
}

impl ServiceReader<'_, '_> {
    fn repeated(&mut self, is_new: bool, line: impl FnOnce() -> String) {
        if !is_new {
            self.log.push(line());
        }
    }

    fn port(&mut self, element: &Element) -> Checked<()> {
        let port = need(element, "port")?;
        check_stored_port(port, self.grammar)?;
        let protocol = need(element, "protocol")?;
        check_stored_protocol(protocol)?;
        let (port, is_source) = (Port::new(port, protocol), element.name == "source-port");
        let (list, what) = match is_source {
            false => (&mut self.service.ports, "Port"),
            true => (&mut self.service.source_ports, "SourcePort"),
        };
        let is_new = self.seen.insert((is_source, port.clone()));
        if is_new {
            list.push(port.clone());
        }
        self.repeated(is_new, || format!("{what} '{port}' already set, ignoring."));
        Ok(())
    }

    fn protocol(&mut self, protocol: &str) -> Checked<()> {
        check_protocol(protocol, self.grammar)?;
        let is_new = add_once(&mut self.service.protocols, protocol.to_owned());
        self.repeated(is_new, || format!("Protocol '{protocol}' already set, ignoring."));
        Ok(())
    }

    fn destination(&mut self, element: &Element) -> Checked<()> {
        for family in ["ipv4", "ipv6"] {
            let Some(address) = element.get(family) else {
                continue;
            };
            if !super::address::is_net(family, address) {
                return Err(Code::InvalidAddr.about(format!("'{address}' is not valid {family} address")));
            }
            let is_new = self.service.destination(family).is_none();
            if is_new {
                self.service.destinations.push((family.to_owned(), address.to_owned()));
            }
            self.repeated(is_new, || format!("Destination address for '{family}' already set, ignoring"));
        }
        Ok(())
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
        let mut log = Vec::new();
        let service = Service::parse_logged(text, &Grammar::none(), &mut log).unwrap();
        assert_eq!(service.to_xml(), expected);
        let expected_log = [
            "Ignoring deprecated attribute name='foo'",
            "Destination address for 'ipv4' already set, ignoring",
        ];
        assert_eq!(log, expected_log);
        assert_eq!(Service::parse(expected, &Grammar::none()).unwrap(), service);
    }

    #[test]
    fn an_empty_service_has_a_line_for_its_end() {
        let text = Service::default().to_xml();
        assert_eq!(text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service>\n</service>\n");
    }
}
