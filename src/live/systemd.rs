//! The running systemd, by its `org.freedesktop.systemd1.Manager` interface.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use zbus::export::futures_core::Stream;
use zbus::{MatchRule, MessageStream, OwnedObjectPath, OwnedVariant, block_on};

use super::bus::{Bus, Target, unexpected};
use super::systemctl::{self, JobRequest};
use crate::backend::systemd::UnitFiles;
use crate::boot::{Activity, Job, JobResult};
use crate::error::{Error, Result};
use crate::plan::UnitVerb;
use crate::root::Root;
use crate::unit::state::State as FileState;

const MANAGER: Target = Target {
    name: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};
const PROPERTIES: Target = Target {
    interface: "org.freedesktop.DBus.Properties",
    ..MANAGER
};
const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// How long one answer may take; `Reload` runs all generators.
const ANSWER: Duration = Duration::from_secs(60);

/// A way to the service manager.
#[derive(Debug)]
pub struct Manager {
    /// The message bus; without one, everything goes through `systemctl`.
    bus: Option<Bus>,
}

/// A unit as systemd lists it: its name, description, load state, active state and sub-state, the
/// unit whose state it follows, its path, and its queued job's number (0 if none), type and path.
type Row = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

impl Manager {
    /// Connects over the system bus or, where that is away, by `systemctl`.
    ///
    /// # Errors
    /// If systemd answers in neither way.
    pub fn connect() -> Result<Manager> {
        let over_bus = Bus::system(ANSWER).and_then(|bus| version(&bus).map(|_| bus));
        match over_bus {
            Ok(bus) => Ok(Manager { bus: Some(bus) }),
            Err(first) => match systemctl::answers() {
                Ok(()) => Ok(Manager { bus: None }),
                Err(second) => Err(Error::Bus(format!("systemd cannot be reached: {first}; {second}"))),
            },
        }
    }

    /// Reloads unit files.
    pub fn reload(&self) -> Result<()> {
        match &self.bus {
            Some(bus) => bus.call(&MANAGER, "Reload", &()).map(drop),
            None => systemctl::reload(),
        }
    }

    /// Changes unit files' links as the verb says. Running units stay as they are.
    ///
    /// # Errors
    /// If systemd refuses, in its words.
    pub fn change(&self, verb: UnitVerb, units: &[&str]) -> Result<()> {
        let Some(bus) = &self.bus else {
            return systemctl::change(verb, units);
        };
        let (runtime, force) = (false, false);
        match verb {
            UnitVerb::Enable => bus.call(&MANAGER, "EnableUnitFiles", &(units, runtime, force)),
            UnitVerb::Disable => bus.call(&MANAGER, "DisableUnitFiles", &(units, runtime)),
            UnitVerb::Mask => bus.call(&MANAGER, "MaskUnitFiles", &(units, runtime, force)),
            UnitVerb::Unmask => bus.call(&MANAGER, "UnmaskUnitFiles", &(units, runtime)),
            UnitVerb::Preset => bus.call(&MANAGER, "PresetUnitFiles", &(units, runtime, force)),
        }
        .map(drop)
    }

    /// The states of units' files, of those that have one. systemd answers such a question by reading all links for
    /// each unit again, a millisecond on its one thread during the boot; here they are read once for all.
    pub(crate) fn file_states<'u>(
        &self,
        root: &Root,
        units: impl IntoIterator<Item = &'u str>,
    ) -> BTreeMap<String, FileState> {
        let files = UnitFiles::new(root);
        let state = |unit: &str| match &self.bus {
            Some(_) => files.state(unit),
            // It knows init scripts, too.
            None => FileState::parse(&systemctl::file_state(unit)?),
        };
        units.into_iter().filter_map(|unit| Some((unit.to_owned(), state(unit)?))).collect()
    }

    /// How a unit is running, in systemd's word: `active`, `failed`; none if that cannot be found out.
    pub(crate) fn active_state(&self, unit: &str) -> Option<String> {
        match &self.bus {
            Some(bus) => rows(bus, &[unit]).ok()?.pop().map(|row| row.3),
            None => systemctl::activity(&[unit.to_owned()]).ok()?.remove(unit).map(|unit| unit.active),
        }
    }

    /// How units are running. Units that have no file are left out unless they run.
    pub(crate) fn activity(&self, root: &Root, units: &[String]) -> Result<BTreeMap<String, Activity>> {
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let Some(bus) = &self.bus else {
            return systemctl::activity(units);
        };
        let rows = rows(bus, &names)?;
        let files = UnitFiles::new(root);
        let mut all = BTreeMap::new();
        for (name, _, load, active, _, _, path, ..) in rows {
            let since = match active.as_str() {
                "active" | "reloading" => since(bus, path.as_str()).unwrap_or(0),
                _ => 0,
            };
            let file = match load.as_str() {
                "not-found" => String::new(),
                "masked" => "masked".to_owned(),
                // It may have been masked since it was loaded.
                _ => files.state(&name).map_or(load, |state| state.word().to_owned()),
            };
            all.insert(name, Activity { active, since, file });
        }
        Ok(all)
    }

    /// The units that a pattern of names matches, as systemctl finds them: of those that systemd
    /// has loaded, by their own names, all but the inactive ones for which no job is queued.
    pub(crate) fn matching(&self, pattern: &str) -> Result<Vec<String>> {
        let Some(bus) = &self.bus else {
            return systemctl::matching(pattern);
        };
        let any_state: [&str; 0] = [];
        let answer =
            bus.call(&MANAGER, "ListUnitsByPatterns", &(any_state.as_slice(), [pattern].as_slice()))?;
        let body = answer.body();
        let rows: Vec<Row> = body.deserialize().map_err(unexpected)?;
        let counts = |row: &Row| {
            let (_, _, _, active, _, following, _, job, ..) = row;
            *job > 0 || following.is_empty() && active != "inactive"
        };
        Ok(rows.into_iter().filter(counts).map(|row| row.0).collect())
    }

    /// Starts a unit and stops all that it does not pull in; returns how that ended, as
    /// [`Manager::run`] words it. The message bus may be among what is stopped: systemctl waits
    /// without it.
    pub fn isolate(&self, unit: &str, limit: Duration) -> JobResult {
        systemctl::isolate(unit, limit)
    }

    /// Asks for all jobs at once, so that the manager can order them, and waits for their ends as
    /// long as `limit`. `ended` gets each outcome; a failure says systemd's word for it, `timeout`
    /// where the time was up first, or why there is no job. A job whose time is up goes on.
    ///
    /// # Errors
    /// If the bus fails before the jobs are asked for. What becomes of a job goes to `ended`.
    pub fn run(
        &self,
        jobs: &[JobRequest],
        limit: Duration,
        ended: &mut dyn FnMut(usize, JobResult),
    ) -> Result<()> {
        let Some(bus) = &self.bus else {
            systemctl::run_jobs(jobs, limit, ended);
            return Ok(());
        };
        let deadline = Instant::now() + limit;
        let removed = removed_jobs(bus)?;
        bus.call(&MANAGER, "Subscribe", &())?;
        let mut waiting: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, job) in jobs.iter().enumerate() {
            match ask(bus, job) {
                Ok(path) => waiting.entry(path).or_default().push(index),
                Err(error) => ended(index, JobResult::Failed(error.to_string())),
            }
        }
        while !waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((path, result)) = removed.recv_timeout(left) else {
                break;
            };
            for index in waiting.remove(&path).unwrap_or_default() {
                ended(index, JobResult::from(result.clone()));
            }
        }
        waiting.into_values().flatten().for_each(|index| ended(index, JobResult::timeout()));
        Ok(())
    }
}

/// systemd's version, as it words it: any answer shows that it is there.
fn version(bus: &Bus) -> Result<OwnedVariant> {
    property(bus, MANAGER.path, MANAGER.interface, "Version")
}

fn rows(bus: &Bus, units: &[&str]) -> Result<Vec<Row>> {
    let answer = bus.call(&MANAGER, "ListUnitsByNames", &(units,))?;
    answer.body().deserialize().map_err(unexpected)
}

/// Since when a unit is active, seconds since 1970.
fn since(bus: &Bus, path: &str) -> Result<u64> {
    let microseconds = property(bus, path, UNIT, "ActiveEnterTimestamp")?;
    u64::try_from(microseconds)
        .map(|microseconds| microseconds / 1_000_000)
        .map_err(unexpected)
}

fn property(bus: &Bus, path: &str, interface: &str, name: &str) -> Result<OwnedVariant> {
    let answer = bus.call_at(&PROPERTIES, path, "Get", &(interface, name))?;
    answer.body().deserialize().map_err(unexpected)
}

/// Queues one job and returns its path.
fn ask(bus: &Bus, (unit, job): &JobRequest) -> Result<String> {
    let method = match job {
        Job::Start | Job::Isolate => "StartUnit",
        Job::Stop => "StopUnit",
        Job::Restart => "TryRestartUnit",
        Job::ReloadOrRestart => "ReloadOrTryRestartUnit",
    };
    let mode = if *job == Job::Isolate {
        "isolate"
    } else {
        "replace"
    };
    let answer = bus.call(&MANAGER, method, &(unit, mode))?;
    let path: OwnedObjectPath = answer.body().deserialize().map_err(unexpected)?;
    Ok(path.to_string())
}

/// Paths and results of jobs that end from now on.
fn removed_jobs(bus: &Bus) -> Result<Receiver<(String, String)>> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(MANAGER.interface)
        .member("JobRemoved")
        .build()
        .map_err(unexpected)?;
    let stream = MessageStream::for_match_rule(rule, &bus.connection, None);
    let mut stream = block_on(stream).map_err(unexpected)?;
    let (sender, receiver) = channel();
    // Ends with the connection, or with the first signal after the receiver is gone.
    thread::spawn(move || {
        while let Some(message) = block_on(poll_fn(|context| Pin::new(&mut stream).poll_next(context))) {
            let Ok(message) = message else { break };
            let body = message.body();
            let Ok((_, path, _, result)) = body.deserialize::<(u32, OwnedObjectPath, &str, String)>() else {
                continue;
            };
            if sender.send((path.to_string(), result)).is_err() {
                break;
            }
        }
    });
    Ok(receiver)
}
