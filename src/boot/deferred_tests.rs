//! Deferred requests over several boots: each is carried out once.

use super::super::JobResult;
use super::super::applied::Attempt;
use super::super::pending::MOST_ATTEMPTS;
use super::*;
use crate::intent::DeferredVerb;
use crate::policy::RuleId;

fn want(intent: Intent, event: u64) -> ActiveIntent {
    ActiveIntent::new(intent, vec![event])
}

fn state_of(verb: DeferredVerb, unit: &str, scope: Scope) -> State {
    let unit = unit.into();
    let plugin = Plugin {
        nevra: Some("p-1-1.noarch".into()),
        deferred: vec![want(Intent::Defer { verb, unit, scope }, 5)],
        ..Plugin::default()
    };
    State {
        plugins: BTreeMap::from([("p".to_owned(), plugin)]),
        ..State::default()
    }
}

fn state(verb: DeferredVerb, unit: &str) -> State {
    state_of(verb, unit, Scope::System)
}

fn attempt(verb: &str, unit: &str, pattern: Option<&str>, result: Option<&str>, attempts: u32) -> Attempt {
    Attempt {
        plugin: "p".into(),
        nevra: Some("p-1-1.noarch".into()),
        verb: verb.into(),
        unit: unit.into(),
        scope: Scope::System,
        pattern: pattern.map(str::to_owned),
        boot: "x".into(),
        attempts,
        result: result.map(|word| JobResult::from(word.to_owned())),
    }
}

fn applied(attempts: Vec<Attempt>) -> Applied {
    let mut applied = Applied::default();
    applied.attempts = attempts;
    applied
}

/// Judges on a node on which units run as given, with everything allowed but `held`.
fn judged(state: &State, applied: &Applied, units: &[(&str, &str)], held: &str) -> Vec<Deferred> {
    let activity = |active: &str| Activity {
        active: active.into(),
        since: 50,
        file: "static".into(),
    };
    let activity = units.iter().map(|(unit, active)| (unit.to_string(), activity(active))).collect();
    let names = units.iter().map(|(unit, _)| unit.to_string()).collect();
    let decision = |_: &str, want: &ActiveIntent| match &want.intent {
        Intent::Defer { unit, .. } if unit == held => Decision {
            verdict: Verdict::Ignore,
            rule: RuleId::parse("f: r"),
            ..Decision::default()
        },
        _ => Decision::default(),
    };
    let look = Look {
        applied,
        activity: Some(&activity),
        matches: &BTreeMap::from([("a*".to_owned(), names)]),
        kept: &BTreeSet::new(),
        time_of: &|_| 100,
        decision: &decision,
    };
    deferred(state, &look)
}

#[test]
fn deferred_start_is_done_once_and_retried_once_after_a_failure() {
    let state = state(DeferredVerb::Start, "a.service");
    let after = |result: Option<&str>, attempts| {
        let applied = applied(vec![attempt("start", "a.service", None, result, attempts)]);
        needs(&state, &applied, &BTreeMap::new()).len()
    };
    assert_eq!(after(Some("done"), 1), 0);
    assert_eq!(after(Some("failed"), 1), 1);
    assert_eq!(after(None, 1), 1, "killed while it was under way");
    assert_eq!(after(Some("failed"), MOST_ATTEMPTS), 0);
}

#[test]
fn a_later_disable_of_the_plugin_counts() {
    let mut state = state(DeferredVerb::Start, "a.service");
    let disable = Intent::Unit {
        unit: "a.service".into(),
        want: UnitWant::Disable,
        scope: Scope::System,
        rule: None,
    };
    state.plugins.get_mut("p").unwrap().wants.push(want(disable, 9));
    let judged = judged(&state, &Applied::default(), &[("a.service", "inactive")], "");
    assert_eq!((judged[0].job, judged[0].settled), (None, true));
}

#[test]
fn a_pattern_stands_for_what_it_matches_on_the_node() {
    let state = state(DeferredVerb::Restart, "a*");
    let units = [
        ("a1.service", "active"),
        ("a2.service", "failed"),
        ("a3.service", "activating"),
        ("a4.service", "active"),
    ];
    let all = judged(&state, &Applied::default(), &units, "a4.service");
    let told: Vec<_> = all.iter().map(|one| (one.unit.as_str(), one.job, one.settled)).collect();
    let expected = [
        ("a*", None, true),
        ("a1.service", Some(Job::Restart), false),
        ("a2.service", Some(Job::Start), false),
        ("a3.service", None, true),
        ("a4.service", None, true),
    ];
    assert_eq!(told, expected);
    assert_eq!(all[0].matched.as_ref().map(Vec::len), Some(4));
    assert_eq!(all[4].reason.as_deref(), Some("held back by policy (f: r)"));
    assert!(all[1..].iter().all(|one| one.pattern.as_deref() == Some("a*")));
    // Nothing that matches is fine, too.
    let none = judged(&state, &Applied::default(), &[], "");
    assert_eq!((none.len(), none[0].settled, none[0].matched.as_deref()), (1, true, Some(&[][..])));
}

#[test]
fn deferred_pattern_is_retried_for_the_units_it_matched_first() {
    let state = state(DeferredVerb::Restart, "a*");
    let applied = applied(vec![
        attempt("restart", "a*", None, Some("matched"), 0),
        attempt("restart", "a1.service", Some("a*"), Some("done"), 1),
        attempt("restart", "a2.service", Some("a*"), Some("failed"), 1),
        attempt("start", "a3.service", Some("a*"), Some("failed"), 1),
    ]);
    assert!(super::super::patterns(&state, &applied).is_empty());
    let again = judged(&state, &applied, &[("a2.service", "failed"), ("a5.service", "failed")], "");
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!((again[0].unit.as_str(), again[0].job), ("a2.service", Some(Job::Start)));
}

#[test]
fn isolating_takes_a_rule_and_is_tried_once() {
    let state = state(DeferredVerb::Isolate, "a.target");
    let look = |applied: &Applied, rule: &str| {
        let decision = |_: &str, _: &ActiveIntent| Decision {
            rule: RuleId::parse(rule),
            ..Decision::default()
        };
        let look = Look {
            applied,
            activity: None,
            matches: &BTreeMap::new(),
            kept: &BTreeSet::new(),
            time_of: &|_| 0,
            decision: &decision,
        };
        deferred(&state, &look).iter().map(|one| one.job).collect::<Vec<_>>()
    };
    assert_eq!(look(&Applied::default(), ""), []);
    assert_eq!(look(&Applied::default(), "site.toml: a rule"), [Some(Job::Isolate)]);
    let interrupted = applied(vec![attempt("isolate", "a.target", None, None, 1)]);
    assert_eq!(look(&interrupted, "site.toml: a rule"), []);
}

#[test]
fn what_was_asked_of_users_managers_is_told_once() {
    let state = state_of(DeferredVerb::Start, "a.service", Scope::User);
    let told = judged(&state, &Applied::default(), &[], "");
    assert_eq!((told.len(), told[0].job, told[0].settled), (1, None, true));
    let mut noted = attempt("start", "a.service", None, Some("not-needed"), 0);
    noted.scope = Scope::User;
    assert!(judged(&state, &applied(vec![noted]), &[], "").is_empty());
}
