//! Requests without which the fold gives the same: those of lives that are over, and those between the
//! first and the last of a series that asks for the same again and again, as packages do at each upgrade.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::lifetime::{begins_life, disabled_template, is_erasure};
use super::{State, Subject, subject};
use crate::intent::{Intent, Verdict};
use crate::journal::Event;
use crate::tool::Tool;

/// The events of these without which the fold gives the same plugins, from now on: as `state`, which
/// was settled of them, has it, and whatever is recorded later. Their numbers are missing in the lists
/// of requests then. What they changed in the image is not looked at here.
pub(crate) fn repetitions(events: &[Event], state: &State) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    for event in events.iter().filter(|event| !state.reverted.contains(&event.id)) {
        let name = event.origin.name();
        match state.forgotten.get(name.as_ref()) {
            Some(last) if event.id <= *last => _ = found.insert(event.id),
            _ => series.entry(name.into_owned()).or_default().take(event, &mut found),
        }
    }
    for id in needed(events) {
        found.remove(&id);
    }
    found
}

/// The first and the last event of all, the last one of each name, the last change of each subject, and the first
/// one of each item of the firewall, which says whether it was open before.
fn needed(events: &[Event]) -> BTreeSet<u64> {
    let mut needed: BTreeSet<u64> =
        events.first().into_iter().chain(events.last()).map(|one| one.id).collect();
    let (mut names, mut subjects) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        names.insert(event.origin.name(), event.id);
        for recorded in event.intents.iter().filter(|recorded| recorded.changed) {
            let about = subject(&recorded.intent);
            if matches!(about, Subject::FirewallItem(..)) && !subjects.contains_key(&about) {
                needed.insert(event.id);
            }
            subjects.insert(about, event.id);
        }
    }
    needed.extend(names.into_values());
    needed.extend(subjects.into_values());
    needed
}

/// What a request asks for, and its tool, because policy may depend on it.
type Asks = (Tool, Vec<(Intent, bool)>);

/// Requests of one name that ask for the same.
#[derive(Debug)]
struct Repeated {
    asks: Asks,
    first: u64,
    last: u64,
    /// Whether one that counts has changed something.
    has_changed: bool,
}

/// The requests of one name, in order.
#[derive(Debug, Default)]
struct Series {
    open: Vec<Repeated>,
    by_subject: BTreeMap<Subject, usize>,
    previous: Option<(u64, Option<String>)>,
    /// The package of the last request that is kept for certain.
    kept: Option<Option<String>>,
    /// Whether a request since then came of another package.
    is_mixed: bool,
    /// Requests that are kept since they say whether the next one begins a life.
    before_life: BTreeSet<u64>,
}

impl Series {
    fn take(&mut self, event: &Event, found: &mut BTreeSet<u64>) {
        let begins = begins_life(&event.origin);
        // Whether a life begins is seen by the package of the request before.
        if begins
            && let Some((id, nevra)) = self.previous.clone()
            && (self.is_mixed || self.kept.as_ref() != Some(&nevra))
        {
            found.remove(&id);
            self.before_life.insert(id);
            self.keep(&nevra);
        }
        let nevra = &event.origin.nevra;
        let is_new_life = begins && self.previous.as_ref().is_some_and(|(_, before)| before != nevra);
        if is_new_life || ends_all(event) {
            self.end_all();
        }
        match is_plain(event) && self.kept.is_some() && !is_new_life {
            true => self.repeat(event, found),
            false => self.begin(event),
        }
        self.is_mixed |= self.kept.as_ref() != Some(nevra);
        self.previous = Some((event.id, nevra.clone()));
    }

    /// Takes a request that may ask for the same as one before.
    fn repeat(&mut self, event: &Event, found: &mut BTreeSet<u64>) {
        if event.intents.is_empty() {
            found.insert(event.id);
            return;
        }
        let changed = event.intents.iter().any(|recorded| recorded.changed);
        let mut places = event.intents.iter().map(|one| self.by_subject.get(&subject(&one.intent)));
        let place = places.next().flatten().copied();
        let is_one = place.is_some() && places.all(|other| other.copied() == place);
        let same = place.filter(|_| is_one).and_then(|place| self.open.get_mut(place));
        let Some(same) = same.filter(|same| same.asks == asks(event)) else {
            return self.begin(event);
        };
        if changed && !same.has_changed {
            same.has_changed = true;
            (same.first, same.last) = (event.id, event.id);
            return self.keep(&event.origin.nevra);
        }
        if same.last != same.first && !self.before_life.contains(&same.last) {
            found.insert(same.last);
        }
        same.last = event.id;
    }

    /// Takes a request that is kept: what it is about is begun again.
    fn begin(&mut self, event: &Event) {
        let place = self.open.len();
        let held = event.held.iter().map(|held| &held.intent);
        let all = event.intents.iter().map(|recorded| &recorded.intent).chain(held);
        for of in all.map(subject) {
            if let Some(earlier) = self.by_subject.insert(of, place) {
                self.by_subject.retain(|_, place| *place != earlier);
            }
        }
        let about = event.intents.iter().map(|recorded| (subject(&recorded.intent), place));
        self.by_subject.extend(about);
        self.open.push(Repeated {
            asks: if is_plain(event) {
                asks(event)
            } else {
                (event.tool, Vec::new())
            },
            first: event.id,
            last: event.id,
            has_changed: event.intents.iter().any(|recorded| recorded.changed),
        });
        self.keep(&event.origin.nevra);
    }

    fn keep(&mut self, nevra: &Option<String>) {
        self.kept = Some(nevra.clone());
        self.is_mixed = false;
    }

    fn end_all(&mut self) {
        self.open.clear();
        self.by_subject.clear();
    }
}

fn asks(event: &Event) -> Asks {
    let intents = event.intents.iter().map(|recorded| (recorded.intent.clone(), recorded.runtime));
    (event.tool, intents.collect())
}

/// Whether a request was carried out and says nothing but what it asks for.
fn is_plain(event: &Event) -> bool {
    event.exit == 0
        && event.verdict == Verdict::Allow
        && event.warnings.is_empty()
        && event.held.is_empty()
        && event.replayed.is_none()
        && event.tool != Tool::Nodeshim
        && !is_erasure(&event.origin)
        && !ends_all(event)
        && !event.intents.iter().any(|recorded| event.refused(recorded))
}

/// Whether a request also ends what others before it had asked for.
fn ends_all(event: &Event) -> bool {
    let ends = |intent: &Intent| {
        matches!(intent, Intent::FirewallReset { .. }) || disabled_template(intent).is_some()
    };
    is_erasure(&event.origin) || event.intents.iter().any(|recorded| ends(&recorded.intent))
}

impl State {
    /// Takes the numbers of these requests out of all lists.
    pub(crate) fn leave_out(&mut self, requests: &BTreeSet<u64>) {
        let keep = |events: &mut Vec<u64>| events.retain(|id| !requests.contains(id));
        for plugin in self.plugins.values_mut() {
            for one in &mut plugin.overruled {
                keep(&mut one.decided);
            }
            plugin.denied.iter_mut().for_each(|denied| keep(&mut denied.events));
            let overruled = plugin.overruled.iter_mut().map(|one| &mut one.want);
            let wants = plugin.wants.iter_mut().chain(&mut plugin.deferred).chain(&mut plugin.failed);
            for want in wants.chain(overruled) {
                keep(&mut want.events);
                want.denied_before.iter_mut().for_each(|past| keep(&mut past.events));
            }
        }
    }
}
