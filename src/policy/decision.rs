//! What policy says of an intent, and what decided.

use std::fmt;

use crate::intent::{Intent, Verdict, Withheld};

/// With which exit code a denied call ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Exit {
    /// The tool's own code for what it refuses.
    #[default]
    Tool,
    /// This one.
    Code(u8),
}

/// Where a rule is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleSource {
    /// A policy file of the image, by its name without its directory.
    File(String),
    /// `run --policy`: it counts as long as that run lasts.
    Run,
}

/// A rule by its source and its name in it. In the journal it is `FILE: NAME` or `run: NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleId {
    /// The source.
    pub source: RuleSource,
    /// What it is called, or its number in its file: `#2`.
    pub name: String,
}

/// What a rule of a run is recorded under. Files of a policy have names that end in `.toml`.
const RUN: &str = "run";

impl RuleId {
    /// Reads a recorded rule; none where no rule decided.
    pub fn parse(recorded: &str) -> Option<RuleId> {
        let (source, name) = recorded.split_once(": ")?;
        Some(RuleId {
            source: RuleSource::of(source),
            name: name.to_owned(),
        })
    }
}

impl From<&str> for RuleSource {
    fn from(file: &str) -> Self {
        RuleSource::File(file.to_owned())
    }
}

impl RuleSource {
    /// The source of that name.
    fn of(name: &str) -> RuleSource {
        if name == RUN {
            RuleSource::Run
        } else {
            RuleSource::File(name.to_owned())
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            RuleSource::File(name) => name,
            RuleSource::Run => RUN,
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.source.name(), self.name)
    }
}

/// What the rules say of an intent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// For a denial.
    pub exit: Exit,
    /// The rule that decided; none if no rule matches, or if policy cannot be read.
    pub rule: Option<RuleId>,
    /// Its reason.
    pub reason: String,
}

/// What is recorded in place of a rule where a policy file cannot be read.
const UNREADABLE: &str = "unreadable policy";

impl Decision {
    /// The denial of what affects the whole system while a policy file cannot be read.
    pub(super) fn cautious() -> Decision {
        Decision {
            verdict: Verdict::Deny,
            reason: "a policy file cannot be read".to_owned(),
            ..Decision::default()
        }
    }

    /// What decided, as it is recorded; empty if nothing did.
    pub fn because(&self) -> String {
        match &self.rule {
            Some(rule) => rule.to_string(),
            None if self.verdict == Verdict::Allow => String::new(),
            None => UNREADABLE.to_owned(),
        }
    }

    /// What decided and why, for people; empty if nothing did.
    pub(crate) fn explanation(&self) -> String {
        match (self.because(), self.reason.as_str()) {
            (because, "") => because,
            (because, reason) => format!("{because}: {reason}"),
        }
    }

    /// The record of an intent that is held back.
    pub(crate) fn withhold(&self, intent: &Intent) -> Withheld {
        Withheld {
            intent: intent.clone(),
            verdict: self.verdict,
            because: self.because(),
            reason: self.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_a_run_and_of_files_are_told_apart_by_what_is_recorded() {
        for (recorded, source) in [
            ("run: no-ssh", Some(RuleSource::Run)),
            ("node.toml: #2", Some(RuleSource::File("node.toml".to_owned()))),
            ("run.toml: a: b", Some(RuleSource::File("run.toml".to_owned()))),
            ("unreadable policy", None),
            ("", None),
        ] {
            let rule = RuleId::parse(recorded);
            assert_eq!(rule.as_ref().map(|rule| &rule.source), source.as_ref());
            assert!(rule.is_none_or(|rule| rule.to_string() == recorded));
        }
        assert_eq!(Decision::cautious().because(), "unreadable policy");
        assert_eq!(Decision::default().because(), "");
    }
}
