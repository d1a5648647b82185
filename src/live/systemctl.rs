//! The running systemd, by its own `systemctl`: if D-Bus is not available. It reaches the
//! manager by a private socket whose messages no other D-Bus library accepts.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::boot::{Activity, Job, JobResult};
use crate::error::Result;
use crate::plan::UnitVerb;
use crate::program::{run_within, succeed_within};

const PROGRAM: &str = "systemctl";
const LIMIT: Duration = Duration::from_secs(60);

/// A job that was asked for: which unit, and what.
pub(super) type JobRequest<'a> = (&'a str, Job);

/// Whether the manager answers.
pub(super) fn answers() -> Result<()> {
    succeed_within(PROGRAM, &["show", "--property=Version"], LIMIT).map(drop)
}

/// Reloads unit files.
pub(super) fn reload() -> Result<()> {
    succeed_within(PROGRAM, &["daemon-reload"], LIMIT).map(drop)
}

/// Changes unit files' links.
pub(super) fn change(verb: UnitVerb, units: &[&str]) -> Result<()> {
    succeed_within(PROGRAM, &[&["--no-reload", verb.word(), "--"], units].concat(), LIMIT).map(drop)
}

/// The state of a unit's file; none if there is no such file.
pub(super) fn file_state(unit: &str) -> Option<String> {
    let ended = run_within(PROGRAM, &["is-enabled", "--", unit], LIMIT).ok()?;
    let word = ended.output.lines().next().unwrap_or_default().trim();
    (!matches!(word, "" | "not-found")).then(|| word.to_owned())
}

/// How units are running.
pub(super) fn activity(units: &[String]) -> Result<BTreeMap<String, Activity>> {
    let mut all = BTreeMap::new();
    for unit in units {
        let properties = "--property=LoadState,ActiveState,UnitFileState,ActiveEnterTimestamp";
        let output = succeed_within(PROGRAM, &["show", "--timestamp=unix", properties, "--", unit], LIMIT)?;
        all.insert(unit.clone(), parse(&output));
    }
    Ok(all)
}

/// The units that a pattern matches; see [`super::Manager::matching`].
pub(super) fn matching(pattern: &str) -> Result<Vec<String>> {
    let list = [
        "list-units",
        "--plain",
        "--no-legend",
        "--full",
        "--no-pager",
        "--",
        pattern,
    ];
    Ok(first_words(&succeed_within(PROGRAM, &list, LIMIT)?))
}

fn first_words(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

/// Isolates a unit and waits for it.
pub(super) fn isolate(unit: &str, limit: Duration) -> JobResult {
    match run_within(PROGRAM, &["isolate", "--", unit], limit) {
        Ok(ended) if ended.success => JobResult::Done,
        Ok(ended) => JobResult::Failed(ended.complaint),
        Err(_) => JobResult::timeout(),
    }
}

/// Takes `show`'s lines apart. A time that it cannot word as a number counts as just now.
fn parse(output: &str) -> Activity {
    let value = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().trim()
    };
    let since = value("ActiveEnterTimestamp").trim_start_matches('@').parse();
    let file = match (value("LoadState"), value("UnitFileState")) {
        ("not-found", _) => "",
        ("masked", _) => "masked",
        (load, "") => load,
        (_, file) => file,
    };
    Activity {
        active: value("ActiveState").to_owned(),
        since: since.unwrap_or(u64::MAX),
        file: file.to_owned(),
    }
}

/// Runs all jobs at once; see [`super::Manager::run`].
pub(super) fn run_jobs(jobs: &[JobRequest], limit: Duration, ended: &mut dyn FnMut(usize, JobResult)) {
    let (sender, results) = channel();
    for (index, (unit, job)) in jobs.iter().enumerate() {
        let (unit, sender) = ((*unit).to_owned(), sender.clone());
        let verb = match job {
            Job::Start => "start",
            Job::Stop => "stop",
            Job::Restart => "try-restart",
            Job::ReloadOrRestart => "try-reload-or-restart",
            Job::Isolate => "isolate",
        };
        thread::spawn(move || {
            let result = match run_within(PROGRAM, &[verb, "--", &unit], limit) {
                Ok(ended) if ended.success => JobResult::Done,
                Ok(_) => JobResult::Failed("failed".to_owned()),
                Err(_) => JobResult::timeout(),
            };
            // The receiver outlives all senders.
            let _ = sender.send((index, result));
        });
    }
    drop(sender);
    results.into_iter().for_each(|(index, result)| ended(index, result));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemctl_show_output_is_parsed() {
        let shown =
            "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nActiveEnterTimestamp=@1700000000\n";
        let expected = Activity {
            active: "active".into(),
            since: 1_700_000_000,
            file: "enabled".into(),
        };
        assert_eq!(parse(shown), expected);
        let none =
            parse("LoadState=not-found\nActiveState=inactive\nUnitFileState=\nActiveEnterTimestamp=\n");
        assert_eq!((none.active.as_str(), none.file.as_str()), ("inactive", ""));
    }
}
