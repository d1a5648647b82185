//! `lockdown-whitelist.xml`: who may still change the firewall when it is locked down
//! (firewalld.lockdown-whitelist(5)).

use super::code::{Checked, Code, Fault};
use super::port::integer;
use super::reader::{Attributes, add_once, check_attributes, need};
use super::xml::{self, Element, Handler, Stop, Writer};

/// The file's name in the local configuration.
pub(crate) const FILE: &str = "lockdown-whitelist.xml";

/// The whitelist; each list sorted as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whitelist {
    /// Command lines; `*` at the end stands for anything.
    pub commands: Vec<String>,
    /// SELinux contexts.
    pub contexts: Vec<String>,
    /// User names.
    pub users: Vec<String>,
    /// User ids.
    pub uids: Vec<i64>,
}

impl Whitelist {
    /// Reads the file. Invalid entries are left out.
    pub fn parse(text: &str) -> Checked<Whitelist> {
        Whitelist::read(text, false)
    }

    /// Checks the file and all its entries.
    pub fn check(text: &str) -> Checked<()> {
        Whitelist::read(text, true).map(drop)
    }

    fn read(text: &str, strict: bool) -> Checked<Whitelist> {
        let mut reader = WhitelistReader {
            whitelist: Whitelist::default(),
            begun: false,
            wrong: None,
        };
        xml::read(text, &mut reader).map_err(|stop| match stop {
            Stop::Refused(fault) => fault,
            Stop::Malformed(what) => Code::InvalidType.about(format!("Not a valid file: {what}")),
        })?;
        match reader.wrong.filter(|_| strict) {
            Some(fault) => Err(fault),
            None => Ok(reader.whitelist),
        }
    }

    /// The file.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new("whitelist", &[]);
        for command in sorted(&self.commands) {
            writer.empty("command", &[("name", Some(command))]);
        }
        let mut uids = self.uids.clone();
        uids.sort_unstable();
        for uid in uids {
            writer.empty("user", &[("id", Some(&uid.to_string()))]);
        }
        for user in sorted(&self.users) {
            writer.empty("user", &[("name", Some(user))]);
        }
        for context in sorted(&self.contexts) {
            writer.empty("selinux", &[("context", Some(context))]);
        }
        writer.finish()
    }
}

struct WhitelistReader {
    whitelist: Whitelist,
    begun: bool,
    /// The first invalid entry.
    wrong: Option<Fault>,
}

impl Handler for WhitelistReader {
    fn start(&mut self, element: &Element) -> Checked<()> {
        let known: Option<Attributes> = match &*element.name {
            "whitelist" => Some((&[], &[])),
            "command" => Some((&["name"], &[])),
            "user" => Some((&[], &["id", "name"])),
            "selinux" => Some((&["context"], &[])),
            _ => None,
        };
        check_attributes(element, known)?;
        if element.name == "whitelist" {
            return match std::mem::replace(&mut self.begun, true) {
                true => Err(Code::ParseError.about("More than one whitelist.")),
                false => Ok(()),
            };
        }
        if !self.begun {
            return Ok(());
        }
        let list = &mut self.whitelist;
        let (list, value, checked) = match &*element.name {
            "command" => {
                let value = need(element, "name")?;
                (&mut list.commands, value, check_command(value))
            }
            "selinux" => {
                let value = need(element, "context")?;
                (&mut list.contexts, value, check_context(value))
            }
            _ => match (element.get("id"), element.get("name")) {
                (Some(id), _) => return self.uid(id),
                (None, Some(value)) => (&mut list.users, value, check_user(value)),
                (None, None) => return Ok(()),
            },
        };
        match checked {
            Ok(()) => drop(add_once(list, value.to_owned())),
            Err(fault) => drop(self.wrong.get_or_insert(fault)),
        }
        Ok(())
    }

    fn end(&mut self, _: &str, _: &str) -> Checked<()> {
        Ok(())
    }
}

impl WhitelistReader {
    fn uid(&mut self, id: &str) -> Checked<()> {
        match integer(id) {
            Some(uid) if (0..=i64::from(i32::MAX)).contains(&uid) => {
                add_once(&mut self.whitelist.uids, uid);
            }
            Some(uid) => drop(self.wrong.get_or_insert(Code::InvalidUid.about(uid.to_string()))),
            None => {}
        }
        Ok(())
    }
}

fn sorted(list: &[String]) -> Vec<&String> {
    let mut list: Vec<&String> = list.iter().collect();
    list.sort();
    list
}

/// A command is an absolute path with arguments of up to 1024 characters, without `|`, newlines and
/// NUL; checkCommand() of firewalld's functions.py.
pub(crate) fn check_command(command: &str) -> Checked<()> {
    let length = command.chars().count();
    let fine =
        (1..=1024).contains(&length) && command.starts_with('/') && !command.contains(['|', '\n', '\0']);
    if fine {
        Ok(())
    } else {
        Err(Code::InvalidCommand.about(command))
    }
}

/// A context has four or five parts, the first three with the suffixes `_u`, `_r` and `_t`;
/// checkContext() of firewalld's functions.py.
pub(crate) fn check_context(context: &str) -> Checked<()> {
    let parts: Vec<&str> = context.split(':').collect();
    let fine = matches!(parts.len(), 4 | 5)
        && (parts[0] == "root" || parts[0].ends_with("_u"))
        && parts[1].ends_with("_r")
        && parts[2].ends_with("_t")
        && !parts[3].is_empty();
    if fine {
        Ok(())
    } else {
        Err(Code::InvalidContext.about(context))
    }
}

/// A user name is up to 256 (LOGIN_NAME_MAX) letters, digits and `.`, `-`, `_`, `$`; checkUser() of
/// firewalld's functions.py.
pub(crate) fn check_user(user: &str) -> Checked<()> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.-$".contains(c);
    let fine = (1..=256).contains(&user.len()) && user.chars().all(known);
    if fine {
        Ok(())
    } else {
        Err(Code::InvalidUser.about(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitelist_user_names_are_as_long_as_login_names_and_may_begin_with_a_dash() {
        for user in ["root", "-x", "a.b-c_d$", &"u".repeat(256)] {
            assert!(check_user(user).is_ok(), "{user}");
        }
        for user in ["", "a b", "a/b", "é", &"u".repeat(257)] {
            assert!(check_user(user).is_err(), "{user}");
        }
    }
}
