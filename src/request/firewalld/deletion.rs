//! What becomes of the rest of the configuration when an object is deleted, or everything is:
//! a zone that names what is not there keeps the firewall from starting.

use super::check::Surroundings;
use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::config::Answers;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::{Checked, Code, Fault, Kind, Policy, Service, Traffic, Zone};
use crate::intent::Intent;

/// Files to write: kind, name and text.
pub(super) type Edits = Vec<(Kind, String, String)>;

impl Session<'_> {
    /// Every zone and policy without the service or ICMP type that is about to go. Refused
    /// where something else needs it, which the original only finds when the file is gone.
    pub fn without(&self, kind: Kind, name: &str) -> Checked<Edits> {
        let mut edits = Vec::new();
        if !matches!(kind, Kind::Service | Kind::Icmptype) {
            return Ok(edits);
        }
        if kind == Kind::Service {
            self.not_included(name)?;
        }
        let texts = |kind| {
            let names = self.tree.names(kind).unwrap_or_default();
            names.into_iter().filter_map(move |name| {
                let text = self.tree.read(kind, &name).ok().flatten()?;
                Some((name, text))
            })
        };
        for (zone, text) in texts(Kind::Zone) {
            if let Ok(mut found) = Zone::parse(&text, &self.names)
                && drop_name(&format!("Zone '{zone}'"), &mut found.traffic, kind, name)?
            {
                edits.push((Kind::Zone, zone, found.to_xml()));
            }
        }
        for (policy, text) in texts(Kind::Policy) {
            if let Ok(mut found) = Policy::parse(&text, &self.names)
                && drop_name(&format!("Policy '{policy}'"), &mut found.traffic, kind, name)?
            {
                edits.push((Kind::Policy, policy, found.to_xml()));
            }
        }
        Ok(edits)
    }

    /// firewall-offline-cmd checks all that is left after it deleted an object, but for ipsets.
    pub fn rest_without(&self, kind: Kind, name: &str) -> Checked<()> {
        if self.side == Side::Online || kind == Kind::Ipset {
            return Ok(());
        }
        let rest = Surroundings {
            gone: Some(name).filter(|_| kind == Kind::Zone),
            ..self.surroundings()
        };
        rest.rest(kind, name)
    }

    /// The same where the shipped object takes the place of the one that is deleted.
    pub fn rest_with_defaults(&self, kind: Kind, name: &str) -> Checked<()> {
        if self.side == Side::Online {
            return Ok(());
        }
        let shipped = match kind {
            Kind::Zone => self.tree.shipped_text(kind, name).unwrap_or_default().unwrap_or_default(),
            _ => return self.surroundings().rest(kind, name),
        };
        let zone = Zone::parse(&shipped, &self.names).map_err(Fault::in_file)?;
        let rest = Surroundings {
            edited: Some((name, &zone)),
            ..self.surroundings()
        };
        rest.rest(kind, name)
    }

    fn not_included(&self, service: &str) -> Checked<()> {
        for other in self.tree.local_names(Kind::Service).unwrap_or_default() {
            let text = self.tree.read(Kind::Service, &other).unwrap_or_default().unwrap_or_default();
            let included = |found: &Service| found.includes.iter().any(|include| include == service);
            if other != service && Service::parse(&text, &self.names).is_ok_and(|found| included(&found)) {
                let detail = format!("Service '{other}': Included service '{service}' not found.");
                return Err(Code::InvalidService.about(detail));
            }
        }
        Ok(())
    }

    /// `--reset-to-defaults`. It would wipe what every package asked for: recorded, and left to
    /// whoever decides, but for comparison with the original.
    pub fn reset(&mut self) -> Step {
        let strict = self.call.config.shims.answers == Answers::Strict && !self.dry;
        self.intent(Intent::FirewallReset { defaults: None }, strict);
        if !strict {
            return self.success();
        }
        for kind in Kind::ALL {
            for name in self.tree.local_names(kind).unwrap_or_default() {
                let removed = self.tree.remove(kind, &name);
                self.done(removed)?;
            }
        }
        let mut conf = self.conf()?;
        conf.reset();
        self.save_conf(&conf)?;
        self.success()
    }
}

/// Takes a name out of what a zone or policy lists; true if it was there. Rich rules are left
/// alone, and need their ICMP type.
fn drop_name(what: &str, traffic: &mut Traffic, kind: Kind, name: &str) -> Checked<bool> {
    let list = match kind {
        Kind::Service => &mut traffic.services,
        _ => &mut traffic.icmp_blocks,
    };
    let before = list.len();
    list.retain(|known| known != name);
    let changed = list.len() != before;
    let needed = traffic.rules.iter().any(|rule| match &rule.element {
        Some(Element::IcmpBlock { name: icmptype } | Element::IcmpType { name: icmptype }) => {
            icmptype == name
        }
        _ => false,
    });
    if kind == Kind::Icmptype && needed {
        let detail = format!("{what}: '{name}' not among existing ICMP types");
        return Err(Code::InvalidIcmptype.about(detail));
    }
    Ok(changed)
}
