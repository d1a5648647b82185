//! Whether a zone or policy may hold an entry, which depends on the rest of the configuration.

use super::session::Session;
use super::wording::Wording;
use super::zone_or_policy::ZoneOrPolicy;
use crate::firewall::firewalld::entry::Entry;
use crate::firewall::firewalld::port::check_protocol;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::whole::Order;
use crate::firewall::firewalld::{Checked, Code, Kind, Whole, Zone};

/// Checks an entry against the rest of the configuration, without the zone or policy as a whole.
pub(super) fn check_entry(session: &Session, place: &ZoneOrPolicy, entry: &Entry) -> Checked<()> {
    let whole = session.whole();
    let checked = check_in(&whole, &place.what(), place.name(), entry);
    if place.wording(session) != Wording::RunningZone {
        return checked;
    }
    match entry {
        Entry::RichRule(rule, _) => match &rule.element {
            Some(Element::Service { name }) if !session.tree.exists(Kind::Service, name) => {
                Err(Code::InvalidService.about(name))
            }
            Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => {
                checked.map_err(|fault| fault.code.about(name))
            }
            _ => checked,
        },
        Entry::Source(source) => match source.strip_prefix("ipset:") {
            Some(ipset) if !session.tree.exists(Kind::Ipset, ipset) => Err(Code::InvalidIpset.about(ipset)),
            _ => checked.map_err(|fault| fault.code.about(source)),
        },
        _ => checked.map_err(|fault| fault.code.about(entry.value())),
    }
}

/// Checks one entry of a zone (`Zone 'public'`) or policy (`Policy 'p'`) against the rest.
fn check_in(whole: &Whole, what: &str, name: &str, entry: &Entry) -> Checked<()> {
    match entry {
        Entry::Service(service) => whole.service_name(what, service),
        Entry::Protocol(protocol) => check_protocol(protocol, whole.grammar),
        Entry::IcmpBlock(icmptype) => whole.icmptype_name(what, icmptype),
        Entry::RichRule(rule, _) => whole.rule(what, rule),
        Entry::Interface(interface) => whole.interface(name, interface),
        Entry::Source(source) => whole.source(name, source),
        Entry::IngressZone(zone) | Entry::EgressZone(zone) => {
            whole.policy_zones(what, "", std::slice::from_ref(zone), &[])
        }
        Entry::Port(_)
        | Entry::SourcePort(_)
        | Entry::ForwardPort(_)
        | Entry::Masquerade
        | Entry::IcmpBlockInversion
        | Entry::Forward => Ok(()),
    }
}

/// The same for an entry that is to be added, which no other zone may have.
pub(super) fn check_alone(session: &Session, place: &ZoneOrPolicy, entry: &Entry) -> Checked<()> {
    check_entry(session, place, entry)?;
    check_unbound(session, place, entry)
}

/// Checks the value of `--query-...`: the daemon does so before it looks into a running zone, while
/// of a rich rule it checks the grammar alone (`__service_id` and its like in `fw_policy.py`, 1.3.3).
pub(super) fn check_asked(session: &Session, place: &ZoneOrPolicy, entry: &Entry) -> Checked<()> {
    match (place.wording(session), entry) {
        (_, Entry::RichRule(..)) => Ok(()),
        (Wording::RunningZone, _) => check_entry(session, place, entry),
        _ => Ok(()),
    }
}

/// Checks the whole of an edited zone or policy, and then the rest of the configuration, as
/// full_check_config() of core/fw_config.py does before anything is written.
pub(super) fn check_place(session: &Session, place: &ZoneOrPolicy) -> Checked<()> {
    let whole = session.whole();
    match place {
        ZoneOrPolicy::Zone(name, zone) => {
            whole.zone(name, zone)?;
            let edited = Whole {
                edited: Some((name, zone)),
                ..whole
            };
            edited.rest(Kind::Zone, name)
        }
        ZoneOrPolicy::Policy(name, policy) => {
            whole.policy(name, policy, Order::Settings)?;
            whole.rest(Kind::Policy, name)
        }
    }
}

/// That no other zone has this interface or source.
fn check_unbound(session: &Session, place: &ZoneOrPolicy, entry: &Entry) -> Checked<()> {
    let Some(other) = bound_elsewhere(session, place, entry)? else {
        return Ok(());
    };
    let value = entry.value();
    let has_target = matches!(place, ZoneOrPolicy::Zone(_, zone) if zone.target() != "default");
    let (code, what) = match entry {
        Entry::Source(_) => (Code::InvalidAddr, "source"),
        _ => (Code::InvalidInterface, "interface"),
    };
    Err(match (place.wording(session), entry) {
        (Wording::RunningZone, Entry::Source(_)) => {
            Code::ZoneConflict.about(format!("'{value}' already bound to a zone"))
        }
        (Wording::RunningZone, _) => {
            Code::ZoneConflict.about(format!("'{value}' already bound to '{other}'"))
        }
        // With another target than `default` the daemon finds this only when it checks the whole zone.
        _ if has_target => {
            let detail = format!("{}: {what} '{value}' already bound to zone '{other}'", place.what());
            code.about(detail)
        }
        _ => Code::ZoneConflict.about(value),
    })
}

/// The other zone that an interface or source is bound to.
pub(super) fn bound_elsewhere(
    session: &Session,
    place: &ZoneOrPolicy,
    entry: &Entry,
) -> Checked<Option<String>> {
    let list: fn(&Zone) -> &Vec<String> = match entry {
        Entry::Interface(_) => |zone| &zone.interfaces,
        Entry::Source(_) => |zone| &zone.sources,
        _ => return Ok(None),
    };
    let mut others = session.whole().other_zones(place.name())?.into_iter();
    let found = others.find(|(_, zone)| list(zone).contains(&entry.value()));
    Ok(found.map(|(other, _)| other))
}
