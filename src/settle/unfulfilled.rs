//! What waits for a boot and will not be done by any: each is to be told of.

use super::first_boot::postponed;
use crate::backend::{first_boot, systemd};
use crate::boot::{NOT_ALLOWED, is_allowed, is_for_boot, is_pattern};
use crate::intent::{DeferredVerb, Intent, Scope};
use crate::plan::{Note, words};
use crate::policy::Decision;
use crate::root::Root;
use crate::state::{ActiveIntent, State};

const NO_USERS: &str = "there is no user's service manager at a boot";
const PUT_OFF: &str = "policy put it off, and a boot cannot do it: it is left to the administrator";
const NO_NODESHIM: &str = "it waits for the boot, and nodeshim is not in this image";

/// A warning for each intent. `decision` is what policy says of a plugin's intent.
pub(super) fn unfulfilled(
    root: &Root,
    state: &State,
    decision: &dyn Fn(&str, &ActiveIntent) -> Decision,
) -> Vec<Note> {
    let mut notes = Vec::new();
    for (name, plugin) in &state.plugins {
        for want in plugin.deferred.iter().filter(|want| !want.runtime) {
            if let Some(why) = why(root, &want.intent, &|| decision(name, want)) {
                let text = format!("warning: nothing will {}: {why}", words::intent(&want.intent));
                notes.push(Note::new(Some(name), text, &want.events));
            }
        }
    }
    notes
}

/// Why no boot will do it, if none will. What concerns only what was running needs no doing.
fn why(root: &Root, intent: &Intent, decision: &dyn Fn() -> Decision) -> Option<&'static str> {
    let does_it = |by_systemd: bool| match by_systemd || first_boot::has_nodeshim(root) {
        true => None,
        false => Some(NO_NODESHIM),
    };
    match intent {
        Intent::Defer { scope, .. } if *scope != Scope::System => Some(NO_USERS),
        intent if !is_allowed(intent, decision) => Some(NOT_ALLOWED),
        // It stands for what was running: a boot starts all that anew.
        Intent::Defer { verb, unit, .. } if is_pattern(*verb, unit) => None,
        Intent::Defer { verb, unit, .. } => match verb {
            DeferredVerb::Isolate => does_it(false),
            DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart => {
                does_it(systemd::is_unit_name(unit))
            }
            DeferredVerb::Stop
            | DeferredVerb::TryRestart
            | DeferredVerb::Reload
            | DeferredVerb::TryReloadOrRestart
            | DeferredVerb::Kill => None,
        },
        intent if is_for_boot(intent) => does_it(postponed(intent).is_some()),
        _ => Some(PUT_OFF),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::intent::{FirewallItem, UnitWant, Verdict};
    use crate::policy::RuleId;
    use crate::state::Plugin;

    fn defer(verb: DeferredVerb, unit: &str, scope: Scope) -> Intent {
        let unit = unit.into();
        Intent::Defer { verb, unit, scope }
    }

    fn state() -> State {
        let opening = FirewallItem::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let enable = |scope| Intent::Unit {
            unit: "a.service".into(),
            want: UnitWant::Enable,
            scope,
            rule: None,
        };
        let intents = [
            Intent::Allow { opening, zone: None },
            enable(Scope::System),
            enable(Scope::Global),
            defer(DeferredVerb::Start, "a.service", Scope::System),
            defer(DeferredVerb::Restart, "a*", Scope::System),
            defer(DeferredVerb::Kill, "a.service", Scope::System),
            defer(DeferredVerb::Start, "b.service", Scope::User),
            defer(DeferredVerb::Isolate, "c.target", Scope::System),
        ];
        let deferred = intents.into_iter().map(|intent| ActiveIntent {
            intent,
            runtime: false,
            events: vec![3],
            declared: Vec::new(),
            denied_before: Vec::new(),
        });
        let plugin = Plugin {
            deferred: deferred.collect(),
            ..Plugin::default()
        };
        State {
            plugins: BTreeMap::from([("p".to_owned(), plugin)]),
            ..State::default()
        }
    }

    fn told(root: &Root, rule: &str) -> Vec<String> {
        let decision = |_: &str, _: &ActiveIntent| Decision {
            verdict: Verdict::Allow,
            rule: RuleId::parse(rule),
            ..Decision::default()
        };
        unfulfilled(root, &state(), &decision).into_iter().map(|note| note.text).collect()
    }

    #[test]
    fn whatever_no_boot_will_do_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let line = |what: &str, why: &str| format!("warning: nothing will {what}: {why}");
        let of_all = [
            line("enable a.service for all users", PUT_OFF),
            line("start b.service for the calling user at boot", NO_USERS),
        ];
        let isolate = |why| line("isolate c.target at boot", why);
        assert_eq!(
            told(&root, "site.toml: a rule"),
            [
                line("open 80/tcp", NO_NODESHIM),
                of_all[0].clone(),
                of_all[1].clone(),
                isolate(NO_NODESHIM),
            ]
        );
        let units = "/usr/lib/systemd/system";
        root.create_dirs(units, 0o755).unwrap();
        root.write(format!("{units}/nodeshim-apply.service"), b"", None).unwrap();
        assert_eq!(told(&root, "site.toml: a rule"), of_all);
        assert_eq!(told(&root, ""), [of_all.as_slice(), &[isolate(NOT_ALLOWED)]].concat());
    }
}
