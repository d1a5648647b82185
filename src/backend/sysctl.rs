//! Forwarding between interfaces, where addresses are rewritten for other hosts: firewalld turns it on
//! by itself for zones and policies, the other backends need `/etc/sysctl.d` to do it at boot.

use super::rulesets::Wanted;
use crate::firewall::direct_rules::DirectRules;
use crate::firewall::firewalld::Grammar;
use crate::firewall::firewalld::rich::{Element, Rule};
use crate::firewall::iptables::{self, Family};
use crate::firewall::ruleset::{ForwardPort, ZoneRules};
use crate::plan::{Content, Contribution, DesiredFile};

/// The file. The distribution's own files come before it, an administrator's 90 and up after it.
pub(crate) const PATH: &str = "/etc/sysctl.d/80-nodeshim-forward.conf";

/// The file as it should be: gone where nothing is forwarded, or firewalld sees to it itself.
pub(crate) fn contribute(wanted: Option<&Wanted>) -> Contribution {
    let mut needed = Needed::default();
    let mut because = Vec::new();
    if let Some(wanted) = wanted {
        for ruleset in wanted.rulesets.values() {
            let mut of_plugin = Needed::default();
            ruleset.zones.values().for_each(|rules| of_plugin.rules(rules));
            if of_plugin != Needed::default() {
                because.extend(ruleset.events.iter().copied());
            }
            needed.add(of_plugin);
        }
        if wanted.is_wanted {
            needed.add(of_node(wanted));
        }
    }
    let needed = [needed.ipv4, needed.ipv6];
    let keys = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];
    let keys = keys.iter().zip(needed).filter(|(_, needed)| *needed);
    let lines: String = keys.map(|(key, _)| format!("{key} = 1\n")).collect();
    let text = format!("# Written by nodeshim: a plugin masquerades or forwards ports.\n{lines}");
    let file = DesiredFile {
        path: PATH.into(),
        content: match lines.is_empty() {
            true => Content::Nothing,
            false => Content::File { text, mode: 0o644 },
        },
        because,
        why: "packets pass from one interface to another only with it".into(),
    };
    Contribution {
        files: vec![file],
        ..Contribution::default()
    }
}

/// What the node's own configuration rewrites: in zones that something is bound to, in policies, and
/// in direct rules.
fn of_node(wanted: &Wanted) -> Needed {
    let node = &wanted.node;
    let mut needed = Needed::default();
    let is_bound = |rules: &ZoneRules| !rules.interfaces.is_empty() || !rules.sources.is_empty();
    for (name, zone) in &node.zones {
        let of_plugins = || wanted.rulesets.values().filter_map(|ruleset| ruleset.zones.get(name));
        if *name == node.default_zone || is_bound(&zone.rules) || of_plugins().any(is_bound) {
            needed.rules(&zone.rules);
        }
    }
    node.policies.iter().for_each(|policy| needed.rules(&policy.rules));
    for rule in DirectRules::of(&node.direct).rules.iter().filter(|rule| rule.table == "nat") {
        let target = iptables::Rule::parse(&rule.words, &|_| None).target.map(|target| target.name);
        if matches!(target.as_deref(), Some("MASQUERADE" | "SNAT" | "DNAT")) {
            needed.family(rule.family == Family::Ipv6);
        }
    }
    needed
}

/// Whether IPv4 and IPv6 are to be forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Needed {
    ipv4: bool,
    ipv6: bool,
}

impl Needed {
    fn add(&mut self, other: Needed) {
        self.ipv4 |= other.ipv4;
        self.ipv6 |= other.ipv6;
    }

    fn family(&mut self, is_ipv6: bool) {
        self.add(Needed {
            ipv4: !is_ipv6,
            ipv6: is_ipv6,
        });
    }

    fn to(&mut self, forward: &ForwardPort) {
        if let Some(address) = forward.to_address {
            self.family(address.is_ipv6());
        }
    }

    fn rules(&mut self, rules: &ZoneRules) {
        rules.forward_ports.iter().for_each(|forward| self.to(forward));
        self.ipv4 |= !rules.masquerade.is_empty();
        for rule in rules.rich_rules.iter().filter_map(|rule| Rule::parse(rule, &Grammar::none()).ok()) {
            match &rule.element {
                Some(Element::Masquerade) => self.family(rule.family.as_deref() == Some("ipv6")),
                Some(element) => ForwardPort::of_rich(element).iter().for_each(|forward| self.to(forward)),
                None => {}
            }
        }
    }
}
