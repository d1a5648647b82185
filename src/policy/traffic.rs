//! Whether the ports and protocols of a rule match an intent, by the packets that it could let in.

use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, FirewallObject, Intent, Verdict};
use crate::policy::packets::Packets;
use crate::policy::query::Lookup;
use crate::policy::rule::Rule;

/// Whether the ports and protocols of a rule match an intent. A rule that does not allow matches if
/// one port is the same; a rule that allows must cover all ports.
pub(super) fn through(rule: &Rule, intent: &Intent, lookup: &dyn Lookup) -> bool {
    if rule.port.is_empty() && rule.protocol.is_empty() {
        return true;
    }
    let packets = of_intent(intent, lookup);
    match rule.verdict {
        Verdict::Allow => {
            !packets.is_empty() && packets.iter().all(|packets| packets.is_within(&rule.protocol, &rule.port))
        }
        _ => packets.iter().any(|packets| packets.meets(&rule.protocol, &rule.port)),
    }
}

/// Whether an intent may open ports without being an opening: rules that do not allow openings of a port
/// match it, too.
pub(super) fn may_open(intent: &Intent, lookup: &dyn Lookup) -> bool {
    !matches!(intent, Intent::Allow { .. } | Intent::Withdraw { .. }) && !of_intent(intent, lookup).is_empty()
}

/// The packets that an intent lets in, or stops letting in.
fn of_intent(intent: &Intent, lookup: &dyn Lookup) -> Vec<Packets> {
    match intent {
        Intent::Allow { opening, zone } | Intent::Withdraw { opening, zone } => {
            of_item(opening, zone.as_deref(), lookup)
        }
        Intent::Definition { object, name, change } if !change.deletes() => match object {
            FirewallObject::Service => lookup.service(name),
            FirewallObject::Zone if lookup.accepts_all(name) => vec![Packets::any()],
            // The name of a direct rule or a policy does not say what it lets in.
            FirewallObject::Direct | FirewallObject::Policy => vec![Packets::any()],
            _ => Vec::new(),
        },
        Intent::DefaultZone { zone } if lookup.accepts_all(zone) => vec![Packets::any()],
        Intent::FirewallSwitch { on: false } => vec![Packets::any()],
        _ => Vec::new(),
    }
}

fn of_item(item: &FirewallItem, zone: Option<&str>, lookup: &dyn Lookup) -> Vec<Packets> {
    let range = |port: &str, protocol: &str| PortRange::parse(port).or_else(|| lookup.port(port, protocol));
    match item {
        FirewallItem::Port { port, protocol } => {
            range(port, protocol).map(|range| Packets::to(protocol, range)).into_iter().collect()
        }
        FirewallItem::ForwardPort {
            port,
            protocol,
            to_port,
            ..
        } => {
            // It opens both ports: the one that packets are sent to, and the one that they are
            // forwarded to.
            let ends = [Some(port), to_port.as_ref().filter(|to_port| !to_port.is_empty())];
            let ranges = ends.into_iter().flatten().filter_map(|port| range(port, protocol));
            ranges.map(|range| Packets::to(protocol, range)).collect()
        }
        // A sender chooses its own source port, and so reaches every port.
        FirewallItem::SourcePort { protocol, .. } | FirewallItem::Protocol { protocol } => {
            vec![Packets::of(protocol)]
        }
        FirewallItem::FirewallService { service } => lookup.service(service),
        FirewallItem::RichRule { rule } => lookup.rich_rule(rule),
        FirewallItem::Interface { trusted: true, .. } | FirewallItem::CustomRules { .. } => {
            vec![Packets::any()]
        }
        FirewallItem::Interface { .. } | FirewallItem::Source { .. } => {
            let opens_all = zone.is_some_and(|zone| lookup.accepts_all(zone));
            opens_all.then(Packets::any).into_iter().collect()
        }
        FirewallItem::Masquerade { .. }
        | FirewallItem::BlockIcmp { .. }
        | FirewallItem::IcmpBlockInversion
        | FirewallItem::IntraZoneForward => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::DefinitionChange;
    use crate::policy::matching::fits;
    use crate::policy::{PolicyQuery, RuleId, Source};

    struct Known;

    impl Lookup for Known {
        fn service(&self, name: &str) -> Vec<Packets> {
            match name {
                "web" => vec![Packets::to("tcp", PortRange { low: 80, high: 80 })],
                "wide" => vec![Packets::of("tcp")],
                _ => Vec::new(),
            }
        }
        fn rich_rule(&self, rule: &str) -> Vec<Packets> {
            if rule == "accept all" {
                vec![Packets::any()]
            } else {
                Vec::new()
            }
        }
        fn port(&self, name: &str, _protocol: &str) -> Option<PortRange> {
            (name == "named").then_some(PortRange {
                low: 2222,
                high: 2222,
            })
        }
        fn default_zone(&self) -> String {
            "public".into()
        }
        fn accepts_all(&self, zone: &str) -> bool {
            zone == "trusted"
        }
    }

    fn rule(verdict: Verdict) -> Rule {
        let mut rule = Rule::new(RuleId::parse("x.toml: y").unwrap());
        rule.port = vec![PortRange {
            low: 2222,
            high: 2222,
        }];
        rule.protocol = vec!["tcp".into()];
        rule.verdict = verdict;
        rule
    }

    fn allow(opening: FirewallItem, zone: &str) -> Intent {
        Intent::Allow {
            opening,
            zone: Some(zone.into()),
        }
    }

    /// Every form in which 2222/tcp can be opened.
    fn openings() -> Vec<Intent> {
        let port = |port: &str| FirewallItem::Port {
            port: port.into(),
            protocol: "tcp".into(),
        };
        let forward = FirewallItem::ForwardPort {
            interface: None,
            port: "443".into(),
            protocol: "tcp".into(),
            to_port: Some("2222".into()),
            to_address: None,
        };
        let source_port = FirewallItem::SourcePort {
            port: "53".into(),
            protocol: "tcp".into(),
        };
        let definition = |object, name: &str| Intent::Definition {
            object,
            name: name.into(),
            change: DefinitionChange::Edit,
        };
        let interface = |trusted| FirewallItem::Interface {
            interface: "eth0".into(),
            trusted,
        };
        vec![
            allow(port("2222"), "public"),
            allow(port("02222"), "public"),
            allow(port("2000-3000"), "public"),
            allow(port("named"), "public"),
            allow(
                FirewallItem::Protocol {
                    protocol: "tcp".into(),
                },
                "public",
            ),
            allow(source_port, "public"),
            allow(forward, "public"),
            allow(
                FirewallItem::FirewallService {
                    service: "wide".into(),
                },
                "public",
            ),
            allow(
                FirewallItem::RichRule {
                    rule: "accept all".into(),
                },
                "public",
            ),
            allow(interface(true), "public"),
            allow(interface(false), "trusted"),
            allow(
                FirewallItem::Source {
                    source: "10.0.0.0/8".into(),
                },
                "trusted",
            ),
            allow(
                FirewallItem::CustomRules {
                    family: "ipv4".into(),
                    table: "filter".into(),
                    file: "/x".into(),
                },
                "public",
            ),
            definition(FirewallObject::Service, "wide"),
            definition(FirewallObject::Zone, "trusted"),
            definition(FirewallObject::Direct, "direct"),
            definition(FirewallObject::Policy, "p"),
            Intent::DefaultZone {
                zone: "trusted".into(),
            },
            Intent::FirewallSwitch { on: false },
        ]
    }

    #[test]
    fn a_denied_port_is_denied_in_every_form_of_opening() {
        for intent in openings() {
            assert!(through(&rule(Verdict::Deny), &intent, &Known), "{intent:?}");
        }
    }

    #[test]
    fn a_rule_about_openings_denies_what_opens_a_port_without_being_one() {
        let mut rule = rule(Verdict::Deny);
        rule.kind = vec!["allow".into()];
        for intent in openings() {
            let query = PolicyQuery {
                plugin: None,
                tools: &[],
                source: Source::Scriptlet,
                intent: &intent,
            };
            assert!(fits(&rule, &query, &Known), "{intent:?}");
        }
    }

    #[test]
    fn leave_for_a_port_is_no_leave_for_more() {
        for intent in openings().into_iter().skip(4).filter(|intent| {
            !matches!(
                intent,
                Intent::Allow {
                    opening: FirewallItem::ForwardPort { .. },
                    ..
                }
            )
        }) {
            assert!(!through(&rule(Verdict::Allow), &intent, &Known), "{intent:?}");
        }
        assert!(through(&rule(Verdict::Allow), &openings()[0], &Known));
        assert!(!through(&rule(Verdict::Allow), &openings()[2], &Known));
    }

    #[test]
    fn other_openings_are_left_alone() {
        let others = [
            allow(
                FirewallItem::FirewallService {
                    service: "web".into(),
                },
                "public",
            ),
            allow(
                FirewallItem::Protocol {
                    protocol: "gre".into(),
                },
                "public",
            ),
            allow(
                FirewallItem::Protocol {
                    protocol: "udp".into(),
                },
                "public",
            ),
            allow(FirewallItem::Masquerade { interface: None }, "public"),
            allow(
                FirewallItem::Source {
                    source: "10.0.0.0/8".into(),
                },
                "public",
            ),
            Intent::FirewallSwitch { on: true },
        ];
        for intent in others {
            assert!(!through(&rule(Verdict::Deny), &intent, &Known), "{intent:?}");
        }
    }
}
