//! What zones and policies have in common: the list of what they let through, block and forward.

use std::collections::HashSet;

use super::address;
use super::code::{Checked, Code};
use super::generation::Feature;
use super::grammar::Grammar;
use super::port::{
    self, Port, Ranges, check_port, check_protocol, check_stored_port, check_stored_protocol, spell,
};
use super::reader::{Attributes, add_once, check_attributes, filled, need};
use super::rich::{self, Rule, RuleReader};
use super::xml::{Element, Writer};

/// What a zone or policy says about packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Names of services.
    pub services: Vec<String>,
    /// Destination ports.
    pub ports: Vec<Port>,
    /// Protocols, by name or number.
    pub protocols: Vec<String>,
    /// ICMP types to block.
    pub icmp_blocks: Vec<String>,
    /// Masquerading.
    pub masquerade: bool,
    /// Forwarded ports.
    pub forward_ports: Vec<ForwardPort>,
    /// Source ports.
    pub source_ports: Vec<Port>,
    /// Rich rules.
    pub rules: Vec<Rule>,
}

/// A forwarded port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ForwardPort {
    /// Port or range.
    pub port: String,
    /// Protocol.
    pub protocol: String,
    /// Port or range, empty for the same.
    pub to_port: String,
    /// Address, empty for this host.
    pub to_address: String,
}

impl ForwardPort {
    /// Reads `port=P:proto=PROTO[:toport=P][:toaddr=ADDRESS]`; `if=` is taken and dropped if
    /// `interface` says so, which is lokkit's form.
    pub fn parse(text: &str, interface: bool, grammar: &Grammar) -> Checked<ForwardPort> {
        let [mut port, mut protocol, mut to_port, mut to_address] = [None, None, None, None];
        let mut rest = text;
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
            // An IPv6 address has colons of its own; it can only stand at the end or in brackets.
            let (value, after) = match name {
                "toaddr" => split_address(value),
                _ => value.split_once(':').unwrap_or((value, "")),
            };
            match name {
                "port" => port = Some(value),
                "proto" => protocol = Some(value),
                "toport" => to_port = filled(value),
                "toaddr" => to_address = filled(value),
                "if" if interface => {}
                _ if !rest.contains('=') => break,
                _ => return Err(Code::InvalidForward.about(format!("invalid forward port arg '{name}'"))),
            }
            rest = after;
        }
        let port = port.ok_or_else(|| Code::InvalidForward.about("missing port"))?;
        let protocol = protocol.ok_or_else(|| Code::InvalidForward.about("missing protocol"))?;
        if to_port.is_none() && to_address.is_none() {
            return Err(Code::InvalidForward.about("missing destination"));
        }
        let forward = ForwardPort {
            port: port.to_owned(),
            protocol: protocol.to_owned(),
            to_port: to_port.unwrap_or_default().to_owned(),
            to_address: to_address.unwrap_or_default().to_owned(),
        };
        forward.check(grammar)?;
        Ok(forward)
    }

    fn check(&self, grammar: &Grammar) -> Checked<()> {
        check_port(&self.port, grammar)?;
        port::check_protocol_with_ports(&self.protocol)?;
        if !self.to_port.is_empty() {
            check_port(&self.to_port, grammar)?;
        }
        let to = &self.to_address;
        if !to.is_empty() && !address::is_ipv4(to) && !address::is_ipv6(to) {
            return Err(Code::InvalidAddr.about(to));
        }
        Ok(())
    }

    /// `port=P:proto=PROTO:toport=P:toaddr=ADDRESS`, as listings show it.
    pub fn listed(&self) -> String {
        format!(
            "port={}:proto={}:toport={}:toaddr={}",
            self.port, self.protocol, self.to_port, self.to_address
        )
    }
}

fn split_address(value: &str) -> (&str, &str) {
    let at = [":port=", ":proto=", ":toport=", ":toaddr=", ":if="]
        .iter()
        .filter_map(|next| value.find(next))
        .min();
    match at {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value, ""),
    }
}

/// The attributes of the elements that zones and policies share (`PARSER_REQUIRED_ELEMENT_ATTRS`
/// and `PARSER_OPTIONAL_ELEMENT_ATTRS` of `core/io/zone.py` and `core/io/policy.py`).
pub(super) fn attributes(name: &str, grammar: &Grammar) -> Option<Attributes> {
    Some(match name {
        "short" | "description" => (&[], &[]),
        "service" | "icmp-block" | "icmp-type" => (&["name"], &[]),
        "port" | "source-port" => (&["port", "protocol"], &[]),
        "protocol" => (&["value"], &[]),
        "forward-port" => (&["port", "protocol"], &["to-port", "to-addr"]),
        "rule" => (&[], &["family", "priority"]),
        "source" => (&[], &["address", "mac", "invert", "family", "ipset"]),
        "destination" if !grammar.has(Feature::DestinationIpset) => (&["address"], &["invert"]),
        "destination" => (&[], &["address", "invert", "ipset"]),
        "log" => (&[], &["prefix", "level"]),
        "nflog" if grammar.has(Feature::NfLog) => (&[], &["group", "prefix", "queue-size"]),
        "tcp-mss-clamp" if grammar.has(Feature::TcpMssClamp) => (&[], &["value"]),
        "audit" | "accept" | "drop" => (&[], &[]),
        "reject" => (&[], &["type"]),
        "mark" => (&["set"], &[]),
        "limit" if grammar.has(Feature::LimitBurst) => (&["value"], &["burst"]),
        "limit" => (&["value"], &[]),
        _ => return None,
    })
}

/// Reads what zones and policies share.
pub(super) struct TrafficReader<'d> {
    grammar: &'d Grammar<'d>,
    /// The zone in messages about ports.
    zone: &'d str,
    pub rules: RuleReader,
    pub traffic: Traffic,
    /// What firewalld logs of the file.
    pub log: Vec<String>,
    ports: Seen,
    source_ports: Seen,
    forward_ports: HashSet<ForwardPort>,
    rule_texts: HashSet<String>,
}

/// The ports that were read so far.
#[derive(Default)]
struct Seen {
    single: HashSet<Port>,
    ranges: Ranges,
}

impl<'d> TrafficReader<'d> {
    pub(super) fn new(zone: &'d str, grammar: &'d Grammar<'d>) -> Self {
        TrafficReader {
            grammar,
            zone,
            rules: RuleReader::default(),
            traffic: Traffic::default(),
            ports: Seen::default(),
            source_ports: Seen::default(),
            forward_ports: HashSet::new(),
            log: Vec::new(),
            rule_texts: HashSet::new(),
        }
    }

    /// Notes what is to be logged of something that is passed over, where the generation logs it.
    pub(super) fn note(&mut self, line: impl Into<String>) {
        self.log.push(line.into());
    }

    /// Notes that something is there twice. Since 2.3 nothing is logged about it.
    pub(super) fn repeated(&mut self, what: &str) {
        if self.grammar.has(Feature::RepeatsLogged) {
            self.note(format!("{what} already set, ignoring."));
        }
    }

    /// Checks the attributes at the beginning of an element, and takes it; false if it belongs to a zone
    /// or policy alone.
    pub(super) fn start(&mut self, element: &Element, attributes: Option<Attributes>) -> Checked<bool> {
        if self.rules.skips() {
            return Ok(true);
        }
        check_attributes(element, attributes)?;
        let grammar = self.grammar;
        if self.rules.start(element, grammar, &mut self.log)? {
            return Ok(true);
        }
        let own = |name| need(element, name);
        match &*element.name {
            "service" => {
                let name = own("name")?;
                if !add_once(&mut self.traffic.services, name.to_owned()) {
                    self.repeated(&format!("Service '{name}'"));
                }
            }
            "port" | "source-port" => self.port(element)?,
            "protocol" => {
                let value = own("value")?;
                check_protocol(value, grammar)?;
                if !add_once(&mut self.traffic.protocols, value.to_owned()) {
                    self.repeated(&format!("Protocol '{value}'"));
                }
            }
            "icmp-block" => {
                let name = own("name")?;
                if !add_once(&mut self.traffic.icmp_blocks, name.to_owned()) {
                    self.repeated(&format!("icmp-block '{name}'"));
                }
            }
            "masquerade" => {
                if std::mem::replace(&mut self.traffic.masquerade, true) {
                    self.repeated("Masquerade");
                }
            }
            "forward-port" => self.forward_port(element)?,
            "short" | "description" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn port(&mut self, element: &Element) -> Checked<()> {
        let (port, protocol) = (need(element, "port")?, need(element, "protocol")?);
        check_stored_port(port, self.grammar)?;
        check_stored_protocol(protocol)?;
        let port = Port::new(port, protocol);
        let (ports, seen, what) = match &*element.name {
            "port" => (&mut self.traffic.ports, &mut self.ports, "Port"),
            _ => (&mut self.traffic.source_ports, &mut self.source_ports, "Source port"),
        };
        self.log.extend(seen.logged(what, &port, self.zone, self.grammar));
        ports.push(port);
        Ok(())
    }

    fn forward_port(&mut self, element: &Element) -> Checked<()> {
        let forward = ForwardPort {
            port: need(element, "port")?.to_owned(),
            protocol: need(element, "protocol")?.to_owned(),
            to_port: element.get("to-port").unwrap_or_default().to_owned(),
            to_address: element.get("to-addr").unwrap_or_default().to_owned(),
        };
        check_stored_port(&forward.port, self.grammar)?;
        check_stored_protocol(&forward.protocol)?;
        if !forward.to_port.is_empty() {
            check_stored_port(&forward.to_port, self.grammar)?;
        }
        let to = &forward.to_address;
        if !to.is_empty() && !address::is_ipv4(to) && !address::is_ipv6(to) {
            return Err(Code::InvalidAddr.about(format!("to-addr '{to}' is not a valid address")));
        }
        if !self.forward_ports.insert(forward.normal(self.grammar)) {
            let to = |mark: &str, text: &str| match text {
                "" => String::new(),
                text => format!(" {mark}{text}"),
            };
            let (port, address) = (to(">", &forward.to_port), to("@", &forward.to_address));
            self.repeated(&format!("Forward port {}/{}{port}{address}", forward.port, forward.protocol));
        }
        self.traffic.forward_ports.push(forward);
        Ok(())
    }

    /// Takes the end of an element.
    pub(super) fn end(&mut self, name: &str) -> Checked<()> {
        let rule = self.rules.end(name, self.grammar, &mut self.log)?;
        let Some(rule) = rule else {
            return Ok(());
        };
        let text = rule.spelled(self.grammar);
        if self.rule_texts.contains(&text) {
            self.repeated(&format!("Rule '{text}'"));
        } else {
            self.rule_texts.insert(text);
            self.traffic.rules.push(rule);
        }
        Ok(())
    }

    /// Everything that was read; what is there twice counts once. Adds to a log what firewalld logs. Takes time in
    /// proportion to the length of the lists.
    pub(super) fn finish(mut self, log: &mut Vec<String>) -> Traffic {
        let grammar = self.grammar;
        log.append(&mut self.log);
        drop_equal(&mut self.traffic.forward_ports);
        drop_equal(&mut self.traffic.ports);
        drop_equal(&mut self.traffic.source_ports);
        if !grammar.has(Feature::PortsMerged) {
            // Ports are merged when the zone is added to what runs: FirewallPolicy.copy_permanent_to_runtime() of
            // 0.9.11.
            for ports in [&self.traffic.ports, &self.traffic.source_ports] {
                let mut ranges = Ranges::default();
                log.extend(ports.iter().filter_map(|port| ranges.within(port, self.zone, grammar)));
            }
        }
        if grammar.has(Feature::SortedRules) {
            rich::sort(&mut self.traffic.rules);
        }
        self.traffic
    }
}

impl Seen {
    /// What is logged of a port that was read before: from 1.1 to 2.2 of one inside of earlier ranges, before
    /// 1.1 of the same again.
    fn logged(&mut self, what: &str, port: &Port, zone: &str, grammar: &Grammar) -> Option<String> {
        if !grammar.has(Feature::RepeatsLogged) {
            return None;
        }
        if grammar.has(Feature::PortsMerged) {
            return self.ranges.within(port, zone, grammar);
        }
        let is_new = self.single.insert(Port::new(spell(port.range(grammar)?), &*port.protocol));
        (!is_new).then(|| format!("{what} '{port}' already set, ignoring."))
    }
}

impl Ranges {
    /// Takes a port in; what is logged of one inside of earlier ranges.
    fn within(&mut self, port: &Port, zone: &str, grammar: &Grammar) -> Option<String> {
        let range = port.range(grammar)?;
        let taken = self.take(&port.protocol, range, 0);
        let text = format!("'{}:{}' already in '{zone}'", spell(range), port.protocol);
        taken.is_none().then(|| Code::AlreadyEnabled.about(text).to_string())
    }
}

impl ForwardPort {
    /// With numbers in their shortest spelling.
    fn normal(&self, grammar: &Grammar) -> ForwardPort {
        let shortest = |text: &str| port::range(text, grammar).map_or_else(|| text.to_owned(), spell);
        ForwardPort {
            port: shortest(&self.port),
            to_port: shortest(&self.to_port),
            ..self.clone()
        }
    }
}

impl Traffic {
    /// Merges ports as firewalld does when it loads the configuration: since 1.1 those that overlap,
    /// before only those that are the same.
    pub(crate) fn merge_ports(&mut self, grammar: &Grammar) {
        for ports in [&mut self.ports, &mut self.source_ports] {
            if grammar.has(Feature::PortsMerged) {
                *ports = port::merge(std::mem::take(ports), grammar);
                continue;
            }
            for port in &mut *ports {
                if let Some(range) = port.range(grammar) {
                    port.port = spell(range);
                }
            }
            drop_equal(ports);
        }
        for forward in &mut self.forward_ports {
            *forward = forward.normal(grammar);
        }
    }

    pub(super) fn write(&self, writer: &mut Writer, grammar: &Grammar) {
        let named = |writer: &mut Writer, element: &str, attribute: &str, values: &[String]| {
            for value in values {
                writer.empty(element, &[(attribute, Some(value))]);
            }
        };
        named(writer, "service", "name", &self.services);
        write_ports(writer, "port", &self.ports);
        named(writer, "protocol", "value", &self.protocols);
        named(writer, "icmp-block", "name", &self.icmp_blocks);
        if self.masquerade {
            writer.empty("masquerade", &[]);
        }
        for forward in &self.forward_ports {
            writer.empty(
                "forward-port",
                &[
                    ("port", Some(&forward.port)),
                    ("protocol", Some(&forward.protocol)),
                    ("to-port", filled(&forward.to_port)),
                    ("to-addr", filled(&forward.to_address)),
                ],
            );
        }
        write_ports(writer, "source-port", &self.source_ports);
        // Until they are written, new rules come behind those that are there: they are checked in this order
        // (observed with 2.3.1 and 2.5.2).
        let mut rules = self.rules.clone();
        if grammar.has(Feature::SortedRules) {
            rich::sort(&mut rules);
        }
        for rule in rules {
            rule.write(writer, grammar);
        }
    }
}

/// Keeps the first of those that are equal.
fn drop_equal<T: std::hash::Hash + Eq + Clone>(list: &mut Vec<T>) {
    let mut seen = HashSet::with_capacity(list.len());
    list.retain(|value| seen.insert(value.clone()));
}

pub(super) fn write_ports(writer: &mut Writer, element: &str, ports: &[Port]) {
    for port in ports {
        writer.empty(element, &[("port", Some(&port.port)), ("protocol", Some(&port.protocol))]);
    }
}
