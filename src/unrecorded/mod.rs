//! Changes of an image that are not recorded: made between two settlings or before a run, by hand, by other
//! tools or by an rpm without shims.
//!
//! Settling remembers the files that start units and open the firewall. Later differences are changes
//! of the image's builder: they become events of the journal and count as the builder's calls do.
//! Changes that may be those of scriptlets, because packages were installed or erased meanwhile, are
//! not the builder's; such packages are named.

mod changes;
mod left;
mod packages;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::attribution::{FoundBy, Origin};
use crate::boot::Applied;
use crate::error::Result;
use crate::escape::Escaped;
use crate::intent::{Intent, RecordedIntent};
use crate::intercept::{RUN_PATH, is_booted};
use crate::journal::{Appender, Event, Journal, keep_content, last_event};
use crate::root::Root;
use crate::rpmdb::{Installed, files_at};
use crate::state::{State, Subject, subject};
use crate::tool::Tool;
use crate::unit::name;

use changes::{Found, between};
use left::Left;

pub(crate) use left::PATH;
pub(crate) use packages::{How, Outside};

/// The text of such an event.
const NOBODY: &str = "nobody recorded it";

/// Whether what is remembered can be read, if anything is.
pub(crate) fn is_readable(root: &Root) -> bool {
    Left::load(root).is_ok()
}

/// Whether an event is one that was found, and not made by a call.
pub(crate) fn is_found(event: &Event) -> bool {
    event.tool == Tool::Bypass && event.origin.found_by == FoundBy::Builder && event.message == NOBODY
}

/// The changes of the image since nodeshim last changed it, as events that follow those of the journal.
/// None on a booted node, where changes are its administrator's, and none during a run.
///
/// # Errors
/// Records or an rpm database that cannot be read.
pub(crate) fn find(root: &Root, next: u64) -> Result<Vec<Event>> {
    if root.exists(RUN_PATH) || is_booted(root) {
        return Ok(Vec::new());
    }
    let Some(left) = Left::load(root)? else {
        return Ok(Vec::new());
    };
    let now = Left::look(root);
    if now.machine != left.machine {
        // The configuration of another machine was laid over this image.
        return Ok(Vec::new());
    }
    let mut found = between(root, &left, &now);
    if found.is_empty() || Applied::load(root)? != Applied::default() {
        return Ok(Vec::new());
    }
    leave_out_recorded(root, &left, &mut found)?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    leave_out_packages(root, &left, &mut found)?;
    let time = crate::journal::now();
    let events = found.into_iter().zip(next..).map(|(found, id)| event(id, &time, found));
    Ok(events.collect())
}

/// Records what [`find`] finds, and says how much that was.
///
/// # Errors
/// As of [`find`], and a journal that cannot be written.
pub(crate) fn record(root: &Root, journal: &mut Appender) -> Result<usize> {
    let found = find(root, journal.next_id())?;
    let count = found.len();
    keep_replaced(root, &found)?;
    for mut event in found {
        journal.append(&mut event)?;
    }
    Ok(count)
}

/// Keeps what the files had held that these events are about, so that they can be reverted.
fn keep_replaced(root: &Root, events: &[Event]) -> Result<()> {
    let left = if events.is_empty() {
        None
    } else {
        Left::load(root)?
    };
    let definitions = left.and_then(|left| left.definitions).unwrap_or_default();
    for change in events.iter().flat_map(|event| &event.changes) {
        if let (Some(sha256), Some(text)) = (&change.before, definitions.get(&change.path)) {
            keep_content(root, sha256, text)?;
        }
    }
    Ok(())
}

/// The journal, and what will be recorded at the next settling.
///
/// # Errors
/// As of [`find`], and a journal that cannot be read.
pub(crate) fn with_found(root: &Root, mut journal: Journal) -> Result<Journal> {
    let next = journal.events.last().map_or(0, |event| event.id) + 1;
    journal.events.extend(find(root, next)?);
    Ok(journal)
}

/// Remembers the image as it is. `settled` are the packages of an image that is settled, and those of
/// them that came without nodeshim; at the end of a run it is left to settling to look at packages.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn remember(root: &Root, settled: Option<(&Installed, &[Outside])>) -> Result<()> {
    let mut left = Left::look(root);
    left.last_event = last_event(root)?;
    match settled {
        Some((installed, outside)) => {
            let here = outside.iter().filter(|one| one.how != How::Erased);
            left.unrecorded = here.map(|one| one.nevra.clone()).collect();
            left.packages = installed.is_known().then(|| installed.nevras());
        }
        // Those that came earlier are still known by their names.
        None => left.unrecorded = Left::load(root)?.map(|left| left.unrecorded).unwrap_or_default(),
    }
    left.save(root)
}

/// Takes the image as it is for what was left: what was changed in it came from another image, or is
/// recorded elsewhere.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn accept(root: &Root) -> Result<()> {
    let Some(known) = Left::load(root)? else {
        return Ok(());
    };
    let mut left = Left::look(root);
    left.last_event = last_event(root)?;
    left.packages = known.packages;
    left.unrecorded = known.unrecorded;
    left.save(root)
}

/// Forgets how the image was, while settling changes it: should that be cut short, its changes are not
/// taken for the builder's.
///
/// # Errors
/// A file that cannot be removed.
pub(crate) fn forget(root: &Root) -> Result<()> {
    match root.exists(PATH) {
        true => root.remove(PATH),
        false => Ok(()),
    }
}

/// Packages that came, changed or went without nodeshim, and whose scriptlets call the tools.
///
/// # Errors
/// Records or an rpm database that cannot be read.
pub(crate) fn packages(root: &Root, installed: &Installed, before: &State) -> Result<Vec<Outside>> {
    if root.exists(RUN_PATH) {
        return Ok(Vec::new());
    }
    match Left::load(root)? {
        Some(left) => packages::outside(root, &left, installed, before),
        None => Ok(Vec::new()),
    }
}

/// Leaves out what requests have changed that were recorded since.
fn leave_out_recorded(root: &Root, left: &Left, found: &mut Vec<Found>) -> Result<()> {
    if last_event(root)? <= left.last_event {
        return Ok(());
    }
    let events = Journal::since(root, left.last_event + 1)?;
    let since = || events.iter();
    let changed: BTreeSet<PathBuf> =
        since().flat_map(|event| &event.changes).map(|change| place(root, &change.path)).collect();
    let asked: BTreeSet<Subject> = since()
        .flat_map(|event| &event.intents)
        .map(|recorded| subject(&recorded.intent))
        .collect();
    found.retain(|one| {
        let is_asked = one.intents.iter().all(|intent| asked.contains(&subject(intent)));
        !is_asked && !one.changes.iter().any(|change| changed.contains(&place(root, &change.path)))
    });
    Ok(())
}

/// Leaves out what scriptlets may have done of packages that came, changed or went meanwhile, and what
/// came with them.
fn leave_out_packages(root: &Root, left: &Left, found: &mut Vec<Found>) -> Result<()> {
    let installed = Installed::load(root)?;
    let here = installed.nevras();
    if left.packages.as_ref().is_none_or(|known| *known == here) {
        return Ok(());
    }
    let known = left.packages.clone().unwrap_or_default();
    let outside = packages::outside(root, left, &installed, &State::load(root)?)?;
    let about: BTreeSet<_> = outside.iter().flat_map(|one| &one.intents).map(subject).collect();
    let unit_files = found.iter().flat_map(|one| &one.intents).filter_map(unit_file);
    let paths = found.iter().flat_map(|one| &one.changes).map(|change| place(root, &change.path));
    let paths: Vec<Vec<u8>> = paths
        .map(|path| path.into_os_string().into_encoded_bytes())
        .chain(unit_files.map(String::into_bytes))
        .collect();
    let owners = files_at(root, &paths)?;
    let came = |path: &[u8]| owners.get(path).into_iter().flatten().any(|file| !known.contains(&file.nevra));
    for one in found.iter_mut() {
        let mut places = one.changes.iter().map(|change| place(root, &change.path));
        let is_payload = places.any(|path| came(path.as_os_str().as_encoded_bytes()));
        one.intents.retain(|intent| {
            let is_of_package = about.contains(&subject(intent));
            !is_payload && !is_of_package && !unit_file(intent).is_some_and(|path| came(path.as_bytes()))
        });
    }
    found.retain(|one| !one.intents.is_empty());
    Ok(())
}

/// Where a recorded path is in the image.
fn place(root: &Root, path: &Escaped) -> PathBuf {
    root.place(path.raw())
}

/// Where a packaged unit's file is.
fn unit_file(intent: &Intent) -> Option<String> {
    match intent {
        Intent::Unit { unit, .. } | Intent::Dependency { unit, .. } => {
            let file = name::template_of(unit).unwrap_or_else(|| unit.clone());
            Some(format!("/usr/lib/systemd/system/{file}"))
        }
        _ => None,
    }
}

fn event(id: u64, time: &str, found: Found) -> Event {
    let origin = Origin {
        found_by: FoundBy::Builder,
        ..Origin::default()
    };
    Event {
        id,
        argv: found.paths,
        message: NOBODY.to_owned(),
        intents: found.intents.into_iter().map(|intent| RecordedIntent::new(intent, true)).collect(),
        changes: found.changes,
        ..Event::new(time.to_owned(), Tool::Bypass, origin)
    }
}
