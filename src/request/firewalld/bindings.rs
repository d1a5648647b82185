//! What interfaces and sources a zone is for: each is bound to one zone alone.

use super::check::{bound_elsewhere, check_entry};
use super::files::{load_zone, write};
use super::messages::already;
use super::session::{Session, Step};
use super::store::{intent_entry, store};
use super::wording::Wording;
use super::zone_or_policy::ZoneOrPolicy;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::entry::{Entry, add, has, remove};

/// From what runs an interface or source is removed wherever it is bound, if no zone is named.
pub(super) fn find_bound(
    session: &mut Session,
    place: &mut ZoneOrPolicy,
    stem: &str,
    values: &[String],
) -> Step {
    let is_bound = matches!(stem, "interface" | "source");
    if !is_bound || place.wording(session) != Wording::RunningZone || session.given.has("--zone") {
        return Ok(());
    }
    for value in values {
        let entry = Entry::parse(stem, value, &session.grammar)
            .and_then(|entry| bound_elsewhere(session, place, &entry));
        if let Some(other) = session.checked(entry)? {
            *place = ZoneOrPolicy::Zone(other.clone(), load_zone(session, &other)?);
            return Ok(());
        }
    }
    Ok(())
}

/// Binds interfaces or sources to the zone, taking them from the zone that they were bound to.
pub(super) fn move_entries(
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
        let entry = Entry::parse(stem, value, &session.grammar)?;
        let by = place.wording(session).matching();
        let there = has(place.holder(), &entry, by, &session.grammar);
        if there && session.side == Side::Offline {
            // firewall-offline-cmd calls `addInterface` of `client.py` (1.3.3), which refuses what the zone
            // has already; that ends the call.
            first = first.clone().and(Err(already(session, place, &entry)));
            return Ok(());
        }
        if !there {
            let whole = session.whole();
            if session.side == Side::Online {
                check_entry(session, place, &entry)?;
            }
            for (other, zone) in whole.other_zones(&name)? {
                let at = emptied.iter().position(|place| place.name() == other);
                let mut zone = at.map_or(ZoneOrPolicy::Zone(other, zone), |at| emptied.swap_remove(at));
                if has(zone.holder(), &entry, by, &session.grammar) {
                    remove(zone.holder(), &entry, by, &session.grammar);
                    emptied.push(zone);
                } else if at.is_some() {
                    emptied.push(zone);
                }
            }
            add(place.holder(), &entry, by, &session.grammar);
        }
        intent_entry(session, place, &entry, true, !there);
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
