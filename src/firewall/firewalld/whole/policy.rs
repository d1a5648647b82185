//! What a policy may do between its zones: where packets come from and go to decides whether they
//! can be masqueraded, forwarded or marked. Of several faults the one is named that the original
//! meets first.

use super::Whole;
use crate::firewall::firewalld::code::{Checked, Code};
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::policy::{self, Policy};
use crate::firewall::firewalld::rich::{Element, RichAction};

/// The host itself, in place of a zone.
const HOST: &str = "HOST";
/// Every zone.
const ANY: &str = "ANY";

/// In which order the parts of a policy are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As files keep them: a policy that is stored.
    Stored,
    /// As settings keep them, by their names: a policy that is about to be stored.
    Settings,
    /// As they are added to what runs when a policy is loaded, before 1.1.
    Added,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Target,
    Services,
    IcmpBlocks,
    Masquerade,
    ForwardPorts,
    Rules,
    Protocols,
    Priority,
    IngressZones,
    EgressZones,
}

impl Order {
    fn parts(self) -> &'static [Part] {
        use Part::*;
        match self {
            Order::Stored => &[
                Target,
                Services,
                IcmpBlocks,
                Masquerade,
                ForwardPorts,
                Rules,
                Protocols,
                Priority,
                IngressZones,
                EgressZones,
            ],
            Order::Settings => &[
                EgressZones,
                ForwardPorts,
                IcmpBlocks,
                IngressZones,
                Masquerade,
                Priority,
                Protocols,
                Rules,
                Services,
                Target,
            ],
            Order::Added => &[
                IngressZones,
                EgressZones,
                IcmpBlocks,
                ForwardPorts,
                Services,
                Rules,
                Masquerade,
            ],
        }
    }
}

impl Whole<'_, '_> {
    /// Checks a policy as a whole.
    ///
    /// # Errors
    /// The first fault, in this order.
    pub fn policy(&self, name: &str, policy: &Policy, order: Order) -> Checked<()> {
        let what = format!("Policy '{name}'");
        order.parts().iter().try_for_each(|part| self.policy_part(&what, policy, *part))
    }

    fn policy_part(&self, what: &str, policy: &Policy, part: Part) -> Checked<()> {
        let traffic = &policy.traffic;
        match part {
            Part::Target if !policy::TARGETS.contains(&policy.target.as_str()) => {
                let prefix = self.prefix(what);
                Err(Code::InvalidTarget.about(format!("{prefix}'{}' is invalid target", policy.target)))
            }
            Part::Target => Ok(()),
            Part::Services => self.services(what, traffic),
            Part::IcmpBlocks => self.icmp_blocks(what, traffic),
            Part::Masquerade if traffic.masquerade => self.masquerade(what, policy),
            Part::Masquerade => Ok(()),
            Part::ForwardPorts => {
                self.forward_ports(what, traffic)?;
                let from_host = is_among(HOST, &policy.ingress_zones) && !traffic.forward_ports.is_empty();
                if from_host && self.has(Feature::HostForwardRefused) {
                    return Err(Code::InvalidZone.about("'forward-port' is invalid for ingress zone 'HOST'"));
                }
                let mut addresses = traffic.forward_ports.iter().map(|forward| &forward.to_address);
                addresses.try_for_each(|address| self.forward_port(what, policy, address))
            }
            Part::Rules => self.policy_rules(what, policy),
            Part::Protocols => self.protocols(traffic),
            Part::Priority => self.priority(what, policy.priority),
            Part::IngressZones => {
                self.policy_zones(what, "ingress_zones", &policy.ingress_zones, &policy.egress_zones)
            }
            Part::EgressZones => {
                self.policy_zones(what, "egress_zones", &policy.egress_zones, &policy.ingress_zones)
            }
        }
    }

    /// Checks one side's zones, one after the other: each must exist, none comes together with `ANY` or
    /// `HOST`, and the host is on one side only.
    pub(crate) fn policy_zones(
        &self,
        what: &str,
        list: &str,
        zones: &[String],
        others: &[String],
    ) -> Checked<()> {
        let symbolic = |zone: &str| matches!(zone, HOST | ANY);
        let is_mixed = zones.len() > 1 && zones.iter().any(|zone| symbolic(zone));
        for zone in zones {
            let trouble = if !symbolic(zone) && !self.zone_exists(zone) {
                format!("'{zone}' not among existing zones")
            } else if is_mixed {
                format!("'{list}' may only contain one of: many regular zones, ANY, or HOST")
            } else if zone == HOST && is_among(HOST, others) {
                "'HOST' can only appear in either ingress or egress zones, but not both".to_owned()
            } else {
                continue;
            };
            return Err(Code::InvalidZone.about(format!("{}{trouble}", self.prefix(what))));
        }
        Ok(())
    }

    fn policy_rules(&self, what: &str, policy: &Policy) -> Checked<()> {
        self.rules(what, &policy.traffic)?;
        for rule in &policy.traffic.rules {
            match &rule.element {
                Some(Element::Masquerade) => self.masquerade(what, policy)?,
                Some(Element::ForwardPort { to_address, .. }) => {
                    self.forward_port(what, policy, to_address)?;
                }
                _ => {}
            }
            if let Some(action) = &rule.action
                && let RichAction::Mark { .. } = action.verdict
            {
                self.without_interfaces(what, policy, "'mark' action")?;
            }
        }
        Ok(())
    }

    fn forward_port(&self, what: &str, policy: &Policy, to_address: &str) -> Checked<()> {
        let trouble = match (is_among(HOST, &policy.egress_zones), to_address.is_empty()) {
            (true, false) if !self.has(Feature::HostForwardsElsewhere) => {
                "A 'forward-port' with 'to-addr' is invalid for egress zone 'HOST'"
            }
            (false, true) if !policy.egress_zones.is_empty() => {
                "'forward-port' requires 'to-addr' if egress zone is 'ANY' or a zone"
            }
            (true, true) => return Ok(()),
            _ => return self.without_interfaces(what, policy, "'forward-port'"),
        };
        Err(Code::InvalidForward.about(format!("{}{trouble}", self.prefix(what))))
    }

    /// What happens before a packet is routed cannot depend on the interface that it will leave by.
    fn without_interfaces(&self, what: &str, policy: &Policy, which: &str) -> Checked<()> {
        if is_among(ANY, &policy.egress_zones) {
            return Ok(());
        }
        for zone in policy.egress_zones.iter().filter(|zone| *zone != HOST) {
            if self.has_interfaces_there(what, zone)? {
                return Err(Code::InvalidZone.about(match self.has(Feature::FaultsNameTheirPlace) {
                    true => format!(
                        "{what}: {which} cannot be used because egress zone '{zone}' has assigned interfaces"
                    ),
                    false => {
                        format!(
                            "{which} cannot be used in a policy if an egress zone has assigned interfaces"
                        )
                    }
                }));
            }
        }
        Ok(())
    }

    /// What happens after a packet was routed cannot depend, with iptables, on the interface that it
    /// came by.
    fn masquerade(&self, what: &str, policy: &Policy) -> Checked<()> {
        for (side, zones) in [
            ("egress", &policy.egress_zones),
            ("ingress", &policy.ingress_zones),
        ] {
            if is_among(HOST, zones) {
                let prefix = self.prefix(what);
                let detail = format!("{prefix}'masquerade' is invalid for {side} zone 'HOST'");
                return Err(Code::InvalidZone.about(detail));
            }
        }
        for zone in policy.ingress_zones.iter().filter(|zone| *zone != ANY) {
            // Before 1.1 not even with nftables.
            let whole = self.has(Feature::FaultsNameTheirPlace);
            if self.has_interfaces_there(what, zone)? && !(whole && self.is_nftables()) {
                return Err(Code::InvalidZone.about(match whole {
                    true => format!(
                        "{what}: 'masquerade' cannot be used because ingress zone '{zone}' has assigned interfaces. "
                    ),
                    false => {
                        "'masquerade' cannot be used in a policy if an ingress zone has assigned interfaces"
                            .to_owned()
                    }
                }));
            }
        }
        Ok(())
    }

    fn has_interfaces_there(&self, what: &str, zone: &str) -> Checked<bool> {
        if !self.zone_exists(zone) {
            return Err(Code::InvalidZone.about(match self.has(Feature::FaultsNameTheirPlace) {
                true => format!("{what}: Zone '{zone}' does not exist."),
                false => format!("get_zone(): {zone}"),
            }));
        }
        self.has_interfaces(zone)
    }

    fn priority(&self, what: &str, priority: i64) -> Checked<()> {
        if priority != 0 && (-32768..=32767).contains(&priority) {
            return Ok(());
        }
        let prefix = self.prefix(what);
        Err(Code::InvalidPriority.about(format!(
            "{prefix}{priority} is invalid priority. Must be in range [-32768, 32767]. The following are reserved: [0]"
        )))
    }
}

fn is_among(name: &str, zones: &[String]) -> bool {
    zones.iter().any(|zone| zone == name)
}
