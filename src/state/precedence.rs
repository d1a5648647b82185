//! Whose word counts: of several decisions about one subject the builder's count more than those of
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
    /// The requests that were made after the decision: what they changed is taken back.
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

/// Moves what is overruled out of the intents that count, and drops what a boot cannot do anything
/// about. What was asked for since the decision is to be taken back, unless that was so when `before`
/// was settled. Returns what was not overruled then, by plugin. An item of the firewall without a zone
/// is one in `default_zone`.
pub fn decide(fold: &mut Fold, before: &State, default_zone: &str) -> Vec<(String, Overruled)> {
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
    let mut found: BTreeMap<Reverse<Place>, (String, Vec<u64>)> = BTreeMap::new();
    let mut put = |loser: &Decision, winner: &Decision| {
        let by = (winner.place.0.clone(), winner.events.to_vec());
        found.entry(Reverse(loser.place.clone())).or_insert(by);
    };
    let resets = decisions.get(&Subject::FirewallReset).into_iter().flatten();
    let resets: Vec<&Decision> = resets.filter(|reset| reset.weight.0).collect();
    let mut winners: BTreeMap<&Subject, &Decision> = BTreeMap::new();
    for (subject, about) in &decisions {
        let Some(winner) = about.iter().max_by_key(|decision| decision.weight) else {
            continue;
        };
        about
            .iter()
            .filter(|other| other.direction != winner.direction)
            .for_each(|other| put(other, winner));
        winners.insert(subject, winner);
        // A builder's reset closes all that is open by then, and nothing that is opened later.
        for reset in resets.iter().filter(|_| matches!(subject, Subject::FirewallItem(..))) {
            let earlier = about.iter().filter(|item| item.direction == ON && item.weight.1 < reset.weight.1);
            earlier.for_each(|item| put(item, reset));
        }
    }
    for (subject, about) in &decisions {
        let Subject::Levels(service, Some(levels)) = subject else {
            continue;
        };
        // Who decides about more levels than these decides about these.
        let wider = winners.iter().filter(|(other, winner)| {
            let Subject::Levels(of, Some(all)) = other else {
                return false;
            };
            of == service
                && all != levels
                && winner.weight.0
                && levels.chars().all(|level| all.contains(level))
        });
        for (_, winner) in wider {
            let lost = |one: &&Decision| one.direction != winner.direction && one.weight < winner.weight;
            about.iter().filter(lost).for_each(|one| put(one, winner));
        }
    }
    for (subject, about) in &decisions {
        let Subject::Deferred(unit, Scope::System, None) = subject else {
            continue;
        };
        let off: Vec<&&Decision> = switched_off(unit)
            .iter()
            .filter_map(|(subject, direction)| {
                winners.get(subject).filter(|winner| winner.direction == *direction)
            })
            .collect();
        for start in about.iter().filter(|decision| decision.direction == START) {
            let later = off.iter().find(|off| off.weight > start.weight);
            if let Some(later) = later {
                put(start, later);
            }
        }
    }
    found.into_iter().map(|(Reverse(place), by)| (place, by)).collect()
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
pub const DEFAULT_LEVELS: &str = "2345";

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
        Intent::Definition { change, .. } => switch(change != "delete"),
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

/// What keeps a unit from being started at boot.
fn switched_off(unit: &str) -> Vec<(Subject, &'static str)> {
    let mut off = vec![
        (Subject::Enablement(unit.to_owned(), Scope::System), OFF),
        (Subject::Mask(unit.to_owned(), Scope::System), ON),
    ];
    // Who disables a template disables its instances.
    let template = name::template_of(unit);
    off.extend(template.map(|template| (Subject::Enablement(template, Scope::System), OFF)));
    if let Some(service) = unit.strip_suffix(".service") {
        off.push((in_levels(Subject::Levels(service.to_owned(), None)), OFF));
        off.push((Subject::Registration(service.to_owned()), OFF));
    }
    off
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::BUILDER;
    use crate::intent::FirewallItem;
    use crate::state::Plugin;

    fn unit(want: UnitWant) -> Intent {
        Intent::Unit {
            unit: "u.service".into(),
            want,
            scope: Scope::System,
            rule: None,
        }
    }

    fn start() -> Intent {
        Intent::Defer {
            verb: DeferredVerb::Start,
            unit: "u.service".into(),
            scope: Scope::System,
        }
    }

    fn port(open: bool, zone: Option<&str>) -> Intent {
        let zone = zone.map(str::to_owned);
        let opening = FirewallItem::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        match open {
            true => Intent::Allow { opening, zone },
            false => Intent::Withdraw { opening, zone },
        }
    }

    /// An intent and the requests for it.
    type Asked<'a> = (Intent, &'a [u64]);

    fn fold(plugins: &[(&str, &[Asked])]) -> Fold {
        let mut fold = Fold::default();
        for (name, intents) in plugins {
            let plugin: &mut Plugin = fold.state.plugins.entry((*name).to_owned()).or_default();
            for (intent, events) in *intents {
                let want = ActiveIntent::new(intent.clone(), events.to_vec());
                match intent {
                    Intent::Defer { .. } => plugin.deferred.push(want),
                    _ => plugin.wants.push(want),
                }
            }
        }
        fold
    }

    type Counting = Vec<(String, Intent)>;
    type Losing = Vec<(String, Intent, String)>;

    /// What counts, by plugin, and what does not, with who decided.
    fn decided(fold: &mut Fold) -> (Counting, Losing) {
        decide(fold, &State::default(), "public");
        let (mut counts, mut overruled) = (Vec::new(), Vec::new());
        for (name, plugin) in &fold.state.plugins {
            let wants = plugin.wants.iter().chain(&plugin.deferred);
            counts.extend(wants.map(|want| (name.clone(), want.intent.clone())));
            let lost = plugin.overruled.iter();
            overruled.extend(lost.map(|one| (name.clone(), one.want.intent.clone(), one.by.clone())));
        }
        (counts, overruled)
    }

    #[test]
    fn a_builder_decides_whenever_it_was_and_a_plugin_by_being_last() {
        let mut builder = fold(&[
            (
                BUILDER,
                &[
                    (unit(UnitWant::Disable), &[2]),
                    (port(false, Some("public")), &[3]),
                ],
            ),
            (
                "p",
                &[
                    (unit(UnitWant::Enable), &[1, 5]),
                    (port(true, None), &[6]),
                    (start(), &[7]),
                ],
            ),
        ]);
        let (counts, overruled) = decided(&mut builder);
        assert!(counts.iter().all(|(name, _)| name == BUILDER), "{counts:?}");
        assert_eq!(overruled.len(), 3);
        assert!(overruled.iter().all(|(_, _, by)| by == BUILDER));
        let since: Vec<_> = builder.refused.iter().map(|(_, want)| want.events.clone()).collect();
        assert_eq!(since, [vec![5], vec![6], vec![7]]);
        let mut plugins = fold(&[
            ("a", &[(unit(UnitWant::Disable), &[4])]),
            ("b", &[(unit(UnitWant::Enable), &[1]), (start(), &[2])]),
        ]);
        let (counts, overruled) = decided(&mut plugins);
        assert_eq!(counts, [("a".to_owned(), unit(UnitWant::Disable))]);
        assert_eq!(overruled.len(), 2);
        assert!(plugins.refused.is_empty(), "the disable was carried out after them");
    }

    #[test]
    fn presets_that_a_builder_applies_do_not_stand_against_later_requests() {
        let mut later = fold(&[
            (BUILDER, &[(unit(UnitWant::PresetDisable), &[2])]),
            ("p", &[(unit(UnitWant::Enable), &[3])]),
        ]);
        assert_eq!(decided(&mut later).0, [("p".to_owned(), unit(UnitWant::Enable))]);
        let mut earlier = fold(&[
            (BUILDER, &[(unit(UnitWant::PresetDisable), &[2])]),
            ("p", &[(unit(UnitWant::Enable), &[1])]),
        ]);
        assert_eq!(decided(&mut earlier).0, [(BUILDER.to_owned(), unit(UnitWant::PresetDisable))]);
    }

    #[test]
    fn what_a_file_declares_is_older_than_every_request() {
        let mut both = fold(&[
            ("a", &[(unit(UnitWant::Disable), &[1])]),
            ("m", &[(unit(UnitWant::Enable), &[])]),
        ]);
        assert_eq!(decided(&mut both).0, [("a".to_owned(), unit(UnitWant::Disable))]);
        let mut declared = fold(&[
            ("a", &[(unit(UnitWant::Disable), &[])]),
            ("m", &[(unit(UnitWant::Enable), &[])]),
        ]);
        assert_eq!(decided(&mut declared).0, [("m".to_owned(), unit(UnitWant::Enable))]);
    }

    #[test]
    fn a_builders_reset_closes_what_was_open_by_then() {
        let reset = Intent::FirewallReset { defaults: None };
        let mut closed = fold(&[
            (BUILDER, &[(reset.clone(), &[5])]),
            ("p", &[(port(true, None), &[1])]),
            ("q", &[(port(true, Some("dmz")), &[6])]),
        ]);
        let (counts, overruled) = decided(&mut closed);
        assert_eq!(
            counts,
            [
                (BUILDER.to_owned(), reset),
                ("q".to_owned(), port(true, Some("dmz")))
            ]
        );
        assert_eq!(overruled, [("p".to_owned(), port(true, None), BUILDER.to_owned())]);
    }

    #[test]
    fn a_stop_ends_a_start_and_is_nothing_that_a_boot_does() {
        let stop = Intent::Defer {
            verb: DeferredVerb::Stop,
            unit: "u.service".into(),
            scope: Scope::System,
        };
        let mut stopped = fold(&[("a", &[(start(), &[1])]), ("b", &[(stop, &[2])])]);
        let (counts, overruled) = decided(&mut stopped);
        assert_eq!(counts, []);
        assert_eq!(overruled, [("a".to_owned(), start(), "b".to_owned())]);
    }
}
