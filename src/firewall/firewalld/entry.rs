//! The kinds of entries that zones and policies have, in one list: reading one from the command line,
//! finding, adding and removing it, and all that a zone or policy has.

use super::code::Checked;
use super::grammar::Grammar;
use super::policy::Policy;
use super::port::{Port, merge, range, spell};
use super::rich::Rule;
use super::traffic::{ForwardPort, Traffic};
use super::zone::Zone;

/// Kinds of entries with a value by the stem of their options: `--add-STEM`, `--remove-STEM`, `--query-STEM`.
pub(crate) const STEMS: [&str; 11] = [
    "interface",
    "source",
    "ingress-zone",
    "egress-zone",
    "rich-rule",
    "service",
    "port",
    "protocol",
    "source-port",
    "icmp-block",
    "forward-port",
];

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Interface(String),
    Source(String),
    IngressZone(String),
    EgressZone(String),
    /// The rule, and how it was typed.
    RichRule(Box<Rule>, String),
    Service(String),
    Port(Port),
    Protocol(String),
    SourcePort(Port),
    IcmpBlock(String),
    ForwardPort(ForwardPort),
    Masquerade,
    IcmpBlockInversion,
    Forward,
}

impl Entry {
    /// The rule of no words.
    pub(crate) fn empty_rule() -> Entry {
        Entry::RichRule(Box::default(), String::new())
    }

    /// Reads a value of `--add-STEM` and its like.
    ///
    /// # Errors
    /// What firewalld says of a port, forwarded port or rule that it cannot read.
    pub(crate) fn parse(stem: &str, value: &str, grammar: &Grammar) -> Checked<Entry> {
        let text = value.to_owned();
        Ok(match stem {
            "interface" => Entry::Interface(text),
            "source" => Entry::Source(text),
            "ingress-zone" => Entry::IngressZone(text),
            "egress-zone" => Entry::EgressZone(text),
            "rich-rule" => Entry::RichRule(Box::new(Rule::parse(value, grammar)?), text),
            "service" => Entry::Service(text),
            "port" => Entry::Port(Port::parse(value, grammar)?),
            "source-port" => Entry::SourcePort(Port::parse(value, grammar)?),
            "protocol" => Entry::Protocol(text),
            "forward-port" => Entry::ForwardPort(ForwardPort::parse(value, false, grammar)?),
            _ => Entry::IcmpBlock(text),
        })
    }

    /// The value, as messages name it; empty for what has none.
    pub(crate) fn value(&self) -> String {
        match self {
            Entry::Interface(name)
            | Entry::Source(name)
            | Entry::IngressZone(name)
            | Entry::EgressZone(name)
            | Entry::Service(name)
            | Entry::Protocol(name)
            | Entry::IcmpBlock(name) => name.clone(),
            Entry::RichRule(rule, _) => rule.to_string(),
            Entry::Port(port) | Entry::SourcePort(port) => format!("{}:{}", port.port, port.protocol),
            Entry::ForwardPort(port) => {
                format!("{}:{}:{}:{}", port.port, port.protocol, port.to_port, port.to_address)
            }
            Entry::Masquerade | Entry::IcmpBlockInversion | Entry::Forward => String::new(),
        }
    }
}

impl Traffic {
    /// What zones and policies have in common.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        entries.extend(self.services.iter().cloned().map(Entry::Service));
        entries.extend(self.ports.iter().cloned().map(Entry::Port));
        entries.extend(self.source_ports.iter().cloned().map(Entry::SourcePort));
        entries.extend(self.protocols.iter().cloned().map(Entry::Protocol));
        entries.extend(self.icmp_blocks.iter().cloned().map(Entry::IcmpBlock));
        entries.extend(self.forward_ports.iter().cloned().map(Entry::ForwardPort));
        let rule = |rule: &Rule| Entry::RichRule(Box::new(rule.clone()), rule.to_string());
        entries.extend(self.rules.iter().map(rule));
        entries.extend(self.masquerade.then_some(Entry::Masquerade));
        entries
    }
}

impl Zone {
    /// Everything in it.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.traffic.entries();
        entries.extend(self.interfaces.iter().cloned().map(Entry::Interface));
        entries.extend(self.sources.iter().cloned().map(Entry::Source));
        entries.extend(self.icmp_block_inversion.then_some(Entry::IcmpBlockInversion));
        entries.extend(self.forward.then_some(Entry::Forward));
        entries
    }
}

/// Where an entry has its place, and its value.
pub(crate) enum Slot<'a> {
    Names(&'a mut Vec<String>, &'a str),
    Ports(&'a mut Vec<Port>, &'a Port),
    Rules(&'a mut Vec<Rule>, &'a Rule, &'a str),
    ForwardPorts(&'a mut Vec<ForwardPort>, &'a ForwardPort),
    Flag(&'a mut bool),
}

/// What has entries.
pub(crate) trait Holder {
    /// The place of an entry; none for a kind that it does not have.
    fn slot<'a>(&'a mut self, entry: &'a Entry) -> Option<Slot<'a>>;
}

impl Holder for Zone {
    fn slot<'a>(&'a mut self, entry: &'a Entry) -> Option<Slot<'a>> {
        match entry {
            Entry::Interface(name) => Some(Slot::Names(&mut self.interfaces, name)),
            Entry::Source(name) => Some(Slot::Names(&mut self.sources, name)),
            Entry::IcmpBlockInversion => Some(Slot::Flag(&mut self.icmp_block_inversion)),
            Entry::Forward => Some(Slot::Flag(&mut self.forward)),
            entry => self.traffic.slot(entry),
        }
    }
}

impl Holder for Policy {
    fn slot<'a>(&'a mut self, entry: &'a Entry) -> Option<Slot<'a>> {
        match entry {
            Entry::IngressZone(name) => Some(Slot::Names(&mut self.ingress_zones, name)),
            Entry::EgressZone(name) => Some(Slot::Names(&mut self.egress_zones, name)),
            entry => self.traffic.slot(entry),
        }
    }
}

impl Traffic {
    fn slot<'a>(&'a mut self, entry: &'a Entry) -> Option<Slot<'a>> {
        Some(match entry {
            Entry::Service(name) => Slot::Names(&mut self.services, name),
            Entry::Protocol(name) => Slot::Names(&mut self.protocols, name),
            Entry::IcmpBlock(name) => Slot::Names(&mut self.icmp_blocks, name),
            Entry::Port(port) => Slot::Ports(&mut self.ports, port),
            Entry::SourcePort(port) => Slot::Ports(&mut self.source_ports, port),
            Entry::RichRule(rule, typed) => Slot::Rules(&mut self.rules, rule, typed),
            Entry::ForwardPort(port) => Slot::ForwardPorts(&mut self.forward_ports, port),
            Entry::Masquerade => Slot::Flag(&mut self.masquerade),
            Entry::Interface(_)
            | Entry::Source(_)
            | Entry::IngressZone(_)
            | Entry::EgressZone(_)
            | Entry::IcmpBlockInversion
            | Entry::Forward => return None,
        })
    }
}

/// How entries are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matching {
    /// By their spelling: firewall-offline-cmd, and the daemon for a policy, which its client sends as a
    /// whole.
    Spelling,
    /// Ports by their numbers, those inside of ranges, too: firewall-cmd for zones.
    Ranges,
    /// By what they mean: nodeshim for its own entries. `0080` is `80`, and an address has no case.
    Meaning,
}

/// Whether an entry is there.
pub(crate) fn has(holder: &mut dyn Holder, entry: &Entry, by: Matching, grammar: &Grammar) -> bool {
    match holder.slot(entry) {
        Some(Slot::Names(list, name)) => list.iter().any(|known| same_name(known, name, entry, by)),
        Some(Slot::Ports(list, port)) => has_port(list, port, by, grammar),
        Some(Slot::Rules(list, rule, typed)) => list.iter().any(|known| same_rule(known, rule, typed, by)),
        Some(Slot::ForwardPorts(list, port)) => list.contains(port),
        Some(Slot::Flag(flag)) => *flag,
        None => false,
    }
}

/// Adds an entry that is not there; false if what holds entries has none of its kind.
pub(crate) fn add(holder: &mut dyn Holder, entry: &Entry, by: Matching, grammar: &Grammar) -> bool {
    match holder.slot(entry) {
        Some(Slot::Names(list, name)) => list.push(name.to_owned()),
        Some(Slot::Ports(list, port)) => add_port(list, port.clone(), by, grammar),
        Some(Slot::Rules(list, rule, _)) => list.push(rule.clone()),
        Some(Slot::ForwardPorts(list, port)) => list.push(port.clone()),
        Some(Slot::Flag(flag)) => *flag = true,
        None => return false,
    }
    true
}

/// Removes an entry that is there.
pub(crate) fn remove(holder: &mut dyn Holder, entry: &Entry, by: Matching, grammar: &Grammar) {
    match holder.slot(entry) {
        Some(Slot::Names(list, name)) => list.retain(|known| !same_name(known, name, entry, by)),
        Some(Slot::Ports(list, port)) => remove_port(list, port, by, grammar),
        Some(Slot::Rules(list, rule, typed)) => list.retain(|known| !same_rule(known, rule, typed, by)),
        Some(Slot::ForwardPorts(list, port)) => list.retain(|known| known != port),
        Some(Slot::Flag(flag)) => *flag = false,
        None => {}
    }
}

fn same_name(known: &str, name: &str, entry: &Entry, by: Matching) -> bool {
    let ignores_case = by == Matching::Meaning && matches!(entry, Entry::Source(_));
    known == name || ignores_case && known.eq_ignore_ascii_case(name)
}

fn same_rule(known: &Rule, rule: &Rule, typed: &str, by: Matching) -> bool {
    known == rule || by == Matching::Meaning && known.to_string() == typed
}

fn same_numbers(known: &Port, port: &Port, grammar: &Grammar) -> bool {
    let same = || known.range(grammar).is_some_and(|numbers| port.range(grammar) == Some(numbers));
    known.protocol == port.protocol && (known.port == port.port || same())
}

fn has_port(list: &[Port], port: &Port, by: Matching, grammar: &Grammar) -> bool {
    if by == Matching::Meaning {
        return list.iter().any(|known| same_numbers(known, port, grammar));
    }
    let Some((first, last)) = range(&port.port, grammar).filter(|_| by == Matching::Ranges) else {
        return list.contains(port);
    };
    let covers = |known: &Port| {
        known.protocol == port.protocol && known.range(grammar).is_some_and(|(a, b)| a <= first && last <= b)
    };
    list.iter().any(covers)
}

fn overlaps(known: &Port, port: &Port, grammar: &Grammar) -> bool {
    let (Some((a, b)), Some((first, last))) = (known.range(grammar), port.range(grammar)) else {
        return false;
    };
    known.protocol == port.protocol && a <= last && first <= b
}

fn add_port(list: &mut Vec<Port>, port: Port, by: Matching, grammar: &Grammar) {
    let merges = by == Matching::Ranges && list.iter().any(|known| overlaps(known, &port, grammar));
    let numbers = range(&port.port, grammar).filter(|_| by == Matching::Ranges);
    list.push(match numbers {
        Some(numbers) => Port::new(spell(numbers), port.protocol),
        None => port,
    });
    if merges {
        *list = merge(std::mem::take(list), grammar);
    }
}

/// Removes a port; what else a range held stays, in the range's place.
fn remove_port(list: &mut Vec<Port>, port: &Port, by: Matching, grammar: &Grammar) {
    if by == Matching::Meaning {
        return list.retain(|known| !same_numbers(known, port, grammar));
    }
    let Some((first, last)) = range(&port.port, grammar).filter(|_| by == Matching::Ranges) else {
        return list.retain(|known| known != port);
    };
    let mut left = Vec::with_capacity(list.len() + 1);
    for known in list.drain(..) {
        if !overlaps(&known, port, grammar) {
            left.push(known);
            continue;
        }
        let Some((a, b)) = known.range(grammar) else {
            continue;
        };
        if a < first {
            left.push(Port::new(spell((a, first - 1)), known.protocol.clone()));
        }
        if b > last {
            left.push(Port::new(spell((last + 1, b)), known.protocol));
        }
    }
    *list = left;
}

/// A zone with one entry of each kind.
#[cfg(test)]
pub(crate) const EVERY_ENTRY: &str = "<zone><service name='ssh'/><port port='80' protocol='tcp'/><protocol value='gre'/>\
     <source-port port='53' protocol='udp'/><icmp-block name='redirect'/><masquerade/>\
     <forward-port port='1' protocol='tcp' to-port='2'/><interface name='eth0'/>\
     <source address='10.0.0.0/8'/><rule><service name='dns'/><accept/></rule>\
     <icmp-block-inversion/><forward/></zone>";

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(ports: &str) -> Zone {
        let mut zone = Zone::default();
        for word in ports.split_whitespace() {
            zone.traffic.ports.push(Port::parse(word, &Grammar::none()).unwrap());
        }
        zone
    }

    fn show(zone: &Zone) -> String {
        zone.traffic.ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ranges_are_joined_and_split_by_firewall_cmd_only() {
        let grammar = Grammar::none();
        let entry = |text: &str| Entry::Port(Port::parse(text, &grammar).unwrap());
        let mut ranges = zone("80-90/tcp 1/udp");
        assert!(has(&mut ranges, &entry("85/tcp"), Matching::Ranges, &grammar));
        assert!(!has(&mut ranges, &entry("85/tcp"), Matching::Spelling, &grammar));
        assert!(!has(&mut ranges, &entry("85/tcp"), Matching::Meaning, &grammar));
        assert!(add(&mut ranges, &entry("70-95/tcp"), Matching::Ranges, &grammar));
        assert_eq!(show(&ranges), "1/udp 70-95/tcp");
        remove(&mut ranges, &entry("85/tcp"), Matching::Ranges, &grammar);
        assert_eq!(show(&ranges), "1/udp 70-84/tcp 86-95/tcp");
        remove(&mut ranges, &entry("70-84/tcp"), Matching::Spelling, &grammar);
        assert_eq!(show(&ranges), "1/udp 86-95/tcp");
        remove(&mut ranges, &entry("086-095/tcp"), Matching::Meaning, &grammar);
        assert_eq!(show(&ranges), "1/udp");
    }

    #[test]
    fn every_entry_of_a_zone_is_found_removed_and_added_again() {
        let grammar = Grammar::none();
        let whole = Zone::parse(EVERY_ENTRY, &grammar).unwrap();
        assert_eq!(whole.entries().len(), 12);
        for by in [Matching::Spelling, Matching::Ranges, Matching::Meaning] {
            let mut zone = whole.clone();
            for entry in whole.entries() {
                assert!(has(&mut zone, &entry, by, &grammar), "{entry:?}");
                remove(&mut zone, &entry, by, &grammar);
                assert!(!has(&mut zone, &entry, by, &grammar), "{entry:?}");
            }
            assert_eq!(zone, Zone::default(), "nothing is left");
            for entry in whole.entries() {
                assert!(add(&mut zone, &entry, by, &grammar), "{entry:?}");
            }
            assert_eq!(zone, whole);
        }
        let policies_have = Entry::IngressZone("public".into());
        assert!(!add(&mut whole.clone(), &policies_have, Matching::Spelling, &grammar));
        assert!(add(&mut Policy::default(), &policies_have, Matching::Spelling, &grammar));
    }

    #[test]
    fn own_entries_of_a_zone_are_compared_by_their_meaning() {
        let grammar = Grammar::none();
        let mut zone = Zone::default();
        zone.sources.push("AA:BB:CC:00:00:01".into());
        zone.traffic.ports.push(Port::new("080", "tcp"));
        let typed = "rule service name=dns accept";
        zone.traffic.rules.push(Rule::parse(typed, &grammar).unwrap());
        let own = [
            Entry::Source("aa:bb:cc:00:00:01".into()),
            Entry::Port(Port::new("80", "tcp")),
            Entry::parse("rich-rule", typed, &grammar).unwrap(),
        ];
        for entry in &own {
            assert!(has(&mut zone, entry, Matching::Meaning, &grammar), "{entry:?}");
            remove(&mut zone, entry, Matching::Meaning, &grammar);
        }
        assert_eq!(zone, Zone::default());
    }
}
