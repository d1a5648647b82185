//! A finding: what is wrong with a plugin, or could be better.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It will not work as it is.
    Error,
    /// It may not work as it is meant.
    Warning,
    /// It works; there is a better way to write it.
    Note,
}

/// The rules, which nodeshim-lint(7) describes.
pub const RULES: [&str; 18] = [
    "bypass",
    "by-hand",
    "declare",
    "init-script",
    "metadata",
    "no-preun",
    "other-port",
    "path",
    "piped-shell",
    "policy",
    "privileged",
    "put-off",
    "runtime-only",
    "unclear",
    "unit-name",
    "usage",
    "vdsm-hook",
    "whole-node",
];

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name, one of [`RULES`].
    pub rule: &'static str,
    /// A scriptlet's kind, or a path.
    pub place: String,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// What was found.
    pub text: String,
    /// What could be written instead.
    pub instead: Option<String>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        rule: &'static str,
        place: &str,
        line: Option<usize>,
        text: impl Into<String>,
    ) -> Finding {
        debug_assert!(RULES.contains(&rule), "{rule}");
        Finding {
            severity,
            rule,
            place: place.to_owned(),
            line,
            text: text.into(),
            instead: None,
        }
    }
}
