//! What happens outside of every scriptlet that is known: what the command itself does, and all
//! that the scriptlets of an rpm do which does not say when they begin and end.
//!
//! It is kept as one record of the transaction, without what rpm itself unpacked and took away.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::bypass::requests::Requests;
use super::compare::payload::{Payload, Suspect};
use super::compare::{compare, may_have_changed};
use super::file::{How, Run, Transaction, text};
use super::found::Found;
use crate::attribution::{FoundBy, Origin};
use crate::error::Result;
use crate::escape::Escaped;
use crate::root::Root;
use crate::rpmdb::{Installed, files, files_at};
use crate::system::programs::past_the_tools;

/// Of so many paths the rpm database is asked one by one; of more it is read as a whole.
const FEW: usize = 64;

/// The command that a run executes.
#[derive(Debug, Clone)]
pub struct RunCommand {
    /// Its words.
    pub words: Vec<OsString>,
    /// What the builder calls the run.
    pub run: Option<String>,
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub(super) struct TransactionRecord {
    /// When the command was started, as an event's time.
    time: String,
    command: Vec<Escaped>,
    run: Option<String>,
    installed: Installed,
    /// By path: from what it was before the first to what it was after the last change.
    found: BTreeMap<Vec<u8>, Found>,
    pub requests: Requests,
    programs: BTreeSet<Vec<u8>>,
}

impl TransactionRecord {
    /// A command on the image at `place` begins; these packages are installed.
    pub(super) fn start(
        time: String,
        command: RunCommand,
        place: &Path,
        installed: Installed,
    ) -> TransactionRecord {
        TransactionRecord {
            time,
            command: command.words.iter().map(|word| Escaped::new(as_in_image(word, place))).collect(),
            run: command.run,
            installed,
            found: BTreeMap::new(),
            requests: Requests::default(),
            programs: BTreeSet::new(),
        }
    }

    /// Takes in what changed next.
    pub(super) fn add(&mut self, found: Vec<Found>) {
        for one in found {
            match self.found.get_mut(&one.path) {
                Some(earlier) => follow(earlier, one),
                None => _ = self.found.insert(one.path.clone(), one),
            }
        }
    }

    /// Takes in programs that were run.
    pub(super) fn ran(&mut self, programs: BTreeSet<Vec<u8>>) {
        self.programs.extend(programs);
    }

    /// The record of it, unless there is nothing to record. `unwatched` are parts of the image whose
    /// changes cannot be known one by one.
    pub(super) fn finish(
        self,
        root: &Root,
        how: How,
        unwatched: Vec<Escaped>,
    ) -> Result<Option<(Run, Vec<Found>)>> {
        let found = without_payload(root, self.found, how)?;
        let bypasses =
            self.programs.iter().any(|path| past_the_tools(&String::from_utf8_lossy(path)).is_some());
        if found.is_empty() && unwatched.is_empty() && !bypasses {
            return Ok(None);
        }
        let installed = Installed::load(root)?;
        // If no package was installed or erased there was no scriptlet: the image's builder did it.
        let origin = match installed == self.installed {
            true => Origin {
                found_by: FoundBy::Builder,
                run: self.run,
                ..Origin::default()
            },
            false => Origin::default(),
        };
        let (before, now) = (self.installed.nevras(), installed.nevras());
        let run = Run {
            programs: self.programs.iter().map(|path| text(path)).collect(),
            requests: self.requests.ids,
            transaction: Some(Transaction {
                command: self.command,
                installed: now.difference(&before).cloned().collect(),
                erased: before.difference(&now).cloned().collect(),
                unwatched,
            }),
            ..Run::new(self.time, how, origin)
        };
        Ok(Some((run, found)))
    }
}

/// A word of a command as it would be said in the image at `place`: the same build gives the same
/// record wherever the image lies.
fn as_in_image(word: &OsStr, place: &Path) -> OsString {
    let place = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let bytes = word.as_bytes();
    let start = match bytes.starts_with(b"-") {
        true => bytes.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1),
        false => 0,
    };
    let (option, path) = bytes.split_at(start);
    match Path::new(OsStr::from_bytes(path)).strip_prefix(&place) {
        Ok(inner) => {
            [OsStr::from_bytes(option), Path::new("/").join(inner).as_os_str()].into_iter().collect()
        }
        Err(_) => word.to_owned(),
    }
}

/// One change after another of the same path.
fn follow(earlier: &mut Found, later: Found) {
    let by: BTreeSet<Escaped> = earlier.change.by.drain(..).chain(later.change.by).collect();
    earlier.change.by = by.into_iter().collect();
    earlier.change.request = earlier.change.request.and(later.change.request);
    earlier.change.from = earlier.change.from.take().or(later.change.from);
    earlier.change.after = later.change.after;
    earlier.after = later.after;
    earlier.by_rpm &= later.by_rpm;
}

/// Leaves out what came to nothing, and what only an rpm did that is explained by what it installed
/// and erased. What was found by times has been looked through already.
fn without_payload(root: &Root, found: BTreeMap<Vec<u8>, Found>, how: How) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = found.into_values().filter(is_a_change).collect();
    if how == How::Times || !found.iter().any(|one| one.by_rpm) {
        return Ok(found);
    }
    // Whatever is in a new directory has been found with it.
    let paths: Vec<Vec<u8>> = found.iter().map(|one| one.path.clone()).collect();
    let payload = Payload {
        before: None,
        after: if paths.len() > FEW {
            files(root)?
        } else {
            files_at(root, &paths)?
        },
    };
    found.retain(|one| {
        let suspect = Suspect {
            path: &one.path,
            before: one.before.as_ref(),
            now: one.after.as_ref(),
        };
        !one.by_rpm || !payload.explains(suspect) && !payload.may_have_adjusted(suspect)
    });
    Ok(found)
}

fn is_a_change(found: &Found) -> bool {
    let (before, after) = (found.before.as_ref(), found.after.as_ref());
    let written = before.zip(after).is_some_and(|(before, after)| may_have_changed(before, after));
    (before.is_some() || after.is_some()) && compare(&found.path, before, after, written).is_some()
}

/// Paths for a record.
pub(super) fn texts<P: AsRef<OsStr>>(paths: impl IntoIterator<Item = P>) -> Vec<Escaped> {
    paths.into_iter().map(|path| text(path.as_ref().as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_kept_as_it_would_be_said_in_the_image() {
        let said = |word: &str| as_in_image(OsStr::new(word), Path::new("/tmp/x")).into_string().unwrap();
        assert_eq!(said("/tmp/x"), "/");
        assert_eq!(said("/tmp/x/opt/a.rpm"), "/opt/a.rpm");
        assert_eq!(said("--installroot=/tmp/x/"), "--installroot=/");
        assert_eq!(said("/tmp/xy"), "/tmp/xy");
        assert_eq!(said("a=/tmp/x"), "a=/tmp/x");
        assert_eq!(as_in_image(OsStr::new("/usr/bin"), Path::new("/")), "/usr/bin");
    }
}
