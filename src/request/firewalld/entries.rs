//! Options that add, remove and query what zones and policies list: `--add-service`, `--query-port`.

use super::bindings::{find_bound, move_entries};
use super::check::{check_alone, check_asked};
use super::listing::list_options;
use super::messages::{already, not_there};
use super::properties::{flag_options, property_options};
use super::session::{Session, Step, is_no_error};
use super::store::{intent_entry, intent_unread, store};
use super::wording::Wording;
use super::zone_or_policy::{ZoneOrPolicy, named};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::address::is_source;
use crate::firewall::firewalld::entry::{Entry, STEMS, add, has, remove};
use crate::firewall::firewalld::{Checked, Code, Feature, Kind};

/// Options that adapt or query a zone or policy.
pub(super) fn zone_or_policy_options(session: &mut Session) -> Step {
    check_running_zone(session)?;
    let mut place = named(session)?;
    for stem in STEMS {
        entry_options(session, &mut place, stem)?;
    }
    flag_options(session, &mut place)?;
    list_options(session, &place)?;
    property_options(session, &mut place)?;
    if session.side == Side::Offline {
        // Nothing to change: the original writes the zone as it is.
        return session.success();
    }
    Ok(())
}

fn entry_options(session: &mut Session, place: &mut ZoneOrPolicy, stem: &str) -> Step {
    let values = |session: &Session, name: &str| session.given.values(name).to_vec();
    let added = values(session, &format!("--add-{stem}"));
    if !added.is_empty() {
        return change_entries(session, place, stem, &added, true);
    }
    let removed: Vec<String> = [format!("--remove-{stem}")]
        .into_iter()
        .chain((stem == "service").then(|| "--remove-service-from-zone".to_owned()))
        .chain((stem == "service").then(|| "--remove-service-from-policy".to_owned()))
        .filter(|name| !(session.side == Side::Offline && name == "--remove-service"))
        .flat_map(|name| values(session, &name))
        .collect();
    if !removed.is_empty() {
        find_bound(session, place, stem, &removed)?;
        return change_entries(session, place, stem, &removed, false);
    }
    let moved = values(session, &format!("--change-{stem}"));
    if !moved.is_empty() {
        return move_entries(session, place, stem, &moved);
    }
    let asked = values(session, &format!("--query-{stem}"));
    if asked.is_empty() {
        return Ok(());
    }
    let wording = place.wording(session);
    let by = wording.matching();
    let cell = std::cell::RefCell::new(place);
    let is_there = |session: &Session, value: &str| {
        let entry = read_entry(session, &cell.borrow(), stem, value, false)?;
        check_asked(session, &cell.borrow(), &entry)?;
        Ok(has(cell.borrow_mut().holder(), &entry, by, &session.grammar))
    };
    match (stem, wording) {
        ("rich-rule", Wording::Offline | Wording::Policy) => session.query_leniently(&asked, is_there),
        _ => session.query(&asked, wording.quotes(stem), is_there),
    }
}

/// Reads an entry. Before 2.3 all but running zones take an empty rich rule for one, which can be
/// asked for but not stored.
fn read_entry(
    session: &Session,
    place: &ZoneOrPolicy,
    stem: &str,
    value: &str,
    adds: bool,
) -> Checked<Entry> {
    let is_lenient = !session.grammar.has(Feature::StrictRules)
        && match place.wording(session) {
            Wording::Offline | Wording::Policy => true,
            Wording::Permanent => !adds,
            Wording::RunningZone => false,
        };
    match stem {
        "rich-rule" if is_lenient && value.is_empty() => Ok(Entry::empty_rule()),
        _ => Entry::parse(stem, value, &session.grammar),
    }
}

fn change_entries(
    session: &mut Session,
    place: &mut ZoneOrPolicy,
    stem: &str,
    values: &[String],
    adds: bool,
) -> Step {
    let before = session.reply.intents.len();
    let cell = std::cell::RefCell::new(&mut *place);
    let parse = |session: &mut Session, value: &str| {
        let entry = read_entry(session, &cell.borrow(), stem, value, adds);
        entry.inspect_err(|_| intent_unread(session, &cell.borrow(), stem, value))
    };
    // All values are read before the first is worked on, but for rich rules, which are read one
    // by one.
    let at_once = stem != "rich-rule";
    let result = session.read_sequence(
        values,
        |session, value| match at_once {
            true => parse(session, value).map(|entry| (Some(entry), String::new())),
            false => Ok((None, value.to_owned())),
        },
        |session, (entry, value)| {
            let entry = entry.map_or_else(|| parse(session, &value), Ok)?;
            let place = &mut *cell.borrow_mut();
            let result = change_entry(session, place, &entry, adds);
            intent_entry(session, place, &entry, adds, result.is_ok());
            if result.as_ref().is_err_and(|fault| !is_no_error(fault.code)) {
                session.last_was_refused();
            }
            result
        },
    );
    if result.is_err() {
        session.nothing_came_about();
    }
    result?;
    let changed = session.reply.intents.iter().skip(before).any(|recorded| recorded.changed);
    store(session, place, changed || session.dry)
}

/// Adds or removes one entry. What depends on the rest of the configuration is checked here for
/// firewall-cmd's zones, where each value stands alone, else at the end.
fn change_entry(session: &mut Session, place: &mut ZoneOrPolicy, entry: &Entry, adds: bool) -> Checked<()> {
    let by = place.wording(session).matching();
    check_asked(session, place, entry)?;
    let there = has(place.holder(), entry, by, &session.grammar);
    match (adds, there) {
        (true, true) => Err(already(session, place, entry)),
        (false, false) => Err(not_there(session, place, entry)?),
        (false, true) => {
            remove(place.holder(), entry, by, &session.grammar);
            Ok(())
        }
        (true, false) => {
            if matches!(place.wording(session), Wording::Permanent | Wording::RunningZone) {
                check_alone(session, place, entry)?;
            }
            add(place.holder(), entry, by, &session.grammar);
            Ok(())
        }
    }
}

/// Refuses a zone that is not there, as the daemon does: the client reads each value first, so that
/// a malformed value is the first error.
fn check_running_zone(session: &mut Session) -> Step {
    let zone = session.given.value("--zone").map(str::to_owned);
    let Some(zone) = zone.filter(|zone| session.runtime && !session.tree.exists(Kind::Zone, zone)) else {
        return Ok(());
    };
    let unknown = || Code::InvalidZone.about(&zone);
    for stem in STEMS {
        for verb in ["add", "remove", "change"] {
            let values = session.given.values(&format!("--{verb}-{stem}")).to_vec();
            if !values.is_empty() {
                let read = |session: &mut Session, value: &str| Entry::parse(stem, value, &session.grammar);
                // Rich rules are read one by one.
                return match stem {
                    "rich-rule" => session.sequence(&values, |session, value| {
                        read(session, value)?;
                        Err(unknown())
                    }),
                    _ => session.read_sequence(&values, read, |_, _| Err(unknown())),
                };
            }
        }
        let asked = session.given.values(&format!("--query-{stem}")).to_vec();
        if !asked.is_empty() {
            return session.query(&asked, Wording::RunningZone.quotes(stem), |session, value| {
                match Entry::parse(stem, value, &session.grammar)? {
                    Entry::Source(source) if !is_source(&source) => Err(Code::InvalidAddr.about(source)),
                    _ => Err(unknown()),
                }
            });
        }
    }
    Ok(())
}
