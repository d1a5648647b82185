//! Deferred requests: each is written down before it is tried, and its result after, so that a
//! crash at any point leaves the next boot knowing what is left to do.

use std::time::{Duration, Instant};

use super::result::{ApplyResult, JobOutcome};
use super::systemctl::JobRequest;
use super::systemd::Manager;
use crate::boot::{Applied, Attempt, Deferred, Job, JobResult};
use crate::error::Result;
use crate::root::Root;

/// Results are written down as often as this while jobs end one after the other.
const OFTEN: Duration = Duration::from_millis(250);

/// What carrying out needs.
pub(super) struct Input<'a> {
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
pub(super) fn execute(
    input: &Input,
    judged: Vec<Deferred>,
    applied: &mut Applied,
    report: &mut ApplyResult,
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
    let mut results = Results {
        tried: &tried,
        of: vec![None; tried.len()],
        done: 0,
        applied,
        written: Instant::now(),
        root: input.root,
        say,
    };
    let run = run(input, &tried, &mut results);
    for ((request, _), result) in tried.iter().zip(results.of) {
        if !result.as_ref().is_some_and(JobResult::is_done) {
            let how = result.as_ref().map_or("not tried", JobResult::word);
            report.problem(format!("{}: {} {}: {how}", request.plugin, request.verb, request.unit));
        }
        let request = request.clone();
        report.deferred.push(JobOutcome { request, result });
    }
    report.deferred.extend(rest.into_iter().map(|(request, _)| JobOutcome::untried(request)));
    run
}

/// Has all jobs done: those that isolate one by one, after all others.
fn run(input: &Input, tried: &[(Deferred, usize)], results: &mut Results) -> Result<()> {
    let jobs: Vec<JobRequest> = tried
        .iter()
        .filter_map(|(request, _)| request.job.map(|job| (request.unit.as_str(), job)))
        .collect();
    let isolating = jobs.iter().position(|(_, job)| *job == Job::Isolate).unwrap_or(jobs.len());
    let (together, last) = jobs.split_at(isolating);
    let run = input
        .manager
        .run(together, input.limit, &mut |index, result| results.ended(index, result));
    for (index, (unit, _)) in last.iter().enumerate() {
        // It may end this program, too.
        results.write();
        results.ended(isolating + index, input.manager.isolate(unit, input.limit));
    }
    run
}

/// How jobs end, printed and recorded as they do.
struct Results<'a> {
    tried: &'a [(Deferred, usize)],
    of: Vec<Option<JobResult>>,
    done: usize,
    applied: &'a mut Applied,
    written: Instant,
    root: &'a Root,
    say: &'a mut dyn FnMut(&str),
}

impl Results<'_> {
    fn ended(&mut self, index: usize, result: JobResult) {
        let Some((request, attempt)) = self.tried.get(index) else {
            return;
        };
        self.done += 1;
        let (done, total) = (self.done, self.tried.len());
        (self.say)(&format!("{done}/{total} {} {}: {}", request.verb, request.unit, result.word()));
        self.of[index] = Some(result.clone());
        self.applied.attempts[*attempt].result = Some(result);
        if self.written.elapsed() > OFTEN {
            self.write();
        }
    }

    fn write(&mut self) {
        // A failure here shows again when all is written at the end.
        let _ = self.applied.save(self.root);
        self.written = Instant::now();
    }
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
    attempt.result = request.settled.then_some(match request.matched {
        Some(_) => JobResult::Matched,
        None => JobResult::NotNeeded,
    });
    index
}
