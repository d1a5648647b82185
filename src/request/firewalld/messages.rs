//! What a call says of an entry that is there already, or that is not.

use super::check::bound_elsewhere;
use super::session::Session;
use super::wording::Wording;
use super::zone_or_policy::ZoneOrPolicy;
use crate::firewall::firewalld::entry::Entry;
use crate::firewall::firewalld::{Checked, Code, Fault};

/// That an entry is there already.
pub(super) fn already(session: &Session, place: &ZoneOrPolicy, entry: &Entry) -> Fault {
    let wording = place.wording(session);
    let shown = wording.of_entry(entry);
    let name = place.name();
    match (wording, entry) {
        (Wording::RunningZone, Entry::Interface(_)) => {
            // It names the zone as the caller did.
            let asked = session.given.value("--zone").unwrap_or_default();
            Code::ZoneAlreadySet.about(format!("'{shown}' already bound to '{asked}'"))
        }
        (Wording::RunningZone, Entry::Source(_)) => {
            Code::ZoneAlreadySet.about(format!("'{shown}' already bound to '{name}'"))
        }
        (Wording::RunningZone, _) => Code::AlreadyEnabled.about(format!("'{shown}' already in '{name}'")),
        _ => Code::AlreadyEnabled.about(shown),
    }
}

/// That an entry is not there.
pub(super) fn not_there(session: &Session, place: &ZoneOrPolicy, entry: &Entry) -> Checked<Fault> {
    let wording = place.wording(session);
    let shown = wording.of_entry(entry);
    if wording != Wording::RunningZone {
        return Ok(Code::NotEnabled.about(shown));
    }
    let name = place.name();
    let (code, verb, tail) = match entry {
        Entry::Interface(_) => (Code::UnknownInterface, "remove_interface", "zoi"),
        Entry::Source(_) => (Code::UnknownSource, "remove_source", "zos"),
        _ => return Ok(Code::NotEnabled.about(format!("'{shown}' not in '{name}'"))),
    };
    Ok(match bound_elsewhere(session, place, entry)? {
        Some(other) => Code::ZoneConflict.about(format!("{verb}({name}, {shown}): {tail}='{other}'")),
        None => code.about(format!("'{shown}' is not in any zone")),
    })
}
