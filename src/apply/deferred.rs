//! Starts, stops and restarts that scriptlets asked for while there was no service manager: which
//! of them are still to be done, and as what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::record::Applied;
use crate::intent::{DeferredVerb, Scope, UnitWant, Wish};
use crate::state::{Plugin, State, Want};

/// So many boots try a request that fails: the first, and once more.
pub const MOST_ATTEMPTS: u32 = 2;

/// How a unit is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// `active`, `inactive`, `failed`, ... as systemd words it.
    pub active: String,
    /// Since when it is active, seconds since 1970; 0 where that is not known.
    pub since: u64,
    /// The state of its file, as `systemctl is-enabled` words it; empty where there is none.
    pub file: String,
}

/// A job for the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Start it anew.
    Restart,
    /// Let it read its configuration anew, or start it anew where it cannot.
    ReloadOrRestart,
}

/// A deferred request, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deferred {
    /// Who asked.
    pub plugin: String,
    /// Its package.
    pub nevra: Option<String>,
    /// What for, as systemctl names it.
    pub verb: String,
    /// The unit.
    pub unit: String,
    /// What is to be done; none where nothing is.
    pub job: Option<Job>,
    /// Why nothing is to be done.
    pub reason: Option<String>,
    /// The requests.
    pub events: Vec<u64>,
    /// Whether nothing will ever have to be done.
    pub settled: bool,
}

/// The deferred requests that have not been done on this node, and each unit that they are about.
fn open<'s>(
    state: &'s State,
    applied: &'s Applied,
) -> impl Iterator<Item = (&'s str, &'s Plugin, &'s Want, DeferredVerb, &'s str)> {
    let all = state
        .plugins
        .iter()
        .flat_map(|(name, plugin)| plugin.deferred.iter().map(move |want| (name.as_str(), plugin, want)));
    // What was asked of a running system was done at once.
    all.filter(|(.., want)| !want.runtime).filter_map(move |(name, plugin, want)| {
        let Wish::Defer {
            verb,
            unit,
            scope: Scope::System,
        } = &want.wish
        else {
            return None;
        };
        let attempt = applied.attempt(name, plugin.nevra.as_deref(), verb.word(), unit);
        let over = attempt.is_some_and(|attempt| attempt.is_done() || attempt.attempts >= MOST_ATTEMPTS);
        (!over).then_some((name, plugin, want, *verb, unit.as_str()))
    })
}

/// The units whose activity has to be known.
pub fn needs(state: &State, applied: &Applied) -> Vec<String> {
    let mut units: Vec<String> = open(state, applied).map(|(.., unit)| unit.to_owned()).collect();
    units.sort();
    units.dedup();
    units
}

/// Judges every request that was not done yet. `time_of` gives an event's time, seconds since
/// 1970. Units in `kept` were disabled or masked on the node. Without `activity` (an image that is
/// not booted) only what is recorded counts.
pub fn deferred(
    state: &State,
    applied: &Applied,
    activity: Option<&BTreeMap<String, Activity>>,
    kept: &BTreeSet<&str>,
    time_of: &dyn Fn(u64) -> u64,
) -> Vec<Deferred> {
    let judged = open(state, applied).map(|(name, plugin, want, verb, unit)| {
        let asked = want.events.last().map_or(0, |event| time_of(*event));
        let taken_back = disabled_later(plugin, unit, want);
        let about = activity.map(|activity| activity.get(unit));
        let verdict = match (taken_back, about) {
            (true, _) => Verdict::never("its plugin disabled it later"),
            _ if kept.contains(unit) => Verdict::not_now("was disabled on this node"),
            (_, None) => offline(verb, unit),
            (_, Some(about)) => on_node(verb, unit, about, asked),
        };
        Deferred {
            plugin: name.to_owned(),
            nevra: plugin.nevra.clone(),
            verb: verb.word().to_owned(),
            unit: unit.to_owned(),
            job: verdict.job,
            reason: verdict.reason.map(str::to_owned),
            events: want.events.clone(),
            settled: verdict.job.is_none() && verdict.settled,
        }
    });
    judged.collect()
}

/// Whether the plugin itself disabled or masked the unit after it asked to start it.
fn disabled_later(plugin: &Plugin, unit: &str, want: &Want) -> bool {
    let last = |want: &Want| want.events.last().copied();
    plugin.wants.iter().any(|other| match &other.wish {
        Wish::Unit {
            unit: about,
            want: UnitWant::Disable | UnitWant::Mask,
            scope: Scope::System,
            ..
        } => about == unit && last(other) > last(want),
        _ => false,
    })
}

struct Verdict {
    job: Option<Job>,
    reason: Option<&'static str>,
    settled: bool,
}

impl Verdict {
    fn job(job: Job) -> Verdict {
        Verdict {
            job: Some(job),
            reason: None,
            settled: false,
        }
    }

    fn never(reason: &'static str) -> Verdict {
        Verdict {
            job: None,
            reason: Some(reason),
            settled: true,
        }
    }

    fn not_now(reason: &'static str) -> Verdict {
        Verdict {
            settled: false,
            ..Verdict::never(reason)
        }
    }
}

/// What needs no look at the node.
fn offline(verb: DeferredVerb, unit: &str) -> Verdict {
    if unit.contains(['*', '?', '[']) {
        return Verdict::never("a pattern names running units, of which there were none");
    }
    match verb {
        DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart => {
            Verdict::job(Job::Start)
        }
        DeferredVerb::Stop => Verdict::never("concerns only what was running"),
        DeferredVerb::Isolate => Verdict::never("would stop everything else: never done unasked"),
        DeferredVerb::Kill => Verdict::never("nothing of it was running"),
        DeferredVerb::TryRestart | DeferredVerb::Reload | DeferredVerb::TryReloadOrRestart => {
            Verdict::never("concerns only what was running")
        }
    }
}

/// What is left to do given how the unit is running. Who started after the request has been
/// restarted by that.
fn on_node(verb: DeferredVerb, unit: &str, about: Option<&Activity>, asked: u64) -> Verdict {
    let general = offline(verb, unit);
    let about = match about {
        Some(about) if general.job.is_some() || general.settled => about,
        _ if general.job.is_none() => return general,
        _ => return Verdict::not_now("there is no such unit"),
    };
    // A unit that is only coming up is asked for again, so that its end is seen.
    let runs = matches!(about.active.as_str(), "active" | "reloading");
    let is_older = runs && about.since < asked;
    match verb {
        DeferredVerb::Stop if is_older => Verdict::job(Job::Stop),
        DeferredVerb::Restart | DeferredVerb::TryRestart if is_older => Verdict::job(Job::Restart),
        DeferredVerb::Reload | DeferredVerb::ReloadOrRestart | DeferredVerb::TryReloadOrRestart
            if is_older =>
        {
            Verdict::job(Job::ReloadOrRestart)
        }
        _ if general.job.is_none() => general,
        _ if runs => Verdict::never("runs since"),
        _ if about.file.starts_with("masked") => Verdict::not_now("is masked on this node"),
        _ if about.file.is_empty() => Verdict::not_now("there is no such unit"),
        _ => Verdict::job(Job::Start),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Attempt;
    use super::*;

    fn state(verb: DeferredVerb, unit: &str) -> State {
        let want = |wish, event| Want {
            wish,
            runtime: false,
            declared: Vec::new(),
            failed: false,
            events: vec![event],
        };
        let defer = Wish::Defer {
            verb,
            unit: unit.into(),
            scope: Scope::System,
        };
        let plugin = Plugin {
            nevra: Some("p-1-1.noarch".into()),
            deferred: vec![want(defer, 5)],
            ..Plugin::default()
        };
        State {
            plugins: BTreeMap::from([("p".to_owned(), plugin)]),
            ..State::default()
        }
    }

    fn job(verb: DeferredVerb, active: &str, since: u64, file: &str) -> Option<Job> {
        let about = Activity {
            active: active.into(),
            since,
            file: file.into(),
        };
        let activity = BTreeMap::from([("a.service".to_owned(), about)]);
        let judged = deferred(
            &state(verb, "a.service"),
            &Applied::default(),
            Some(&activity),
            &BTreeSet::new(),
            &|_| 100,
        );
        judged[0].job
    }

    #[test]
    fn what_boot_has_done_is_not_done_again() {
        use DeferredVerb::{Reload, Restart, Start, Stop, TryRestart};
        assert_eq!(job(Start, "inactive", 0, "disabled"), Some(Job::Start));
        assert_eq!(job(Start, "active", 200, "enabled"), None);
        assert_eq!(job(Start, "activating", 0, "disabled"), Some(Job::Start));
        assert_eq!(job(Start, "inactive", 0, "masked"), None);
        assert_eq!(job(Restart, "active", 200, "enabled"), None);
        assert_eq!(job(Restart, "active", 50, "enabled"), Some(Job::Restart));
        assert_eq!(job(Restart, "inactive", 0, "static"), Some(Job::Start));
        assert_eq!(job(TryRestart, "inactive", 0, "enabled"), None);
        assert_eq!(job(TryRestart, "active", 50, "enabled"), Some(Job::Restart));
        assert_eq!(job(Reload, "active", 50, "enabled"), Some(Job::ReloadOrRestart));
        assert_eq!(job(Reload, "failed", 50, "enabled"), None);
        assert_eq!(job(Stop, "active", 50, "enabled"), Some(Job::Stop));
        assert_eq!(job(Stop, "active", 200, "enabled"), None);
        assert_eq!(job(Stop, "inactive", 0, "enabled"), None);
    }

    #[test]
    fn each_is_done_once_and_a_failure_tried_once_more() {
        let state = state(DeferredVerb::Start, "a.service");
        let after = |result: Option<&str>, attempts| {
            let attempt = Attempt {
                plugin: "p".into(),
                nevra: Some("p-1-1.noarch".into()),
                verb: "start".into(),
                unit: "a.service".into(),
                boot: "x".into(),
                attempts,
                result: result.map(str::to_owned),
            };
            let mut applied = Applied::default();
            applied.attempts.push(attempt);
            needs(&state, &applied).len()
        };
        assert_eq!(after(Some("done"), 1), 0);
        assert_eq!(after(Some("failed"), 1), 1);
        assert_eq!(after(None, 1), 1, "killed while it was under way");
        assert_eq!(after(Some("failed"), 2), 0);
    }

    #[test]
    fn a_later_disable_of_the_plugin_counts() {
        let mut state = state(DeferredVerb::Start, "a.service");
        let disable = Wish::Unit {
            unit: "a.service".into(),
            want: UnitWant::Disable,
            scope: Scope::System,
            rule: None,
        };
        let want = Want {
            wish: disable,
            runtime: false,
            declared: Vec::new(),
            failed: false,
            events: vec![9],
        };
        state.plugins.get_mut("p").unwrap().wants.push(want);
        let judged = deferred(&state, &Applied::default(), None, &BTreeSet::new(), &|_| 0);
        assert_eq!((judged[0].job, judged[0].settled), (None, true));
    }
}
