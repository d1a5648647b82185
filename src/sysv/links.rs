//! Entries of the run level directories: `S` and `K` links, read once each and changed only where
//! they differ from what is wanted.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::layout::Layout;
use super::order::Priorities;
use crate::error::{Error, Result};
use crate::runlevels::{COUNT, Levels};

/// Whether an entry starts or stops its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `S`
    Start,
    /// `K`
    Kill,
}

/// An entry, without the name of the service that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Start or stop.
    pub kind: Kind,
    /// 0 to 99.
    pub priority: u8,
}

impl Entry {
    /// The entry that makes a service on or off.
    pub(crate) fn new(on: bool, priorities: Priorities) -> Entry {
        if on {
            Entry {
                kind: Kind::Start,
                priority: priorities.start,
            }
        } else {
            Entry {
                kind: Kind::Kill,
                priority: priorities.stop,
            }
        }
    }

    /// Whether it starts the service.
    pub(crate) fn is_on(self) -> bool {
        self.kind == Kind::Start
    }

    /// The file name for a service: `S` or `K`, two digits, the service.
    pub(crate) fn file_name(self, service: &OsStr) -> OsString {
        let letter = if self.is_on() { 'S' } else { 'K' };
        let mut name = OsString::from(format!("{letter}{:02}", self.priority));
        name.push(service);
        name
    }

    /// Takes a file name apart. `None` if it does not begin with `S` or `K` and two digits.
    fn split(name: &OsStr) -> Option<(Entry, &OsStr)> {
        let (head, service) = name.as_bytes().split_at_checked(3)?;
        let kind = match head[0] {
            b'S' => Kind::Start,
            b'K' => Kind::Kill,
            _ => return None,
        };
        let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
        let priority = digit(head[1])? * 10 + digit(head[2])?;
        Some((Entry { kind, priority }, OsStr::from_bytes(service)))
    }
}

/// The entries of one service, by level. Seldom more than one a level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entries([Vec<Entry>; COUNT]);

impl Entries {
    /// The entries in a level.
    pub(crate) fn at(&self, level: usize) -> &[Entry] {
        self.0.get(level).map_or(&[], Vec::as_slice)
    }

    /// The entry that decides about a level: chkconfig looks at the first that glob() finds; isOn(),
    /// isConfigured().
    pub(crate) fn first(&self, level: usize) -> Option<Entry> {
        self.at(level).first().copied()
    }

    /// Whether the service is on in a level.
    pub(crate) fn is_on(&self, level: usize) -> bool {
        self.first(level).is_some_and(Entry::is_on)
    }

    /// The levels in which the service is on.
    pub(crate) fn on(&self) -> Levels {
        (0..COUNT).filter(|level| self.is_on(*level)).fold(Levels::NONE, Levels::with)
    }

    /// Whether there is no entry in any level.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}

/// A level's directory could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Which level.
    pub level: usize,
    /// What is wrong.
    pub error: Error,
}

/// The entries of every service, or of one.
#[derive(Debug, Default)]
pub(crate) struct Index {
    services: HashMap<OsString, Entries>,
    none: Entries,
}

impl Index {
    /// Reads every level's directory once.
    pub(crate) fn load(layout: &Layout) -> std::result::Result<Index, Unreadable> {
        Index::load_where(layout, |_| true)
    }

    /// Reads the entries of one service.
    pub(crate) fn load_one(layout: &Layout, service: &OsStr) -> std::result::Result<Entries, Unreadable> {
        let mut index = Index::load_where(layout, |name| name == service)?;
        Ok(index.services.remove(service).unwrap_or_default())
    }

    fn load_where(
        layout: &Layout,
        wanted: impl Fn(&OsStr) -> bool,
    ) -> std::result::Result<Index, Unreadable> {
        let mut services: HashMap<OsString, Entries> = HashMap::new();
        let is_wanted = |file: &OsStr| {
            Entry::split(file).is_some_and(|(_, service)| wanted(service) && !is_pattern(service))
        };
        for level in 0..COUNT {
            for file in layout.list(level, is_wanted).map_err(|error| Unreadable { level, error })? {
                let Some((entry, service)) = Entry::split(&file.name) else {
                    continue;
                };
                if !services.contains_key(service) {
                    services.insert(service.to_owned(), Entries::default());
                }
                if let Some(entries) = services.get_mut(service).and_then(|of| of.0.get_mut(level)) {
                    entries.push(entry);
                }
            }
        }
        Ok(Index {
            services,
            none: Entries::default(),
        })
    }

    /// The entries of a service.
    pub(crate) fn of(&self, service: &OsStr) -> &Entries {
        self.services.get(service).unwrap_or(&self.none)
    }
}

/// Whether a name is a shell pattern. findServiceEntries() of chkconfig puts the name unquoted into the pattern
/// of a glob(), and so never finds again what chkconfig made for such a name.
fn is_pattern(name: &OsStr) -> bool {
    name.as_bytes().iter().any(|byte| b"*?[\\".contains(byte))
}

/// Where every link points that is made here: right both for `/etc/rcN.d` and `/etc/rc.d/rcN.d`.
fn target(service: &OsStr) -> PathBuf {
    Path::new("../init.d").join(service)
}

/// What shall become of a service's entries, by level; `None` leaves a level alone.
pub(crate) type Plan = [Option<Entry>; COUNT];

/// Leaves in each level of `plan` one link and no other entry of the service. A link that is
/// there and points right is left alone. Returns whether anything changed.
pub(crate) fn apply(layout: &Layout, service: &OsStr, entries: &Entries, plan: &Plan) -> Result<bool> {
    let root = layout.root();
    let mut changed = false;
    for (level, wanted) in plan.iter().enumerate() {
        let Some(wanted) = wanted else { continue };
        let path = layout.in_level(level, &wanted.file_name(service));
        // A name that the listing did not have needs no look: that saves a system call a level.
        let listed = entries.at(level).contains(wanted);
        changed |= put(layout, &path, service, listed)?;
        for other in entries.at(level).iter().filter(|other| *other != wanted) {
            root.remove(layout.in_level(level, &other.file_name(service)))?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Makes the link at `path`, unless it is there and right. `listed` says that the directory's listing had an
/// entry of this name; without one, the link is made first and the path looked at only if that fails. Returns
/// whether the link was made.
fn put(layout: &Layout, path: &Path, service: &OsStr, listed: bool) -> Result<bool> {
    let (root, target) = (layout.root(), target(service));
    if !listed {
        match root.symlink(&target, path) {
            Err(error) if error.errno() == Some(Errno::EEXIST) => {}
            made => return made.map(|()| true),
        }
    }
    if root.read_link(path).is_ok_and(|found| found == target) {
        return Ok(false);
    }
    root.replace_with_symlink(target, path)?;
    Ok(true)
}

/// Removes all entries of a service. Returns whether there were any.
pub(crate) fn remove(layout: &Layout, service: &OsStr, entries: &Entries) -> Result<bool> {
    for level in 0..COUNT {
        for entry in entries.at(level) {
            layout.root().remove(layout.in_level(level, &entry.file_name(service)))?;
        }
    }
    Ok(!entries.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_letter_two_digits_and_any_name() {
        let split = |name: &'static str| {
            Entry::split(OsStr::new(name))
                .map(|(entry, service)| (entry.is_on(), entry.priority, service.to_str().unwrap()))
        };
        assert_eq!(split("S05foo"), Some((true, 5, "foo")));
        assert_eq!(split("K99a b"), Some((false, 99, "a b")));
        assert_eq!(split("S500x"), Some((true, 50, "0x")));
        for other in ["S5x", "s50x", "X50x", "S5", "", "README"] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_name_is_what_is_split() {
        let entry = Entry {
            kind: Kind::Kill,
            priority: 7,
        };
        assert_eq!(entry.file_name(OsStr::new("foo")), "K07foo");
    }
}
