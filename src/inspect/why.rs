//! Why something is as it is: which package's scriptlet asked for it, with which command.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::files::{self, ScriptletEntry};
use super::log::LoggedIntent;
use super::thing::Query;
use super::{View, words};
use crate::firewall::definitions::Definitions;
use crate::journal::{Event, Verdict};
use crate::plan::DesiredFile;
use crate::root::Root;

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// What was asked about.
    pub thing: String,
    /// Plugins that want it now.
    pub wanted_by: BTreeSet<String>,
    /// Plugins that policy denies it now.
    pub denied_to: BTreeSet<String>,
    /// Plugins that asked for it or against it and do not count, with who decided.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overruled: BTreeMap<String, String>,
    /// Files of metadata that declare it.
    pub declared: BTreeSet<String>,
    /// For a file that settling writes: what it holds, in words.
    pub generated: Option<String>,
    /// The requests that were about it, oldest first.
    pub reasons: Vec<Reason>,
    /// For a path: the scriptlets that changed it, oldest first.
    pub files: Vec<ScriptletEntry>,
}

/// One request that was about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
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
    /// Who, in words.
    pub origin: String,
    /// The command as typed.
    pub command: String,
    /// Its exit code.
    pub exit: u8,
    /// What policy said.
    pub verdict: Verdict,
    /// What was asked for.
    pub intents: Vec<LoggedIntent>,
    /// Whether the plugin still wants it.
    pub wanted: bool,
}

/// Everything that is recorded about `thing`: a port (`8080`, `8080/tcp`), a path, or the name of
/// a unit, service, interface or zone.
pub fn why(root: &Root, view: &View, thing: &str) -> Answer {
    let definitions = Definitions::new(root);
    let asked = Query::parse(thing);
    let state = &view.prepared.fold.state;
    let file = match &asked {
        Query::Path(path) => view.prepared.desired.iter().find(|file| *path == file.path.as_str()),
        _ => None,
    };
    let mut answer = Answer {
        thing: thing.to_owned(),
        generated: file.map(|file| file.why.clone()),
        ..Answer::default()
    };
    let mut standing = BTreeSet::new();
    for (name, plugin) in &state.plugins {
        for want in plugin.wants.iter().chain(&plugin.deferred) {
            let in_file = file.is_some_and(|file| want.events.iter().any(|id| file.because.contains(id)));
            if in_file || asked.is_of(&want.intent, &definitions) {
                answer.wanted_by.insert(name.clone());
                standing.extend(want.events.iter().copied());
                answer.declared.extend(want.declared.iter().cloned());
            }
        }
    }
    for (name, plugin) in &state.plugins {
        if plugin.denied.iter().any(|denied| asked.is_of(&denied.held.intent, &definitions)) {
            answer.denied_to.insert(name.clone());
        }
    }
    for (name, plugin) in &state.plugins {
        let of_it = plugin.overruled.iter().filter(|one| asked.is_of(&one.want.intent, &definitions));
        for one in of_it {
            answer.overruled.insert(name.clone(), words::overruled(one));
        }
    }
    for event in &view.journal.events {
        let intents = intents(event, &asked, &definitions, file);
        if !intents.is_empty() || asked.was_changed_by(event) {
            answer.reasons.push(reason(event, intents, standing.contains(&event.id)));
        }
    }
    if let Query::Path(path) = &asked {
        answer.files = files::changes_of(root, &view.audit, path);
        note_path_wants(view, &mut answer);
    }
    answer
}

/// A path that requests changed is wanted by the plugins whose intents rest on these requests.
fn note_path_wants(view: &View, answer: &mut Answer) {
    let state = &view.prepared.fold.state;
    for reason in &mut answer.reasons {
        for (name, plugin) in &state.plugins {
            let mut wants = plugin.wants.iter().chain(&plugin.deferred);
            if wants.any(|want| want.events.contains(&reason.event)) {
                reason.wanted = true;
                answer.wanted_by.insert(name.clone());
            }
        }
    }
}

fn intents(
    event: &Event,
    asked: &Query,
    definitions: &Definitions,
    file: Option<&DesiredFile>,
) -> Vec<LoggedIntent> {
    let whole = asked.was_changed_by(event) || file.is_some_and(|file| file.because.contains(&event.id));
    let about = event
        .intents
        .iter()
        .filter(|recorded| whole || asked.is_of(&recorded.intent, definitions));
    let held = event.held.iter().filter(|held| whole || asked.is_of(&held.intent, definitions));
    about
        .map(|recorded| LoggedIntent::of(event, recorded))
        .chain(held.map(LoggedIntent::held))
        .collect()
}

fn reason(event: &Event, intents: Vec<LoggedIntent>, wanted: bool) -> Reason {
    Reason {
        event: event.id,
        time: event.time.clone(),
        package: event.origin.nevra.clone(),
        scriptlet: event.origin.scriptlet.clone(),
        arg: event.origin.arg,
        origin: words::origin(event),
        command: words::command(event),
        exit: event.exit,
        verdict: event.verdict,
        intents,
        wanted,
    }
}
