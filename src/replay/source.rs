//! The image that is carried over from: what stands in it, and what the administrator did to it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::Old;
use crate::boot::recorded;
use crate::config::Config;
use crate::error::Result;
use crate::journal::{Event, Journal};
use crate::request::{Call, Env, Stream, run};
use crate::root::Root;
use crate::settle::{Facts, Prepared, prepare};
use crate::state::State;
use crate::tool::Tool;

const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// The old image, read.
#[derive(Debug)]
pub struct OldImage {
    /// Its root.
    pub root: Root,
    /// What it is called.
    pub image: String,
    /// Its events.
    pub events: Vec<Event>,
    /// What stands in it and what it lacks of that.
    pub prepared: Prepared,
    /// Whether settling has made everything so before: a difference is the administrator's doing.
    pub is_settled: bool,
    /// The states of its units, as `is-enabled` words them.
    pub units: BTreeMap<String, String>,
}

impl OldImage {
    /// Reads an image; it is not changed.
    pub fn load(root: &Root) -> Result<OldImage> {
        let journal = Journal::read(root)?;
        let facts = Facts::load(root)?;
        let prepared = prepare(root, &facts, &journal)?;
        let settled = State::load(root)?;
        Ok(OldImage {
            root: root.enter("/")?,
            image: image_name(root),
            is_settled: root.is_dir("/etc")
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
    let text = OS_RELEASE.iter().find_map(|path| root.read_text(path).ok()).unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let value = line.trim().trim_matches(['"', '\'']).to_owned();
        (!value.is_empty()).then_some(value)
    };
    let name = value("IMAGE_ID").or_else(|| value("ID")).unwrap_or_else(|| "linux".to_owned());
    let version = ["IMAGE_VERSION", "BUILD_ID", "VERSION_ID"].iter().find_map(|key| value(key));
    version.map_or(name.clone(), |version| format!("{name}-{version}"))
}

fn unit_states(root: &Root, state: &State) -> BTreeMap<String, String> {
    let recorded = recorded(state);
    let units = recorded.keys().filter_map(|key| key.split(' ').next());
    units.filter_map(|unit| Some((unit.to_owned(), unit_state(root, unit)?))).collect()
}

/// What `systemctl is-enabled` says of a unit, if there is one.
pub(super) fn unit_state(root: &Root, unit: &str) -> Option<String> {
    let args = ["is-enabled", "--", unit].map(OsString::from);
    let (config, env) = (Config::default(), Env::default());
    let reply = run(Tool::Systemctl, &Call::new(root, &config, &env, "systemctl"), &args);
    let said = String::from_utf8_lossy(&reply.output.all(Stream::Stdout)).into_owned();
    let word = said.lines().next()?.trim().to_owned();
    (!word.is_empty() && word != "not-found").then_some(word)
}
