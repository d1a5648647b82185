//! Deferred requests: each is written down before it is tried, and its result after, so that a
//! crash at any point leaves the next boot knowing what is left to do.

use std::time::{Duration, Instant};

use super::report::{Report, Started};
use super::systemd::{Asked, Manager};
use crate::apply::{Applied, Attempt, Deferred, Job};
use crate::error::Result;
use crate::root::Root;

/// Results are written down as often as this while jobs end one after the other.
const OFTEN: Duration = Duration::from_millis(250);

/// What carrying out needs.
pub struct Input<'a> {
    /// The node.
    pub root: &'a Root,
    /// This boot.
    pub boot: &'a str,
    /// The service manager.
    pub manager: &'a Manager,
    /// How long all jobs together may take.
    pub limit: Duration,
}

/// Carries out what has a job, all at once; one failure leaves the rest.
pub fn carry_out(
    input: &Input,
    judged: Vec<Deferred>,
    applied: &mut Applied,
    report: &mut Report,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    if judged.is_empty() {
        return Ok(());
    }
    let all: Vec<(Deferred, usize)> = judged
        .into_iter()
        .map(|request| {
            let index = note(applied, &request, input.boot);
            (request, index)
        })
        .collect();
    let (mut tried, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(request, _)| request.job.is_some());
    // What stops everything else comes when everything else is done.
    tried.sort_by_key(|(request, _)| request.job == Some(Job::Isolate));
    // Without a note of the attempt there is none: it would be made again at every boot.
    applied.save(input.root)?;
    let jobs: Vec<Asked> = tried
        .iter()
        .filter_map(|(request, _)| request.job.map(|job| (request.unit.as_str(), job)))
        .collect();
    let mut results: Vec<Option<String>> = vec![None; tried.len()];
    let mut written = Instant::now();
    let total = jobs.len();
    let mut done = 0;
    let mut ended = |index: usize, result: &str| {
        let Some((request, attempt)) = tried.get(index) else {
            return;
        };
        done += 1;
        say(&format!("{done}/{total} {} {}: {result}", request.verb, request.unit));
        let result = if result == "skipped" { "done" } else { result };
        results[index] = Some(result.to_owned());
        applied.attempts[*attempt].result = Some(result.to_owned());
        if written.elapsed() > OFTEN {
            // A failure here shows again when all is written at the end.
            let _ = applied.save(input.root);
            written = Instant::now();
        }
    };
    let isolating = jobs.iter().position(|(_, job)| *job == Job::Isolate).unwrap_or(total);
    let (together, last) = jobs.split_at(isolating);
    let run = input.manager.run(together, input.limit, &mut ended);
    for (index, (unit, _)) in last.iter().enumerate() {
        ended(isolating + index, &input.manager.isolate(unit, input.limit));
    }
    for ((request, _), result) in tried.into_iter().zip(results) {
        if result.as_deref() != Some("done") {
            let how = result.as_deref().unwrap_or("not tried");
            report.problem(format!("{}: {} {}: {how}", request.plugin, request.verb, request.unit));
        }
        report.deferred.push(Started { request, result });
    }
    report.deferred.extend(rest.into_iter().map(|(request, _)| Started::untried(request)));
    run
}

/// Notes that a request is about to be tried, or never has to be; returns its place.
fn note(applied: &mut Applied, request: &Deferred, boot: &str) -> usize {
    let is_same = |attempt: &Attempt| attempt.asked() == request.asked();
    let index = applied.attempts.iter().position(is_same).unwrap_or_else(|| {
        applied.attempts.push(Attempt {
            plugin: request.plugin.clone(),
            nevra: request.nevra.clone(),
            verb: request.verb.clone(),
            unit: request.unit.clone(),
            scope: request.scope,
            pattern: None,
            boot: String::new(),
            attempts: 0,
            result: None,
        });
        applied.attempts.len() - 1
    });
    let attempt = &mut applied.attempts[index];
    if request.job.is_some() && attempt.boot != boot {
        attempt.attempts += 1;
    }
    boot.clone_into(&mut attempt.boot);
    attempt.pattern.clone_from(&request.pattern);
    let settled = if request.matched.is_some() {
        "matched"
    } else {
        "not-needed"
    };
    attempt.result = request.settled.then(|| settled.to_owned());
    index
}
