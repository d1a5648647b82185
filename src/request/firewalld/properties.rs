//! Options for what a zone or policy has once: flags, target, priorities, short name.

use super::files::load_policy;
use super::session::{Session, Step};
use super::store::{intent_entry, put, store, store_definition};
use super::text::edit_text;
use super::wording::Wording;
use super::zone_or_policy::ZoneOrPolicy;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::code::no_number;
use crate::firewall::firewalld::entry::{Entry, add, has, remove};
use crate::firewall::firewalld::port::integer;
use crate::firewall::firewalld::{Checked, Code, Feature, Kind};
use crate::intent::{DefinitionChange, FirewallObject};

/// Flags of a zone or policy.
const FLAGS: [&str; 3] = ["icmp-block-inversion", "forward", "masquerade"];

/// Carries out `--add-FLAG`, `--remove-FLAG` and `--query-FLAG`.
pub(super) fn flag_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    FLAGS.into_iter().try_for_each(|flag| flag_option(session, place, flag))
}

fn flag_option(session: &mut Session, place: &mut ZoneOrPolicy, flag: &str) -> Step {
    let entry = match flag {
        "icmp-block-inversion" => Entry::IcmpBlockInversion,
        "forward" => Entry::Forward,
        _ => Entry::Masquerade,
    };
    let by = place.wording(session).matching();
    let is_on = has(place.holder(), &entry, by, &session.grammar);
    if session.given.has(&format!("--query-{flag}")) {
        return session.yes_or_no(is_on);
    }
    let adds = session.given.has(&format!("--add-{flag}"));
    if !adds && !session.given.has(&format!("--remove-{flag}")) {
        return Ok(());
    }
    let changed = is_on != adds;
    if adds {
        add(place.holder(), &entry, by, &session.grammar);
    } else {
        remove(place.holder(), &entry, by, &session.grammar);
    }
    intent_entry(session, place, &entry, adds, changed);
    flag_said(session, place, flag, adds, changed)?;
    store(session, place, changed)
}

/// What is said when a flag is already as wanted. The originals differ from flag to flag.
fn flag_said(session: &mut Session, place: &ZoneOrPolicy, flag: &str, adds: bool, changed: bool) -> Step {
    if changed || flag == "forward" {
        return Ok(());
    }
    let (code, state) = match adds {
        true => (Code::AlreadyEnabled, "already"),
        false => (Code::NotEnabled, "not"),
    };
    let fault = match place.wording(session) {
        Wording::Offline if flag == "icmp-block-inversion" && session.has(Feature::InversionRefused) => {
            return session.refuse(&code.about(flag));
        }
        Wording::Offline => return Ok(()),
        Wording::RunningZone => code.about(format!("{flag} {state} enabled in '{}'", place.name())),
        Wording::Permanent | Wording::Policy => code.about(flag),
    };
    session.complain(format!("Warning: {fault}"));
    Ok(())
}

/// Carries out the options for the target, priorities, and what describes the zone or policy.
pub(super) fn property_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    target_options(session, place)?;
    disable_options(session, place)?;
    priority_options(session, place)?;
    if edit_text(session, place.head())? {
        return store_definition(session, place);
    }
    Ok(())
}

fn target_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    // firewall-cmd says REJECT for what files spell in firewalld's own way (firewall-cmd(1)).
    const REJECT: (&str, &str) = ("REJECT", "%%REJECT%%");
    let online = session.side == Side::Online;
    if session.given.has("--get-target") {
        let target = match &*place {
            ZoneOrPolicy::Zone(_, zone) if online && zone.target() == REJECT.1 => REJECT.0.to_owned(),
            ZoneOrPolicy::Zone(_, zone) => zone.target().to_owned(),
            ZoneOrPolicy::Policy(_, policy) => policy.target.clone(),
        };
        return session.answer(target);
    }
    if let Some(target) = session.given.value("--set-target").map(str::to_owned) {
        match place {
            ZoneOrPolicy::Zone(_, zone) if target == "default" => zone.target.clear(),
            ZoneOrPolicy::Zone(_, zone) if online && target == REJECT.0 => {
                REJECT.1.clone_into(&mut zone.target);
            }
            ZoneOrPolicy::Zone(_, zone) => zone.target = target,
            ZoneOrPolicy::Policy(_, policy) => policy.target = target,
        }
        return store_definition(session, place);
    }
    Ok(())
}

/// firewalld 2.4 and later: policies are switched off and on.
fn disable_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    let ZoneOrPolicy::Policy(_, policy) = &mut *place else {
        return Ok(());
    };
    if session.given.has("--query-disable") {
        return session.yes_or_no(policy.disable);
    }
    let disable = session.given.has("--add-disable");
    if !disable && !session.given.has("--remove-disable") {
        return Ok(());
    }
    policy.disable = disable;
    store_definition(session, place)
}

/// `--policy-set=PREFIX`: every policy whose name begins so.
pub(super) fn policy_set_options(session: &mut Session, prefix: &str) -> Step {
    let disable = session.given.has("--add-disable");
    let names = session.tree.names(Kind::Policy);
    let names = session.done(names)?;
    for name in names.into_iter().filter(|name| name.starts_with(prefix)) {
        let mut policy = load_policy(session, &name)?;
        let changed = std::mem::replace(&mut policy.disable, disable) != disable;
        let place = ZoneOrPolicy::Policy(name, policy);
        session.definition(FirewallObject::Policy, place.name(), DefinitionChange::Edit, changed);
        put(session, &place, changed)?;
    }
    session.success()
}

fn priority_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    let read = |session: &Session, option: &str| -> Option<Checked<i64>> {
        let text = session.given.value(option)?;
        Some(integer(text).ok_or_else(|| no_number(text)))
    };
    match place {
        ZoneOrPolicy::Policy(_, policy) if session.given.has("--get-priority") => {
            let priority = policy.priority.to_string();
            session.answer(priority)
        }
        ZoneOrPolicy::Policy(_, policy) => {
            let Some(priority) = read(session, "--set-priority") else {
                return Ok(());
            };
            policy.priority = number(session, priority)?;
            store_definition(session, place)
        }
        ZoneOrPolicy::Zone(_, zone) => {
            for (side, priority) in [
                ("ingress", zone.ingress_priority),
                ("egress", zone.egress_priority),
            ] {
                if session.given.has(&format!("--get-{side}-priority")) {
                    return session.answer(priority.to_string());
                }
            }
            if session.given.has("--get-priority") {
                let (ingress, egress) = (zone.ingress_priority, zone.egress_priority);
                if ingress == egress {
                    return session.answer(ingress.to_string());
                }
                let fault = Code::InvalidPriority.about(
                    "Ingress and Egress priority mismatch. Use --get-ingress-priority and --get-egress-priority.",
                );
                return session.refuse(&fault);
            }
            if let Some(priority) = read(session, "--set-priority") {
                let priority = number(session, priority)?;
                (zone.ingress_priority, zone.egress_priority) = (priority, priority);
            } else if let Some(priority) = read(session, "--set-ingress-priority") {
                zone.ingress_priority = number(session, priority)?;
            } else if let Some(priority) = read(session, "--set-egress-priority") {
                zone.egress_priority = number(session, priority)?;
            } else {
                return Ok(());
            }
            store_definition(session, place)
        }
    }
}

/// A number, or the end: the original has no code for a word that is none.
fn number(session: &mut Session, number: Checked<i64>) -> Step<i64> {
    number.or_else(|fault| session.fail(fault.detail, 2))
}
