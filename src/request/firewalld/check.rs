//! Whether a zone or policy may hold an entry, which depends on the rest of the configuration.

use super::item::Item;
use super::session::Session;
use super::wording::Wording;
use super::zone_or_policy::ZoneOrPolicy;
use crate::firewall::firewalld::port::check_protocol;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::whole::Order;
use crate::firewall::firewalld::{Checked, Code, Kind, Whole, Zone};

/// Checks an entry against the rest of the configuration, without the zone or policy as a whole.
pub(super) fn check_item(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    let whole = session.whole();
    let checked = check_in(&whole, &place.what(), place.name(), item);
    if place.wording(session) != Wording::RunningZone {
        return checked;
    }
    match item {
        Item::RichRule(rule, _) => match &rule.element {
            Some(Element::Service { name }) if !session.tree.exists(Kind::Service, name) => {
                Err(Code::InvalidService.about(name))
            }
            Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => {
                checked.map_err(|fault| fault.code.about(name))
            }
            _ => checked,
        },
        Item::Source(source) => match source.strip_prefix("ipset:") {
            Some(ipset) if !session.tree.exists(Kind::Ipset, ipset) => Err(Code::InvalidIpset.about(ipset)),
            _ => checked.map_err(|fault| fault.code.about(source)),
        },
        _ => checked.map_err(|fault| fault.code.about(item.value())),
    }
}

/// Checks one entry of a zone (`Zone 'public'`) or policy (`Policy 'p'`) against the rest.
fn check_in(whole: &Whole, what: &str, name: &str, item: &Item) -> Checked<()> {
    match item {
        Item::Service(service) => whole.service_name(what, service),
        Item::Protocol(protocol) => check_protocol(protocol, whole.grammar),
        Item::IcmpBlock(icmptype) => whole.icmptype_name(what, icmptype),
        Item::RichRule(rule, _) => whole.rule(what, rule),
        Item::Interface(interface) => whole.interface(name, interface),
        Item::Source(source) => whole.source(name, source),
        Item::IngressZone(zone) | Item::EgressZone(zone) => {
            whole.policy_zones(what, "", std::slice::from_ref(zone), &[])
        }
        Item::Port(_) | Item::SourcePort(_) | Item::ForwardPort(_) => Ok(()),
    }
}

/// The same for an entry that is to be added, which no other zone may have.
pub(super) fn check_alone(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    check_item(session, place, item)?;
    check_unbound(session, place, item)
}

/// Checks the value of `--query-...`: the daemon does so before it looks into a running zone, while
/// of a rich rule it checks the grammar alone (`__service_id` and its like in `fw_policy.py`, 1.3.3).
pub(super) fn check_asked(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    match (place.wording(session), item) {
        (_, Item::RichRule(..)) => Ok(()),
        (Wording::RunningZone, _) => check_item(session, place, item),
        _ => Ok(()),
    }
}

/// Checks the whole of an edited zone or policy, and then the rest of the configuration.
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
fn check_unbound(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    let Some(other) = bound_elsewhere(session, place, item)? else {
        return Ok(());
    };
    let value = item.value();
    let has_target = matches!(place, ZoneOrPolicy::Zone(_, zone) if zone.target() != "default");
    let (code, what) = match item {
        Item::Source(_) => (Code::InvalidAddr, "source"),
        _ => (Code::InvalidInterface, "interface"),
    };
    Err(match (place.wording(session), item) {
        (Wording::RunningZone, Item::Source(_)) => {
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
    item: &Item,
) -> Checked<Option<String>> {
    let list: fn(&Zone) -> &Vec<String> = match item {
        Item::Interface(_) => |zone| &zone.interfaces,
        Item::Source(_) => |zone| &zone.sources,
        _ => return Ok(None),
    };
    let mut others = session.whole().other_zones(place.name())?.into_iter();
    let found = others.find(|(_, zone)| list(zone).contains(&item.value()));
    Ok(found.map(|(other, _)| other))
}
