//! Users, groups and memberships that passwd(5) and group(5) have and had not before.

use std::collections::{BTreeMap, BTreeSet};

use crate::intent::{Intent, NoteSeverity};

pub(crate) const PASSWD: &str = "/etc/passwd";
pub(crate) const GROUP: &str = "/etc/group";

/// A line of passwd(5), without its name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
struct User<'t> {
    uid: u32,
    gid: u32,
    comment: &'t str,
    home: &'t str,
    shell: &'t str,
}

/// A line of group(5), without its name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group<'t> {
    gid: u32,
    members: BTreeSet<&'t str>,
}

/// Valid lines by name; a damaged line and one of NIS are no accounts.
fn users(text: &str) -> BTreeMap<&str, User<'_>> {
    text.lines().filter_map(user).collect()
}

fn user(line: &str) -> Option<(&str, User<'_>)> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, comment, home, shell] = fields[..] else {
        return None;
    };
    let user = User {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        comment,
        home,
        shell,
    };
    Some((name, user))
}

fn groups(text: &str) -> BTreeMap<&str, Group<'_>> {
    text.lines().filter_map(group).collect()
}

fn group(line: &str) -> Option<(&str, Group<'_>)> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields[..] else {
        return None;
    };
    let members = members.split(',').filter(|member| !member.is_empty()).collect();
    let gid = gid.parse().ok()?;
    Some((name, Group { gid, members }))
}

/// What was made of users between two states of passwd(5), as sysusers.d(5) would declare it: accounts that
/// are new or changed, and a note of each that is gone. `groups_now` is what group(5) says now.
pub(crate) fn users_between(before: &str, after: &str, groups_now: &str) -> Vec<Intent> {
    let (before, after, groups) = (users(before), users(after), groups(groups_now));
    let intent = |(name, user): (&&str, &User)| {
        let primary = groups.iter().find(|(_, group)| group.gid == user.gid);
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Intent::User {
            user: (*name).to_owned(),
            uid: Some(user.uid),
            group: primary.map(|(group, _)| (*group).to_owned()),
            comment: text(user.comment),
            home: text(user.home),
            shell: text(user.shell),
        }
    };
    let new = after.iter().filter(|(name, user)| before.get(*name) != Some(user));
    new.map(intent).chain(gone("user", &before, &after)).collect()
}

/// The same of groups and their members, by group(5).
pub(crate) fn groups_between(before: &str, after: &str) -> Vec<Intent> {
    let (before, after) = (groups(before), groups(after));
    let mut made = Vec::new();
    for (name, group) in &after {
        let was = before.get(name);
        if was.is_none_or(|was| was.gid != group.gid) {
            made.push(Intent::Group {
                group: (*name).to_owned(),
                gid: Some(group.gid),
            });
        }
        let is_new = |member: &&&str| was.is_none_or(|was| !was.members.contains(**member));
        made.extend(group.members.iter().filter(is_new).map(|member| Intent::Member {
            user: (*member).to_owned(),
            group: (*name).to_owned(),
        }));
    }
    made.extend(gone("group", &before, &after));
    made
}

/// Notes about the accounts that a file does not have any more.
fn gone<T>(
    what: &str,
    before: &BTreeMap<&str, T>,
    after: &BTreeMap<&str, T>,
) -> impl Iterator<Item = Intent> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    gone.map(move |name| Intent::Note {
        severity: NoteSeverity::Low,
        text: format!("{what} {name} was removed"),
    })
}

/// What a file of sysusers.d(5) declares, by its lines' type and name: `u` and `httpd`.
pub(crate) fn declared(text: &str) -> impl Iterator<Item = (char, &str)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        // `u!` is a user that can't log in.
        let kind = words.next()?.trim_end_matches('!');
        let kind = kind.chars().next().filter(|c| kind.len() == 1 && c.is_ascii_alphabetic())?;
        Some((kind, words.next()?))
    })
}

/// One line, of moderate length.
pub(crate) fn is_line(text: &str) -> bool {
    text.len() <= 200 && !text.chars().any(char::is_control)
}

/// A full name that sysusers.d(5) can quote.
pub(crate) fn is_comment(text: &str) -> bool {
    is_line(text) && !text.contains([':', '"', '\'', '\\', '%'])
}

/// As sysusers.d takes them.
pub(crate) fn is_account(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (1..=31).contains(&text.len()) && starts && text.bytes().all(plain)
}

/// An absolute path in plain characters, by component.
pub(crate) fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.+@/".contains(&byte);
    let Some(rest) = text.strip_prefix('/') else {
        return false;
    };
    text.len() < 4096
        && text.bytes().all(plain)
        && (rest.is_empty() || rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

/// What is above 999 belongs to people, and 0 to root.
pub(crate) fn is_system_id(id: u32) -> bool {
    (1..1000).contains(&id)
}

/// An account as sysusers.d(5) can declare it. None for people's accounts and root's, and for names that it
/// does not take; of a user without what it cannot quote.
pub(crate) fn declarable(intent: &Intent) -> Option<Intent> {
    match intent {
        Intent::User {
            user,
            uid,
            group,
            comment,
            home,
            shell,
        } => {
            let is_fine = is_account(user) && uid.is_none_or(is_system_id);
            let only = |text: &Option<String>, fits: fn(&str) -> bool| text.clone().filter(|text| fits(text));
            is_fine.then(|| Intent::User {
                user: user.clone(),
                uid: *uid,
                group: only(group, is_account),
                comment: only(comment, is_comment),
                home: only(home, is_path),
                shell: only(shell, is_path),
            })
        }
        Intent::Group { group, gid } => {
            (is_account(group) && gid.is_none_or(is_system_id)).then(|| intent.clone())
        }
        Intent::Member { user, group } => (is_account(user) && is_account(group)).then(|| intent.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "root:x:0:0:root:/root:/bin/bash\nold:x:20:20::/:/bin/sh\n";

    fn note(text: &str) -> Intent {
        Intent::Note {
            severity: NoteSeverity::Low,
            text: text.into(),
        }
    }

    #[test]
    fn a_new_user_is_declared_with_its_number_and_its_group_by_name() {
        let after =
            format!("{BEFORE}vend:x:998:997:Vendor's agent:/var/lib/vend:/sbin/nologin\nbroken:x\n+::::::\n");
        let groups = "root:x:0:\nvendors:x:997:\n";
        let user = Intent::User {
            user: "vend".into(),
            uid: Some(998),
            group: Some("vendors".into()),
            comment: Some("Vendor's agent".into()),
            home: Some("/var/lib/vend".into()),
            shell: Some("/sbin/nologin".into()),
        };
        assert_eq!(users_between(BEFORE, &after, groups), [user]);
        assert_eq!(users_between(&after, &after, groups), []);
        assert_eq!(users_between(&after, BEFORE, groups), [note("user vend was removed")]);
    }

    #[test]
    fn groups_and_members_that_are_new_are_found() {
        let before = "root:x:0:\nkvm:x:36:qemu\n";
        let after = "root:x:0:\nkvm:x:36:qemu,vend\nvend:x:997:\n";
        let member = Intent::Member {
            user: "vend".into(),
            group: "kvm".into(),
        };
        let group = Intent::Group {
            group: "vend".into(),
            gid: Some(997),
        };
        assert_eq!(groups_between(before, after), [member, group]);
        assert_eq!(groups_between(after, before), [note("group vend was removed")]);
    }

    #[test]
    fn what_cannot_be_declared_safely_is_not() {
        let user = |user: &str, uid, comment: &str| Intent::User {
            user: user.into(),
            uid: Some(uid),
            group: None,
            comment: Some(comment.into()),
            home: None,
            shell: None,
        };
        assert_eq!(declarable(&user("vend", 998, "An agent")), Some(user("vend", 998, "An agent")));
        for refused in [
            user("toor", 0, "x"),
            user("alice", 1000, "x"),
            user("a b", 998, "x"),
        ] {
            assert_eq!(declarable(&refused), None);
        }
        let quoting = declarable(&user("vend", 998, "a\" / /bin/sh"));
        assert!(matches!(quoting, Some(Intent::User { comment: None, .. })), "{quoting:?}");
    }

    #[test]
    fn lines_of_sysusers_are_known_by_type_and_name() {
        let text = "# a comment\nu! httpd 48 \"Apache\" /usr/share/httpd\ng kvm 36\nm qemu kvm\n\nnonsense\n";
        let found: Vec<(char, &str)> = declared(text).collect();
        assert_eq!(found, [('u', "httpd"), ('g', "kvm"), ('m', "qemu")]);
    }
}
