//! What the image's own configuration makes of zones, whoever wrote it: their targets, what is bound
//! to them, and what they let in besides what plugins want.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::definitions::Definitions;
use super::firewalld::kind::Kind;
use super::firewalld::store;
use super::firewalld::{Conf, Direct, ForwardPort, Grammar, Tree, Zone, conf, default_zone, direct};
use super::ports::PortRange;
use super::ruleset::ZoneRules;
use super::valid;
use crate::error::{Result, if_exists};
use crate::intent::FirewallItem;
use crate::root::Root;

/// What a node lets in where its default zone cannot be read.
const FALLBACK_SERVICES: [&str; 2] = ["ssh", "dhcpv6-client"];

/// Entries of zones that belong to plugins, or go, in the spelling of [`canonical`].
pub type Taken = BTreeSet<(String, FirewallItem)>;

/// What settling makes of the image's own configuration before it counts.
#[derive(Debug, Clone, Default)]
pub struct Upcoming {
    /// What is left out of zones.
    pub taken: Taken,
    /// What comes back into zones, by zone.
    pub given: Vec<(String, FirewallItem)>,
    /// Files by path that get another content, or go.
    pub files: BTreeMap<PathBuf, Option<String>>,
}

impl Upcoming {
    /// The default zone.
    pub fn default_zone(&self, root: &Root) -> String {
        let tree = Tree::of(root);
        match self.files.get(&tree.file(conf::FILE)) {
            Some(text) => Conf::parse(text.as_deref().unwrap_or_default()).default_zone(&tree),
            None => default_zone(root),
        }
    }
}

/// The image's own configuration.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The zone of what is bound to no other.
    pub default_zone: String,
    /// Zones by name: the default zone, those that have local files, those that plugins name.
    pub zones: BTreeMap<String, NodeZone>,
    /// Rules in the packet filter's own language.
    pub direct: Direct,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// A zone.
#[derive(Debug, Clone, Default)]
pub struct NodeZone {
    /// What becomes of packets that nothing in the zone is about.
    pub target: Target,
    /// What nobody else has put into it.
    pub rules: ZoneRules,
    /// The services that the zone has as it is shipped, by definitions that are shipped too.
    pub shipped: BTreeSet<String>,
    /// The places of its rich rules, those of plugins too.
    pub order: BTreeMap<String, usize>,
}

/// What becomes of packets that nothing in a zone is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Target {
    /// Rejected, but for ICMP.
    #[default]
    Default,
    /// Let in and through.
    Accept,
    /// Rejected, but for ICMP.
    Reject,
    /// Dropped.
    Drop,
}

impl Target {
    fn of(zone: &Zone) -> Target {
        match zone.target() {
            "ACCEPT" => Target::Accept,
            "DROP" => Target::Drop,
            "%%REJECT%%" => Target::Reject,
            _ => Target::Default,
        }
    }
}

impl Node {
    /// Reads an image's configuration as it is going to be. `named` are the zones that plugins name.
    ///
    /// # Errors
    /// Where a directory or file cannot be read at all; one that makes no sense is noted.
    pub fn load<'n>(
        root: &Root,
        definitions: &Definitions,
        named: impl IntoIterator<Item = &'n str>,
        upcoming: &Upcoming,
    ) -> Result<Node> {
        let mut node = Node {
            default_zone: upcoming.default_zone(root),
            ..Node::default()
        };
        let mut names: BTreeSet<String> = named.into_iter().map(str::to_owned).collect();
        names.insert(node.default_zone.clone());
        names.extend(store::local_names(root, Kind::Zone)?);
        names.extend(upcoming.given.iter().map(|(zone, _)| zone.clone()));
        for name in names {
            node.add_zone(root, &name, definitions, upcoming);
        }
        let file = Tree::of(root).file(direct::FILE);
        let text = match upcoming.files.get(&file) {
            Some(text) => text.clone(),
            None => if_exists(root.read_text(file))?,
        };
        if let Some(text) = text {
            match Direct::parse(&text) {
                Ok(direct) => node.direct = direct,
                Err(fault) => node.notes.push(format!("{}: {fault}", direct::FILE)),
            }
        }
        Ok(node)
    }

    fn add_zone(&mut self, root: &Root, name: &str, definitions: &Definitions, upcoming: &Upcoming) {
        if !valid::zone(name) {
            self.notes.push(format!("zone {name:?} has no name that is of use here"));
            return;
        }
        let zone = match store::load_zone(root, name) {
            Ok(Some(zone)) => zone,
            Ok(None) => return,
            Err(error) => {
                self.notes.push(error.to_string());
                let mut zone = Zone::default();
                if name == self.default_zone {
                    zone.traffic.services = FALLBACK_SERVICES.map(str::to_owned).to_vec();
                }
                zone
            }
        };
        let is_default = name == self.default_zone;
        let mut own = NodeZone {
            target: Target::of(&zone),
            ..NodeZone::default()
        };
        own.shipped = shipped_services(root, name);
        let mut items = items(&zone);
        for (_, item) in upcoming.given.iter().filter(|(zone, _)| zone == name) {
            if !items.iter().any(|there| canonical(there) == canonical(item)) {
                items.push(item.clone());
            }
        }
        let rules = items.iter().filter_map(|item| match item {
            FirewallItem::RichRule { rule } => Some(rule.clone()),
            _ => None,
        });
        own.order = rules.enumerate().map(|(place, rule)| (rule, place)).collect();
        for item in items {
            // Between interfaces of the default zone nothing passes that nobody asked for.
            let is_unasked = is_default && item == FirewallItem::IntraZoneForward;
            if is_unasked || upcoming.taken.contains(&(name.to_owned(), canonical(&item))) {
                continue;
            }
            if let Err(text) = own.rules.add(&item, definitions) {
                self.notes.push(format!("zone {name}: {text}"));
            }
        }
        own.rules.tidy();
        self.zones.insert(name.to_owned(), own);
    }

    /// A zone's target.
    pub fn target(&self, zone: &str) -> Target {
        self.zones.get(zone).map_or(Target::Default, |zone| zone.target)
    }

    /// The place of a rich rule in its zone; those that are in no file come last.
    pub fn place_of(&self, zone: &str, rule: &str) -> usize {
        let place = self.zones.get(zone).and_then(|zone| zone.order.get(rule));
        place.copied().unwrap_or(usize::MAX)
    }
}

/// The services of a zone as it is shipped whose definitions nobody has edited.
fn shipped_services(root: &Root, zone: &str) -> BTreeSet<String> {
    let tree = Tree::of(root);
    let text = tree.shipped_text(Kind::Zone, zone).ok().flatten();
    let zone = text.and_then(|text| Zone::parse(&text, &Grammar::of(root)).ok()).unwrap_or_default();
    let is_as_shipped = |service: &String| !tree.is_local(Kind::Service, service);
    zone.traffic.services.into_iter().filter(is_as_shipped).collect()
}

/// An entry in the spelling that it is compared in.
pub fn canonical(item: &FirewallItem) -> FirewallItem {
    let port = |port: &str| PortRange::parse(port).map_or(port.to_owned(), |range| range.to_string());
    match item {
        FirewallItem::Port { port: text, protocol } => FirewallItem::Port {
            port: port(text),
            protocol: protocol.to_lowercase(),
        },
        FirewallItem::SourcePort { port: text, protocol } => FirewallItem::SourcePort {
            port: port(text),
            protocol: protocol.to_lowercase(),
        },
        FirewallItem::Interface { interface, .. } => FirewallItem::Interface {
            interface: interface.clone(),
            trusted: false,
        },
        other => other.clone(),
    }
}

/// A zone's entries.
pub fn items(zone: &Zone) -> Vec<FirewallItem> {
    let traffic = &zone.traffic;
    let mut items = Vec::new();
    items.extend(traffic.services.iter().cloned().map(|service| FirewallItem::FirewallService { service }));
    items.extend(traffic.ports.iter().cloned().map(|port| FirewallItem::Port {
        port: port.port,
        protocol: port.protocol,
    }));
    items.extend(traffic.source_ports.iter().cloned().map(|port| FirewallItem::SourcePort {
        port: port.port,
        protocol: port.protocol,
    }));
    items.extend(traffic.protocols.iter().cloned().map(|protocol| FirewallItem::Protocol { protocol }));
    items.extend(traffic.icmp_blocks.iter().cloned().map(|icmp_type| FirewallItem::BlockIcmp { icmp_type }));
    items.extend(traffic.forward_ports.iter().map(forward_port));
    items.extend(traffic.rules.iter().map(|rule| FirewallItem::RichRule {
        rule: rule.to_string(),
    }));
    items.extend(zone.interfaces.iter().cloned().map(|interface| FirewallItem::Interface {
        interface,
        trusted: false,
    }));
    items.extend(zone.sources.iter().cloned().map(|source| FirewallItem::Source { source }));
    items.extend(traffic.masquerade.then_some(FirewallItem::Masquerade { interface: None }));
    items.extend(zone.icmp_block_inversion.then_some(FirewallItem::IcmpBlockInversion));
    items.extend(zone.forward.then_some(FirewallItem::IntraZoneForward));
    items
}

fn forward_port(forward: &ForwardPort) -> FirewallItem {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    FirewallItem::ForwardPort {
        interface: None,
        port: forward.port.clone(),
        protocol: forward.protocol.clone(),
        to_port: some(&forward.to_port),
        to_address: some(&forward.to_address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)], upcoming: &Upcoming) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for directory in ["zones", "services"] {
            root.create_dirs(format!("/etc/firewalld/{directory}"), 0o755).unwrap();
        }
        for (path, text) in files {
            root.write(format!("/etc/firewalld/{path}"), text.as_bytes(), None).unwrap();
        }
        Node::load(&root, &Definitions::new(&root), ["dmz"], upcoming).unwrap()
    }

    fn tcp(rules: &ZoneRules) -> Vec<String> {
        let parts = rules.services.values().flatten().flatten();
        parts
            .flat_map(|part| part.ports.get("tcp").into_iter().flatten().map(PortRange::to_string))
            .collect()
    }

    #[test]
    fn stock_zones_count_where_there_is_no_file() {
        let node = load(&[], &Upcoming::default());
        assert_eq!(node.default_zone, "public");
        assert_eq!(tcp(&node.zones["public"].rules), ["22"]);
        assert!(!node.zones["public"].rules.forward && node.zones["dmz"].rules.forward);
    }

    #[test]
    fn moved_ssh_and_an_edited_zone_are_the_node_s_own() {
        let service = "<service><port port=\"2222\" protocol=\"tcp\"/></service>";
        let zone = "<zone target=\"DROP\"><service name=\"ssh\"/><port port=\"080\" protocol=\"tcp\"/>\
                    <port port=\"81\" protocol=\"tcp\"/></zone>";
        let port = FirewallItem::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let taken = Taken::from([("public".to_owned(), port)]);
        let upcoming = Upcoming {
            taken,
            ..Upcoming::default()
        };
        let node = load(&[("services/ssh.xml", service), ("zones/public.xml", zone)], &upcoming);
        let public = &node.zones["public"];
        assert_eq!((tcp(&public.rules), public.target), (vec!["2222".to_owned()], Target::Drop));
        assert_eq!(public.rules.ports["tcp"], [PortRange { low: 81, high: 81 }]);
    }

    #[test]
    fn what_settling_puts_back_counts_already() {
        let files = [
            ("firewalld.conf", "DefaultZone=dmz\n"),
            ("zones/dmz.xml", "<zone></zone>"),
            ("zones/public.xml", "<zone></zone>"),
            ("direct.xml", "<direct"),
        ];
        let ssh = FirewallItem::FirewallService {
            service: "ssh".into(),
        };
        let at = |name: &str| PathBuf::from(format!("/etc/firewalld/{name}"));
        let upcoming = Upcoming {
            given: vec![("public".to_owned(), ssh.clone()), ("public".to_owned(), ssh)],
            files: BTreeMap::from([
                (at("firewalld.conf"), Some("DefaultZone=public\n".to_owned())),
                (at("direct.xml"), None),
            ]),
            ..Upcoming::default()
        };
        let node = load(&files, &upcoming);
        assert_eq!((node.default_zone.as_str(), node.notes.len()), ("public", 0));
        assert_eq!(tcp(&node.zones["public"].rules), ["22"]);
        assert!(tcp(&node.zones["dmz"].rules).is_empty());
    }

    #[test]
    fn a_default_zone_that_cannot_be_read_lets_its_administrator_in() {
        let node = load(&[("zones/public.xml", "<zone"), ("direct.xml", "<direct")], &Upcoming::default());
        assert_eq!(tcp(&node.zones["public"].rules), ["22"]);
        assert_eq!(node.notes.len(), 2, "{:?}", node.notes);
    }
}
