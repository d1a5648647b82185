//! What zones and policies have in common: the list of what they let through, block and forward.

use super::address;
use super::code::{Checked, Code};
use super::generation::Feature;
use super::grammar::Grammar;
use super::port::{self, Port, check_port, check_protocol, check_stored_port, check_stored_protocol};
use super::reader::{Attributes, add_once, check_attributes, filled, need};
use super::rich::{self, Rule, RuleReader};
use super::xml::{Element, Writer};

/// What a zone or policy says about packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Grammar of services.
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
    /// What is to be said of rules and sources in the file that were left out or cut.
    pub left_out: Vec<String>,
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
    pub rules: RuleReader,
    /// Grammar that messages about ports end with: the zone's, where it is known.
    pub traffic: Traffic,
}

impl<'d> TrafficReader<'d> {
    pub(super) fn new(grammar: &'d Grammar<'d>) -> Self {
        TrafficReader {
            grammar,
            rules: RuleReader::default(),
            traffic: Traffic::default(),
        }
    }

    /// Notes what is to be logged of something that is passed over, where the generation logs it.
    pub(super) fn note(&mut self, line: impl Into<String>) {
        self.traffic.left_out.push(line.into());
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
        if self.rules.start(element, grammar, &mut self.traffic.left_out)? {
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
            "port" => self.port(element, |traffic| &mut traffic.ports)?,
            "source-port" => self.port(element, |traffic| &mut traffic.source_ports)?,
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

    fn port(&mut self, element: &Element, list: fn(&mut Traffic) -> &mut Vec<Port>) -> Checked<()> {
        let (port, protocol) = (need(element, "port")?, need(element, "protocol")?);
        check_stored_port(port, self.grammar)?;
        check_stored_protocol(protocol)?;
        list(&mut self.traffic).push(Port::new(port, protocol));
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
        self.traffic.forward_ports.push(forward);
        Ok(())
    }

    /// Takes the end of an element.
    pub(super) fn end(&mut self, name: &str) -> Checked<()> {
        let rule = self.rules.end(name, self.grammar, &mut self.traffic.left_out)?;
        self.traffic.rules.extend(rule);
        Ok(())
    }

    /// Everything that was read; what is there twice counts once. Takes time in proportion to the
    /// length of the lists.
    pub(super) fn finish(mut self) -> Traffic {
        let grammar = self.grammar;
        let repeated = drop_equal(&mut self.traffic.forward_ports);
        for forward in repeated {
            let to = |mark: &str, text: &str| match text {
                "" => String::new(),
                text => format!(" {mark}{text}"),
            };
            let (port, address) = (to(">", &forward.to_port), to("@", &forward.to_address));
            self.repeated(&format!("Forward port {}/{}{port}{address}", forward.port, forward.protocol));
        }
        for (list, what) in [(0, "Port"), (1, "Source port")] {
            let ports = [&mut self.traffic.ports, &mut self.traffic.source_ports];
            let repeated = ports.into_iter().nth(list).map(drop_equal).unwrap_or_default();
            for port in repeated.iter().filter(|_| !grammar.has(Feature::PortsMerged)) {
                self.repeated(&format!("{what} '{port}'"));
            }
        }
        let mut seen = std::collections::HashSet::new();
        let rules = std::mem::take(&mut self.traffic.rules);
        for rule in rules {
            let text = rule.spelled(grammar);
            if seen.contains(&text) {
                self.repeated(&format!("Rule '{text}'"));
            } else {
                seen.insert(text);
                self.traffic.rules.push(rule);
            }
        }
        if grammar.has(Feature::SortedRules) {
            rich::sort(&mut self.traffic.rules);
        }
        self.traffic
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
                    port.port = port::spell(range);
                }
            }
            let _ = drop_equal(ports);
        }
        for forward in &mut self.forward_ports {
            if let Some(range) = port::range(&forward.port, grammar) {
                forward.port = port::spell(range);
            }
            if let Some(range) = port::range(&forward.to_port, grammar) {
                forward.to_port = port::spell(range);
            }
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

/// Keeps the first of those that are equal; returns the others.
pub(super) fn drop_equal<T: std::hash::Hash + Eq + Clone>(list: &mut Vec<T>) -> Vec<T> {
    let mut seen = std::collections::HashSet::with_capacity(list.len());
    let (kept, dropped) = std::mem::take(list).into_iter().partition(|value| seen.insert(value.clone()));
    *list = kept;
    dropped
}

pub(super) fn write_ports(writer: &mut Writer, element: &str, ports: &[Port]) {
    for port in ports {
        writer.empty(element, &[("port", Some(&port.port)), ("protocol", Some(&port.protocol))]);
    }
}
