//! What a first boot has to do to units without nodeshim.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::first_boot::{self, Task};
use crate::backend::systemd;
use crate::boot::{self, Applied, Disposition, Job, Look, UnitAspect, UnitState};
use crate::intent::Intent;
use crate::plan::Contribution;
use crate::policy::Decision;
use crate::root::Root;
use crate::state::State;
use crate::sysv::native::is_sysv;

/// The files for units that plugins wanted started and that no boot starts anyway, and for those
/// whose state policy deferred to the boot.
pub(super) fn contribute(root: &Root, state: &State) -> Contribution {
    let look = Look {
        applied: &Applied::default(),
        activity: None,
        matches: &BTreeMap::new(),
        kept: &BTreeSet::new(),
        time_of: &|_| 0,
        decision: &|_, _| Decision::default(),
    };
    let judged = boot::deferred(state, &look);
    let enabled = boot::recorded(state);
    let mut tasks: BTreeMap<(Task, &str), Vec<u64>> = BTreeMap::new();
    for request in judged.iter().filter(|request| request.job == Some(Job::Start)) {
        let aspect = UnitAspect {
            unit: request.unit.clone(),
            mask: false,
        };
        let by_itself = enabled.get(&aspect) == Some(&UnitState::Enabled);
        if !by_itself && systemd::is_unit_name(&request.unit) {
            tasks.entry((Task::Start, &request.unit)).or_default().extend(&request.events);
        }
    }
    let deferred = state.plugins.values().flat_map(|plugin| &plugin.deferred);
    // Starts are among those that were judged.
    for want in deferred.filter(|want| !matches!(want.intent, Intent::Defer { .. })) {
        if let Some((task, unit)) = unaided(&want.intent) {
            tasks.entry((task, unit)).or_default().extend(&want.events);
        }
    }
    if is_sysv(root) {
        tasks.clear();
    }
    first_boot::contribute(root, &tasks, !state.plugins.is_empty())
}

/// What the image's systemd alone can do at a boot for an intent that waits for it.
pub(super) fn unaided(intent: &Intent) -> Option<(Task, &str)> {
    let (task, unit) = match (boot::disposition(intent, &Decision::default), intent) {
        (Disposition::Job(Job::Start), Intent::Defer { unit, .. }) => (Task::Start, unit),
        (Disposition::Counts, Intent::Unit { unit, want, .. }) => (Task::of(*want)?, unit),
        _ => return None,
    };
    systemd::is_unit_name(unit).then_some((task, unit.as_str()))
}
