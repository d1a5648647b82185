//! The rules of all files together.

use crate::policy::decision::Decision;
use crate::policy::matching::fits;
use crate::policy::query::{Lookup, PolicyQuery};
use crate::policy::rule::{Prefer, Rule};

/// All rules of an image, in the order in which they are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// From the first file's first to the last file's last.
    pub rules: Vec<Rule>,
    /// What the last file that says so prefers.
    pub prefer: Prefer,
    /// Whether a file could not be read: then requests that affect the whole system are denied.
    pub cautious: bool,
}

impl Rules {
    /// Whether there is anything to be asked.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && !self.cautious
    }

    /// The decision about an intent: that of the last rule that matches.
    pub(crate) fn decide(&self, query: &PolicyQuery, lookup: &dyn Lookup) -> Decision {
        if let Some(rule) = self.rules.iter().rev().find(|rule| fits(rule, query, lookup)) {
            return Decision {
                verdict: rule.verdict,
                exit: rule.exit,
                rule: Some(rule.id.clone()),
                reason: rule.reason.clone(),
            };
        }
        if self.cautious && query.intent.is_global() {
            Decision::cautious()
        } else {
            Decision::default()
        }
    }
}
