//! Which starts a first boot has to make by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::{self, Applied};
use crate::backend::{first_boot, systemd};
use crate::plan::Desired;
use crate::root::Root;
use crate::state::State;

/// The files for units that plugins wanted started and that no boot starts anyway.
pub(super) fn files(root: &Root, state: &State) -> Vec<Desired> {
    let judged = apply::deferred(state, &Applied::default(), None, &BTreeSet::new(), &|_| 0);
    let enabled = apply::recorded(state);
    let mut starts: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for request in judged.iter().filter(|request| request.job.is_some()) {
        let by_itself = enabled.get(&request.unit).is_some_and(|wanted| wanted == "enabled");
        if !by_itself && systemd::is_unit_name(&request.unit) {
            starts.entry(&request.unit).or_default().extend(&request.events);
        }
    }
    first_boot::files(root, &starts, !state.plugins.is_empty())
}
