//! Zones: `zones/NAME.xml` (firewalld.zone(5)).

use super::address;
use super::code::{Checked, Code};
use super::names::Names;
use super::reader::{Head, document, filled, need, only, unexpected};
use super::store::{Kind, Tree};
use super::traffic::{Traffic, first_of_each};
use super::xml::Writer;
use crate::error::{Error, Result};
use crate::root::Root;

/// Targets that a zone can have.
pub const TARGETS: [&str; 4] = ["default", "ACCEPT", "DROP", "%%REJECT%%"];

/// A zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    /// Version, short name, description.
    pub head: Head,
    /// What becomes of packets that nothing below matches: `default`, `ACCEPT`, `DROP` or
    /// `%%REJECT%%`. Empty is `default`, and not written.
    pub target: String,
    /// What is let through, blocked and forwarded.
    pub traffic: Traffic,
    /// Interfaces that are bound to the zone.
    pub interfaces: Vec<String>,
    /// Sources that are bound to it: addresses, networks, MAC addresses, `ipset:NAME`.
    pub sources: Vec<String>,
    /// Block every ICMP type but those that are listed.
    pub icmp_block_inversion: bool,
    /// Let packets pass between the zone's interfaces and sources.
    pub forward: bool,
    /// firewalld 2.x: `ingress-priority` and `egress-priority`, as in the file.
    pub priorities: (Option<String>, Option<String>),
}

impl Zone {
    /// Loads a zone: the local file, or the shipped one if there is none.
    pub fn load(root: &Root, name: &str) -> Result<Option<Zone>> {
        let tree = Tree::of(root);
        let Some(text) = tree.read(Kind::Zone, name)? else {
            return Ok(None);
        };
        let parsed = Zone::parse(&text, &Names::of(root));
        parsed.map(Some).map_err(|fault| {
            Error::malformed(tree.find(Kind::Zone, name).unwrap_or_default(), fault.to_string())
        })
    }

    /// Writes the zone to its local file, keeping the file that was there as `NAME.xml.old`.
    pub fn save(&self, root: &Root, name: &str) -> Result<()> {
        Tree::of(root).replace(Kind::Zone, name, &self.to_xml()).map(drop)
    }

    /// Reads a zone file. What is there twice counts once.
    pub fn parse(text: &str, names: &Names) -> Checked<Zone> {
        let root = document(text, "zone", Code::InvalidZone)?;
        only(
            &root,
            &[
                "name",
                "immutable",
                "target",
                "version",
                "ingress-priority",
                "egress-priority",
            ],
        )?;
        let own = |name: &str| root.get(name).unwrap_or_default().to_owned();
        let mut zone = Zone {
            target: own("target"),
            priorities: (
                root.get("ingress-priority").map(str::to_owned),
                root.get("egress-priority").map(str::to_owned),
            ),
            ..Zone::default()
        };
        zone.head.version = own("version");
        if !zone.target.is_empty() && !TARGETS.contains(&zone.target.as_str()) {
            return Err(Code::InvalidTarget.about(&zone.target));
        }
        for child in &root.children {
            if zone.head.read(child) || zone.traffic.read(child, names, &["enabled"])? {
                continue;
            }
            zone.read(child)?;
        }
        zone.traffic.drop_repeats();
        first_of_each(&mut zone.interfaces, Clone::clone);
        first_of_each(&mut zone.sources, Clone::clone);
        Ok(zone)
    }

    fn read(&mut self, child: &super::xml::Element) -> Checked<()> {
        match &*child.name {
            "interface" => {
                only(child, &["name"])?;
                self.interfaces.push(need(child, "name")?);
            }
            "source" => {
                only(child, &["address", "mac", "invert", "family", "ipset"])?;
                match (child.get("address"), child.get("ipset")) {
                    (Some(address), None) if !address::is_source(address) => {
                        return Err(Code::InvalidAddr.about(address));
                    }
                    (Some(address), None) => self.sources.push(address.to_owned()),
                    (None, Some(ipset)) => self.sources.push(format!("ipset:{ipset}")),
                    (None, None) => self.left_out("No address no ipset."),
                    (Some(_), Some(_)) => self.left_out("Address and ipset."),
                }
            }
            "icmp-block-inversion" => self.icmp_block_inversion = true,
            "forward" => self.forward = true,
            "zone" => {}
            _ => return unexpected(child),
        }
        Ok(())
    }

    fn left_out(&mut self, why: &str) {
        self.traffic.left_out.push(format!("Invalid source: {why}"));
    }

    /// The zone's file.
    pub fn to_xml(&self) -> String {
        let target = filled(&self.target);
        let mut writer = Writer::new(
            "zone",
            &[
                ("version", self.head.version()),
                ("target", target),
                ("ingress-priority", self.priorities.0.as_deref()),
                ("egress-priority", self.priorities.1.as_deref()),
            ],
        );
        self.head.write(&mut writer);
        self.traffic.write(&mut writer);
        for interface in &self.interfaces {
            writer.empty("interface", &[("name", Some(interface))]);
        }
        for source in &self.sources {
            match source.strip_prefix("ipset:") {
                Some(ipset) => writer.empty("source", &[("ipset", Some(ipset))]),
                None => writer.empty("source", &[("address", Some(source))]),
            }
        }
        if self.icmp_block_inversion {
            writer.empty("icmp-block-inversion", &[]);
        }
        if self.forward {
            writer.empty("forward", &[]);
        }
        writer.finish()
    }

    /// The target's name, `default` if none was given.
    pub fn target(&self) -> &str {
        filled(&self.target).unwrap_or("default")
    }

    /// Whether an interface or source is bound to the zone.
    pub fn is_active(&self) -> bool {
        !self.interfaces.is_empty() || !self.sources.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<zone version="1" target="DROP">
  <short>A &amp; B</short>
  <description>d</description>
  <service name="ssh"/>
  <port port="1-2" protocol="tcp"/>
  <protocol value="gre"/>
  <icmp-block name="echo-request"/>
  <masquerade/>
  <forward-port port="1" protocol="tcp" to-addr="1.2.3.4"/>
  <forward-port port="5" protocol="udp" to-port="6"/>
  <source-port port="1" protocol="tcp"/>
  <rule family="ipv4" priority="-5">
    <source address="10.0.0.0/8" invert="True"/>
    <service name="ssh"/>
    <log prefix="a'b" level="info">
      <limit value="2/m"/>
    </log>
    <audit/>
    <reject type="icmp-net-unreachable"/>
  </rule>
  <rule family="ipv4">
    <source mac="00:11:22:33:44:55"/>
    <nflog group="2" prefix="p" queue-size="4">
      <limit value="2/s"/>
    </nflog>
    <drop/>
  </rule>
  <interface name="eth0"/>
  <source address="10.0.0.0/8"/>
  <source ipset="x"/>
  <icmp-block-inversion/>
  <forward/>
</zone>
"#;

    #[test]
    fn a_file_with_everything_comes_back_byte_for_byte() {
        let zone = Zone::parse(FULL, &Names::none()).unwrap();
        assert_eq!(zone.to_xml(), FULL);
        assert!(zone.is_active());
    }

    #[test]
    fn what_is_there_twice_or_makes_no_sense_is_left_out() {
        let text = "<zone name='z' immutable='1'><!-- c --><service name='a'/><service name='a'/>\
                    <rule><accept/></rule><rule><port port='x' protocol='tcp'/><accept/></rule>\
                    <source mac='00:11:22:33:44:55'/><interface name='x'/><interface name='x'/>\
                    <description>a\n b</description></zone>";
        let zone = Zone::parse(text, &Names::none()).unwrap();
        assert_eq!(
            zone.to_xml().lines().skip(1).collect::<Vec<_>>(),
            [
                "<zone>",
                "  <description>a  b</description>",
                "  <service name=\"a\"/>",
                "  <interface name=\"x\"/>",
                "</zone>"
            ]
        );
    }

    #[test]
    fn bad_files_are_refused_with_a_code() {
        for (text, expected) in [
            ("<zone><foo/></zone>", "PARSE_ERROR: Unexpected element foo"),
            ("<zone><service/></zone>", "PARSE_ERROR: Missing attribute name for service"),
            ("<zone foo='1'/>", "PARSE_ERROR: zone: Unexpected attribute foo"),
            ("<zones/>", "PARSE_ERROR: Unexpected element zones"),
            ("<zone target='x'/>", "INVALID_TARGET: x"),
            ("<zone><port port='x' protocol='tcp'/></zone>", "INVALID_PORT: 'x' is invalid port range"),
            (
                "<zone><port port='1' protocol='x'/></zone>",
                "INVALID_PROTOCOL: 'x' not from {'tcp'|'udp'|'sctp'|'dccp'}",
            ),
            ("<zone><source address='10'/></zone>", "INVALID_ADDR: 10"),
            ("<zone><protocol value='zz'/></zone>", "INVALID_PROTOCOL: zz"),
        ] {
            assert_eq!(Zone::parse(text, &Names::none()).unwrap_err().to_string(), expected, "{text}");
        }
        let error = Zone::parse("<zone", &Names::none()).unwrap_err();
        assert_eq!(error.code, Code::InvalidZone);
    }
}
