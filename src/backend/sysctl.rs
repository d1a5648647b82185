//! Forwarding between interfaces, where a plugin masquerades or forwards ports to other hosts:
//! firewalld turns it on by itself, the other backends need `/etc/sysctl.d` to do it at boot.

use std::collections::BTreeMap;

use crate::firewall::firewalld::Grammar;
use crate::firewall::firewalld::rich::{Element, Rule};
use crate::firewall::ruleset::{ForwardPort, Ruleset};
use crate::plan::{Content, Contribution, DesiredFile};

/// The file. The distribution's own files come before it, an administrator's 90 and up after it.
pub const PATH: &str = "/etc/sysctl.d/80-nodeshim-forward.conf";

/// The file as it should be: gone where nothing is forwarded.
pub fn contribute(rulesets: &BTreeMap<String, Ruleset>) -> Contribution {
    let mut needed = [false; 2];
    let mut because = Vec::new();
    for ruleset in rulesets.values() {
        let needs = needs(ruleset);
        if needs != [false; 2] {
            because.extend(ruleset.events.iter().copied());
        }
        needed = [needed[0] || needs[0], needed[1] || needs[1]];
    }
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

/// Whether IPv4 and IPv6 are to be forwarded.
fn needs(ruleset: &Ruleset) -> [bool; 2] {
    let mut needed = [false; 2];
    let mut to = |forward: &ForwardPort| {
        if let Some(address) = forward.to_address {
            needed[usize::from(address.is_ipv6())] = true;
        }
    };
    let (mut hides_ipv4, mut hides_ipv6) = (false, false);
    for rules in ruleset.zones.values() {
        rules.forward_ports.iter().for_each(&mut to);
        hides_ipv4 |= !rules.masquerade.is_empty();
        for rule in rules.rich_rules.iter().filter_map(|rule| Rule::parse(rule, &Grammar::none()).ok()) {
            match &rule.element {
                Some(Element::Masquerade) if rule.family.as_deref() == Some("ipv6") => hides_ipv6 = true,
                Some(Element::Masquerade) => hides_ipv4 = true,
                Some(element) => ForwardPort::of_rich(element).iter().for_each(&mut to),
                None => {}
            }
        }
    }
    [needed[0] || hides_ipv4, needed[1] || hides_ipv6]
}
