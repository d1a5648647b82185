//! What applying did or, in a dry run, would do.

use serde::Serialize;

use crate::boot::{Deferred, FileChange, JobResult, UnitStep};

/// What became of the firewall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// No firewall is wanted.
    #[default]
    None,
    /// It is loaded as it should be.
    InForce,
    /// It was loaded, or would be in a dry run.
    Loaded,
    /// It is switched off on this node.
    Off,
    /// It could not be loaded; what was loaded before is, or the node's own part alone.
    Failed,
}

/// The whole of it. Its JSON keys are stable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ApplyResult {
    /// Whether nothing was looked at but the running firewall, since nothing has changed.
    pub unchanged: bool,
    /// Files that were written or removed, or left as the node has them.
    pub files: Vec<Touched>,
    /// Openings of firewalld's zones that were closed on the node and stay so.
    pub closed: Vec<String>,
    /// What became of the firewall.
    pub firewall: Filter,
    /// Units whose files' state was changed, or left as the node has it.
    pub units: Vec<UnitStep>,
    /// Deferred requests that had not been done before.
    pub deferred: Vec<JobOutcome>,
    /// What went wrong, a line each. Empty means that everything is as it should be.
    pub problems: Vec<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Touched {
    /// Its path.
    pub path: String,
    /// Whether it is left alone, since it was changed on the node.
    pub kept: bool,
    /// Why it is written.
    pub why: String,
}

/// A deferred request and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobOutcome {
    /// The request.
    #[serde(flatten)]
    pub request: Deferred,
    /// systemd's word for how the job ended, or why there was none; none if nothing was tried.
    pub result: Option<JobResult>,
}

impl ApplyResult {
    /// Notes what is wrong.
    pub fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Whether a further boot finds nothing left to do.
    pub(crate) fn is_final(&self) -> bool {
        let kept = |unit: &str| self.units.iter().any(|step| step.kept && step.unit == unit);
        let is_over = |started: &JobOutcome| {
            let request = &started.request;
            request.settled || started.result.as_ref().is_some_and(JobResult::is_done) || kept(&request.unit)
        };
        self.problems.is_empty() && self.deferred.iter().all(is_over)
    }

    /// Whether anything was changed, or would be.
    pub fn is_idle(&self) -> bool {
        !self.files.iter().any(|file| !file.kept)
            && self.firewall != Filter::Loaded
            && !self.units.iter().any(|unit| !unit.kept)
            && !self.deferred.iter().any(|started| started.request.job.is_some())
    }
}

impl JobOutcome {
    /// A request that nothing was done for.
    pub(crate) fn untried(request: Deferred) -> JobOutcome {
        JobOutcome {
            request,
            result: None,
        }
    }
}

impl From<&FileChange> for Touched {
    fn from(change: &FileChange) -> Touched {
        Touched {
            path: change.change.path.clone(),
            kept: change.kept,
            why: change.change.why.clone(),
        }
    }
}
