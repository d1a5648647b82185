//! Storing a zone or policy that was edited, and the intents of the edit.

use super::check::check_place;
use super::files::write;
use super::session::{Session, Step};
use super::zone_or_policy::ZoneOrPolicy;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::entry::Entry;
use crate::firewall::items::item_of;
use crate::intent::{DefinitionChange, FirewallItem, FirewallObject, Intent, NoteSeverity};

/// Checks and writes the place. Nothing is written that did not change: a copy of what a
/// package ships would only hide later versions of it.
pub(super) fn store(session: &mut Session, place: &ZoneOrPolicy, changed: bool) -> Step {
    if session.side == Side::Online && !changed {
        return session.success();
    }
    put(session, place, changed)?;
    session.success()
}

/// Checks and writes the place.
pub(super) fn put(session: &mut Session, place: &ZoneOrPolicy, changed: bool) -> Step {
    if let Err(fault) = check_place(session, place) {
        session.nothing_came_about();
        return session.refuse(&fault);
    }
    // firewall-offline-cmd writes a file that is there again, as it spells it.
    let rewrites = session.side == Side::Offline && session.tree.is_local(place.kind(), place.name());
    match changed || rewrites {
        true => write(session, place.kind(), place.name(), &place.to_xml(&session.grammar)),
        false => Ok(()),
    }
}

/// Stores an edit of a property, such as the target.
pub(super) fn store_definition(session: &mut Session, place: &ZoneOrPolicy) -> Step {
    session.definition(place.kind().object(), place.name(), DefinitionChange::Edit, true);
    store(session, place, true)
}

pub(super) fn intent_entry(
    session: &mut Session,
    place: &ZoneOrPolicy,
    entry: &Entry,
    adds: bool,
    changed: bool,
) {
    match item_of(entry, place.trusted()) {
        Some(opening) => intent_opening(session, place, opening, adds, changed),
        None => session.definition(FirewallObject::Policy, place.name(), DefinitionChange::Edit, changed),
    }
}

fn intent_opening(
    session: &mut Session,
    place: &ZoneOrPolicy,
    opening: FirewallItem,
    adds: bool,
    changed: bool,
) {
    let ZoneOrPolicy::Zone(zone, _) = place else {
        return session.definition(FirewallObject::Policy, place.name(), DefinitionChange::Edit, changed);
    };
    let zone = Some(zone.clone());
    let intent = if adds {
        Intent::Allow { opening, zone }
    } else {
        Intent::Withdraw { opening, zone }
    };
    session.intent(intent, changed);
}

/// A value that could not be read is worth a look: it may be a mistake of the package.
pub(super) fn intent_unread(session: &mut Session, place: &ZoneOrPolicy, stem: &str, value: &str) {
    let text = format!("{stem} {value:?} of {} is invalid", place.what());
    let severity = NoteSeverity::Low;
    session.intent(Intent::Note { severity, text }, false);
}
