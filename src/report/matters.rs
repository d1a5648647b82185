//! What of the files that scriptlets changed an administrator should look at first.

use crate::audit::FileChange;
use crate::inspect::ScriptletEntry;

/// Where changes concern who may do what: directories end with a slash.
const SENSITIVE: [(&str, &str); 17] = [
    ("/etc/nodeshim/", "nodeshim's policy or configuration"),
    ("/usr/lib/nodeshim/", "nodeshim's policy"),
    ("/etc/pki/", "keys and certificates"),
    ("/etc/ssl/", "keys and certificates"),
    ("/etc/ssh/", "the secure shell's keys or configuration"),
    ("/root/.ssh/", "keys that let somebody in as root"),
    ("/etc/sudoers", "who may become root"),
    ("/etc/sudoers.d/", "who may become root"),
    ("/etc/polkit-1/", "who may do what"),
    ("/usr/share/polkit-1/rules.d/", "who may do what"),
    ("/etc/pam.d/", "how people log in"),
    ("/etc/security/", "how people log in"),
    ("/etc/ld.so.preload", "what is loaded into every program"),
    ("/etc/selinux/", "SELinux's configuration"),
    ("/etc/crontab", "what runs by itself"),
    ("/etc/cron.d/", "what runs by itself"),
    ("/var/spool/cron/", "what runs by itself"),
];

const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;
const EXECUTE: u32 = 0o111;

/// What programs rebuild from everything that is installed, so that every package's scriptlets change it.
const REBUILT: [&str; 3] = ["/var/cache/", "/usr/share/mime/", "/usr/share/info/dir"];

/// A line each, in the order in which it happened. `owners` are the packages of files by path.
pub(super) fn matters(package: &str, entries: &[ScriptletEntry], owners: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in entries {
        for one in entry.changes.iter().filter(|one| one.what != "came-and-went") {
            let by = format!("by {}", entry.actor());
            found.extend(privileges(&one.change).map(|what| format!("{} {what} {by}", one.change.path)));
            found.extend(
                sensitive(&one.change.path)
                    .map(|what| format!("{} {} {by}: {what}", one.change.path, one.what)),
            );
            let is_direct = one.change.request.is_none() && entry.transaction.is_none();
            if let Some(others) = others(package, &one.change.path, owners).filter(|_| is_direct) {
                found.push(format!("{} {} {by}: a file of {others}", one.change.path, one.what));
            }
        }
    }
    found
}

/// The other packages that own a file; none if no package owns it, if the package owns it too, or if
/// it is a cache.
fn others(package: &str, path: &str, owners: &[(String, String)]) -> Option<String> {
    let is_rebuilt = path.ends_with(".cache") || REBUILT.iter().any(|place| path.starts_with(place));
    let from = owners.partition_point(|(owned, _)| owned.as_str() < path);
    let owning = owners[from..].iter().take_while(|(owned, _)| owned == path);
    let owning: Vec<&str> = owning.map(|(_, owner)| owner.as_str()).collect();
    (!owning.is_empty() && !owning.contains(&package) && !is_rebuilt).then(|| owning.join(", "))
}

/// Bits and capabilities that a program has afterwards and had not before.
fn privileges(change: &FileChange<String>) -> Option<&'static str> {
    let after = change.after.as_ref().filter(|side| side.kind == "file")?;
    let bits = |mode: &str| u32::from_str_radix(mode, 8).unwrap_or_default();
    let before = change.before.as_ref();
    let gained = bits(&after.mode) & !before.map_or(0, |side| bits(&side.mode));
    let attributes = before.and_then(|side| side.attributes.as_ref());
    match () {
        () if gained & SET_USER_ID != 0 => Some("got the set-user-ID bit"),
        () if gained & SET_GROUP_ID != 0 => Some("got the set-group-ID bit"),
        () if bits(&after.mode) & EXECUTE != 0
            && after.attributes.is_some()
            && after.attributes.as_ref() != attributes =>
        {
            Some("got extended attributes, which hold capabilities,")
        }
        () => None,
    }
}

fn sensitive(path: &str) -> Option<&'static str> {
    let is_in = |place: &str| path == place || (place.ends_with('/') && path.starts_with(place));
    SENSITIVE.iter().find(|(place, _)| is_in(place)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Side;

    fn side(mode: &str, attributes: Option<&str>) -> Option<Side<String>> {
        Some(Side {
            kind: "file".into(),
            mode: mode.into(),
            attributes: attributes.map(str::to_owned),
            ..Side::default()
        })
    }

    #[test]
    fn setuid_bits_and_capabilities_count_where_they_are_new() {
        let change = |before, after| FileChange::<String> {
            before,
            after,
            ..FileChange::default()
        };
        assert_eq!(
            privileges(&change(side("0755", None), side("4755", None))),
            Some("got the set-user-ID bit")
        );
        assert_eq!(privileges(&change(None, side("2755", None))), Some("got the set-group-ID bit"));
        assert_eq!(privileges(&change(side("4755", None), side("4755", None))), None);
        assert!(privileges(&change(side("0755", None), side("0755", Some("x")))).is_some());
        assert_eq!(privileges(&change(side("0644", None), side("0644", Some("x")))), None);
    }

    #[test]
    fn files_of_other_packages_are_named_with_their_owners() {
        let owner = |path: &str, package: &str| (path.to_owned(), package.to_owned());
        let owners = [
            owner("/etc/a", "one"),
            owner("/etc/a", "two"),
            owner("/etc/b", "own"),
            owner("/etc/b", "two"),
            owner("/etc/ld.so.cache", "glibc"),
        ];
        assert_eq!(others("own", "/etc/a", &owners).as_deref(), Some("one, two"));
        for path in ["/etc/b", "/etc/c", "/etc/ld.so.cache", "/etc"] {
            assert_eq!(others("own", path, &owners), None, "{path}");
        }
    }

    #[test]
    fn files_that_say_who_may_do_what_are_known_by_their_places() {
        assert!(sensitive("/etc/sudoers").is_some() && sensitive("/etc/sudoers.d/x").is_some());
        assert!(sensitive("/etc/pki/rpm-gpg/KEY").is_some());
        assert!(sensitive("/etc/sudoers.rpmnew").is_none() && sensitive("/etc/motd").is_none());
    }
}
