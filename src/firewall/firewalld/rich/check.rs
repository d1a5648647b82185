//! What a rich rule must fulfil beyond its grammar. Before 2.3 a rule is checked when it is
//! complete, since then each part when it is made (`core/rich.py`): that decides which of several
//! faults is reported, and whether a file that holds such a rule is refused.

use super::check_action::{check_limit, check_mark};
use super::{Action, Element, Endpoint, RichAction, Rule};
use crate::firewall::firewalld::address;
use crate::firewall::firewalld::code::{Checked, Code, Fault};
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::grammar::Grammar;
use crate::firewall::firewalld::port::{WITH_PORTS, check_port, check_protocol, integer};

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

fn invalid(what: impl Into<String>) -> Fault {
    Code::InvalidRule.about(what)
}

impl Rule {
    /// Checks the rule as a whole.
    pub(super) fn check(&self, grammar: &Grammar) -> Checked<()> {
        self.check_family()?;
        if !(-32768..=32767).contains(&self.priority) {
            return Err(Code::InvalidPriority.about("'priority' attribute must be between -32768 and 32767."));
        }
        self.check_shape()?;
        let strict = grammar.has(Feature::StrictRules);
        if let Some(source) = &self.source {
            source.check_source()?;
            self.check_address(source.address.as_deref())?;
        }
        if let Some(destination) = &self.destination {
            self.check_destination(destination, grammar)?;
        }
        if let Some(element) = &self.element {
            if !strict {
                element.check_alone(grammar)?;
            }
            self.check_element(element)?;
        }
        if let Some(log) = self.log.as_ref().filter(|_| !strict) {
            log.check(grammar)?;
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
        if let Some(family) =
            self.family.as_ref().filter(|family| !matches!(family.as_str(), "ipv4" | "ipv6"))
        {
            return Err(Code::InvalidFamily.about(family));
        }
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

    fn check_address(&self, address: Option<&str>) -> Checked<()> {
        let is_net = |net: &str| self.family.as_deref().is_some_and(|family| address::is_net(family, net));
        match address {
            Some(net) if !is_net(net) => Err(Code::InvalidAddr.about(net)),
            _ => Ok(()),
        }
    }

    fn check_destination(&self, destination: &Endpoint, grammar: &Grammar) -> Checked<()> {
        if !grammar.has(Feature::DestinationIpset) {
            let address = destination.address.as_deref().unwrap_or("None");
            return self.check_address(Some(address));
        }
        destination.check_destination()?;
        self.check_address(destination.address.as_deref())
    }

    /// What depends on the rule that an element is in.
    fn check_element(&self, element: &Element) -> Checked<()> {
        match element {
            Element::ForwardPort { to_address, .. } => {
                let fine = match self.family.as_deref() {
                    _ if to_address.is_empty() => true,
                    Some("ipv4") => address::is_ipv4(to_address),
                    _ => address::is_ipv6(to_address),
                };
                if !fine {
                    return Err(Code::InvalidAddr.about(to_address));
                }
                self.refuse_action(element)
            }
            Element::IcmpBlock { .. } => self.refuse_action(element),
            Element::Masquerade => {
                self.refuse_action(element)?;
                match self.source.as_ref().is_some_and(|source| source.mac.is_some()) {
                    true => Err(invalid("masquerade and mac source")),
                    false => Ok(()),
                }
            }
            Element::TcpMssClamp { .. } => match &self.action {
                Some(action) => Err(invalid(format!("tcp-mss-clamp and {action} are mutually exclusive"))),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn refuse_action(&self, element: &Element) -> Checked<()> {
        if self.action.is_none() {
            return Ok(());
        }
        Err(invalid(format!("{} and action", element.word())))
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

impl Endpoint {
    /// A source that was read.
    pub(super) fn made_source(mut self, grammar: &Grammar) -> Checked<Endpoint> {
        if self.address.is_none() && self.mac.is_none() && self.ipset.is_none() {
            return Err(invalid("no address, mac and ipset"));
        }
        if grammar.has(Feature::StrictRules) {
            self.check_source()?;
        } else if let Some(mac) = &mut self.mac {
            *mac = mac.to_uppercase();
        }
        Ok(self)
    }

    /// A destination that was read. Before 1.0 one without address was only found later.
    pub(super) fn made_destination(self, grammar: &Grammar) -> Checked<Endpoint> {
        let is_empty = self.address.is_none() && self.ipset.is_none();
        if grammar.has(Feature::StrictRules) {
            if is_empty {
                return Err(Code::InvalidDestination.about("no address or ipset"));
            }
            self.check_destination()?;
        } else if is_empty && grammar.has(Feature::DestinationIpset) {
            return Err(invalid("no address and ipset"));
        }
        Ok(self)
    }

    fn check_source(&self) -> Checked<()> {
        match (&self.address, &self.mac, &self.ipset) {
            (Some(_), Some(_), _) => Err(invalid("address and mac")),
            (Some(_), _, Some(_)) => Err(invalid("address and ipset")),
            (_, Some(_), Some(_)) => Err(invalid("mac and ipset")),
            (_, Some(mac), _) if !address::is_mac(mac) => Err(Code::InvalidMac.about(mac)),
            (.., Some(ipset)) => check_ipset_name(ipset),
            _ => Ok(()),
        }
    }

    fn check_destination(&self) -> Checked<()> {
        match (&self.address, &self.ipset) {
            (Some(_), Some(_)) => Err(Code::InvalidDestination.about("address and ipset")),
            (None, Some(ipset)) => check_ipset_name(ipset),
            _ => Ok(()),
        }
    }
}

impl Element {
    /// Checks what can be said of an element without its rule.
    pub(super) fn check_alone(&self, grammar: &Grammar) -> Checked<()> {
        match self {
            Element::Port { port, protocol } | Element::SourcePort { port, protocol } => {
                check_port(port, grammar)?;
                rich_protocol(protocol)
            }
            Element::Protocol { value } => check_protocol(value, grammar),
            Element::ForwardPort {
                port,
                protocol,
                to_port,
                to_address,
            } => {
                check_port(port, grammar)?;
                rich_protocol(protocol)?;
                if to_port.is_empty() && to_address.is_empty() {
                    return Err(Code::InvalidPort.about(""));
                }
                match to_port.is_empty() {
                    true => Ok(()),
                    false => check_port(to_port, grammar),
                }
            }
            Element::TcpMssClamp { value: Some(value) } if !is_clamp(value) => {
                Err(invalid(match grammar.has(Feature::StrictRules) {
                    true => self.to_string(),
                    false => value.clone(),
                }))
            }
            Element::IcmpBlock { name } | Element::IcmpType { name } if name.is_empty() => {
                Err(Code::InvalidIcmptype.about(""))
            }
            Element::Service { name } if name.is_empty() && !grammar.has(Feature::StrictRules) => {
                Err(Code::InvalidService.about(""))
            }
            _ => Ok(()),
        }
    }
}

/// `checkTcpMssClamp` of `functions.py`: at least 536, or `pmtu`, or Python's `None`.
fn is_clamp(value: &str) -> bool {
    match value.bytes().all(|b| b.is_ascii_digit()) {
        true => integer(value).is_none_or(|value| value >= 536),
        false => matches!(value, "pmtu" | "None"),
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

fn check_audited(action: Option<&Action>) -> Checked<()> {
    // The words that the original prints for what it cannot audit.
    let what = match action.map(|action| &action.verdict) {
        None => "<class 'NoneType'>",
        Some(RichAction::Mark { .. }) => "<class 'firewall.core.rich.Rich_Mark'>",
        Some(_) => return Ok(()),
    };
    Err(Code::InvalidAuditType.about(what))
}
