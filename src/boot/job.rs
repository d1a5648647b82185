//! What is to be done for a deferred request, given how its unit runs.

use serde::{Deserialize, Serialize};

use super::disposition::{Disposition, Job, of_verb};
use crate::intent::DeferredVerb;

/// How a deferred request ended. It is written as one word, systemd's for the result of a job
/// (`done`, `failed`, `dependency`, `timeout`, ...), or `not-needed`, or `matched` of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum JobResult {
    /// The job was done, or a condition of the unit said that it need not be.
    Done,
    /// There was nothing to do.
    NotNeeded,
    /// The units that the pattern matches were found; each has an outcome of its own.
    Matched,
    /// It was not done: systemd's word, or why there was no job.
    Failed(String),
}

impl JobResult {
    /// The time was up before the job ended.
    pub fn timeout() -> JobResult {
        JobResult::Failed("timeout".to_owned())
    }

    /// Whether a job was done.
    pub(crate) fn is_done(&self) -> bool {
        *self == JobResult::Done
    }

    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            JobResult::Done => "done",
            JobResult::NotNeeded => "not-needed",
            JobResult::Matched => "matched",
            JobResult::Failed(word) => word,
        }
    }
}

impl From<String> for JobResult {
    fn from(word: String) -> JobResult {
        match word.as_str() {
            "done" | "skipped" => JobResult::Done,
            "not-needed" => JobResult::NotNeeded,
            "matched" => JobResult::Matched,
            _ => JobResult::Failed(word),
        }
    }
}

impl From<JobResult> for String {
    fn from(outcome: JobResult) -> String {
        outcome.word().to_owned()
    }
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobDecision {
    /// What is to be done.
    pub job: Option<Job>,
    /// Why nothing is.
    pub reason: Option<String>,
    /// Whether it stays so.
    pub settled: bool,
}

impl JobDecision {
    /// What needs no look at the node.
    pub(super) fn offline(verb: DeferredVerb) -> JobDecision {
        match of_verb(verb) {
            Disposition::Job(job) => JobDecision::job(job),
            Disposition::Nothing(reason) => JobDecision::never(reason.sentence()),
            // Neither is the disposition of a verb alone.
            Disposition::Match | Disposition::Counts => JobDecision::not_now("is judged by itself"),
        }
    }

    fn job(job: Job) -> JobDecision {
        JobDecision {
            job: Some(job),
            reason: None,
            settled: false,
        }
    }

    /// Nothing, now and later.
    pub(super) fn never(reason: impl Into<String>) -> JobDecision {
        JobDecision {
            job: None,
            reason: Some(reason.into()),
            settled: true,
        }
    }

    /// Nothing as long as the node is as it is.
    pub(crate) fn not_now(reason: &str) -> JobDecision {
        JobDecision {
            settled: false,
            ..JobDecision::never(reason)
        }
    }
}

/// How a unit is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    /// `active`, `inactive`, `failed`, ... as systemd words it.
    pub active: String,
    /// Since when it is active, seconds since 1970; 0 where that is not known.
    pub since: u64,
    /// The state of its file, as `systemctl is-enabled` words it; empty where there is none.
    pub file: String,
}

impl Activity {
    fn runs(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }

    /// Whether it runs or has failed, rather than having a job under way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.runs() || self.active == "failed"
    }
}

/// What is left to do given how the unit is running. Who started after the request has been
/// restarted by that.
pub(super) fn on_node(verb: DeferredVerb, about: Option<&Activity>, asked: u64) -> JobDecision {
    let general = JobDecision::offline(verb);
    let Some(about) = about else {
        return match general.job {
            Some(_) => JobDecision::not_now("there is no such unit"),
            None => general,
        };
    };
    // A unit that is only coming up is asked for again, so that its end is seen.
    let runs = about.runs();
    let is_older = runs && about.since < asked;
    match verb {
        DeferredVerb::Stop if is_older => JobDecision::job(Job::Stop),
        DeferredVerb::Restart | DeferredVerb::TryRestart if is_older => JobDecision::job(Job::Restart),
        DeferredVerb::Reload | DeferredVerb::ReloadOrRestart | DeferredVerb::TryReloadOrRestart
            if is_older =>
        {
            JobDecision::job(Job::ReloadOrRestart)
        }
        _ if general.job.is_none() => general,
        _ if runs && verb != DeferredVerb::Isolate => JobDecision::never("runs since"),
        _ if about.file.starts_with("masked") => JobDecision::not_now("is masked on this node"),
        _ if about.file.is_empty() => JobDecision::not_now("there is no such unit"),
        _ => general,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(verb: DeferredVerb, active: &str, since: u64, file: &str) -> Option<Job> {
        let about = Activity {
            active: active.into(),
            since,
            file: file.into(),
        };
        on_node(verb, Some(&about), 100).job
    }

    #[test]
    fn what_boot_has_done_is_not_done_again() {
        use DeferredVerb::{Isolate, Kill, Reload, Restart, Start, Stop, TryRestart};
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
        assert_eq!(job(Isolate, "active", 200, "static"), Some(Job::Isolate));
        assert_eq!(job(Isolate, "inactive", 0, "masked"), None);
        assert_eq!(job(Kill, "active", 50, "enabled"), None);
    }

    #[test]
    fn a_unit_that_is_not_there_is_waited_for_only_if_there_is_something_to_do() {
        assert!(!on_node(DeferredVerb::Isolate, None, 0).settled);
        let kill = on_node(DeferredVerb::Kill, None, 0);
        assert_eq!((kill.settled, kill.reason.as_deref()), (true, Some("nothing to signal at boot")));
    }
}
