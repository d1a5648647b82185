//! What a rich rule must fulfil beyond its grammar.

use super::{Action, Element, Endpoint, Limit, Log, RichAction, Rule};
use crate::firewall::firewalld::address;
use crate::firewall::firewalld::code::{Checked, Code, Fault};
use crate::firewall::firewalld::names::Names;
use crate::firewall::firewalld::port::{WITH_PORTS, check_port, check_protocol, integer};

const LEVELS: [&str; 8] = [
    "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug",
];

const REJECT_IPV4: [&str; 16] = [
    "icmp-host-prohibited",
    "host-prohib",
    "icmp-net-unreachable",
    "net-unreach",
    "icmp-host-unreachable",
    "host-unreach",
    "icmp-port-unreachable",
    "port-unreach",
    "icmp-proto-unreachable",
    "proto-unreach",
    "icmp-net-prohibited",
    "net-prohib",
    "tcp-reset",
    "tcp-rst",
    "icmp-admin-prohibited",
    "admin-prohib",
];

const REJECT_IPV6: [&str; 9] = [
    "icmp6-adm-prohibited",
    "adm-prohibited",
    "icmp6-no-route",
    "no-route",
    "icmp6-addr-unreachable",
    "addr-unreach",
    "icmp6-port-unreachable",
    "port-unreach",
    "tcp-reset",
];

/// Longest prefix of a log line.
const PREFIX_LENGTH: usize = 127;

fn invalid(what: impl Into<String>) -> Fault {
    Code::InvalidRule.about(what)
}

impl Rule {
    /// Checks the rule as a whole; limits take their short spelling.
    pub(super) fn check(&self, names: &Names) -> Checked<()> {
        self.check_family()?;
        if !(-32768..=32767).contains(&self.priority) {
            return Err(Code::InvalidPriority.about("'priority' attribute must be between -32768 and 32767."));
        }
        self.check_shape()?;
        if let Some(source) = &self.source {
            self.check_source(source)?;
        }
        if let Some(destination) = &self.destination {
            self.check_destination(destination)?;
        }
        if let Some(element) = &self.element {
            self.check_element(element, names)?;
        }
        if let Some(log) = &self.log {
            check_log(log)?;
        }
        if let Some(audit) = &self.audit {
            check_audited(self.action.as_ref())?;
            check_limit(audit.limit.as_ref())?;
        }
        match &self.action {
            Some(action) => self.check_action(action),
            None => Ok(()),
        }
    }

    fn check_family(&self) -> Checked<()> {
        let needs = self.source.as_ref().is_some_and(|source| source.address.is_some())
            || self.destination.is_some()
            || matches!(self.element, Some(Element::ForwardPort { .. }));
        if self.family.is_none() && needs {
            Err(Code::MissingFamily.about(""))
        } else {
            Ok(())
        }
    }

    fn check_shape(&self) -> Checked<()> {
        let Some(element) = &self.element else {
            if self.action.is_none() && (self.log.is_none() || self.priority == 0) {
                return Err(invalid("no element, no action"));
            }
            if self.source.is_none() && self.destination.is_none() && self.priority == 0 {
                return Err(invalid("no element, no source, no destination"));
            }
            return Ok(());
        };
        let acts = matches!(
            element,
            Element::IcmpBlock { .. }
                | Element::ForwardPort { .. }
                | Element::Masquerade
                | Element::TcpMssClamp { .. }
        );
        if !acts && self.log.is_none() && self.audit.is_none() && self.action.is_none() {
            return Err(invalid("no action, no log, no audit"));
        }
        Ok(())
    }

    fn is_net(&self, text: &str) -> bool {
        self.family.as_deref().is_some_and(|family| address::is_net(family, text))
    }

    fn check_source(&self, source: &Endpoint) -> Checked<()> {
        match (&source.address, &source.mac, &source.ipset) {
            (Some(_), Some(_), _) => Err(invalid("address and mac")),
            (Some(_), _, Some(_)) => Err(invalid("address and ipset")),
            (_, Some(_), Some(_)) => Err(invalid("mac and ipset")),
            (Some(net), ..) if !self.is_net(net) => Err(Code::InvalidAddr.about(net)),
            (_, Some(mac), _) if !address::is_mac(mac) => Err(Code::InvalidMac.about(mac)),
            (.., Some(ipset)) => check_ipset_name(ipset),
            (None, None, None) => Err(invalid("no address, mac and ipset")),
            _ => Ok(()),
        }
    }

    fn check_destination(&self, destination: &Endpoint) -> Checked<()> {
        match (&destination.address, &destination.ipset) {
            (Some(_), Some(_)) => Err(Code::InvalidDestination.about("address and ipset")),
            (Some(net), None) if !self.is_net(net) => Err(Code::InvalidAddr.about(net)),
            (None, Some(ipset)) => check_ipset_name(ipset),
            (None, None) => Err(invalid("no address and ipset")),
            _ => Ok(()),
        }
    }

    fn check_element(&self, element: &Element, names: &Names) -> Checked<()> {
        match element {
            Element::Port { port, protocol } | Element::SourcePort { port, protocol } => {
                check_port(port, names)?;
                rich_protocol(protocol)
            }
            Element::Protocol { value } => check_protocol(value, names),
            Element::ForwardPort {
                port,
                protocol,
                to_port,
                to_address,
            } => {
                self.check_forward_port(port, protocol, to_port, to_address, names)?;
                self.refuse_action(element)
            }
            Element::IcmpBlock { .. } | Element::Masquerade => self.refuse_action(element),
            Element::TcpMssClamp { value } => self.check_clamp(value.as_deref()),
            Element::Service { .. } | Element::IcmpType { .. } => Ok(()),
        }
    }

    fn check_forward_port(
        &self,
        port: &str,
        protocol: &str,
        to_port: &str,
        to_address: &str,
        names: &Names,
    ) -> Checked<()> {
        check_port(port, names)?;
        rich_protocol(protocol)?;
        if to_port.is_empty() && to_address.is_empty() {
            return Err(Code::InvalidPort.about(""));
        }
        if !to_port.is_empty() {
            check_port(to_port, names)?;
        }
        let fine = match self.family.as_deref() {
            _ if to_address.is_empty() => true,
            Some("ipv4") => address::is_ipv4(to_address),
            _ => address::is_ipv6(to_address),
        };
        if fine {
            Ok(())
        } else {
            Err(Code::InvalidAddr.about(to_address))
        }
    }

    fn refuse_action(&self, element: &Element) -> Checked<()> {
        if self.action.is_none() {
            return Ok(());
        }
        Err(invalid(format!("{} and action", element.word())))
    }

    fn check_clamp(&self, value: Option<&str>) -> Checked<()> {
        if let Some(action) = &self.action {
            return Err(invalid(format!("tcp-mss-clamp and {action} are mutually exclusive")));
        }
        match value {
            Some(value) if !integer(value).is_some_and(|value| (536..=65535).contains(&value)) => {
                Err(invalid(value))
            }
            _ => Ok(()),
        }
    }

    fn check_action(&self, action: &Action) -> Checked<()> {
        match &action.verdict {
            RichAction::Reject { with: Some(with) } => self.check_reject(with)?,
            RichAction::Mark { set } => check_mark(set.as_deref())?,
            _ => {}
        }
        check_limit(action.limit.as_ref())
    }

    fn check_reject(&self, with: &str) -> Checked<()> {
        let known: &[&str] = match self.family.as_deref() {
            Some("ipv4") => &REJECT_IPV4,
            Some(_) => &REJECT_IPV6,
            None => return Err(invalid("When using reject type you must specify also rule family.")),
        };
        if known.contains(&with) {
            return Ok(());
        }
        Err(invalid(format!("Wrong reject type {with}.\nUse one of: {}.", known.join(", "))))
    }
}

/// An ipset name is at most as long as the kernel takes.
fn check_ipset_name(name: &str) -> Checked<()> {
    if name.chars().count() > 32 {
        Err(Code::InvalidIpset.about(name))
    } else {
        Ok(())
    }
}

/// Here a bad protocol is named alone.
fn rich_protocol(protocol: &str) -> Checked<()> {
    if WITH_PORTS.contains(&protocol) {
        Ok(())
    } else {
        Err(Code::InvalidProtocol.about(protocol))
    }
}

fn is_short_number(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(|text| integer(text).is_some_and(|n| (0..=65535).contains(&n)))
}

/// What is looked at when a file is read, before the rule as a whole is.
pub(super) fn check_read_log(log: &Log) -> Result<(), &'static str> {
    if log.prefix.as_ref().is_some_and(|prefix| prefix.chars().count() > PREFIX_LENGTH) {
        return Err("Invalid log prefix");
    }
    if log.level.as_deref().is_some_and(|level| !LEVELS.contains(&level)) {
        return Err("Invalid log level");
    }
    if !is_short_number(&log.group) {
        return Err("Invalid nflog group value");
    }
    if !is_short_number(&log.queue_size) {
        return Err("Invalid nflog queue-size");
    }
    Ok(())
}

fn check_log(log: &Log) -> Checked<()> {
    let number = is_short_number;
    if log.prefix.as_ref().is_some_and(|prefix| prefix.chars().count() > PREFIX_LENGTH) {
        return Err(Code::InvalidLogPrefix.about("maximum accepted length of 'prefix' is 127."));
    }
    if let Some(level) = log.level.as_deref().filter(|level| !LEVELS.contains(level)) {
        return Err(Code::InvalidLogLevel.about(level));
    }
    if !number(&log.group) {
        return Err(Code::InvalidNflogGroup.about("nflog 'group' must be an integer between 0 and 65535."));
    }
    if !number(&log.queue_size) {
        return Err(
            Code::InvalidNflogQueue.about("nflog 'queue-size' must be an integer between 0 and 65535.")
        );
    }
    check_limit(log.limit.as_ref())
}

fn check_audited(action: Option<&Action>) -> Checked<()> {
    // The words that the original prints for what it cannot audit.
    let what = match action.map(|action| &action.verdict) {
        None => "<class 'NoneType'>",
        Some(RichAction::Mark { .. }) => "<class 'firewall.core.rich.Rich_Mark'>",
        Some(_) => return Ok(()),
    };
    Err(Code::InvalidAuditType.about(what))
}

fn check_mark(set: Option<&str>) -> Checked<()> {
    let Some(set) = set else {
        return Err(Code::InvalidMark.about("no value set"));
    };
    let parts: Vec<&str> = set.split('/').collect();
    if parts.len() <= 2 && parts.iter().all(|part| is_mark(part)) {
        return Ok(());
    }
    Err(Code::InvalidMark.about(set))
}

fn is_mark(text: &str) -> bool {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).is_ok(),
        None => text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok(),
    }
}

fn check_limit(limit: Option<&Limit>) -> Checked<()> {
    let Some(limit) = limit else { return Ok(()) };
    let bad = || Code::InvalidLimit.about(&limit.value);
    let (rate, unit) = limit.value.split_once('/').ok_or_else(bad)?;
    let rate = integer(rate).filter(|rate| *rate >= 1).ok_or_else(bad)?;
    if !matches!(unit, "s" | "m" | "h" | "d") {
        return Err(bad());
    }
    if unit == "d" && rate == 1 {
        return Err(Code::InvalidLimit.about(format!("{} too slow", limit.value)));
    }
    match &limit.burst {
        Some(burst) if integer(burst).is_none_or(|burst| burst < 1) => Err(Code::InvalidLimit.about(burst)),
        _ => Ok(()),
    }
}
