//! What interfaces and sources a zone is for: each is bound to one zone alone.

use super::definitions::write;
use super::item::{Item, Ports, add, has, remove};
use super::place::ZoneOrPolicy;
use super::place::{intent_item, load_zone, store};
use super::session::{Session, Step};
use super::wording::Wording;
use super::wording::{already, check_item, voice};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::{Checked, Code, Zone};

/// That no other zone has this interface or source.
pub(super) fn check_unbound(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    let Some(other) = bound_elsewhere(session, place, item)? else {
        return Ok(());
    };
    let value = item.value();
    let has_target = matches!(place, ZoneOrPolicy::Zone(_, zone) if zone.target() != "default");
    let (code, what) = match item {
        Item::Source(_) => (Code::InvalidAddr, "source"),
        _ => (Code::InvalidInterface, "interface"),
    };
    Err(match (voice(session, place), item) {
        (Wording::RunningZone, Item::Source(_)) => {
            Code::ZoneConflict.about(format!("'{value}' already bound to a zone"))
        }
        (Wording::RunningZone, _) => {
            Code::ZoneConflict.about(format!("'{value}' already bound to '{other}'"))
        }
        // Only for zones that do as usual the daemon looks for this first.
        _ if has_target => {
            let detail = format!("{}: {what} '{value}' already bound to zone '{other}'", place.what());
            code.about(detail)
        }
        _ => Code::ZoneConflict.about(value),
    })
}

/// From what runs an interface or source is removed wherever it is bound, if no zone is named.
pub(super) fn find_bound(
    session: &mut Session,
    place: &mut ZoneOrPolicy,
    stem: &str,
    values: &[String],
) -> Step {
    let is_bound = matches!(stem, "interface" | "source");
    if !is_bound || voice(session, place) != Wording::RunningZone || session.given.has("--zone") {
        return Ok(());
    }
    for value in values {
        let item = Item::parse(stem, value, &session.grammar)
            .and_then(|item| bound_elsewhere(session, place, &item));
        if let Some(other) = session.checked(item)? {
            *place = ZoneOrPolicy::Zone(other.clone(), load_zone(session, &other)?);
            return Ok(());
        }
    }
    Ok(())
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

/// Binds interfaces or sources to the zone, taking them from the zone that they were bound to.
pub(super) fn move_items(
    session: &mut Session,
    place: &mut ZoneOrPolicy,
    stem: &str,
    values: &[String],
) -> Step {
    let ZoneOrPolicy::Zone(name, _) = &*place else {
        return Ok(());
    };
    let name = name.clone();
    let mut emptied: Vec<ZoneOrPolicy> = Vec::new();
    let mut first = Ok(());
    let result = session.sequence(values, |session, value| {
        let item = Item::parse(stem, value, &session.grammar)?;
        let ports = Ports::of(voice(session, place));
        let there = has(place.holder(), &item, ports, &session.grammar);
        if there && session.side == Side::Offline {
            // Here what is so already is an error, which ends the call.
            first = first.clone().and(Err(already(session, place, &item)));
            return Ok(());
        }
        if !there {
            let whole = session.whole();
            if session.side == Side::Online {
                check_item(session, place, &item)?;
            }
            for (other, zone) in whole.other_zones(&name)? {
                let at = emptied.iter().position(|place| place.name() == other);
                let mut zone = at.map_or(ZoneOrPolicy::Zone(other, zone), |at| emptied.swap_remove(at));
                if has(zone.holder(), &item, ports, &session.grammar) {
                    remove(zone.holder(), &item, ports, &session.grammar);
                    emptied.push(zone);
                } else if at.is_some() {
                    emptied.push(zone);
                }
            }
            add(place.holder(), item.clone(), ports, &session.grammar);
        }
        intent_item(session, place, &item, true, !there);
        Ok(())
    });
    if result.is_err() {
        session.nothing_came_about();
    }
    result?;
    if let Err(fault) = first {
        session.nothing_came_about();
        return session.refuse(&fault);
    }
    for other in &emptied {
        write(session, other.kind(), other.name(), &other.to_xml(&session.grammar))?;
    }
    store(session, place, true)
}
