//! The journal, request by request.

use std::borrow::Cow;

use serde::Serialize;

use super::words;
use crate::intent::{RecordedIntent, Withheld};
use crate::journal::{Event, Replayed, Verdict};
use crate::tool::Tool;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The event's number.
    pub event: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The package, if it is known: `nevra` in JSON.
    #[serde(rename = "nevra")]
    pub package: Option<String>,
    /// The scriptlet, if it is known.
    pub scriptlet: Option<String>,
    /// Its `$1`, if it is known.
    pub arg: Option<u32>,
    /// The tool.
    pub tool: Tool,
    /// The image and event that it was carried over from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
    /// The command as typed.
    pub command: String,
    /// Its exit code.
    pub exit: u8,
    /// What policy said.
    pub verdict: Verdict,
    /// What it asked for.
    pub intents: Vec<LoggedIntent>,
    /// The paths that it changed.
    pub paths: Vec<String>,
    /// What an administrator should know of it.
    pub warnings: Vec<String>,
}

/// One thing that a request asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoggedIntent {
    /// The intent in words: `text` in JSON.
    #[serde(rename = "text")]
    pub intent: String,
    /// `done`, `already so`, `deferred`, `failed`, `carried over`, or `denied`, `put off` or `ignored by policy`.
    pub outcome: &'static str,
    /// The rule that held it back, with its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl LoggedIntent {
    pub(super) fn of(event: &Event, recorded: &RecordedIntent) -> LoggedIntent {
        LoggedIntent {
            intent: words::intent(&recorded.intent),
            outcome: words::outcome(event, recorded),
            rule: None,
        }
    }

    pub(super) fn held(held: &Withheld) -> LoggedIntent {
        LoggedIntent {
            intent: words::intent(&held.intent),
            outcome: words::held(held),
            rule: Some(words::rule(held)),
        }
    }
}

/// Every request of these events, or those of one plugin; queries only if `all`.
pub fn log(events: &[Event], plugin: Option<&str>, all: bool) -> Vec<Entry> {
    let is_wanted = |event: &&Event| {
        let of_plugin = plugin.is_none_or(|plugin| name(event) == plugin);
        let says_something = !event.intents.is_empty()
            || !event.held.is_empty()
            || !event.changes.is_empty()
            || !event.warnings.is_empty();
        of_plugin && (all || says_something)
    };
    events.iter().filter(is_wanted).map(entry).collect()
}

pub(super) fn name(event: &Event) -> Cow<'_, str> {
    event.origin.name()
}

fn entry(event: &Event) -> Entry {
    Entry {
        event: event.id,
        time: event.time.clone(),
        package: event.origin.nevra.clone(),
        scriptlet: event.origin.scriptlet.clone(),
        arg: event.origin.arg,
        tool: event.tool,
        replayed: event.replayed.clone(),
        command: words::command(event),
        exit: event.exit,
        verdict: event.verdict,
        intents: event
            .intents
            .iter()
            .map(|recorded| LoggedIntent::of(event, recorded))
            .chain(event.held.iter().map(LoggedIntent::held))
            .collect(),
        paths: event.changes.iter().map(|change| change.path.shown()).collect(),
        warnings: event.warnings.clone(),
    }
}
