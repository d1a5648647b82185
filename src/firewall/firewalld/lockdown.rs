//! `lockdown-whitelist.xml`: who may still change the firewall when it is locked down
//! (firewalld.lockdown-whitelist(5)).

use super::code::{Checked, Code, Fault};
use super::port::integer;
use super::reader::{add_once, document, need, only, unexpected};
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
        Whitelist::read(text, &mut |_| Ok(()))
    }

    /// Whether the file and every entry of it make sense.
    pub fn check(text: &str) -> Checked<()> {
        Whitelist::read(text, &mut Err).map(drop)
    }

    fn read(text: &str, wrong: &mut dyn FnMut(Fault) -> Checked<()>) -> Checked<Whitelist> {
        let root = document(text, "whitelist", Code::InvalidType)?;
        let mut whitelist = Whitelist::default();
        for child in &root.children {
            let (list, value, checked) = match &*child.name {
                "command" => {
                    only(child, &["name"])?;
                    let value = need(child, "name")?;
                    let checked = check_command(&value);
                    (&mut whitelist.commands, value, checked)
                }
                "selinux" => {
                    only(child, &["context"])?;
                    let value = need(child, "context")?;
                    let checked = check_context(&value);
                    (&mut whitelist.contexts, value, checked)
                }
                "user" => {
                    only(child, &["id", "name"])?;
                    if let Some(id) = child.get("id") {
                        if let Some(id) = integer(id) {
                            whitelist.add_uid(id, wrong)?;
                        }
                        continue;
                    }
                    let value = need(child, "name")?;
                    let checked = check_user(&value);
                    (&mut whitelist.users, value, checked)
                }
                _ => return unexpected(child),
            };
            match checked {
                Ok(()) => add_once(list, value),
                Err(fault) => wrong(fault)?,
            }
        }
        Ok(whitelist)
    }

    fn add_uid(&mut self, id: i64, wrong: &mut dyn FnMut(Fault) -> Checked<()>) -> Checked<()> {
        if !(0..=i64::from(i32::MAX)).contains(&id) {
            return wrong(Code::InvalidUid.about(id.to_string()));
        }
        add_once(&mut self.uids, id);
        Ok(())
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
