//! What the firewall lets in, port by port: services and rich rules are expanded.

use std::collections::BTreeSet;

use serde::Serialize;

use super::list::{Row, list};
use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::kind::Kind;
use crate::firewall::firewalld::rich::{Element, Endpoint, RichAction, Rule};
use crate::firewall::firewalld::{Grammar, default_zone, store};
use crate::firewall::items::{canonical, of_zone};
use crate::firewall::ports::{PortRange, Ports};
use crate::intent::{FirewallItem, Intent};
use crate::root::Root;
use crate::state::EffectiveState;

/// Who opens what no plugin and no builder asked for.
pub(super) const IMAGE: &str = "(image)";

/// Something that is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OpenPort {
    /// `N` or `N-M`; absent where everything of a protocol or of an interface is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// `tcp`, `udp`, `sctp`, `dccp`, or a whole protocol's name; absent where every protocol is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The zone; absent for lokkit, which knows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// From where only, in the words of the rule; empty means from everywhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// `port`, `service NAME`, `source port`, `protocol`, `interface NAME`, `forward to ...`, or a rich
    /// rule as firewalld spells it.
    pub through: String,
    /// The package or builder that asked for it, or `(image)`.
    pub by: String,
    /// Asked for the running system only.
    pub runtime: bool,
    /// The requests for it.
    pub events: Vec<u64>,
    /// The files of metadata that declare it.
    pub declared: Vec<String>,
}

impl OpenPort {
    /// What is let in: `8443/tcp`, `all/gre`, `all`.
    pub fn what(&self) -> String {
        match (&self.port, &self.protocol) {
            (Some(port), Some(protocol)) => format!("{port}/{protocol}"),
            (Some(port), None) => port.clone(),
            (None, Some(protocol)) => format!("all/{protocol}"),
            (None, None) => "all".to_owned(),
        }
    }

    /// What opens it, from where, and whether for the running system only.
    pub fn how(&self) -> String {
        let from = match self.from.is_empty() {
            true => String::new(),
            false => format!(" from {}", self.from.join(", ")),
        };
        let runtime = if self.runtime { " (runtime only)" } else { "" };
        format!("{}{from}{runtime}", self.through)
    }
}

/// Everything that is let in, in the order of ports; with `all` also what the image's own zones let in.
///
/// # Errors
/// A directory of zones that cannot be read.
pub fn ports(root: &Root, standing: &EffectiveState, all: bool) -> Result<Vec<OpenPort>> {
    let definitions = Definitions::new(root);
    let grammar = Grammar::of(root);
    let mut open = Vec::new();
    let mut asked = BTreeSet::new();
    for row in list(standing, None).iter().filter(|row| row.counts() && !row.deferred) {
        let Intent::Allow { opening, zone } = &row.intent else {
            continue;
        };
        asked.insert((zone.clone(), canonical(opening)));
        open.extend(expand(opening, &definitions, &grammar).into_iter().map(|one| one.of(row, zone.clone())));
    }
    if all {
        let default = default_zone(root);
        let mut zones = store::local_names(root, Kind::Zone)?;
        zones.insert(default);
        for name in zones {
            let zone = store::load_zone(root, &name).ok().flatten().unwrap_or_default();
            for item in of_zone(&zone) {
                if !asked.contains(&(Some(name.clone()), canonical(&item))) {
                    let expanded = expand(&item, &definitions, &grammar).into_iter();
                    open.extend(expanded.map(|one| one.of_image(&name)));
                }
            }
        }
    }
    open.sort_by(|a, b| key(a).cmp(&key(b)));
    open.dedup();
    Ok(open)
}

type Key<'p> = (u32, Option<&'p str>, Option<&'p str>, Option<&'p str>, &'p str, &'p str);

fn key(open: &OpenPort) -> Key<'_> {
    let low = open.port.as_deref().and_then(PortRange::parse).map_or(u32::MAX, |range| range.low.into());
    let zone = open.zone.as_deref();
    (low, open.port.as_deref(), open.protocol.as_deref(), zone, &open.by, &open.through)
}

/// A part of what an opening lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    port: Option<String>,
    protocol: Option<String>,
    from: Vec<String>,
    through: String,
}

impl Part {
    fn new(port: Option<&str>, protocol: Option<&str>, through: impl Into<String>) -> Part {
        Part {
            port: port.map(str::to_owned),
            protocol: protocol.map(str::to_owned),
            from: Vec::new(),
            through: through.into(),
        }
    }

    fn of(self, row: &Row, zone: Option<String>) -> OpenPort {
        OpenPort {
            runtime: row.runtime,
            events: row.events.clone(),
            declared: row.declared.clone(),
            ..self.unasked(&row.plugin, zone)
        }
    }

    fn of_image(self, zone: &str) -> OpenPort {
        self.unasked(IMAGE, Some(zone.to_owned()))
    }

    /// Without what asked for it.
    fn unasked(self, by: &str, zone: Option<String>) -> OpenPort {
        OpenPort {
            port: self.port,
            protocol: self.protocol,
            zone,
            from: self.from,
            through: self.through,
            by: by.to_owned(),
            runtime: false,
            events: Vec::new(),
            declared: Vec::new(),
        }
    }
}

/// What an opening lets in; nothing for what blocks, binds or masquerades.
fn expand(opening: &FirewallItem, definitions: &Definitions, grammar: &Grammar) -> Vec<Part> {
    match opening {
        FirewallItem::Port { port, protocol } => vec![Part::new(Some(port), Some(protocol), "port")],
        FirewallItem::SourcePort { port, protocol } => {
            let mut part = Part::new(None, Some(protocol), "source port");
            part.from.push(format!("port {port}"));
            vec![part]
        }
        FirewallItem::Protocol { protocol } => vec![Part::new(None, Some(protocol), "protocol")],
        FirewallItem::FirewallService { service } => of_service(service, definitions),
        FirewallItem::Interface {
            interface,
            trusted: true,
        } => {
            let mut part = Part::new(None, None, format!("interface {interface}"));
            part.from.push(format!("interface {interface}"));
            vec![part]
        }
        FirewallItem::ForwardPort {
            port,
            protocol,
            to_port,
            to_address,
            ..
        } => {
            let to = forwarded(to_address.as_deref(), to_port.as_deref());
            vec![Part::new(Some(port), Some(protocol), to)]
        }
        FirewallItem::RichRule { rule } => Rule::parse(rule, grammar)
            .map(|rule| of_rule(&rule, definitions, grammar))
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn forwarded(address: Option<&str>, port: Option<&str>) -> String {
    let address = address.filter(|address| !address.is_empty()).unwrap_or("this host");
    let port = port.filter(|port| !port.is_empty());
    format!("forward to {address}{}", port.map_or(String::new(), |port| format!(" port {port}")))
}

/// The ports and protocols of a service; one line without ports where it is not defined.
fn of_service(service: &str, definitions: &Definitions) -> Vec<Part> {
    let through = format!("service {service}");
    let Some(definition) = definitions.service(service) else {
        return vec![Part::new(None, None, format!("{through} (not defined)"))];
    };
    let mut parts = Vec::new();
    for part in &definition {
        let to = part.destinations.iter().map(|address| format!("to {address}"));
        let to: Vec<String> = to.collect();
        let mut put = |port: Option<String>, protocol: &str, from: Option<String>| {
            let mut one = Part::new(port.as_deref(), Some(protocol), through.clone());
            one.from = from.into_iter().chain(to.iter().cloned()).collect();
            parts.push(one);
        };
        each(&part.ports, |range, protocol| put(Some(range.to_string()), protocol, None));
        each(&part.source_ports, |range, protocol| put(None, protocol, Some(format!("port {range}"))));
        part.protocols.iter().for_each(|protocol| put(None, protocol, None));
    }
    parts
}

fn each(ports: &Ports, mut put: impl FnMut(PortRange, &str)) {
    for (protocol, ranges) in ports {
        ranges.iter().for_each(|range| put(*range, protocol));
    }
}

/// What a rich rule lets in: only one that accepts or forwards does.
fn of_rule(rule: &Rule, definitions: &Definitions, grammar: &Grammar) -> Vec<Part> {
    let accepts = matches!(&rule.action, Some(action) if action.verdict == RichAction::Accept);
    let through = rule.spelled(grammar);
    let mut parts = match &rule.element {
        Some(Element::ForwardPort {
            port,
            protocol,
            to_port,
            to_address,
        }) => vec![Part::new(
            Some(port),
            Some(protocol),
            forwarded(Some(to_address), Some(to_port)),
        )],
        _ if !accepts => return Vec::new(),
        Some(Element::Port { port, protocol }) => vec![Part::new(Some(port), Some(protocol), "")],
        Some(Element::Service { name }) => of_service(name, definitions),
        Some(Element::Protocol { value }) => vec![Part::new(None, Some(value), "")],
        Some(Element::SourcePort { port, protocol }) => {
            let mut part = Part::new(None, Some(protocol), "");
            part.from.push(format!("port {port}"));
            vec![part]
        }
        None => vec![Part::new(None, None, "")],
        Some(
            Element::IcmpBlock { .. }
            | Element::IcmpType { .. }
            | Element::Masquerade
            | Element::TcpMssClamp { .. },
        ) => return Vec::new(),
    };
    for part in &mut parts {
        part.from.extend(rule.source.iter().map(|source| endpoint(source, "")));
        part.from.extend(rule.destination.iter().map(|destination| endpoint(destination, "to ")));
        part.through.clone_from(&through);
    }
    parts
}

fn endpoint(endpoint: &Endpoint, before: &str) -> String {
    let not = if endpoint.invert { "not " } else { "" };
    let name = match (&endpoint.address, &endpoint.mac, &endpoint.ipset) {
        (Some(address), ..) => address.clone(),
        (_, Some(mac), _) => mac.clone(),
        (.., Some(ipset)) => format!("ipset {ipset}"),
        _ => String::new(),
    };
    format!("{before}{not}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(opening: &FirewallItem) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/firewalld/services", 0o755).unwrap();
        let service = "<service><port port=\"9443\" protocol=\"tcp\"/><port port=\"53\" protocol=\"udp\"/>\
                       <protocol value=\"esp\"/></service>";
        root.write("/etc/firewalld/services/agent.xml", service.as_bytes(), None).unwrap();
        let parts = expand(opening, &Definitions::new(&root), &Grammar::of(&root));
        let word = |text: &Option<String>| text.clone().unwrap_or("-".into());
        parts
            .iter()
            .map(|part| format!("{} {} {:?}", word(&part.port), word(&part.protocol), part.from))
            .collect()
    }

    #[test]
    fn a_service_is_expanded_to_its_ports_and_protocols() {
        let service = FirewallItem::FirewallService {
            service: "agent".into(),
        };
        assert_eq!(expanded(&service), ["9443 tcp []", "53 udp []", "- esp []"]);
    }

    #[test]
    fn a_rich_rule_opens_only_where_it_accepts() {
        let rule = |rule: &str| {
            expanded(&FirewallItem::RichRule {
                rule: rule.to_owned(),
            })
        };
        let source = "rule family=\"ipv4\" source NOT address=\"10.0.0.0/8\"";
        assert_eq!(
            rule(&format!("{source} port port=\"8080\" protocol=\"tcp\" accept")),
            ["8080 tcp [\"not 10.0.0.0/8\"]"]
        );
        assert!(rule(&format!("{source} port port=\"8080\" protocol=\"tcp\" drop")).is_empty());
        assert_eq!(rule("rule service name=\"agent\" accept").len(), 3);
        assert_eq!(rule(&format!("{source} accept")), ["- - [\"not 10.0.0.0/8\"]"]);
    }
}
