//! The files of the configuration as a call sees and writes them: nothing is written in a dry call,
//! and changes for the running firewall alone go to a copy, if one is kept.

use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::config::Answers;
use crate::error::if_exists;
use crate::firewall::firewalld::store::replace_file;
use crate::firewall::firewalld::{Conf, Fault, Kind, Policy, Tree, Zone, read_xml};
use crate::layout;
use crate::request::Call;

/// Where the copy is kept.
pub(super) const RUNTIME: &str = layout::FIREWALLD_RUNTIME;

/// The copy, if one is kept.
pub(super) fn runtime_tree<'a>(call: &Call<'a>) -> Option<Tree<'a>> {
    let strict = call.config.shims.answers == Answers::Strict;
    strict.then(|| Tree::at(call.root, RUNTIME, RUNTIME))
}

/// The text of an object that must exist.
pub(super) fn text_of(session: &mut Session, kind: Kind, name: &str) -> Step<String> {
    let text = session.tree.read(kind, name);
    match session.done(text)? {
        Some(text) => Ok(text),
        None => {
            let fault = unknown(session, kind, name);
            session.refuse(&fault)
        }
    }
}

/// The fault for a name that does not exist.
pub(super) fn unknown(session: &Session, kind: Kind, name: &str) -> Fault {
    let detail = match (session.side, kind) {
        (Side::Offline, Kind::Zone) => format!("get_zone(): {name}"),
        (Side::Offline, Kind::Policy) => format!("get_policy_object(): {name}"),
        (Side::Offline, Kind::Service) => format!("get_service(): '{name}'"),
        _ => name.to_owned(),
    };
    kind.invalid().about(detail)
}

pub(super) fn load_zone(session: &mut Session, name: &str) -> Step<Zone> {
    let text = text_of(session, Kind::Zone, name)?;
    let zone = Zone::parse(&text, &session.grammar);
    let mut zone = session.read_from_file(zone)?;
    if session.side == Side::Offline {
        zone.traffic.merge_ports(&session.grammar);
    }
    Ok(zone)
}

pub(super) fn load_policy(session: &mut Session, name: &str) -> Step<Policy> {
    let text = text_of(session, Kind::Policy, name)?;
    let policy = Policy::parse(&text, &session.grammar);
    let mut policy = session.read_from_file(policy)?;
    if session.side == Side::Offline {
        policy.traffic.merge_ports(&session.grammar);
    }
    Ok(policy)
}

/// Writes an object, unless this call writes nothing.
pub(super) fn write(session: &mut Session, kind: Kind, name: &str, text: &str) -> Step {
    if session.dry {
        return Ok(());
    }
    let result = match (session.runtime, runtime_tree(session.call)) {
        (true, Some(runtime)) => runtime.replace(kind, name, text),
        (true, None) => Ok(false),
        (false, _) => session.tree.replace(kind, name, text),
    };
    session.done(result).map(drop)
}

/// The same without keeping what was there: of a file that settling wrote.
pub(super) fn overwrite(session: &mut Session, kind: Kind, name: &str, text: &str) -> Step {
    if session.dry {
        return Ok(());
    }
    let path = session.tree.local(kind, name);
    let written = session.tree.root.write(path, text.as_bytes(), None);
    session.done(written)
}

/// A file of the local configuration, or the shipped one; empty if there is neither.
pub(super) fn read_file(session: &mut Session, name: &str) -> Step<Option<String>> {
    let text = if_exists(read_xml(session.tree.root, session.tree.file(name)));
    match session.done(text)? {
        Some(text) => Ok(Some(text)),
        None => {
            let text = if_exists(read_xml(session.tree.root, session.tree.shipped_file(name)));
            session.done(text)
        }
    }
}

/// Writes a file of the local configuration; whether it changed.
pub(super) fn write_file(session: &mut Session, name: &str, text: &str) -> Step<bool> {
    if session.dry {
        return Ok(false);
    }
    let written = replace_file(session.tree.root, &session.tree.file(name), text);
    session.done(written)
}

pub(super) fn save_conf(session: &mut Session, conf: &Conf) -> Step {
    if session.dry {
        return Ok(());
    }
    let saved = conf.save(&session.tree, &session.grammar);
    session.done(saved)
}
