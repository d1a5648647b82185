//! `lockdown-whitelist.xml`: who may still change the firewall when it is locked down
//! (firewalld.lockdown-whitelist(5)).

use super::code::{Checked, Code};
use super::port::integer;
use super::reader::{document, need, unexpected};
use super::xml::Writer;

/// The file's name in the local configuration.
pub const FILE: &str = "lockdown-whitelist.xml";

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
    /// Reads the file. Entries that make no sense are left out.
    pub fn parse(text: &str) -> Checked<Whitelist> {
        let root = document(text, "whitelist", Code::ParseError)?;
        let mut whitelist = Whitelist::default();
        for child in &root.children {
            match &*child.name {
                "command" => push_if(&mut whitelist.commands, need(child, "name")?, check_command),
                "selinux" => push_if(&mut whitelist.contexts, need(child, "context")?, check_context),
                "user" => match child.get("id") {
                    Some(id) => whitelist.uids.extend(integer(id).filter(|id| !whitelist.uids.contains(id))),
                    None => push_if(&mut whitelist.users, need(child, "name")?, check_user),
                },
                _ => return unexpected(child),
            }
        }
        Ok(whitelist)
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

fn sorted(list: &[String]) -> Vec<&String> {
    let mut list: Vec<&String> = list.iter().collect();
    list.sort();
    list
}

fn push_if(list: &mut Vec<String>, value: String, check: fn(&str) -> Checked<()>) {
    if check(&value).is_ok() && !list.contains(&value) {
        list.push(value);
    }
}

/// A command is an absolute path with arguments, without `|`, newlines and NUL.
pub fn check_command(command: &str) -> Checked<()> {
    let length = command.chars().count();
    let fine =
        (1..=1024).contains(&length) && command.starts_with('/') && !command.contains(['|', '\n', '\0']);
    if fine {
        Ok(())
    } else {
        Err(Code::InvalidCommand.about(command))
    }
}

/// A context has a user, a role, a type, and mostly a level, in the usual suffixes.
pub fn check_context(context: &str) -> Checked<()> {
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

/// A user name is up to 32 letters, digits and `_`, `.`, `-`, the first of them no dash.
pub fn check_user(user: &str) -> Checked<()> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.-$".contains(c);
    let fine = (1..=32).contains(&user.len()) && user.chars().all(known) && !user.starts_with('-');
    if fine {
        Ok(())
    } else {
        Err(Code::InvalidUser.about(user))
    }
}
