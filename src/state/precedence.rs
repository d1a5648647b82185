//! Precedence: of several decisions about one subject the builder's count more than those of
//! plugins, and among equals the last one counts. What the image ships is below both and asks for
//! nothing; what is changed on a booted node is above both and is decided there. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{ActiveIntent, Fold, State, Subject, subject};
use crate::attribution::is_builder;
use crate::intent::{DeferredVerb, Intent, Scope, ServiceWant, UnitWant};
use crate::unit::name;

use serde::{Deserialize, Serialize};

/// An intent that somebody with more say, or somebody later, decided against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overruled {
    /// What does not count.
    #[serde(flatten)]
    pub want: ActiveIntent,
    /// Who decided against it.
    pub by: String,
    /// The requests that decided; none where only a file declares it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<u64>,
}

impl Overruled {
    /// The requests that were made after the decision: what they changed is reverted.
    pub fn since(&self) -> Vec<u64> {
        let last = self.decided.last().copied().unwrap_or(u64::MAX);
        self.want.events.iter().copied().filter(|event| *event > last).collect()
    }
}

/// How much a decision counts: whether it is the builder's, its last request, and whether it is to
/// have something rather than not, which tells apart what only files declare.
type Weight = (bool, u64, bool);

/// Where an intent is kept: plugin, among the deferred ones or not, index.
type Place = (String, bool, usize);

/// One decision about a subject.
struct Decision<'s> {
    place: Place,
    weight: Weight,
    direction: String,
    events: &'s [u64],
}

/// Moves what is overruled out of the intents that are in effect, and drops what a boot cannot do.
/// What was asked for since the decision is to be reverted, unless it was already when `before` was
/// settled. Returns what was not overruled then, by plugin. An item of the firewall without a zone is
/// one in `default_zone`.
pub(crate) fn decide(fold: &mut Fold, before: &State, default_zone: &str) -> Vec<(String, Overruled)> {
    let mut new = Vec::new();
    for ((name, deferred, index), (by, decided)) in overruled(&fold.state, default_zone) {
        let Some(plugin) = fold.state.plugins.get_mut(&name) else {
            continue;
        };
        let list = if deferred {
            &mut plugin.deferred
        } else {
            &mut plugin.wants
        };
        let want = list.remove(index);
        plugin.overruled.push(Overruled { want, by, decided });
    }
    for (name, plugin) in &mut fold.state.plugins {
        plugin.deferred.retain(|want| !is_stop(&want.intent));
        plugin.overruled.retain(|one| !is_stop(&one.want.intent));
        plugin.overruled.sort_by(|a, b| a.want.events.cmp(&b.want.events));
        let earlier = before.plugins.get(name).map_or(&[][..], |plugin| &plugin.overruled);
        for one in &plugin.overruled {
            let is_known = earlier
                .iter()
                .any(|known| known.want.intent == one.want.intent && known.want.events == one.want.events);
            if is_known {
                continue;
            }
            new.push((name.clone(), one.clone()));
            let events = one.since();
            if !events.is_empty() {
                let want = ActiveIntent {
                    events,
                    ..one.want.clone()
                };
                fold.refused.push((name.clone(), want));
            }
        }
    }
    fold.state.plugins.retain(|_, plugin| !plugin.is_empty());
    new
}

/// What is overruled, with who decided and by which requests; the last index of a list comes first.
fn overruled(state: &State, default_zone: &str) -> Vec<(Place, (String, Vec<u64>))> {
    let decisions = decisions(state, default_zone);
    let winners: Winners = decisions
        .iter()
        .filter_map(|(subject, about)| Some((subject, about.iter().max_by_key(|one| one.weight)?)))
        .collect();
    let mut lost = Vec::new();
    for (subject, about) in &decisions {
        if let Some(winner) = winners.get(subject) {
            let against = about.iter().filter(|other| other.direction != winner.direction);
            lost.extend(against.map(|other| (other, *winner)));
        }
        match subject {
            Subject::FirewallItem(..) => lost.extend(closed(about, decisions.get(&Subject::FirewallReset))),
            Subject::Levels(service, Some(levels)) => {
                lost.extend(decided_wider(about, (service, levels), &winners));
                lost.extend(removed(about, service, &winners));
            }
            Subject::Enablement(unit, Scope::System) => {
                lost.extend(against(about, off_by_template(unit, &winners)));
            }
            // systemctl takes the masks of instances away with the links.
            Subject::Mask(unit, Scope::System) => {
                lost.extend(against(about, template_off(unit, &winners)));
            }
            Subject::Deferred(unit, Scope::System, None) => lost.extend(not_started(about, unit, &winners)),
            _ => {}
        }
    }
    let mut found: BTreeMap<Reverse<Place>, (String, Vec<u64>)> = BTreeMap::new();
    for (loser, winner) in lost {
        let by = (winner.place.0.clone(), winner.events.to_vec());
        found.entry(Reverse(loser.place.clone())).or_insert(by);
    }
    found.into_iter().map(|(Reverse(place), by)| (place, by)).collect()
}

/// The decision that counts about each subject.
type Winners<'d> = BTreeMap<&'d Subject, &'d Decision<'d>>;

/// Who loses against whom.
type Lost<'d> = (&'d Decision<'d>, &'d Decision<'d>);

/// A builder's reset closes all that is open by then, and nothing that is opened later.
fn closed<'d>(items: &'d [Decision<'d>], resets: Option<&'d Vec<Decision<'d>>>) -> Vec<Lost<'d>> {
    let resets = resets.into_iter().flatten().filter(|reset| reset.weight.0);
    let closed = |reset: &'d Decision<'d>| {
        let open = items.iter().filter(|item| item.direction == ON && item.weight.1 < reset.weight.1);
        open.map(move |item| (item, reset)).collect::<Vec<_>>()
    };
    resets.flat_map(closed).collect()
}

/// A builder who decides about more run levels than these decides about these.
fn decided_wider<'d>(
    about: &'d [Decision<'d>],
    (service, levels): (&str, &str),
    winners: &Winners<'d>,
) -> Vec<Lost<'d>> {
    let first = Subject::Levels(service.to_owned(), None);
    let winners: &BTreeMap<&Subject, &'d Decision<'d>> = winners;
    let of_service = winners.range::<&Subject, _>(&first..).map_while(|(subject, winner)| match subject {
        Subject::Levels(of, all) if of == service => Some((all.as_deref().unwrap_or_default(), *winner)),
        _ => None,
    });
    let wider = of_service.filter(|(all, winner)| {
        *all != levels && winner.weight.0 && levels.chars().all(|level| all.contains(level))
    });
    let lost = |winner: &'d Decision<'d>| {
        let other =
            about.iter().filter(|one| one.direction != winner.direction && one.weight < winner.weight);
        other.map(move |one| (one, winner)).collect::<Vec<_>>()
    };
    wider.flat_map(|(_, winner)| lost(winner)).collect()
}

/// Who takes a service out of all run levels takes it out of each that it was put into before.
fn removed<'d>(about: &'d [Decision<'d>], service: &str, winners: &Winners<'d>) -> Vec<Lost<'d>> {
    let removal = winners.get(&Subject::Registration(service.to_owned())).copied();
    against(about, removal.filter(|winner| winner.direction == OFF))
}

/// What switches something on and counts less than `off`.
fn against<'d>(about: &'d [Decision<'d>], off: Option<&'d Decision<'d>>) -> Vec<Lost<'d>> {
    let lost = |off: &'d Decision<'d>| {
        let on = about.iter().filter(|one| one.direction == ON && one.weight < off.weight);
        on.map(move |one| (one, off)).collect::<Vec<_>>()
    };
    off.into_iter().flat_map(lost).collect()
}

fn enablement<'d>(unit: String, winners: &Winners<'d>) -> Option<&'d Decision<'d>> {
    winners.get(&Subject::Enablement(unit, Scope::System)).copied()
}

/// The decision that disables an instance's template, if that counts.
fn template_off<'d>(unit: &str, winners: &Winners<'d>) -> Option<&'d Decision<'d>> {
    enablement(name::template_of(unit)?, winners).filter(|winner| winner.direction == OFF)
}

/// Who disables a template disables its instances, but for one that was enabled since.
fn off_by_template<'d>(unit: &str, winners: &Winners<'d>) -> Option<&'d Decision<'d>> {
    let off = template_off(unit, winners)?;
    let is_on = |own: &Decision| own.direction == ON && own.weight > off.weight;
    (!enablement(unit.to_owned(), winners).is_some_and(is_on)).then_some(off)
}

/// Starts of a unit that was switched off since. One that is masked is not started at all, whenever that was.
fn not_started<'d>(about: &'d [Decision<'d>], unit: &str, winners: &Winners<'d>) -> Vec<Lost<'d>> {
    let won =
        |(subject, way): (Subject, &str)| winners.get(&subject).copied().filter(|one| one.direction == way);
    let is_taken_away =
        |mask: &Decision| template_off(unit, winners).is_some_and(|off| mask.weight < off.weight);
    let mask = won((Subject::Mask(unit.to_owned(), Scope::System), ON)).filter(|mask| !is_taken_away(mask));
    let off = switched_off(unit).into_iter().filter_map(won);
    let off: Vec<&'d Decision> = off.chain(off_by_template(unit, winners)).collect();
    let starts = about.iter().filter(|decision| decision.direction == START);
    starts
        .filter_map(|start| {
            Some((start, mask.or(off.iter().copied().find(|off| off.weight > start.weight))?))
        })
        .collect()
}

/// Everything that is decided, by subject.
fn decisions<'s>(state: &'s State, default_zone: &str) -> BTreeMap<Subject, Vec<Decision<'s>>> {
    let mut decisions: BTreeMap<Subject, Vec<Decision>> = BTreeMap::new();
    for (name, plugin) in &state.plugins {
        for (deferred, list) in [(false, &plugin.wants), (true, &plugin.deferred)] {
            for (index, want) in list.iter().enumerate() {
                let Some(direction) = direction(&want.intent) else {
                    continue;
                };
                let last = want.events.last().copied().unwrap_or(0);
                let is_builders = is_builder(name) && !want.intent.is_left_to_presets();
                let decision = Decision {
                    place: (name.clone(), deferred, index),
                    weight: (is_builders, last, direction == ON),
                    direction,
                    events: &want.events,
                };
                let about = in_levels(subject(&want.intent).in_zone(default_zone));
                decisions.entry(about).or_default().push(decision);
            }
        }
    }
    decisions
}

/// The run levels that chkconfig(8) takes where none are named.
pub(crate) const DEFAULT_LEVELS: &str = "2345";

/// The same, in the levels that chkconfig takes where none were named.
fn in_levels(subject: Subject) -> Subject {
    match subject {
        Subject::Levels(service, None) => Subject::Levels(service, Some(DEFAULT_LEVELS.to_owned())),
        other => other,
    }
}

const ON: &str = "on";
const OFF: &str = "off";
const START: &str = "start";
const STOP: &str = "stop";

/// Which way an intent goes; none if no other one can be against it.
fn direction(intent: &Intent) -> Option<String> {
    let switch = |on: bool| if on { ON } else { OFF };
    let way = match intent {
        Intent::Unit { want, .. } => match want {
            UnitWant::Enable | UnitWant::PresetEnable | UnitWant::Mask => ON,
            UnitWant::Disable | UnitWant::PresetDisable | UnitWant::Unmask => OFF,
            UnitWant::PresetIgnore | UnitWant::Link | UnitWant::Revert | UnitWant::Edit => return None,
        },
        Intent::Service { want, .. } => match want {
            ServiceWant::Add | ServiceWant::On => ON,
            ServiceWant::Remove | ServiceWant::Off => OFF,
            ServiceWant::Reset | ServiceWant::ResetPriorities | ServiceWant::Override => return None,
        },
        Intent::Defer { verb, .. } => match verb {
            DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart => START,
            DeferredVerb::Stop => STOP,
            _ => return None,
        },
        Intent::Allow { .. } => ON,
        Intent::Withdraw { .. } => OFF,
        Intent::Definition { change, .. } => switch(!change.deletes()),
        Intent::FirewallSwitch { on } => switch(*on),
        Intent::FirewallReset { .. } => ON,
        Intent::FirewallModule { load, .. } => switch(*load),
        Intent::DefaultZone { zone } => zone,
        Intent::DefaultTarget { unit } => unit,
        Intent::Selinux { mode, policy } => return Some(format!("{mode:?} {policy:?}")),
        _ => return None,
    };
    Some(way.to_owned())
}

fn is_stop(intent: &Intent) -> bool {
    direction(intent).as_deref() == Some(STOP)
}

/// What keeps a unit from being started at boot, if it was asked for later.
fn switched_off(unit: &str) -> Vec<(Subject, &'static str)> {
    let mut off = vec![(Subject::Enablement(unit.to_owned(), Scope::System), OFF)];
    if let Some(service) = unit.strip_suffix(".service") {
        off.push((in_levels(Subject::Levels(service.to_owned(), None)), OFF));
        off.push((Subject::Registration(service.to_owned()), OFF));
    }
    off
}

#[cfg(test)]
#[path = "precedence_tests.rs"]
mod tests;
