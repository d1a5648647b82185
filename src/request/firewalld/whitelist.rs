//! The whitelist of the lockdown.

use super::files::{read_file, write_file};
use super::session::{Exit, Session, Step};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::lockdown::{FILE, check_command, check_context, check_user};
use crate::firewall::firewalld::{Checked, Code, Fault, Feature, Whitelist};
use crate::intent::{DefinitionChange, FirewallObject};

/// What is said where there is no lockdown any more, even to those who want to hear nothing.
pub(super) const NO_LOCKDOWN: &str = "Lockdown feature is deprecated and removed.";

pub(super) fn whitelist(session: &mut Session) -> Step<Whitelist> {
    match read_file(session, FILE)? {
        Some(text) => {
            let whitelist = Whitelist::parse(&text);
            session.checked(whitelist)
        }
        None => Ok(Whitelist::default()),
    }
}

/// Options of the whitelist.
pub(super) fn whitelist_options(session: &mut Session) -> Step {
    if !session.has(Feature::Lockdown) {
        session.reply.output.err_line(NO_LOCKDOWN);
        return Err(Exit(0));
    }
    let mut list = whitelist(session)?;
    listed(session, "command", "Command", &mut list, |list| &mut list.commands, check_command)?;
    listed(session, "context", "Context", &mut list, |list| &mut list.contexts, check_context)?;
    listed(session, "user", "User", &mut list, |list| &mut list.users, check_user)?;
    listed_uids(session, &mut list)
}

fn listed(
    session: &mut Session,
    word: &str,
    title: &str,
    whitelist: &mut Whitelist,
    list: impl Fn(&mut Whitelist) -> &mut Vec<String>,
    check: fn(&str) -> Checked<()>,
) -> Step {
    if session.given.has(&format!("--list-lockdown-whitelist-{word}s")) {
        let lines = list(whitelist).join("\n");
        return session.answer(lines);
    }
    let values = |session: &Session, verb: &str| {
        session.given.values(&format!("--{verb}-lockdown-whitelist-{word}")).to_vec()
    };
    let asked = values(session, "query");
    if !asked.is_empty() {
        let known = list(whitelist).clone();
        return session.query(&asked, true, |_, value| Ok(known.iter().any(|known| known == value)));
    }
    let (added, removed) = (values(session, "add"), values(session, "remove"));
    if added.is_empty() && removed.is_empty() {
        return Ok(());
    }
    session.sequence(&added, |session, value| {
        check(value)?;
        if list(whitelist).iter().any(|known| known == value) {
            return Err(already(session, title, value));
        }
        list(whitelist).push(value.to_owned());
        Ok(())
    })?;
    session.sequence(&removed, |session, value| {
        if !list(whitelist).iter().any(|known| known == value) {
            return Err(not_there(session, title, value));
        }
        list(whitelist).retain(|known| known != value);
        Ok(())
    })?;
    store_whitelist(session, whitelist)
}

fn listed_uids(session: &mut Session, whitelist: &mut Whitelist) -> Step {
    if session.given.has("--list-lockdown-whitelist-uids") {
        let uids: Vec<String> = whitelist.uids.iter().map(i64::to_string).collect();
        return session.answer(uids.join("\n"));
    }
    let values = |session: &Session, verb: &str| {
        session.given.values(&format!("--{verb}-lockdown-whitelist-uid")).to_vec()
    };
    let number = |value: &str| value.trim().parse::<i64>().map_err(|_| Code::InvalidUid.about(value));
    let asked = values(session, "query");
    if !asked.is_empty() {
        return session.query(&asked, false, |_, value| Ok(whitelist.uids.contains(&number(value)?)));
    }
    let (added, removed) = (values(session, "add"), values(session, "remove"));
    if added.is_empty() && removed.is_empty() {
        return Ok(());
    }
    session.sequence(&added, |session, value| {
        let uid = number(value)?;
        if whitelist.uids.contains(&uid) {
            return Err(already(session, "Uid", uid));
        }
        whitelist.uids.push(uid);
        Ok(())
    })?;
    session.sequence(&removed, |session, value| {
        let uid = number(value)?;
        if !whitelist.uids.contains(&uid) {
            return Err(not_there(session, "Uid", uid));
        }
        whitelist.uids.retain(|known| *known != uid);
        Ok(())
    })?;
    store_whitelist(session, whitelist)
}

fn store_whitelist(session: &mut Session, whitelist: &Whitelist) -> Step {
    let changed = !session.runtime && write_file(session, FILE, &whitelist.to_xml())?;
    session.definition(FirewallObject::Whitelist, "lockdown", DefinitionChange::Edit, changed);
    session.success()
}

/// Of its files the daemon says no more than the value.
fn is_brief(session: &Session) -> bool {
    session.side == Side::Online && !session.runtime
}

fn already(session: &Session, title: &str, value: impl std::fmt::Display) -> Fault {
    Code::AlreadyEnabled.about(match is_brief(session) {
        true => value.to_string(),
        false => format!("{title} \"{value}\" already in whitelist"),
    })
}

fn not_there(session: &Session, title: &str, value: impl std::fmt::Display) -> Fault {
    Code::NotEnabled.about(match is_brief(session) {
        true => value.to_string(),
        false => format!("{title} \"{value}\" not in whitelist."),
    })
}
