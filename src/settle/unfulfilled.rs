//! What waits for a boot and will not be done by any: a warning each.

use super::first_boot::unaided;
use crate::backend::{first_boot, systemd};
use crate::boot::{Disposition, disposition};
use crate::intent::Intent;
use crate::plan::{Note, words};
use crate::policy::Decision;
use crate::root::Root;
use crate::state::{ActiveIntent, State};
use crate::sysv::native::is_sysv;

const NO_NODESHIM: &str = "it waits for the boot, and nodeshim is not in this image";
const NO_SYSTEMD: &str = "the image has no systemd, and no run level starts it";

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

/// Why no boot will do it, if none will.
fn why(root: &Root, intent: &Intent, decision: &dyn Fn() -> Decision) -> Option<&'static str> {
    match disposition(intent, decision) {
        Disposition::Nothing(reason) => reason.is_loss().then(|| reason.sentence()),
        // It means the units that were running, and a boot starts all of these.
        Disposition::Match => None,
        Disposition::Job(_) | Disposition::Counts if first_boot::has_nodeshim(root) => None,
        Disposition::Job(_) | Disposition::Counts if is_sysv(root) => {
            (!is_started_by_run_levels(root, intent)).then_some(NO_SYSTEMD)
        }
        Disposition::Job(_) | Disposition::Counts => unaided(intent).is_none().then_some(NO_NODESHIM),
    }
}

/// Whether the unit is an init script that is on.
fn is_started_by_run_levels(root: &Root, intent: &Intent) -> bool {
    let Intent::Defer { unit, .. } = intent else {
        return false;
    };
    systemd::unit_state(root, unit).is_some_and(|state| state.is_enabled())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::boot::Reason;
    use crate::intent::{DeferredVerb, FirewallItem, Scope, UnitWant, Verdict};
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
        let deferred = intents.into_iter().map(|intent| ActiveIntent::new(intent, vec![3]));
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
            line("enable a.service for all users", Reason::NeedsItsTool.sentence()),
            line("start b.service for the calling user at boot", Reason::NoUserManager.sentence()),
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
        assert_eq!(told(&root, ""), [of_all.as_slice(), &[isolate(Reason::NotAllowed.sentence())]].concat());
    }
}
