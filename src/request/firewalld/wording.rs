//! In whose words a call answers: the same is said in one way by firewall-offline-cmd, in another by
//! the daemon about its files, and in a third about what runs.

use super::bindings::{bound_elsewhere, check_unbound};
use super::item::{Item, STEMS};
use super::place::ZoneOrPolicy;
use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::address::is_source;
use crate::firewall::firewalld::port::check_protocol;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::{Checked, Code, Fault, Kind, Whole};

/// Who answers, and about what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    Offline,
    Permanent,
    RunningZone,
    /// Of a policy the daemon says the same in both: it is told the whole of it.
    Policy,
}

impl Wording {
    /// Whether values are in quotes where several are asked for.
    pub fn quotes(self, stem: &str) -> bool {
        self == Wording::RunningZone || !matches!(stem, "port" | "source-port" | "forward-port")
    }
}

pub(super) fn voice(session: &Session, place: &ZoneOrPolicy) -> Wording {
    match (session.side, session.runtime, place) {
        (Side::Offline, ..) => Wording::Offline,
        (.., ZoneOrPolicy::Policy(..)) => Wording::Policy,
        (_, false, _) => Wording::Permanent,
        (_, true, _) => Wording::RunningZone,
    }
}

/// That an entry is there already.
pub(super) fn already(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Fault {
    let voice = voice(session, place);
    let shown = item.shown(voice);
    let name = place.name();
    match (voice, item) {
        (Wording::RunningZone, Item::Interface(_)) => {
            // It names the zone as the caller did.
            let asked = session.given.value("--zone").unwrap_or_default();
            Code::ZoneAlreadySet.about(format!("'{shown}' already bound to '{asked}'"))
        }
        (Wording::RunningZone, Item::Source(_)) => {
            Code::ZoneAlreadySet.about(format!("'{shown}' already bound to '{name}'"))
        }
        (Wording::RunningZone, _) => Code::AlreadyEnabled.about(format!("'{shown}' already in '{name}'")),
        _ => Code::AlreadyEnabled.about(shown),
    }
}

/// That an entry is not there.
pub(super) fn not_there(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<Fault> {
    let voice = voice(session, place);
    let shown = item.shown(voice);
    if voice != Wording::RunningZone {
        return Ok(Code::NotEnabled.about(shown));
    }
    let name = place.name();
    let (code, verb, tail) = match item {
        Item::Interface(_) => (Code::UnknownInterface, "remove_interface", "zoi"),
        Item::Source(_) => (Code::UnknownSource, "remove_source", "zos"),
        _ => return Ok(Code::NotEnabled.about(format!("'{shown}' not in '{name}'"))),
    };
    Ok(match bound_elsewhere(session, place, item)? {
        Some(other) => Code::ZoneConflict.about(format!("{verb}({name}, {shown}): {tail}='{other}'")),
        None => code.about(format!("'{shown}' is not in any zone")),
    })
}

/// What depends on the rest of the configuration, for an entry of its own.
pub(super) fn check_item(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    let whole = session.whole();
    let checked = check_in(&whole, &place.what(), place.name(), item);
    if voice(session, place) != Wording::RunningZone {
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

/// The same for an entry that is to be added alone.
pub(super) fn check_alone(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    check_item(session, place, item)?;
    check_unbound(session, place, item)
}

/// A running zone is not asked for what cannot be, but for rich rules.
pub(super) fn check_asked(session: &Session, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
    match (voice(session, place), item) {
        (_, Item::RichRule(..)) => Ok(()),
        (Wording::RunningZone, _) => check_item(session, place, item),
        _ => Ok(()),
    }
}

/// The daemon is told of each value, with the zone; that there is no such zone is its answer to
/// those that can be read at all.
pub(super) fn check_running_zone(session: &mut Session) -> Step {
    let zone = session.given.value("--zone").map(str::to_owned);
    let Some(zone) = zone.filter(|zone| session.runtime && !session.tree.exists(Kind::Zone, zone)) else {
        return Ok(());
    };
    let unknown = || Code::InvalidZone.about(&zone);
    for stem in STEMS {
        for verb in ["add", "remove", "change"] {
            let values = session.given.values(&format!("--{verb}-{stem}")).to_vec();
            if !values.is_empty() {
                let read = |session: &mut Session, value: &str| Item::parse(stem, value, &session.grammar);
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
                match Item::parse(stem, value, &session.grammar)? {
                    Item::Source(source) if !is_source(&source) => Err(Code::InvalidAddr.about(source)),
                    _ => Err(unknown()),
                }
            });
        }
    }
    Ok(())
}

/// What is said when a flag is already as wanted. The originals differ from flag to flag.
pub(super) fn flag_said(
    session: &mut Session,
    place: &ZoneOrPolicy,
    flag: &str,
    adds: bool,
    changed: bool,
) -> Step {
    if changed || flag == "forward" {
        return Ok(());
    }
    let (code, state) = match adds {
        true => (Code::AlreadyEnabled, "already"),
        false => (Code::NotEnabled, "not"),
    };
    let fault = match voice(session, place) {
        Wording::Offline if flag == "icmp-block-inversion" => return session.refuse(&code.about(flag)),
        Wording::Offline => return Ok(()),
        Wording::RunningZone => code.about(format!("{flag} {state} enabled in '{}'", place.name())),
        Wording::Permanent | Wording::Policy => code.about(flag),
    };
    session.complain(format!("Warning: {fault}"));
    Ok(())
}
