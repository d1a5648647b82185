//! The old image: what is in effect in it, and what its administrator changed.

use std::collections::{BTreeMap, BTreeSet};

use super::Old;
use crate::backend::systemd::unit_state;
use crate::boot::recorded;
use crate::error::Result;
use crate::journal::{Event, Journal};
use crate::os_release::OsRelease;
use crate::root::Root;
use crate::settle::{Facts, Planner, Prepared};
use crate::state::State;
use crate::unit::state::State as FileState;

/// The old image, read.
#[derive(Debug)]
pub struct OldImage {
    /// Its root.
    pub root: Root,
    /// What it is called.
    pub image: String,
    /// Its events.
    pub events: Vec<Event>,
    /// What is in effect in it, and what it lacks of that.
    pub prepared: Prepared,
    /// Whether settling has made everything so before: a difference is the administrator's doing.
    pub is_settled: bool,
    /// The states of its units' files.
    pub units: BTreeMap<String, FileState>,
}

impl OldImage {
    /// Reads an image; it is not changed.
    ///
    /// # Errors
    /// If its records, metadata or rpm database cannot be read.
    pub fn load(root: &Root) -> Result<OldImage> {
        let journal = Journal::read(root)?;
        let facts = Facts::load(root)?;
        let is_whole = root.is_dir("/etc");
        let prepared = Planner::new(root, &facts, &journal).only_records(!is_whole).plan()?;
        let settled = State::load(root)?;
        Ok(OldImage {
            root: root.enter("/")?,
            image: image_name(root),
            is_settled: is_whole
                && settled.last_event > 0
                && settled.last_event == prepared.fold.state.last_event,
            units: unit_states(root, &prepared.fold.state),
            events: journal.events,
            prepared,
        })
    }

    /// What stands in it.
    pub fn state(&self) -> &State {
        &self.prepared.fold.state
    }

    /// For the pure part.
    pub fn side(&self) -> Old<'_> {
        Old {
            image: &self.image,
            events: &self.events,
            state: self.state(),
        }
    }
}

/// What os-release calls an image: its name and its version.
fn image_name(root: &Root) -> String {
    let os_release = OsRelease::load(root).unwrap_or_default();
    let first = |fields: &[&str]| fields.iter().find_map(|field| os_release.value(field));
    let name = first(&["IMAGE_ID", "ID"]).unwrap_or("linux");
    match first(&["IMAGE_VERSION", "BUILD_ID", "VERSION_ID"]) {
        Some(version) => format!("{name}-{version}"),
        None => name.to_owned(),
    }
}

fn unit_states(root: &Root, state: &State) -> BTreeMap<String, FileState> {
    let units: BTreeSet<String> = recorded(state).into_keys().map(|aspect| aspect.unit).collect();
    units
        .into_iter()
        .filter_map(|unit| Some((unit.clone(), unit_state(root, &unit)?)))
        .collect()
}
