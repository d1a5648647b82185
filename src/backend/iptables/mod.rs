//! The iptables backend: marked blocks in `/etc/sysconfig/iptables` and `ip6tables`. Lines outside
//! of them stay byte for byte as they are. What keeps packets out stands before the node's own
//! rules, what lets them in before the rule that rejects what is left. What lokkit was asked for is
//! in these files already; the blocks repeat it harmlessly.

mod block;
mod close;
mod closed;
mod matches;
mod nat;
mod rich;
mod rules;

use std::collections::BTreeMap;

use super::denials;
use super::name::stem;
use crate::error::{Result, if_exists};
use crate::firewall::definitions::Definitions;
use crate::firewall::ruleset::Ruleset;
use crate::plan::{Content, Contribution, DesiredFile, Note};
use crate::root::Root;
use block::{At, Insert};
pub use closed::{keep_closed, rules_in_blocks};
use rules::{Rule, RulePosition, Rules};

/// The two address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

const FILES: [(Family, &str); 2] = [
    (Family::Ipv4, "/etc/sysconfig/iptables"),
    (Family::Ipv6, "/etc/sysconfig/ip6tables"),
];

/// The mode of a rule file that was not there.
const MODE: u32 = 0o600;
/// The chain of what is kept out.
const DENY: &str = "nodeshim-deny";

/// The rules of all plugins, and what could not be expressed.
pub struct Firewall<'a> {
    plugins: Vec<Rules<'a>>,
    because: Vec<u64>,
    /// What could not be expressed.
    pub notes: Vec<Note>,
}

impl<'a> Firewall<'a> {
    /// Puts the rules together.
    pub fn build(
        rulesets: &BTreeMap<String, Ruleset>,
        default_zone: &str,
        definitions: &'a Definitions<'a>,
    ) -> Firewall<'a> {
        let mut firewall = Firewall {
            plugins: Vec::new(),
            because: rulesets.values().flat_map(|ruleset| ruleset.events.iter().copied()).collect(),
            notes: denials::notes(rulesets, default_zone),
        };
        for (plugin, ruleset) in rulesets.iter().filter(|(_, ruleset)| !ruleset.is_empty()) {
            let events: Vec<u64> = ruleset.events.iter().copied().collect();
            let Some(stem) = stem(plugin) else {
                let text = "its name cannot be written into a file: nothing is opened for it";
                firewall.notes.push(Note::new(Some(plugin), text, &events));
                continue;
            };
            let rules = Rules::of(&stem, ruleset, default_zone, definitions);
            let notes = rules.notes.iter().map(|text| Note::new(Some(plugin), text.as_str(), &events));
            firewall.notes.extend(notes);
            firewall.plugins.push(rules);
        }
        firewall
    }

    /// A whole file for `iptables-restore` or `ip6tables-restore`: a node that lets in secure shell
    /// and what the plugins want.
    pub fn whole(&self, family: Family) -> String {
        let (icmp, prohibited) = match family {
            Family::Ipv4 => ("icmp", "icmp-admin-prohibited"),
            Family::Ipv6 => ("ipv6-icmp", "icmp6-adm-prohibited"),
        };
        let dhcp = "-A INPUT -m state --state NEW -p udp -m udp --dport 546 -d fe80::/64 -j ACCEPT\n";
        let dhcp = if family == Family::Ipv6 { dhcp } else { "" };
        let reject = format!("-j REJECT --reject-with {prohibited}");
        let own = format!(
            "# Written by nodeshim from what the installed plugins asked for.\n*filter\n\
             :INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
             -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p {icmp} -j ACCEPT\n\
             -A INPUT -i lo -j ACCEPT\n{dhcp}\
             -A INPUT -m state --state NEW -p tcp -m tcp --dport 22 -j ACCEPT\n\
             -A INPUT {reject}\n-A FORWARD {reject}\nCOMMIT\n"
        );
        block::replace(Some(&own), &self.inserts(family)).unwrap_or(own)
    }

    /// Everything for a family, by table and place.
    fn inserts(&self, family: Family) -> Vec<Insert> {
        let in_chain = |table, at, places: &[RulePosition], chain: &str| Insert {
            table,
            at,
            lines: self.lines(family, places, chain),
        };
        vec![
            in_chain("mangle", At::End, &[RulePosition::Mark], "PREROUTING"),
            in_chain("mangle", At::End, &[RulePosition::Change], "FORWARD"),
            in_chain("nat", At::End, &[RulePosition::Redirect], "PREROUTING"),
            in_chain("nat", At::End, &[RulePosition::Masquerade], "POSTROUTING"),
            Insert {
                table: "filter",
                at: At::First("INPUT"),
                lines: self.denials(family),
            },
            Insert {
                table: "filter",
                at: At::BeforeClose("INPUT"),
                lines: self.accepts(family),
            },
            Insert {
                table: "filter",
                at: At::BeforeClose("FORWARD"),
                lines: self.forwards(family),
            },
        ]
    }

    /// The rules of some places in a chain: by place, priority and plugin, each plugin's after a
    /// comment with its name.
    fn lines(&self, family: Family, places: &[RulePosition], chain: &str) -> Vec<String> {
        let all = self.plugins.iter().flat_map(|plugin| plugin.rules.iter().map(move |rule| (plugin, rule)));
        let fits = |rule: &Rule| rule.family.is_none_or(|of| of == family) && places.contains(&rule.place);
        let mut found: Vec<(&Rules, &Rule)> = all.filter(|(_, rule)| fits(rule)).collect();
        found.sort_by_key(|(_, rule)| (rule.place, rule.priority));
        let (mut lines, mut label) = (Vec::with_capacity(found.len()), "");
        for (plugin, rule) in found {
            if plugin.stem != label {
                lines.push(format!("# {}", plugin.stem));
                label = &plugin.stem;
            }
            lines.push(format!("-A {chain} {}", rule.text));
        }
        lines
    }

    /// Connections that there are stay, as do loopback and neighbour discovery.
    fn denials(&self, family: Family) -> Vec<String> {
        let rules = self.lines(family, &[RulePosition::Deny], DENY);
        if rules.is_empty() {
            return rules;
        }
        let mut lines = vec![
            format!(":{DENY} - [0:0]"),
            format!("-A {DENY} -m state --state ESTABLISHED,RELATED -j RETURN"),
            format!("-A {DENY} -i lo -j RETURN"),
        ];
        if family == Family::Ipv6 {
            let of = |kind| format!("-A {DENY} -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j RETURN");
            lines.extend([134, 135, 136].map(of));
        }
        lines.extend(rules);
        lines.push(format!("-A INPUT -j {DENY}"));
        lines
    }

    fn accepts(&self, family: Family) -> Vec<String> {
        let mut lines = self.lines(family, &[RulePosition::Accept, RulePosition::Last], "INPUT");
        if self.has(family, RulePosition::Redirect) {
            lines.insert(0, "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT".into());
        }
        lines
    }

    fn forwards(&self, family: Family) -> Vec<String> {
        let mut lines = self.lines(family, &[RulePosition::Forward], "FORWARD");
        let mut first = Vec::new();
        if self.has(family, RulePosition::Redirect) {
            first.push("-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT".to_owned());
        }
        if !lines.is_empty() || !first.is_empty() {
            first.insert(0, "-A FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT".to_owned());
        }
        first.append(&mut lines);
        first
    }

    fn has(&self, of: Family, place: RulePosition) -> bool {
        let mut rules = self.plugins.iter().flat_map(|plugin| &plugin.rules);
        rules.any(|rule| rule.place == place && rule.family.is_none_or(|family| family == of))
    }

    /// Whether there is more to do than to let in what nothing keeps out.
    fn does_more_than_accept(&self, family: Family) -> bool {
        use RulePosition::{Change, Deny, Last, Mark, Masquerade, Redirect};
        [Mark, Change, Redirect, Masquerade, Deny, Last]
            .iter()
            .any(|place| self.has(family, *place))
    }
}

/// The families that something is for.
fn families(of: Option<Family>) -> impl Iterator<Item = Family> {
    [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .filter(move |family| of.is_none_or(|of| of == *family))
}

/// The rule files with their blocks, or without them where nothing is wanted; a rule file that is
/// `planned` already gets the blocks too. A file that is not there lets everything in: it is made
/// only if there is more to do.
pub fn contribute(root: &Root, firewall: &Firewall, planned: &Contribution) -> Result<Contribution> {
    let mut files = Vec::new();
    let mut notes = firewall.notes.clone();
    for (family, path) in FILES {
        let before = match text_of(root, path, planned)? {
            Text::There(text) => Some(text),
            Text::Missing => None,
            Text::Unreadable => {
                notes.push(Note::new(None, format!("{path} is no UTF-8 text and is left alone"), &[]));
                continue;
            }
        };
        let node = block::replace(before.as_deref(), &[]);
        let text = match node.is_some() || firewall.does_more_than_accept(family) {
            true => block::replace(before.as_deref(), &firewall.inserts(family)),
            false => None,
        };
        if text == before {
            continue;
        }
        let meta = if_exists(root.meta_followed(path))?;
        let mode = meta.map_or(MODE, |meta| meta.mode);
        files.push(DesiredFile {
            path: path.into(),
            content: text.map_or(Content::Nothing, |text| Content::File { text, mode }),
            because: firewall.because.clone(),
            why: "what the plugins let through".into(),
        });
    }
    Ok(Contribution {
        files,
        notes,
        ..Contribution::default()
    })
}

/// What a rule file will hold.
enum Text {
    There(String),
    Missing,
    Unreadable,
}

fn text_of(root: &Root, path: &str, planned: &Contribution) -> Result<Text> {
    if let Some(text) = planned.text_of(path) {
        return Ok(Text::There(text.to_owned()));
    }
    Ok(match if_exists(root.read(path))?.map(String::from_utf8) {
        None => Text::Missing,
        Some(Ok(text)) => Text::There(text),
        Some(Err(_)) => Text::Unreadable,
    })
}
