//! The clauses of a systemctl request.

use super::runtime;
use crate::argv::systemctl::{Options, Parsed, Request};
use crate::intent::{DeferredVerb, Intent, UnitWant};
use crate::request::clause::{Clause, unit_intent};
use crate::unit::generation::Generation;
use crate::unit::mangle::mangle;
use crate::unit::name::base_name;

/// What a request asks for; nothing if it was refused for its words.
pub(crate) fn clauses(parsed: &Parsed) -> Vec<Clause> {
    match parsed {
        Ok(Request::Verb {
            options,
            verb,
            arguments,
        }) => of_verb(options, verb.name, arguments),
        Ok(Request::Show(_)) | Err(_) => Vec::new(),
    }
}

/// A request without one of its arguments.
pub(crate) fn without(mut parsed: Parsed, at: usize) -> Parsed {
    if let Ok(Request::Verb { arguments, .. }) = &mut parsed {
        arguments.remove(at);
    }
    parsed
}

fn of_verb(options: &Options, verb: &str, arguments: &[String]) -> Vec<Clause> {
    let scope = options.scope;
    let set = |want, now: Option<DeferredVerb>| {
        Clause::each(arguments, |word| {
            let unit = unit_name(word, ".service");
            let now = now.filter(|_| options.now);
            let later = now.map(|verb| Intent::Defer {
                verb,
                unit: unit.clone(),
                scope,
            });
            std::iter::once(unit_intent(unit, want, scope)).chain(later).collect()
        })
    };
    match verb {
        "enable" => set(UnitWant::Enable, Some(DeferredVerb::Start)),
        "reenable" => set(UnitWant::Enable, Some(DeferredVerb::TryRestart)),
        "disable" => set(UnitWant::Disable, Some(DeferredVerb::Stop)),
        "mask" => set(UnitWant::Mask, Some(DeferredVerb::Stop)),
        "unmask" => set(UnitWant::Unmask, None),
        "link" => set(UnitWant::Link, None),
        "revert" => set(UnitWant::Revert, None),
        "edit" => set(UnitWant::Edit, None),
        "preset" => set(UnitWant::PresetIgnore, None),
        "preset-all" => vec![Clause::whole(unit_intent(
            "*".into(),
            UnitWant::PresetIgnore,
            scope,
        ))],
        "add-wants" | "add-requires" => of_dependency(verb, arguments),
        "set-default" => {
            let unit = arguments.first().map(|word| unit_name(word, ".target"));
            unit.map(|unit| Clause::whole(Intent::DefaultTarget { unit })).into_iter().collect()
        }
        _ => runtime::clauses(options, verb, arguments),
    }
}

fn of_dependency(verb: &str, arguments: &[String]) -> Vec<Clause> {
    let Some((target, _)) = arguments.split_first() else {
        return Vec::new();
    };
    let target = unit_name(target, ".target");
    let mut clauses = Clause::each(arguments, |word| {
        vec![Intent::Dependency {
            unit: unit_name(word, ".service"),
            target: target.clone(),
            dependency: verb.trim_start_matches("add-").to_owned(),
        }]
    });
    // The first argument is the target.
    clauses.remove(0);
    clauses
}

/// The name of a unit given by name or path.
fn unit_name(word: &str, suffix: &str) -> String {
    if word.contains('/') {
        return base_name(word).to_owned();
    }
    mangle(word, "", suffix, false, Generation::NEWEST)
        .map_or_else(|| word.to_owned(), |mangled| mangled.name)
}
