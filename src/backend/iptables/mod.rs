//! The iptables backend: marked blocks in `/etc/sysconfig/iptables` and `ip6tables`. Lines outside
//! of them stay byte for byte as they are. Rules that drop packets come before the node's own rules,
//! rules that accept them before the rule that rejects the rest. What lokkit wrote into these files
//! itself is in no block (`backend::lokkit::without_its_own`): it would be accepted twice.

mod block;
mod closed;
mod direct;
mod matches;
mod nat;
mod place;
mod rich;
mod rules;
mod zone;

use crate::intent::FirewallObject;
use std::collections::BTreeSet;

use super::name::stem;
use super::rulesets::Wanted;
use crate::error::{Result, if_exists};
use crate::firewall::definitions::Definitions;
pub use crate::firewall::iptables::Family;
use crate::plan::{Content, Contribution, DesiredFile, Note};
use crate::root::Root;
pub(crate) use closed::{keep_closed, rules_in_blocks};
use direct::Direct;
use place::{At, Insert, Reading};
use rules::{Rule, RulePosition, Rules};
use zone::Bindings;

const FILES: [(Family, &str); 2] = [
    (Family::Ipv4, "/etc/sysconfig/iptables"),
    (Family::Ipv6, "/etc/sysconfig/ip6tables"),
];

/// The mode of a rule file that was not there.
const MODE: u32 = 0o600;
/// The chain of what is kept out.
const DENY: &str = "nodeshim-deny";
/// The chain of what comes after everything that is let in.
const LAST: &str = "nodeshim-last";
/// The chain that lets in what is bound to no other zone than the default one.
const DEFAULT_ZONE: &str = "nodeshim-zone";

/// The rules of all plugins, and what could not be expressed.
pub struct Firewall<'a> {
    plugins: Vec<Rules<'a>>,
    bindings: Bindings,
    direct: Direct,
    because: Vec<u64>,
    /// What could not be expressed.
    pub notes: Vec<Note>,
}

impl<'a> Firewall<'a> {
    /// Puts the rules together.
    pub fn build(wanted: &Wanted, definitions: &'a Definitions<'a>) -> Firewall<'a> {
        // If no plugin wants anything, the node's files stay as they are.
        let nothing = Wanted::default();
        let wanted = if wanted.is_wanted { wanted } else { &nothing };
        let bindings = Bindings::of(wanted);
        let own = zone::own(wanted, &bindings, definitions);
        let direct = Direct::of(&wanted.node.direct);
        let unexpressed = wanted.unexpressed.iter().cloned().chain(wanted.left_out(&|_| false));
        let said = bindings.notes.iter().chain(&own.notes).chain(&own.unmet);
        let mut firewall = Firewall {
            because: wanted.rulesets.values().flat_map(|ruleset| ruleset.events.iter().copied()).collect(),
            notes: said
                .map(|text| Note::new(None, text.as_str(), &[]))
                .chain(unexpressed)
                .chain(not_expressed(wanted, &direct))
                .collect(),
            plugins: vec![own],
            bindings,
            direct,
        };
        for (plugin, ruleset) in wanted.rulesets.iter().filter(|(_, ruleset)| !ruleset.is_empty()) {
            let events: Vec<u64> = ruleset.events.iter().copied().collect();
            let Some(stem) = stem(plugin) else {
                let text = "its name cannot be written into a file: nothing is opened for it";
                firewall.notes.push(Note::unmet(plugin, text, &events));
                continue;
            };
            let rules = zone::rules(&stem, ruleset, wanted, &firewall.bindings, definitions);
            let notes = rules.notes.iter().map(|text| Note::new(Some(plugin), text.as_str(), &events));
            let unmet = rules.unmet.iter().map(|text| Note::unmet(plugin, text.as_str(), &events));
            firewall.notes.extend(notes.chain(unmet));
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
        let reading = Reading {
            family,
            port: &|_| None,
        };
        block::replace(Some(&own), &self.inserts(family), reading, &mut Vec::new()).unwrap_or(own)
    }

    /// Everything for a family, by table and place.
    fn inserts(&self, family: Family) -> Vec<Insert> {
        let in_chain = |table, at, places: &[RulePosition], chain: &str| Insert {
            table,
            at,
            lines: self.lines(family, places, chain, &|_| true),
        };
        let mut inserts = self.direct.inserts(family);
        inserts.extend([
            Insert {
                table: "filter",
                at: At::Start,
                lines: self.default_zone(family),
            },
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
                at: At::BeforeDenial("INPUT"),
                lines: self.accepts(family),
            },
            Insert {
                table: "filter",
                at: At::BeforeClose("INPUT"),
                lines: self.last(family),
            },
            Insert {
                table: "filter",
                at: At::BeforeDenial("FORWARD"),
                lines: self.forwards(family),
            },
        ]);
        inserts
    }

    /// The rules of some places in a chain: by place, priority and plugin, each plugin's after a
    /// comment with its name.
    fn lines(
        &self,
        family: Family,
        places: &[RulePosition],
        chain: &str,
        counts: &dyn Fn(&Rule) -> bool,
    ) -> Vec<String> {
        let all = self.plugins.iter().flat_map(|plugin| plugin.rules.iter().map(move |rule| (plugin, rule)));
        let fits = |rule: &Rule| {
            rule.family.is_none_or(|of| of == family) && places.contains(&rule.place) && counts(rule)
        };
        let mut found: Vec<(&Rules, &Rule)> = all.filter(|(_, rule)| fits(rule)).collect();
        found.sort_by_key(|(_, rule)| (rule.place, rule.priority));
        let (mut lines, mut label) = (Vec::with_capacity(found.len()), "");
        for (plugin, rule) in found {
            if plugin.stem != label {
                lines.extend((!plugin.stem.is_empty()).then(|| format!("# {}", plugin.stem)));
                label = &plugin.stem;
            }
            lines.push(format!("-A {chain} {}", rule.text));
        }
        lines
    }

    /// Connections that there are stay, as do loopback and neighbour discovery.
    fn denials(&self, family: Family) -> Vec<String> {
        let rules = self.by_zone(family, RulePosition::Deny, DENY);
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

    fn last(&self, family: Family) -> Vec<String> {
        if self.bindings.elsewhere(family).is_empty() {
            return self.lines(family, &[RulePosition::Last], "INPUT", &|_| true);
        }
        let rules = self.by_zone(family, RulePosition::Last, LAST);
        if rules.is_empty() {
            return rules;
        }
        let mut lines = vec![format!(":{LAST} - [0:0]")];
        lines.extend(rules);
        lines.push(format!("-A INPUT -j {LAST}"));
        lines
    }

    /// The rules of zones that something is bound to, and then, for nothing of that, those of the
    /// default zone.
    fn by_zone(&self, family: Family, place: RulePosition, chain: &str) -> Vec<String> {
        let mut lines = self.lines(family, &[place], chain, &|rule| !rule.in_default);
        let of_default = self.lines(family, &[place], chain, &|rule| rule.in_default);
        if !of_default.is_empty() {
            lines.extend(self.returns(family, chain));
        }
        lines.extend(of_default);
        lines
    }

    fn returns(&self, family: Family, chain: &str) -> Vec<String> {
        let elsewhere = self.bindings.elsewhere(family);
        elsewhere.iter().map(|entry| format!("-A {chain} {} -j RETURN", entry.words)).collect()
    }

    /// The chain that openings of the default zone go through where something is bound to another.
    fn default_zone(&self, family: Family) -> Vec<String> {
        let returns = self.returns(family, DEFAULT_ZONE);
        let of_default = self.lines(family, &[RulePosition::Accept], "INPUT", &|rule| rule.in_default);
        if returns.is_empty() || of_default.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!(":{DEFAULT_ZONE} - [0:0]")];
        lines.extend(returns);
        lines.push(format!("-A {DEFAULT_ZONE} -j ACCEPT"));
        lines
    }

    fn accepts(&self, family: Family) -> Vec<String> {
        let all = [RulePosition::Accept];
        let mut of_default = self.lines(family, &all, "INPUT", &|rule| rule.in_default);
        if !self.bindings.elsewhere(family).is_empty() {
            for line in &mut of_default {
                if let Some(found) = line.strip_suffix("-j ACCEPT") {
                    *line = format!("{found}-j {DEFAULT_ZONE}");
                }
            }
        }
        let mut lines = self.lines(family, &all, "INPUT", &|rule| !rule.in_default);
        lines.append(&mut of_default);
        if self.redirects(family) {
            lines.insert(0, "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT".into());
        }
        lines
    }

    fn forwards(&self, family: Family) -> Vec<String> {
        let mut lines = self.lines(family, &[RulePosition::Forward], "FORWARD", &|_| true);
        let mut first = Vec::new();
        if self.redirects(family) {
            first.push("-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT".to_owned());
        }
        if !lines.is_empty() || !first.is_empty() {
            first.insert(0, "-A FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT".to_owned());
        }
        first.append(&mut lines);
        first
    }

    fn redirects(&self, family: Family) -> bool {
        self.has(family, RulePosition::Redirect) || self.direct.redirects(family)
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
            || !self.direct.is_empty(family)
    }
}

/// What firewalld would do and rule files do not.
fn not_expressed(wanted: &Wanted, direct: &Direct) -> Vec<Note> {
    let mut notes: Vec<Note> = direct
        .notes
        .iter()
        .flat_map(|text| wanted.unmet(FirewallObject::Direct, None, text))
        .collect();
    for policy in &wanted.node.policies {
        let text =
            format!("policy {} is not set up: rule files have no zones to tell packets by", policy.name);
        notes.extend(wanted.unmet(FirewallObject::Policy, Some(&policy.name), &text));
    }
    if wanted
        .edits
        .iter()
        .any(|edit| edit.object == FirewallObject::Conf && edit.name == "LogDenied")
    {
        let text = "packets that are kept out are not logged";
        notes.extend(wanted.unmet(FirewallObject::Conf, Some("LogDenied"), text));
    }
    notes
}

/// The rule files with their blocks, or without them where nothing is wanted; a rule file that is
/// `planned` already gets the blocks too. A file that is not there lets everything in: it is made
/// only if there is more to do.
pub(crate) fn contribute(root: &Root, firewall: &Firewall, planned: &Contribution) -> Result<Contribution> {
    let mut files = Vec::new();
    let mut notes = firewall.notes.clone();
    let names = Definitions::new(root);
    let port = |name: &str| {
        let range = names.named_port(name, "tcp").or_else(|| names.named_port(name, "udp"));
        range.map(|range| range.low)
    };
    for (family, path) in FILES {
        let reading = Reading { family, port: &port };
        let before = match text_of(root, path, planned)? {
            Text::There(text) => Some(text),
            Text::Missing => None,
            Text::Unreadable => {
                notes.push(Note::new(None, format!("{path} is not UTF-8 text and is left unchanged"), &[]));
                continue;
            }
        };
        let inserts = firewall.inserts(family);
        let has_lines = inserts.iter().any(|insert| !insert.lines.is_empty());
        let faults = block::faults(before.as_deref().unwrap_or_default(), reading);
        if has_lines && !faults.is_empty() {
            let text = format!("{path} cannot be loaded and is left alone: {}", faults.join("; "));
            notes.push(Note::new(None, text, &firewall.because));
            continue;
        }
        let mut said = Vec::new();
        let is_there = block::without(before.as_deref()).is_some();
        let text = match is_there || firewall.does_more_than_accept(family) {
            true => block::replace(before.as_deref(), &inserts, reading, &mut said),
            false => None,
        };
        notes.extend(said.into_iter().map(|text| Note::new(None, format!("{path}: {text}"), &[])));
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

/// The lines of a rule file that are not in our blocks.
pub(super) fn others_lines(text: &str) -> BTreeSet<String> {
    block::without(Some(text)).unwrap_or_default().lines().map(str::to_owned).collect()
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
