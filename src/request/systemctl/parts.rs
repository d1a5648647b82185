//! The intents of a systemctl call before it is carried out.

use std::ffi::OsString;

use super::runtime;
use crate::argv::systemctl::{Options, Request, parse, verbs};
use crate::config::Answers;
use crate::intent::{DeferredVerb, Intent, UnitWant};
use crate::request::parts::{Part, unit_intent};
use crate::unit::mangle::mangle;
use crate::unit::name::base_name;

/// As which systemd words are read: the one that knows most. What another one refuses has no effect,
/// whatever policy says of it.
const GENERATION: u16 = 262;

/// The parts of a call.
pub fn parts(argv0: &str, args: &[OsString]) -> Vec<Part> {
    let Ok(Request::Verb {
        options,
        verb: Some(verb),
        arguments,
    }) = parse(argv0, args, GENERATION, Answers::Image)
    else {
        return Vec::new();
    };
    match verbs::find(&verb, crate::unit::generation::Generation(GENERATION).0, Answers::Image) {
        Some(verb) => of_verb(&options, verb.name, &arguments),
        None => Vec::new(),
    }
}

fn of_verb(options: &Options, verb: &str, arguments: &[String]) -> Vec<Part> {
    let scope = options.scope;
    let each = |intent: &dyn Fn(String) -> Vec<Intent>| {
        arguments.iter().map(|word| Part::of(word, intent(unit_name(word, ".service")))).collect()
    };
    let set = |want, now: Option<DeferredVerb>| {
        each(&move |unit: String| {
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
        "preset-all" => vec![Part::whole(unit_intent(
            "*".into(),
            UnitWant::PresetIgnore,
            scope,
        ))],
        "add-wants" | "add-requires" => of_dependency(verb, arguments),
        "set-default" => {
            let unit = arguments.first().map(|word| unit_name(word, ".target"));
            unit.map(|unit| Part::whole(Intent::DefaultTarget { unit })).into_iter().collect()
        }
        _ => runtime::parts(options, verb, arguments),
    }
}

fn of_dependency(verb: &str, arguments: &[String]) -> Vec<Part> {
    let Some((target, others)) = arguments.split_first() else {
        return Vec::new();
    };
    let target = unit_name(target, ".target");
    let part = |word: &String| {
        let intent = Intent::Dependency {
            unit: unit_name(word, ".service"),
            target: target.clone(),
            dependency: verb.trim_start_matches("add-").to_owned(),
        };
        Part::of(word, [intent])
    };
    others.iter().map(part).collect()
}

/// The name of a unit given by name or path.
fn unit_name(word: &str, suffix: &str) -> String {
    if word.contains('/') {
        return base_name(word).to_owned();
    }
    mangle(word, "", suffix, false).map_or_else(|| word.to_owned(), |mangled| mangled.name)
}
