//! What becomes of the rest of the configuration when an object is deleted, or everything is:
//! a zone that names what is not there keeps the firewall from starting.

use super::files::save_conf;
use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::config::Answers;
use crate::firewall::OWN_SERVICE;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::{
    Checked, Code, Conf, Fault, Kind, Policy, Service, Traffic, Whole, Zone, zone,
};
use crate::intent::Intent;

/// Files to write: kind, name and text.
pub(super) type Edits = Vec<(Kind, String, String)>;

/// Every zone and policy without the service or ICMP type that is about to go. Refused
/// where something else needs it, which the original only finds when the file is gone.
pub(super) fn without(session: &Session, kind: Kind, name: &str) -> Checked<Edits> {
    let mut edits = Vec::new();
    if !matches!(kind, Kind::Service | Kind::Icmptype) {
        return Ok(edits);
    }
    if kind == Kind::Service {
        not_included(session, name)?;
        edits.extend(own_without(session, name));
    }
    let texts = |kind| {
        let names = session.tree.names(kind).unwrap_or_default();
        names.into_iter().filter_map(move |name| {
            let text = session.tree.read(kind, &name).ok().flatten()?;
            Some((name, text))
        })
    };
    for (zone, text) in texts(Kind::Zone) {
        if let Ok(mut found) = Zone::parse(&text, &session.grammar)
            && drop_name(&format!("Zone '{zone}'"), &mut found.traffic, kind, name)?
        {
            // The daemon hands the target on as its clients see it, so that it is written
            // (observed with 0.9.11, 1.3.4 and 2.5.0).
            if session.side == Side::Online && found.target.is_empty() {
                found.target = zone::TARGETS[0].to_owned();
            }
            edits.push((Kind::Zone, zone, found.to_xml(&session.grammar)));
        }
    }
    for (policy, text) in texts(Kind::Policy) {
        if let Ok(mut found) = Policy::parse(&text, &session.grammar)
            && drop_name(&format!("Policy '{policy}'"), &mut found.traffic, kind, name)?
        {
            edits.push((Kind::Policy, policy, found.to_xml(&session.grammar)));
        }
    }
    Ok(edits)
}

/// firewall-offline-cmd checks all that is left after it deleted an object, but for ipsets.
pub(super) fn rest_without(session: &Session, kind: Kind, name: &str) -> Checked<()> {
    if session.side == Side::Online || kind == Kind::Ipset {
        return Ok(());
    }
    let rest = Whole {
        gone: Some(name).filter(|_| kind == Kind::Zone),
        ..session.whole()
    };
    match kind {
        Kind::Service | Kind::Icmptype => {
            let zones = session.tree.names(Kind::Zone).unwrap_or_default();
            zones.last().map_or(Ok(()), |last| stored_again(&rest, kind, last))?;
        }
        _ => stored_again(&rest, kind, &default_zone(session))?,
    }
    rest.rest(kind, name)
}

/// The same for an object that is made.
pub(super) fn rest_with(session: &Session, kind: Kind, name: &str) -> Checked<()> {
    session.whole().rest(kind, name)?;
    match session.side {
        Side::Online => Ok(()),
        Side::Offline => stored_again(&session.whole(), kind, &default_zone(session)),
    }
}

/// The same where the shipped object takes the place of the one that is deleted.
pub(super) fn rest_with_defaults(session: &Session, kind: Kind, name: &str) -> Checked<()> {
    if session.side == Side::Online {
        return Ok(());
    }
    let shipped = match kind {
        Kind::Zone => session.tree.shipped_text(kind, name).unwrap_or_default().unwrap_or_default(),
        _ => {
            stored_again(&session.whole(), kind, &default_zone(session))?;
            return session.whole().rest(kind, name);
        }
    };
    let zone = Zone::parse(&shipped, &session.grammar).map_err(Fault::in_file)?;
    let rest = Whole {
        edited: Some((name, &zone)),
        ..session.whole()
    };
    stored_again(&rest, kind, &default_zone(session))?;
    rest.rest(kind, name)
}

fn default_zone(session: &Session) -> String {
    Conf::load(&session.tree).unwrap_or_default().default_zone(&session.tree)
}

/// Such a call ends with storing a zone as it was, for which that zone is checked first: the default zone, or
/// where a service or ICMP type was deleted the last one; for ipsets and helpers none (observed with 0.9.11, 1.3.3
/// and 2.5.2).
fn stored_again(whole: &Whole, kind: Kind, zone: &str) -> Checked<()> {
    if matches!(kind, Kind::Ipset | Kind::Helper) || whole.gone == Some(zone) {
        return Ok(());
    }
    if let Some((_, edited)) = whole.edited.filter(|(name, _)| *name == zone) {
        return whole.zone(zone, edited);
    }
    let text = whole.tree.read(Kind::Zone, zone).unwrap_or_default().unwrap_or_default();
    whole.zone(zone, &Zone::parse(&text, whole.grammar).map_err(Fault::in_file)?)
}

/// The local services that include another one.
fn including(session: &Session, service: &str) -> Vec<(String, Service)> {
    let names = session.tree.local_names(Kind::Service).unwrap_or_default();
    let others = names.into_iter().filter(|other| other != service);
    let parsed = others.filter_map(|other| {
        let text = session.tree.read(Kind::Service, &other).unwrap_or_default().unwrap_or_default();
        Some((other, Service::parse(&text, &session.grammar).ok()?))
    });
    parsed
        .filter(|(_, found)| found.includes.iter().any(|include| include == service))
        .collect()
}

/// The services that settling wrote for plugins, without the one that goes: the original alone would have
/// none of them, and nothing would keep it from being deleted.
fn own_without(session: &Session, service: &str) -> Edits {
    let own = including(session, service).into_iter().filter(|(name, _)| name.starts_with(OWN_SERVICE));
    let without = own.map(|(name, mut found)| {
        found.includes.retain(|include| include != service);
        (Kind::Service, name, found.to_xml())
    });
    without.collect()
}

fn not_included(session: &Session, service: &str) -> Checked<()> {
    for (other, _) in including(session, service) {
        if !other.starts_with(OWN_SERVICE) {
            let detail = format!("Service '{other}': Included service '{service}' not found.");
            return Err(Code::InvalidService.about(detail));
        }
    }
    Ok(())
}

/// `--reset-to-defaults`, reset_defaults() of core/fw_config.py. It would remove what every package asked
/// for: only recorded, except with `answers = "strict"`.
pub(super) fn reset(session: &mut Session) -> Step {
    let strict = session.call.config.shims.answers == Answers::Strict && !session.dry;
    session.intent(Intent::FirewallReset { defaults: None }, strict);
    if !strict {
        return session.success();
    }
    for kind in Kind::ALL {
        for name in session.tree.local_names(kind).unwrap_or_default() {
            let removed = session.tree.remove(kind, &name);
            session.done(removed)?;
        }
    }
    let mut conf = session.conf()?;
    conf.reset(&session.grammar);
    save_conf(session, &conf)?;
    session.success()
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
