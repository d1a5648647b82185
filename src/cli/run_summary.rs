//! The last line of a run: what was recorded, and what did not come about as it was asked for.

use clap::ValueEnum;
use nodeshim::intent::Verdict;
use nodeshim::journal::Event;
use nodeshim::plan::words;
use nodeshim::settle::SettleResult;
use nodeshim::tool::Tool;
use serde::Serialize;

use super::output::count;

/// What may be a reason to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Policy denied something
    Denied,
    /// A tool refused something
    Failed,
    /// A scriptlet changed settings directly, without a tool
    Bypass,
    /// A request lost against an administrator, a builder or a later request
    Overruled,
}

/// How many of a kind are named.
const NAMED: usize = 5;

/// What did not come about as it was asked for, or was not asked of a tool.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    #[serde(skip)]
    requests: usize,
    denied: Vec<String>,
    failed: Vec<String>,
    bypassed: Vec<String>,
    overruled: Vec<String>,
}

impl Summary {
    /// Of a run's events and what settling made of them.
    pub fn of(events: &[Event], settled: Option<&SettleResult>) -> Summary {
        let mut summary = Summary {
            requests: events.iter().filter(|event| !event.tool.is_seen()).count(),
            denied: Vec::new(),
            failed: Vec::new(),
            bypassed: Vec::new(),
            overruled: Vec::new(),
        };
        for event in events {
            let name = event.origin.name();
            let denied = event.held.iter().filter(|held| held.verdict == Verdict::Deny);
            summary
                .denied
                .extend(denied.map(|held| format!("{} ({name})", words::intent(&held.intent))));
            let refused = event.intents.iter().filter(|recorded| event.refused(recorded));
            summary
                .failed
                .extend(refused.map(|recorded| format!("{} ({name})", words::intent(&recorded.intent))));
            if event.tool == Tool::Bypass {
                summary
                    .bypassed
                    .extend(event.argv.iter().map(|path| format!("{} ({name})", path.shown())));
            }
        }
        let overruled = settled.into_iter().flat_map(|report| &report.overruled);
        summary.overruled.extend(
            overruled
                .map(|(name, one)| format!("{} ({name}, by {})", words::intent(&one.want.intent), one.by)),
        );
        summary
    }

    fn kinds(&self) -> [(FailOn, &'static str, &[String]); 4] {
        [
            (FailOn::Denied, "denied", &self.denied),
            (FailOn::Failed, "failed", &self.failed),
            (FailOn::Overruled, "overruled", &self.overruled),
            (FailOn::Bypass, "bypassed the tools", &self.bypassed),
        ]
    }

    /// The line; none if there is nothing to say.
    pub fn line(&self, settled: Option<&SettleResult>) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(report) = settled.filter(|report| self.requests > 0 || !report.plan.changes.is_empty()) {
            parts.push(format!("recorded {}", count(self.requests, "request")));
            let changes = count(report.plan.changes.len(), "change");
            parts.push(format!("settled {changes} for {}", count(report.plugins, "plugin")));
        }
        for (_, word, list) in self.kinds() {
            if !list.is_empty() {
                let more = match list.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let named: Vec<&str> = list.iter().take(NAMED).map(String::as_str).collect();
                parts.push(format!("{word}: {}{more}", named.join(", ")));
            }
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Whether any of these reasons to fail is there.
    pub fn fails(&self, on: &[FailOn]) -> bool {
        self.kinds().iter().any(|(kind, _, list)| on.contains(kind) && !list.is_empty())
    }
}
