//! The whitelist of the lockdown.

use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::error::if_exists;
use crate::firewall::firewalld::lockdown::{FILE, check_command, check_context, check_user};
use crate::firewall::firewalld::store::replace_file;
use crate::firewall::firewalld::{Checked, Code, Fault, Whitelist};

impl Session<'_> {
    /// A file of the local configuration, or the shipped one; empty if there is neither.
    pub fn read_file(&mut self, name: &str) -> Step<Option<String>> {
        let text = if_exists(self.tree.root.read_text(self.tree.file(name)));
        match self.done(text)? {
            Some(text) => Ok(Some(text)),
            None => {
                let text = if_exists(self.tree.root.read_text(self.tree.shipped_file(name)));
                self.done(text)
            }
        }
    }

    /// Writes a file of the local configuration; whether it changed.
    pub fn write_file(&mut self, name: &str, text: &str) -> Step<bool> {
        if self.dry {
            return Ok(false);
        }
        let written = replace_file(self.tree.root, &self.tree.file(name), text);
        self.done(written)
    }

    pub fn whitelist(&mut self) -> Step<Whitelist> {
        match self.read_file(FILE)? {
            Some(text) => {
                let whitelist = Whitelist::parse(&text);
                self.checked(whitelist)
            }
            None => Ok(Whitelist::default()),
        }
    }

    /// Options of the whitelist.
    pub fn whitelist_options(&mut self) -> Step {
        let mut list = self.whitelist()?;
        self.listed("command", "Command", &mut list, |list| &mut list.commands, check_command)?;
        self.listed("context", "Context", &mut list, |list| &mut list.contexts, check_context)?;
        self.listed("user", "User", &mut list, |list| &mut list.users, check_user)?;
        self.listed_uids(&mut list)
    }

    fn listed(
        &mut self,
        word: &str,
        title: &str,
        whitelist: &mut Whitelist,
        list: impl Fn(&mut Whitelist) -> &mut Vec<String>,
        check: fn(&str) -> Checked<()>,
    ) -> Step {
        if self.given.has(&format!("--list-lockdown-whitelist-{word}s")) {
            let lines = list(whitelist).join("\n");
            return self.answer(lines);
        }
        let values = |session: &Self, verb: &str| {
            session.given.values(&format!("--{verb}-lockdown-whitelist-{word}")).to_vec()
        };
        let asked = values(self, "query");
        if !asked.is_empty() {
            let known = list(whitelist).clone();
            return self.query(&asked, true, |_, value| Ok(known.iter().any(|known| known == value)));
        }
        let (added, removed) = (values(self, "add"), values(self, "remove"));
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        self.sequence(&added, |session, value| {
            check(value)?;
            if list(whitelist).iter().any(|known| known == value) {
                return Err(already(session, title, value));
            }
            list(whitelist).push(value.to_owned());
            Ok(())
        })?;
        self.sequence(&removed, |session, value| {
            if !list(whitelist).iter().any(|known| known == value) {
                return Err(not_there(session, title, value));
            }
            list(whitelist).retain(|known| known != value);
            Ok(())
        })?;
        self.store_whitelist(whitelist)
    }

    fn listed_uids(&mut self, whitelist: &mut Whitelist) -> Step {
        if self.given.has("--list-lockdown-whitelist-uids") {
            let uids: Vec<String> = whitelist.uids.iter().map(i64::to_string).collect();
            return self.answer(uids.join("\n"));
        }
        let values = |session: &Self, verb: &str| {
            session.given.values(&format!("--{verb}-lockdown-whitelist-uid")).to_vec()
        };
        let number = |value: &str| value.trim().parse::<i64>().map_err(|_| Code::InvalidUid.about(value));
        let asked = values(self, "query");
        if !asked.is_empty() {
            return self.query(&asked, false, |_, value| Ok(whitelist.uids.contains(&number(value)?)));
        }
        let (added, removed) = (values(self, "add"), values(self, "remove"));
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        self.sequence(&added, |session, value| {
            let uid = number(value)?;
            if whitelist.uids.contains(&uid) {
                return Err(already(session, "Uid", uid));
            }
            whitelist.uids.push(uid);
            Ok(())
        })?;
        self.sequence(&removed, |session, value| {
            let uid = number(value)?;
            if !whitelist.uids.contains(&uid) {
                return Err(not_there(session, "Uid", uid));
            }
            whitelist.uids.retain(|known| *known != uid);
            Ok(())
        })?;
        self.store_whitelist(whitelist)
    }

    fn store_whitelist(&mut self, whitelist: &Whitelist) -> Step {
        let changed = !self.runtime && self.write_file(FILE, &whitelist.to_xml())?;
        self.definition("whitelist", "lockdown", "edit", changed);
        self.success()
    }
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
