//! A stamp of everything that applying depends on, made of what the file system knows of the files
//! without opening them: while it is the same, applying again would change nothing.

use std::ffi::OsStr;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::backend::declared;
use crate::digest::digest;
use crate::journal;
use crate::metadata;
use crate::root::{Kind, Root, Status};
use crate::rpmdb;

/// Directories, and how many levels of directories below each count too; -1 for the directory
/// itself alone: names come and go, and packages replace files rather than write into them.
const DIRECTORIES: [(&str, i8); 20] = [
    (journal::DIRECTORY, 0),
    (metadata::DIRECTORY, 0),
    (metadata::FIREWALL_DIRECTORY, 0),
    ("/etc/nodeshim", 2),
    ("/usr/lib/nodeshim", 2),
    ("/etc/nftables", 2),
    ("/etc/firewalld", 2),
    ("/usr/lib/firewalld", 1),
    ("/etc/sysconfig", 0),
    ("/etc/systemd/system", 1),
    ("/etc/systemd/system-preset", 0),
    ("/etc/systemd/user-preset", 0),
    ("/etc/sysctl.d", 0),
    ("/etc/rc.d", 1),
    ("/etc/init.d", 0),
    ("/usr/local/lib/systemd/system", -1),
    ("/usr/lib/systemd/system", -1),
    ("/usr/lib/systemd/system-preset", 0),
    (rpmdb::DATABASES[0], 0),
    (rpmdb::DATABASES[1], 0),
];

/// Single files: a directory and names in it. Another build of nodeshim may plan otherwise.
const FILES: [(&str, &[&str]); 3] = [
    ("/etc", &["services", "os-release", "sysctl.conf"]),
    ("/usr/lib", &["os-release"]),
    ("/usr/bin", &["nodeshim"]),
];

/// Files that readers, too, create or change: locks, and the database's list of readers.
const IGNORED: [&str; 4] = ["lock", ".rpm.lock", "rpmdb.sqlite-shm", ".dbenv.lock"];
/// Readers make it, too; it counts once there is something in it.
const LOG: &str = "rpmdb.sqlite-wal";

/// How fine the times of files are taken to be: the kernel stamps files by its timer tick, which is 10 ms
/// at most (`CONFIG_HZ=100`). What is younger may have changed again within the same tick.
const MTIME_GRANULARITY: Duration = Duration::from_millis(20);

/// The stamp. It is to be made before anything is read. None if something was changed less than
/// [`MTIME_GRANULARITY`] ago, as a further change might not show. `more` are further directories that
/// count, each with how many levels of directories below it.
pub(crate) fn stamp(root: &Root, more: &[(&str, i8)]) -> Option<String> {
    let mut seen = Seen::default();
    let of_declared = declared::OWNED.iter().map(|(directory, _)| (*directory, 0));
    for (directory, depth) in DIRECTORIES.into_iter().chain(of_declared).chain(more.iter().copied()) {
        seen.directory(root, directory, depth);
    }
    for (directory, names) in FILES {
        let listing = root.listing(directory);
        for name in names {
            let status = listing.as_ref().ok().and_then(|listing| listing.status(OsStr::new(name)).ok());
            seen.note(&format!("{directory}/{name}"), status.as_ref());
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    (seen.newest + MTIME_GRANULARITY < now).then(|| digest(seen.text.as_bytes()))
}

#[derive(Default)]
struct Seen {
    text: String,
    /// The latest change, since 1970.
    newest: Duration,
}

impl Seen {
    fn note(&mut self, path: &str, status: Option<&Status>) {
        let Some(status) = status else {
            self.text.push_str(&format!("{path} -\n"));
            return;
        };
        let Status {
            kind,
            mode,
            size,
            modified,
            changed,
            ..
        } = status;
        // Where a directory is stored says nothing of what is in it.
        let size = if *kind == Kind::Dir { 0 } else { *size };
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{path:?} {kind:?} {mode:o} {size} {modified:?} {changed:?}");
        let (seconds, nanoseconds) = *changed;
        let changed =
            Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
        self.newest = self.newest.max(changed);
    }

    /// Notes a directory, what is in it, and `depth` levels of directories below.
    fn directory(&mut self, root: &Root, path: &str, depth: i8) {
        let Ok(mut listing) = root.listing(path) else {
            self.note(path, None);
            return;
        };
        if depth < 0 {
            self.note(path, listing.own().ok().as_ref());
            return;
        }
        let mut names = listing.names().unwrap_or_default();
        names.retain(|name| !IGNORED.iter().any(|ignored| name == ignored));
        names.sort();
        for name in names {
            let below = format!("{path}/{}", name.display());
            let status = listing.status(&name).ok();
            let is_dir = status.is_some_and(|status| status.kind == Kind::Dir);
            let is_empty_log = name == LOG && status.is_some_and(|status| status.size == 0);
            if is_dir && depth > 0 {
                self.directory(root, &below, depth - 1);
            }
            // A directory's time changes with the locks in it; its names are noted.
            if !is_dir && !is_empty_log {
                self.note(&below, status.as_ref());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stamp once the clock of the file system has gone on.
    fn settled(root: &Root) -> String {
        loop {
            if let Some(stamp) = stamp(root, &[("/more", 1)]) {
                return stamp;
            }
            std::thread::sleep(MTIME_GRANULARITY);
        }
    }

    #[test]
    fn whatever_applying_depends_on_changes_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for directory in [
            "/etc/systemd/system/a.wants",
            "/usr/lib/systemd/system",
            "/var/lib/rpm",
            "/etc/x",
            "/more/a/b",
        ] {
            root.create_dirs(directory, 0o755).unwrap();
        }
        root.write("/var/lib/rpm/rpmdb.sqlite", b"1", None).unwrap();
        let mut last = settled(&root);
        assert_eq!(settled(&root), last);
        let mut changes = |what: &str, path: &str, changes: bool| {
            root.write(path, what.as_bytes(), None).unwrap();
            let now = settled(&root);
            assert_eq!(now != last, changes, "{path}");
            last = now;
        };
        changes("a", "/etc/systemd/system/a.wants/b.service", true);
        changes("b", "/etc/systemd/system/a.wants/b.service", true);
        changes("c", "/usr/lib/systemd/system/c.service", true);
        changes("2", "/var/lib/rpm/rpmdb.sqlite", true);
        changes("x", "/var/lib/rpm/rpmdb.sqlite-shm", false);
        changes("x", "/etc/x/other", false);
        changes("x", "/more/a/x", true);
        changes("x", "/more/a/b/x", false);
        root.remove("/etc/systemd/system/a.wants/b.service").unwrap();
        assert_ne!(settled(&root), last);
    }
}
