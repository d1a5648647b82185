//! Files that useradd and its kind keep their books in, which a reader of a report wants as the one line
//! "user X added".

use super::model::Plugin;
use crate::inspect::{ChangeEntry, ScriptletEntry};

/// The databases of accounts, each with its copy (`-`), its lock, and temporary names that end with a process id or
/// `+` (shadow's lib/commonio.c).
const DATABASES: [&str; 6] = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"];
/// What useradd resets for a new user id, and the lock of lckpwdf(3).
const OTHERS: [&str; 4] = [
    "/etc/.pwd.lock",
    "/var/log/lastlog",
    "/var/log/faillog",
    "/var/log/tallylog",
];

/// Whether a path is such a file.
pub(super) fn keeps_books(path: &str) -> bool {
    let is_database = |name: &str| {
        DATABASES.iter().filter_map(|database| name.strip_prefix(database)).any(|rest| {
            let process = rest.strip_prefix('.').unwrap_or_default();
            let is_temporary = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
            ["", "-", "+", ".lock"].contains(&rest) || is_temporary
        })
    };
    OTHERS.contains(&path) || path.strip_prefix("/etc/").is_some_and(is_database)
}

/// What a scriptlet changed, as a reader wants it.
pub(super) struct Shown<'e> {
    /// The files that it left changed.
    pub changes: Vec<&'e ChangeEntry>,
    /// What was done to accounts: `user x added`, with the number of files.
    pub accounts: Option<String>,
    /// How many files came and went.
    pub passing: usize,
}

/// Sorts the changes of a scriptlet of this plugin.
pub(super) fn shown<'e>(plugin: &Plugin, entry: &'e ScriptletEntry) -> Shown<'e> {
    let (books, others): (Vec<_>, Vec<_>) =
        entry.changes.iter().partition(|one| keeps_books(&one.change.path));
    let (passing, changes): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|one| one.what == "came-and-went");
    let lasting = books.iter().filter(|one| one.what != "came-and-went").count();
    let of_it = plugin.accounts.iter().filter(|(scriptlet, arg, _)| {
        (scriptlet.as_deref(), *arg) == (entry.scriptlet.as_deref(), entry.arg)
    });
    let mut words: Vec<&str> = of_it.map(|(_, _, words)| words.as_str()).collect();
    words.sort_by_key(|words| !words.starts_with("user "));
    let what = match words.is_empty() {
        true => "users or groups changed".to_owned(),
        false => words.join(", "),
    };
    let files = if lasting == 1 { "file" } else { "files" };
    Shown {
        changes,
        accounts: (lasting > 0).then(|| format!("{what} ({lasting} {files} of accounts)")),
        passing: passing.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_accounts_are_known_with_locks_copies_and_temporary_names() {
        for path in [
            "passwd",
            "passwd-",
            "passwd.4711",
            "group.lock",
            "gshadow+",
            ".pwd.lock",
            "subuid-",
        ] {
            assert!(keeps_books(&format!("/etc/{path}")), "{path}");
        }
        for path in [
            "/etc/passwd.d",
            "/etc/passwd.",
            "/etc/passwd.bak",
            "/etc/x/passwd",
            "/var/log/lastlog2",
        ] {
            assert!(!keeps_books(path), "{path}");
        }
    }
}
