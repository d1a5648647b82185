//! Zones: `zones/NAME.xml` (firewalld.zone(5)).

use super::address;
use super::code::{Checked, Code, no_number};
use super::generation::Feature;
use super::grammar::Grammar;
use super::port::integer;
use super::reader::{self, Attributes, Head, add_once, filled, need};
use super::traffic::{Traffic, TrafficReader};
use super::xml::{Element, Handler, Writer};

/// Targets that a zone can have.
pub(crate) const TARGETS: [&str; 4] = ["default", "ACCEPT", "DROP", "%%REJECT%%"];

/// How firewalld itself spells `default`; read, and not written.
pub(crate) const INTERNAL_TARGET: &str = "{chain}_{zone}";

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
    /// Which zone classifies what enters first, the lowest number first; -32768 to 32767, 0 if unset
    /// (firewalld 2.0 and later).
    pub ingress_priority: i64,
    /// The same for what leaves.
    pub egress_priority: i64,
}

impl Zone {
    /// Reads a zone file. What is there twice counts once.
    ///
    /// # Errors
    /// The first thing in it that the grammar's generation refuses.
    pub fn parse(text: &str, grammar: &Grammar) -> Checked<Zone> {
        Zone::parse_logged("", text, grammar, &mut Vec::new())
    }

    /// Reads the file of the zone NAME, and adds to a log what firewalld logs of it.
    ///
    /// # Errors
    /// As [`Zone::parse`].
    pub(crate) fn parse_logged(
        name: &str,
        text: &str,
        grammar: &Grammar,
        log: &mut Vec<String>,
    ) -> Checked<Zone> {
        let mut reader = ZoneReader {
            grammar,
            zone: Zone::default(),
            traffic: TrafficReader::new(name, grammar),
        };
        let read = reader::read(text, "zone", Code::InvalidZone, &mut reader);
        let mut zone = reader.zone;
        zone.traffic = reader.traffic.finish(log);
        read.map(|()| zone)
    }

    /// The zone's file.
    pub fn to_xml(&self, grammar: &Grammar) -> String {
        let target = filled(&self.target);
        let priority = |priority: i64| (priority != 0).then(|| priority.to_string());
        let (ingress, egress) = (priority(self.ingress_priority), priority(self.egress_priority));
        let mut writer = Writer::new(
            "zone",
            &[
                ("version", self.head.version()),
                ("target", target),
                ("ingress-priority", ingress.as_deref()),
                ("egress-priority", egress.as_deref()),
            ],
        );
        self.head.write(&mut writer);
        self.traffic.write(&mut writer, grammar);
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
    pub(crate) fn is_active(&self) -> bool {
        !self.interfaces.is_empty() || !self.sources.is_empty()
    }
}

/// The attributes of a zone file's elements.
fn attributes(name: &str, grammar: &Grammar) -> Option<Attributes> {
    Some(match name {
        "zone" if grammar.has(Feature::ZonePriorities) => (
            &[],
            &[
                "name",
                "immutable",
                "target",
                "version",
                "ingress-priority",
                "egress-priority",
            ],
        ),
        "zone" => (&[], &["name", "immutable", "target", "version"]),
        "masquerade" => (&[], &["enabled"]),
        "interface" => (&["name"], &[]),
        "forward" | "icmp-block-inversion" => (&[], &[]),
        _ => return super::traffic::attributes(name, grammar),
    })
}

struct ZoneReader<'d> {
    grammar: &'d Grammar<'d>,
    zone: Zone,
    traffic: TrafficReader<'d>,
}

impl Handler for ZoneReader<'_> {
    fn start(&mut self, element: &Element) -> Checked<()> {
        if self.traffic.start(element, attributes(&element.name, self.grammar))? {
            return Ok(());
        }
        match &*element.name {
            "zone" => self.zone(element)?,
            "forward" => {
                if std::mem::replace(&mut self.zone.forward, true) {
                    self.traffic.repeated("Forward");
                }
            }
            "icmp-block-inversion" => {
                if std::mem::replace(&mut self.zone.icmp_block_inversion, true) {
                    self.traffic.repeated("Icmp-Block-Inversion");
                }
            }
            "interface" => self.interface(element)?,
            _ => self.source(element)?,
        }
        Ok(())
    }

    fn end(&mut self, name: &str, text: &str) -> Checked<()> {
        self.zone.head.read(name, text);
        self.traffic.end(name)
    }
}

impl ZoneReader<'_> {
    fn zone(&mut self, element: &Element) -> Checked<()> {
        for old in ["name", "immutable"] {
            if let Some(value) = element.get(old) {
                self.traffic.note(format!("Ignoring deprecated attribute {old}='{value}'"));
            }
        }
        self.zone.head.version_of(element);
        if let Some(target) = element.get("target") {
            if !TARGETS.contains(&target) && target != INTERNAL_TARGET {
                return Err(Code::InvalidTarget.about(target));
            }
            if target != INTERNAL_TARGET {
                target.clone_into(&mut self.zone.target);
            }
        }
        for (name, slot) in [
            ("ingress-priority", &mut self.zone.ingress_priority),
            ("egress-priority", &mut self.zone.egress_priority),
        ] {
            if let Some(text) = element.get(name) {
                *slot = integer(text).ok_or_else(|| no_number(text))?;
            }
        }
        Ok(())
    }

    fn interface(&mut self, element: &Element) -> Checked<()> {
        if self.traffic.rules.is_open() {
            let log = &mut self.traffic.log;
            return self.traffic.rules.reject(
                self.grammar,
                log,
                "interface use in rule.",
                "Interface is not valid in rule.",
            );
        }
        let name = need(element, "name")?;
        if !add_once(&mut self.zone.interfaces, name.to_owned()) {
            self.traffic.repeated(&format!("Interface '{name}'"));
        }
        Ok(())
    }

    /// A source that the zone is bound to. Before 2.3 one that makes no sense is passed over.
    fn source(&mut self, element: &Element) -> Checked<()> {
        let (address, ipset) = (element.get("address"), element.get("ipset"));
        let (source, wrong) = match (address, ipset) {
            (None, None) => ("", Some(("No address no ipset.", "No address or ipset specified."))),
            (Some(_), Some(_)) => {
                ("", Some(("Address and ipset.", "Both address and ipset (can only use one).")))
            }
            _ if element.get("invert").is_some() => {
                ("", Some(("Invertion not allowed here.", "Invert not allowed.")))
            }
            (Some(address), None) => (address, None),
            (None, Some(ipset)) => (ipset, None),
        };
        if let Some((lenient, strict)) = wrong {
            if self.grammar.has(Feature::StrictRules) {
                return Err(Code::InvalidSource.about(strict));
            }
            self.traffic.note(format!("Invalid source: {lenient}"));
            return Ok(());
        }
        if let Some(family) = element.get("family") {
            self.traffic.note(format!("Ignoring deprecated attribute family='{family}'"));
        }
        if ipset.is_none() && (source.starts_with("ipset:") || !address::is_source(source)) {
            return Err(Code::InvalidAddr.about(source));
        }
        let source = match ipset {
            Some(ipset) => format!("ipset:{ipset}"),
            None => source.to_owned(),
        };
        if !add_once(&mut self.zone.sources, source.clone()) {
            self.traffic.repeated(&format!("Source '{source}'"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::firewalld::Generation;

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
        let grammar = Grammar::of_generation(Generation(1, 3));
        let zone = Zone::parse(FULL, &grammar).unwrap();
        assert_eq!(zone.to_xml(&grammar), FULL);
        assert!(zone.is_active());
    }

    #[test]
    fn zone_entries_that_are_repeated_or_invalid_are_left_out() {
        let text = "<zone name='z' immutable='1'><!-- c --><service name='a'/><service name='a'/>\
                    <rule><accept/></rule><rule><port port='x' protocol='tcp'/><accept/></rule>\
                    <source mac='00:11:22:33:44:55'/><interface name='x'/><interface name='x'/>\
                    <description>a\n b</description></zone>";
        let grammar = Grammar::of_generation(Generation(1, 3));
        let zone = Zone::parse(text, &grammar).unwrap();
        assert_eq!(
            zone.to_xml(&grammar).lines().skip(1).collect::<Vec<_>>(),
            [
                "<zone>",
                "  <description>a  b</description>",
                "  <service name=\"a\"/>",
                "  <interface name=\"x\"/>",
                "</zone>"
            ]
        );
    }

    /// Observed with firewall-offline-cmd of 0.9.11, 1.3.3 and 2.3.1.
    #[test]
    fn ports_within_a_zone_s_ranges_are_logged_as_the_generation_does() {
        let text = "<zone><port port='80-90' protocol='tcp'/><port port='085' protocol='tcp'/>\
                    <port port='80-90' protocol='tcp'/><port port='85' protocol='udp'/>\
                    <source-port port='85' protocol='tcp'/></zone>";
        let within = "ALREADY_ENABLED: '85:tcp' already in 'z'";
        for (generation, expected) in [
            (Generation(0, 9), vec!["Port '80-90/tcp' already set, ignoring.", within]),
            (Generation(1, 3), vec![within, "ALREADY_ENABLED: '80-90:tcp' already in 'z'"]),
            (Generation(2, 3), vec![]),
        ] {
            let mut log = Vec::new();
            Zone::parse_logged("z", text, &Grammar::of_generation(generation), &mut log).unwrap();
            assert_eq!(log, expected, "{generation}");
        }
    }

    #[test]
    fn bad_files_are_refused_with_a_code() {
        for (text, expected) in [
            ("<zone><foo/></zone>", "PARSE_ERROR: Unexpected element foo"),
            ("<zone><service/></zone>", "PARSE_ERROR: Missing attribute name for service"),
            ("<zone foo='1'/>", "PARSE_ERROR: zone: Unexpected attribute foo"),
            ("<zones/>", "PARSE_ERROR: Unexpected element zones"),
            ("<zone target=''/>", "INVALID_TARGET"),
            ("<service><x/></service>", "PARSE_ERROR: Missing attribute name for service"),
            ("<zone target='x'/>", "INVALID_TARGET: x"),
            ("<zone><port port='x' protocol='tcp'/></zone>", "INVALID_PORT: 'x' is invalid port range"),
            (
                "<zone><port port='1' protocol='x'/></zone>",
                "INVALID_PROTOCOL: 'x' not from {'tcp'|'udp'|'sctp'|'dccp'}",
            ),
            ("<zone><source address='10'/></zone>", "INVALID_ADDR: 10"),
            ("<zone><protocol value='zz'/></zone>", "INVALID_PROTOCOL: zz"),
        ] {
            assert_eq!(
                Zone::parse(text, &Grammar::of_generation(Generation(1, 3))).unwrap_err().to_string(),
                expected,
                "{text}"
            );
        }
        let error = Zone::parse("<zone", &Grammar::of_generation(Generation(1, 3))).unwrap_err();
        assert_eq!(error.code, Code::InvalidZone);
    }

    #[test]
    fn what_one_generation_reads_another_refuses() {
        let in_generation = |text: &str, generation| {
            let grammar = Grammar::of_generation(generation);
            Zone::parse(text, &grammar)
                .map(|zone| zone.to_xml(&grammar))
                .map_err(|fault| fault.to_string())
        };
        let priorities = "<zone ingress-priority='-5'/>";
        let error = in_generation(priorities, Generation(1, 3)).unwrap_err();
        assert_eq!(error, "PARSE_ERROR: zone: Unexpected attribute ingress-priority");
        assert!(in_generation(priorities, Generation(2, 0)).unwrap().contains("ingress-priority=\"-5\""));
        let rule = "<zone><rule><accept/></rule></zone>";
        assert!(!in_generation(rule, Generation(2, 2)).unwrap().contains("rule"));
        let error = in_generation(rule, Generation(2, 3)).unwrap_err();
        assert_eq!(error, "INVALID_RULE: no element, no source, no destination");
        let nflog = "<zone><rule><port port='1' protocol='tcp'/><nflog/><accept/></rule></zone>";
        assert!(in_generation(nflog, Generation(0, 9)).is_err());
        assert!(in_generation(nflog, Generation(1, 1)).is_ok());
    }
}
