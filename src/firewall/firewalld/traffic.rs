//! What zones and policies have in common: the list of what they let through, block and forward.

use super::address;
use super::code::{Checked, Code};
use super::names::Names;
use super::port::{self, Port, check_port, check_protocol};
use super::reader::{filled, need, only};
use super::rich::Rule;
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
    /// What is to be said of rules and sources in the file that were left out or cut.
    pub left_out: Vec<String>,
}

/// A forwarded port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    pub fn parse(text: &str, interface: bool, names: &Names) -> Checked<ForwardPort> {
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
        forward.check(names)?;
        Ok(forward)
    }

    fn check(&self, names: &Names) -> Checked<()> {
        check_port(&self.port, names)?;
        port::check_protocol_with_ports(&self.protocol)?;
        if !self.to_port.is_empty() {
            check_port(&self.to_port, names)?;
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

impl Traffic {
    /// Reads one element of a zone or policy; false if it is none of these. What is there twice
    /// counts once, and a rich rule that makes no sense is left out.
    /// `masquerade` are the attributes that `<masquerade>` may have; none of them says anything.
    pub(super) fn read(&mut self, child: &Element, names: &Names, masquerade: &[&str]) -> Checked<bool> {
        match &*child.name {
            "service" => {
                only(child, &["name"])?;
                self.services.push(need(child, "name")?);
            }
            "port" => self.ports.push(read_port(child, names)?),
            "source-port" => self.source_ports.push(read_port(child, names)?),
            "protocol" => {
                only(child, &["value"])?;
                let value = need(child, "value")?;
                check_protocol(&value, names)?;
                self.protocols.push(value);
            }
            "icmp-block" => {
                only(child, &["name"])?;
                self.icmp_blocks.push(need(child, "name")?);
            }
            "masquerade" => {
                only(child, masquerade)?;
                self.masquerade = true;
            }
            "forward-port" => self.forward_ports.push(read_forward_port(child, names)?),
            "rule" => self.rules.extend(Rule::read(child, names, &mut self.left_out)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Drops what is there twice. Takes time in proportion to the length of the lists.
    pub(super) fn drop_repeats(&mut self) {
        drop_equal(&mut self.services);
        drop_equal(&mut self.ports);
        drop_equal(&mut self.protocols);
        drop_equal(&mut self.icmp_blocks);
        first_of_each(&mut self.forward_ports, ForwardPort::listed);
        drop_equal(&mut self.source_ports);
        first_of_each(&mut self.rules, Rule::to_string);
    }

    /// Merges ports as firewalld does when it loads the configuration.
    pub fn merge_ports(&mut self, names: &Names) {
        self.ports = port::merge(std::mem::take(&mut self.ports), names);
        self.source_ports = port::merge(std::mem::take(&mut self.source_ports), names);
        for forward in &mut self.forward_ports {
            if let Some(range) = port::range(&forward.port, names) {
                forward.port = port::spell(range);
            }
            if let Some(range) = port::range(&forward.to_port, names) {
                forward.to_port = port::spell(range);
            }
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
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
        for rule in &self.rules {
            rule.write(writer);
        }
    }
}

/// Keeps the first of those that are equal.
pub(super) fn drop_equal<T: std::hash::Hash + Eq>(list: &mut Vec<T>) {
    if list.len() > 1 {
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        let keep: Vec<bool> = list.iter().map(|value| seen.insert(value)).collect();
        let mut keep = keep.into_iter();
        list.retain(|_| keep.next().unwrap_or(true));
    }
}

/// Keeps the first of those with the same key.
pub(super) fn first_of_each<T, K: std::hash::Hash + Eq>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    if list.len() > 1 {
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        list.retain(|value| seen.insert(key(value)));
    }
}

/// Reads `<port port= protocol=>`.
pub(super) fn read_port(child: &Element, names: &Names) -> Checked<Port> {
    only(child, &["port", "protocol"])?;
    let port = Port::new(need(child, "port")?, need(child, "protocol")?);
    check_stored(&port.port, &port.protocol, names)?;
    Ok(port)
}

fn check_stored(text: &str, protocol: &str, names: &Names) -> Checked<()> {
    if port::range(text, names).is_none() {
        return Err(Code::InvalidPort.about(format!("'{text}' is invalid port range")));
    }
    if !port::WITH_PORTS.contains(&protocol) {
        let known = "{'tcp'|'udp'|'sctp'|'dccp'}";
        return Err(Code::InvalidProtocol.about(format!("'{protocol}' not from {known}")));
    }
    Ok(())
}

fn read_forward_port(child: &Element, names: &Names) -> Checked<ForwardPort> {
    only(child, &["port", "protocol", "to-port", "to-addr"])?;
    let forward = ForwardPort {
        port: need(child, "port")?,
        protocol: need(child, "protocol")?,
        to_port: child.get("to-port").unwrap_or_default().to_owned(),
        to_address: child.get("to-addr").unwrap_or_default().to_owned(),
    };
    check_stored(&forward.port, &forward.protocol, names)?;
    if !forward.to_port.is_empty() {
        check_stored(&forward.to_port, &forward.protocol, names)?;
    }
    let to = &forward.to_address;
    if !to.is_empty() && !address::is_ipv4(to) && !address::is_ipv6(to) {
        return Err(Code::InvalidAddr.about(format!("to-addr '{to}' is not a valid address")));
    }
    Ok(forward)
}

pub(super) fn write_ports(writer: &mut Writer, element: &str, ports: &[Port]) {
    for port in ports {
        writer.empty(element, &[("port", Some(&port.port)), ("protocol", Some(&port.protocol))]);
    }
}
