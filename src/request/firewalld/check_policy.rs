//! What a policy may do between its zones: where packets come from and go to decides whether they
//! can be masqueraded, forwarded or marked.

use super::check::Surroundings;
use crate::firewall::firewalld::rich::{Element, Verdict};
use crate::firewall::firewalld::{Checked, Code, Policy};

/// The host itself, in place of a zone.
const HOST: &str = "HOST";
/// Every zone.
const ANY: &str = "ANY";

impl Surroundings<'_, '_> {
    /// Checks the zones of a policy and what they rule out.
    pub fn between_zones(&self, what: &str, policy: &Policy) -> Checked<()> {
        for (list, zones) in [
            ("ingress_zones", &policy.ingress_zones),
            ("egress_zones", &policy.egress_zones),
        ] {
            self.policy_zones(what, list, zones)?;
        }
        let has = |zones: &[String], name: &str| zones.iter().any(|zone| zone == name);
        if has(&policy.ingress_zones, HOST) && has(&policy.egress_zones, HOST) {
            let detail =
                format!("{what}: 'HOST' can only appear in either ingress or egress zones, but not both");
            return Err(Code::InvalidZone.about(detail));
        }
        if policy.traffic.masquerade {
            masquerade(what, policy)?;
        }
        for forward in &policy.traffic.forward_ports {
            self.forward_port(what, policy, &forward.to_address)?;
        }
        for rule in &policy.traffic.rules {
            match &rule.element {
                Some(Element::Masquerade) => masquerade(what, policy)?,
                Some(Element::ForwardPort { to_address, .. }) => {
                    self.forward_port(what, policy, to_address)?;
                }
                _ => {}
            }
            if let Some(action) = &rule.action
                && let Verdict::Mark { .. } = action.verdict
            {
                self.without_interfaces(what, policy, "'mark' action")?;
            }
        }
        Ok(())
    }

    /// Checks that zones exist, and that none stands beside `ANY` or `HOST`.
    pub fn policy_zones(&self, what: &str, list: &str, zones: &[String]) -> Checked<()> {
        let symbolic = |zone: &str| matches!(zone, HOST | ANY);
        if zones.len() > 1 && zones.iter().any(|zone| symbolic(zone)) {
            let detail =
                format!("{what}: '{list}' may only contain one of: many regular zones, ANY, or HOST");
            return Err(Code::InvalidZone.about(detail));
        }
        for zone in zones {
            if !symbolic(zone) && !self.zone_exists(zone) {
                let detail = format!("{what}: '{zone}' not among existing zones");
                return Err(Code::InvalidZone.about(detail));
            }
        }
        Ok(())
    }

    fn forward_port(&self, what: &str, policy: &Policy, to_address: &str) -> Checked<()> {
        let to_host = policy.egress_zones.iter().any(|zone| zone == HOST);
        let trouble = match (to_host, to_address.is_empty()) {
            (true, false) => "A 'forward-port' with 'to-addr' is invalid for egress zone 'HOST'",
            (false, true) if !policy.egress_zones.is_empty() => {
                "'forward-port' requires 'to-addr' if egress zone is 'ANY' or a zone"
            }
            _ => return self.without_interfaces(what, policy, "'forward-port'"),
        };
        Err(Code::InvalidForward.about(format!("{what}: {trouble}")))
    }

    /// What happens before a packet is routed cannot depend on the interface that it will leave by.
    fn without_interfaces(&self, what: &str, policy: &Policy, which: &str) -> Checked<()> {
        for name in policy.egress_zones.iter().filter(|zone| !matches!(zone.as_str(), HOST | ANY)) {
            if self.has_interfaces(name)? {
                let detail = format!(
                    "{what}: {which} cannot be used because egress zone '{name}' has assigned interfaces"
                );
                return Err(Code::InvalidZone.about(detail));
            }
        }
        Ok(())
    }
}

fn masquerade(what: &str, policy: &Policy) -> Checked<()> {
    for (side, zones) in [
        ("egress", &policy.egress_zones),
        ("ingress", &policy.ingress_zones),
    ] {
        if zones.iter().any(|zone| zone == HOST) {
            let detail = format!("{what}: 'masquerade' is invalid for {side} zone 'HOST'");
            return Err(Code::InvalidZone.about(detail));
        }
    }
    Ok(())
}
