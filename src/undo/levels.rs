//! Run levels that the image's builder decided about: if a package asks for other levels of the same
//! service, these stay as the builder set them.

use std::collections::BTreeMap;

use crate::attribution::is_builder;
use crate::backend::systemd::script;
use crate::intent::{Intent, ServiceWant};
use crate::plan::{Action, Contribution, PlannedChange};
use crate::request::RunLevels;
use crate::root::Root;
use crate::state::{DEFAULT_LEVELS, State};
use crate::sysv::layout::Layout;

/// Whether a service is to start in a level, and the requests that decided it.
type Decided<'s> = (bool, &'s [u64]);

/// What brings the decisions about where the image is not so.
pub(crate) fn contribute(root: &Root, state: &State) -> Contribution {
    let mut contribution = Contribution::default();
    let decided = decided(state);
    if decided.is_empty() {
        return contribution;
    }
    let layout = Layout::find(root, true);
    let links = RunLevels::load(&layout);
    for (service, levels) in decided {
        let Some(path) = script(root, service).filter(|path| !path.ends_with(".service")) else {
            continue;
        };
        for on in [true, false] {
            let differs = |level: &char, decided: &Decided| {
                let number = level.to_digit(10).unwrap_or(0) as usize;
                decided.0 == on && links.is_on(service.as_ref(), number) != on
            };
            let wrong: Vec<_> = levels.iter().filter(|(level, decided)| differs(level, decided)).collect();
            let Some((_, (_, events))) = wrong.first() else {
                continue;
            };
            contribution.changes.push(PlannedChange {
                path: path.clone(),
                action: Action::Intent {
                    intent: Intent::Service {
                        service: service.to_owned(),
                        want: if on { ServiceWant::On } else { ServiceWant::Off },
                        levels: Some(wrong.iter().map(|(level, _)| **level).collect()),
                    },
                },
                because: events.to_vec(),
                why: "the builder decided about these run levels".into(),
            });
        }
    }
    contribution
}

/// The builder's last word about each run level of each service.
fn decided(state: &State) -> BTreeMap<&str, BTreeMap<char, Decided<'_>>> {
    let mut wants: Vec<_> = state.wants().filter(|(name, _)| is_builder(name)).collect();
    wants.sort_by_key(|(_, want)| want.events.last());
    let mut decided: BTreeMap<&str, BTreeMap<char, Decided>> = BTreeMap::new();
    for (_, want) in wants {
        if let Intent::Service {
            service,
            want: wanted @ (ServiceWant::On | ServiceWant::Off),
            levels,
        } = &want.intent
        {
            let of = decided.entry(service).or_default();
            for level in levels.as_deref().unwrap_or(DEFAULT_LEVELS).chars() {
                of.insert(level, (*wanted == ServiceWant::On, &want.events));
            }
        }
    }
    decided
}
