//! Verbs that need a running systemd (VERB_ONLINE_ONLY in systemctl.c): the original ignores them
//! in a chroot. What they ask for is recorded as intents for the boot.

use crate::argv::systemctl::Options;
use crate::config::RuntimeQueries;
use crate::intent::{DeferredVerb, Intent, NoteSeverity, Scope};
use crate::request::clause::{Clause, Position};
use crate::unit::escape::path_unit;
use crate::unit::generation::Generation;
use crate::unit::log::Level;
use crate::unit::mangle::mangle;

use super::session::Session;

/// Says that the verb is ignored, and keeps what it asks for.
pub(super) fn execute(session: &mut Session, verb: &str, arguments: &[String]) {
    if session.call.config.shims.runtime_queries == RuntimeQueries::Truthful
        && answer_truthfully(session, verb, arguments)
    {
        return;
    }
    let text = session.style.ignored(verb, !session.options.no_verb);
    session.say(Level::Info, text);
    record(session, verb, arguments);
}

/// Nothing runs in an image: prints `inactive` for each unit and exits 3, which is
/// EXIT_PROGRAM_NOT_RUNNING of verb_is_active(); `is-failed` exits 1.
fn answer_truthfully(session: &mut Session, verb: &str, arguments: &[String]) -> bool {
    let exit = match verb {
        "is-active" | "check" => 3,
        "is-failed" => 1,
        _ => return false,
    };
    if !session.options.quiet {
        for _ in arguments {
            session.reply.output.out_line("inactive");
        }
    }
    session.reply.exit = exit;
    true
}

fn record(session: &mut Session, verb: &str, arguments: &[String]) {
    if let Some(deferred) = deferred(verb) {
        return defer(session, deferred, arguments);
    }
    match verb {
        "set-property" => set_property(session, arguments),
        _ if is_power(verb) => note(session, NoteSeverity::High, verb, arguments),
        "clean" | "set-environment" | "unset-environment" | "import-environment" | "bind" | "mount-image" => {
            note(session, NoteSeverity::Low, verb, arguments);
        }
        _ => {}
    }
}

/// The verb that each verb for units is recorded as.
///
/// Old names are those of the table of verbs in systemctl.c (257), which says where each comes from.
fn deferred(verb: &str) -> Option<DeferredVerb> {
    Some(match verb {
        "start" => DeferredVerb::Start,
        "stop" | "condstop" => DeferredVerb::Stop,
        "restart" => DeferredVerb::Restart,
        "try-restart" | "condrestart" => DeferredVerb::TryRestart,
        "reload" => DeferredVerb::Reload,
        "reload-or-restart" => DeferredVerb::ReloadOrRestart,
        "try-reload-or-restart" | "reload-or-try-restart" | "force-reload" | "condreload" => {
            DeferredVerb::TryReloadOrRestart
        }
        "isolate" => DeferredVerb::Isolate,
        "kill" => DeferredVerb::Kill,
        _ => return None,
    })
}

fn is_power(verb: &str) -> bool {
    matches!(
        verb,
        "halt"
            | "poweroff"
            | "reboot"
            | "kexec"
            | "soft-reboot"
            | "sleep"
            | "suspend"
            | "hibernate"
            | "hybrid-sleep"
            | "suspend-then-hibernate"
            | "default"
            | "rescue"
            | "emergency"
            | "exit"
            | "switch-root"
    )
}

fn defer(session: &mut Session, verb: DeferredVerb, arguments: &[String]) {
    let suffix = suffix_of(verb);
    for argument in arguments {
        if let Some(unit) = unit_of(argument, suffix) {
            let scope = session.options.scope;
            session.intent(Intent::Defer { verb, unit, scope }, false);
        }
    }
}

/// Markers ask for a restart or reload later (systemctl(1), set-property Markers=, as rpm's file
/// triggers do); other properties are only noted.
fn set_property(session: &mut Session, arguments: &[String]) {
    let Some((unit, properties)) = arguments.split_first() else {
        return;
    };
    for property in properties {
        let verbs = marked(property);
        if verbs.is_empty() {
            note(session, NoteSeverity::Low, "set-property", &[unit.clone(), property.clone()]);
        }
        for verb in verbs {
            defer(session, verb, std::slice::from_ref(unit));
        }
    }
}

/// What the markers of a property `Markers=` ask for (org.freedesktop.systemd1(5)).
fn marked(property: &str) -> Vec<DeferredVerb> {
    let markers = property.strip_prefix("Markers=").unwrap_or_default();
    let has =
        |marker: &str| markers.split_ascii_whitespace().any(|word| word.trim_start_matches('+') == marker);
    let known = [
        ("needs-restart", DeferredVerb::TryRestart),
        ("needs-reload", DeferredVerb::Reload),
    ];
    known.into_iter().filter(|(marker, _)| has(marker)).map(|(_, verb)| verb).collect()
}

fn note(session: &mut Session, severity: NoteSeverity, verb: &str, arguments: &[String]) {
    let words: Vec<&str> = [session.call.argv0, verb]
        .into_iter()
        .chain(arguments.iter().map(String::as_str))
        .collect();
    let intent = Intent::Note {
        severity,
        text: words.join(" "),
    };
    session.intent(intent, false);
}

/// What such a verb asks for.
pub(super) fn clauses(options: &Options, verb: &str, arguments: &[String]) -> Vec<Clause> {
    let scope = options.scope;
    if let Some(verb) = deferred(verb) {
        let intent = |word: &str| {
            let unit = unit_of(word, suffix_of(verb))?;
            Some(Intent::Defer { verb, unit, scope })
        };
        return Clause::each(arguments, |word| intent(word).into_iter().collect());
    }
    if let ("set-property", [unit, properties @ ..]) = (verb, arguments) {
        return marks(unit, properties, scope);
    }
    if is_power(verb) {
        return vec![Clause::whole(Intent::Note {
            severity: NoteSeverity::High,
            text: format!("systemctl {verb}"),
        })];
    }
    Vec::new()
}

/// A property can be left out if others are set as well.
fn marks(unit: &str, properties: &[String], scope: Scope) -> Vec<Clause> {
    let Some(unit) = unit_of(unit, ".service") else {
        return Vec::new();
    };
    let clause = |(at, property): (usize, &String)| {
        let intent = |verb| Intent::Defer {
            verb,
            unit: unit.clone(),
            scope,
        };
        let intents: Vec<Intent> = marked(property).into_iter().map(intent).collect();
        (!intents.is_empty()).then(|| Clause::at(Position::Argument(at + 1), property, intents))
    };
    properties.iter().enumerate().filter_map(clause).collect()
}

fn suffix_of(verb: DeferredVerb) -> &'static str {
    match verb {
        DeferredVerb::Isolate => ".target",
        _ => ".service",
    }
}

/// The unit that an argument of a runtime verb names: paths are devices and mount points.
fn unit_of(argument: &str, suffix: &str) -> Option<String> {
    path_unit(argument)
        .or_else(|| mangle(argument, "", suffix, true, Generation::NEWEST).map(|mangled| mangled.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_arguments_are_units_globs_or_paths() {
        let cases = [
            ("demo", "demo.service"),
            ("foo*", "foo*"),
            ("/home/a-b", r"home-a\x2db.mount"),
            ("/dev/sda1", "dev-sda1.device"),
            ("/", "-.mount"),
        ];
        for (argument, unit) in cases {
            assert_eq!(unit_of(argument, ".service").as_deref(), Some(unit));
        }
        assert_eq!(unit_of("rescue", ".target").as_deref(), Some("rescue.target"));
    }

    #[test]
    fn compatibility_names_have_a_canonical_verb() {
        assert_eq!(deferred("condrestart"), Some(DeferredVerb::TryRestart));
        assert_eq!(deferred("force-reload"), Some(DeferredVerb::TryReloadOrRestart));
        assert_eq!(deferred("daemon-reload"), None);
    }
}
