//! The zones of the image's own configuration: their targets, what is bound to them, and what they
//! let in besides what plugins want.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::definitions::Definitions;
use super::firewalld::kind::Kind;
use super::firewalld::store;
use super::firewalld::{Conf, Direct, Grammar, Ipset, Tree, Zone, conf, default_zone, direct, read_xml};
use super::items::{canonical, of_zone};
use super::policies::NodePolicy;
use super::ruleset::ZoneRules;
use super::sets::AddressSet;
use super::valid;
use crate::error::{Result, if_exists};
use crate::intent::FirewallItem;
use crate::root::Root;

/// What firewalld ships for neighbour discovery, which every ruleset lets in by itself.
const STOCK_POLICY: &str = "allow-host-ipv6";
/// What a node lets in where its default zone cannot be read.
const FALLBACK_SERVICES: [&str; 2] = ["ssh", "dhcpv6-client"];

/// Entries of zones that belong to plugins, or go, in the spelling of [`canonical`].
pub(crate) type Taken = BTreeSet<(String, FirewallItem)>;

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
    pub(crate) fn default_zone(&self, root: &Root) -> String {
        let tree = Tree::of(root);
        match self.files.get(&tree.file(conf::FILE)) {
            Some(text) => Conf::parse(text.as_deref().unwrap_or_default()).default_zone(&tree),
            None => default_zone(root),
        }
    }

    /// The value of `LogDenied`.
    fn log_denied(&self, root: &Root) -> String {
        let tree = Tree::of(root);
        let conf = match self.files.get(&tree.file(conf::FILE)) {
            Some(text) => Conf::parse(text.as_deref().unwrap_or_default()),
            None => Conf::load(&tree).unwrap_or_default(),
        };
        conf.get("LogDenied", &Grammar::of(root)).to_owned()
    }

    /// The files of all objects of a kind, by name.
    fn texts(&self, root: &Root, kind: Kind) -> Result<BTreeMap<String, String>> {
        let tree = Tree::of(root);
        let mut names = tree.names(kind)?;
        let made = self
            .files
            .keys()
            .filter(|path| path.starts_with(format!("{}/{}", store::LOCAL, kind.directory())));
        names.extend(
            made.filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix(".xml")?.to_owned())),
        );
        let mut texts = BTreeMap::new();
        for name in names {
            let text = match self.files.get(&tree.local(kind, &name)) {
                Some(Some(text)) => Some(text.clone()),
                Some(None) => tree.shipped_text(kind, &name)?,
                None => tree.read(kind, &name)?,
            };
            texts.extend(text.map(|text| (name, text)));
        }
        Ok(texts)
    }
}

/// The image's own configuration.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The zone of what is bound to no other.
    pub default_zone: String,
    /// Zones by name: the default zone, those that have local files, those that plugins name.
    pub zones: BTreeMap<String, NodeZone>,
    /// Policies that are in use, by priority and name.
    pub policies: Vec<NodePolicy>,
    /// Sets of addresses by name.
    pub sets: BTreeMap<String, AddressSet>,
    /// Why policies and sets, by kind and name, are not among these.
    pub left_out: BTreeMap<(Kind, String), String>,
    /// Which packets that are kept out are logged: `off`, `all`, or by their kind of address
    /// `unicast`, `broadcast`, `multicast`.
    pub log_denied: String,
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
    /// What it lets in, without what plugins have put into it.
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
            log_denied: upcoming.log_denied(root),
            ..Node::default()
        };
        let mut names: BTreeSet<String> = named.into_iter().map(str::to_owned).collect();
        names.insert(node.default_zone.clone());
        names.extend(store::local_names(root, Kind::Zone)?);
        names.extend(upcoming.given.iter().map(|(zone, _)| zone.clone()));
        for name in names {
            node.add_zone(root, &name, definitions, upcoming);
        }
        node.add_policies(root, definitions, upcoming)?;
        node.add_sets(root, upcoming)?;
        let file = Tree::of(root).file(direct::FILE);
        let text = match upcoming.files.get(&file) {
            Some(text) => text.clone(),
            None => if_exists(read_xml(root, file))?,
        };
        if let Some(text) = text {
            match Direct::parse(&text) {
                Ok(direct) => node.direct = direct,
                Err(fault) => node.notes.push(format!("{}: {fault}", direct::FILE)),
            }
        }
        Ok(node)
    }

    fn add_policies(&mut self, root: &Root, definitions: &Definitions, upcoming: &Upcoming) -> Result<()> {
        let grammar = Grammar::of(root);
        for (name, text) in upcoming.texts(root, Kind::Policy)? {
            match NodePolicy::of(&name, &text, &grammar, definitions) {
                Ok(policy) => self.policies.extend(policy.filter(|_| name != STOCK_POLICY)),
                Err(why) => drop(self.left_out.insert((Kind::Policy, name), why)),
            }
        }
        self.policies.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        Ok(())
    }

    fn add_sets(&mut self, root: &Root, upcoming: &Upcoming) -> Result<()> {
        let grammar = Grammar::of(root);
        for (name, text) in upcoming.texts(root, Kind::Ipset)? {
            let set = match valid::name(&name) {
                true => Ipset::parse(&text, &grammar).map_err(|fault| fault.to_string()),
                false => Err("its name is not valid here".to_owned()),
            };
            match set.and_then(|set| AddressSet::of(&set)) {
                Ok(set) => drop(self.sets.insert(name, set)),
                Err(why) => drop(self.left_out.insert((Kind::Ipset, name), why)),
            }
        }
        Ok(())
    }

    fn add_zone(&mut self, root: &Root, name: &str, definitions: &Definitions, upcoming: &Upcoming) {
        if !valid::zone(name) {
            self.notes.push(format!("zone {name:?} has an invalid name and is left out"));
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
        let mut items = of_zone(&zone);
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
            // Forwarding between interfaces of the default zone needs a request.
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
}

/// The services of the shipped zone whose definitions have no local copy.
fn shipped_services(root: &Root, zone: &str) -> BTreeSet<String> {
    let tree = Tree::of(root);
    let text = tree.shipped_text(Kind::Zone, zone).ok().flatten();
    let zone = text.and_then(|text| Zone::parse(&text, &Grammar::of(root)).ok()).unwrap_or_default();
    let is_as_shipped = |service: &String| !tree.is_local(Kind::Service, service);
    zone.traffic.services.into_iter().filter(is_as_shipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::ports::PortRange;

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
