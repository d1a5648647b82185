//! The zone or policy that a call edits or asks about.

use super::files::{load_policy, load_zone};
use super::session::{Session, Step};
use super::wording::Wording;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::entry::Holder;
use crate::firewall::firewalld::{Grammar, Head, Kind, Policy, Traffic, Zone};

/// What an edit applies to.
#[derive(Debug, Clone)]
pub(super) enum ZoneOrPolicy {
    Zone(String, Zone),
    Policy(String, Policy),
}

impl ZoneOrPolicy {
    pub(super) fn kind(&self) -> Kind {
        match self {
            ZoneOrPolicy::Zone(..) => Kind::Zone,
            ZoneOrPolicy::Policy(..) => Kind::Policy,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            ZoneOrPolicy::Zone(name, _) | ZoneOrPolicy::Policy(name, _) => name,
        }
    }

    pub(crate) fn holder(&mut self) -> &mut dyn Holder {
        match self {
            ZoneOrPolicy::Zone(_, zone) => zone,
            ZoneOrPolicy::Policy(_, policy) => policy,
        }
    }

    pub(super) fn traffic(&self) -> &Traffic {
        match self {
            ZoneOrPolicy::Zone(_, zone) => &zone.traffic,
            ZoneOrPolicy::Policy(_, policy) => &policy.traffic,
        }
    }

    pub(super) fn head(&mut self) -> &mut Head {
        match self {
            ZoneOrPolicy::Zone(_, zone) => &mut zone.head,
            ZoneOrPolicy::Policy(_, policy) => &mut policy.head,
        }
    }

    pub(super) fn to_xml(&self, grammar: &Grammar) -> String {
        match self {
            ZoneOrPolicy::Zone(_, zone) => zone.to_xml(grammar),
            ZoneOrPolicy::Policy(_, policy) => policy.to_xml(grammar),
        }
    }

    /// `Zone 'public'`
    pub(super) fn what(&self) -> String {
        match self {
            ZoneOrPolicy::Zone(name, _) => format!("Zone '{name}'"),
            ZoneOrPolicy::Policy(name, _) => format!("Policy '{name}'"),
        }
    }

    /// In whose words a call answers about it.
    pub(crate) fn wording(&self, session: &Session) -> Wording {
        match (session.side, session.runtime, self) {
            (Side::Offline, ..) => Wording::Offline,
            (.., ZoneOrPolicy::Policy(..)) => Wording::Policy,
            (_, false, _) => Wording::Permanent,
            (_, true, _) => Wording::RunningZone,
        }
    }

    pub(super) fn trusted(&self) -> bool {
        matches!(self, ZoneOrPolicy::Zone(_, zone) if zone.target() == "ACCEPT")
    }
}

/// The zone or policy that the call names, else the default zone.
pub(super) fn named(session: &mut Session) -> Step<ZoneOrPolicy> {
    if let Some(name) = session.given.value("--policy").map(str::to_owned) {
        return Ok(ZoneOrPolicy::Policy(name.clone(), load_policy(session, &name)?));
    }
    let name = match session.given.value("--zone") {
        Some(name) => name.to_owned(),
        None => session.conf()?.default_zone(&session.tree),
    };
    Ok(ZoneOrPolicy::Zone(name.clone(), load_zone(session, &name)?))
}
