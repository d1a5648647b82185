//! What starts at boot, and who asked for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::list::{Row, list};
use super::ports::IMAGE;
use super::words::of_scope;
use crate::backend::systemd;
use crate::intent::{DeferredVerb, Intent, ServiceWant, UnitWant};
use crate::journal::Journal;
use crate::root::Root;
use crate::state::EffectiveState;

/// A unit or an init script that starts at boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BootUnit {
    /// The unit's name with its suffix, or that of the init script.
    pub unit: String,
    /// `enabled`, `enabled by preset`, `pulled in by TARGET`, `run levels N`, `once at the next boot`.
    pub how: String,
    /// The package or builder that asked for it, or `(image)`.
    pub by: String,
    /// When it was asked for last, RFC 3339; absent for what is declared or the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// The requests for it.
    pub events: Vec<u64>,
    /// The files of metadata that declare it.
    pub declared: Vec<String>,
}

/// Everything that plugins and builders start at boot, by name; with `all` also what the image's own
/// unit files and init scripts do.
pub fn units(root: &Root, standing: &EffectiveState, journal: &Journal, all: bool) -> Vec<BootUnit> {
    let times: BTreeMap<u64, &str> =
        journal.events.iter().map(|event| (event.id, event.time.as_str())).collect();
    let mut units = Vec::new();
    for row in list(standing, None).iter().filter(|row| row.counts()) {
        if let Some((unit, how)) = started(&row.intent) {
            units.push(of(row, unit, how, &times));
        }
    }
    if all {
        let asked: BTreeSet<String> = units.iter().map(|one| one.unit.clone()).collect();
        let states = systemd::unit_states(root).into_iter();
        let own = states.filter(|(unit, state)| state.is_enabled() && !asked.contains(unit));
        units.extend(own.map(|(unit, state)| BootUnit {
            unit,
            how: state.word().to_owned(),
            by: IMAGE.to_owned(),
            requested: None,
            events: Vec::new(),
            declared: Vec::new(),
        }));
    }
    units.sort_by(|a, b| (&a.unit, &a.by, &a.how).cmp(&(&b.unit, &b.by, &b.how)));
    units
}

fn of(row: &Row, unit: String, how: String, times: &BTreeMap<u64, &str>) -> BootUnit {
    let last = row.events.iter().filter_map(|event| times.get(event)).max();
    BootUnit {
        unit,
        how,
        by: row.plugin.clone(),
        requested: last.map(|time| (*time).to_owned()),
        events: row.events.clone(),
        declared: row.declared.clone(),
    }
}

/// The unit that an intent starts at boot, and how; nothing for any other intent.
fn started(intent: &Intent) -> Option<(String, String)> {
    Some(match intent {
        Intent::Unit {
            unit, want, scope, ..
        } => {
            let how = match want {
                UnitWant::Enable => "enabled",
                UnitWant::PresetEnable => "enabled by preset",
                _ => return None,
            };
            (unit.clone(), format!("{how}{}", of_scope(*scope)))
        }
        Intent::Dependency { unit, target, .. } => (unit.clone(), format!("pulled in by {target}")),
        Intent::Service {
            service,
            want: ServiceWant::On | ServiceWant::Add | ServiceWant::Reset,
            levels,
        } => {
            let levels = levels
                .as_ref()
                .map_or("its run levels".to_owned(), |levels| format!("run levels {levels}"));
            (service.clone(), levels)
        }
        Intent::Defer { verb, unit, scope } => {
            let starts =
                matches!(verb, DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart);
            starts.then_some(())?;
            (unit.clone(), format!("once at the next boot{}", of_scope(*scope)))
        }
        _ => return None,
    })
}
