//! Tests of the fold.

use proptest::prelude::*;

use super::*;
use crate::attribution::{FoundBy, UNKNOWN};
use crate::intent::{DeferredVerb, FirewallItem, RecordedIntent, UnitWant, Verdict, Withheld};
use crate::rpmdb::Package;
use crate::state::repetitions;
use crate::tool::Tool;

fn event(id: u64, package: &str, scriptlet: &str, arg: u32, intent: Intent) -> Event {
    let origin = Origin {
        found_by: FoundBy::RpmPlugin,
        nevra: Some(format!("{package}-1-1.noarch")),
        scriptlet: Some(scriptlet.into()),
        arg: Some(arg),
        ..Origin::default()
    };
    Event {
        id,
        argv: vec!["firewall-cmd".into()],
        intents: vec![RecordedIntent::new(intent, true)],
        ..Event::new("2024-01-01T00:00:00Z".into(), Tool::FirewallCmd, origin)
    }
}

fn port(port: &str) -> FirewallItem {
    FirewallItem::Port {
        port: port.into(),
        protocol: "tcp".into(),
    }
}

fn allow(number: &str) -> Intent {
    Intent::Allow {
        opening: port(number),
        zone: None,
    }
}

fn withdraw(number: &str) -> Intent {
    Intent::Withdraw {
        opening: port(number),
        zone: None,
    }
}

fn unit(want: UnitWant) -> Intent {
    Intent::Unit {
        unit: "a.service".into(),
        want,
        scope: Default::default(),
        rule: None,
    }
}

fn installed(names: &[&str]) -> Installed {
    let package = |name: &&str| Package {
        name: name.to_string(),
        epoch: None,
        version: "1".into(),
        release: "1".into(),
        arch: "noarch".into(),
    };
    names.iter().map(package).collect()
}

fn run(events: &[Event], names: &[&str], before: &State) -> Fold {
    let facts = Facts {
        installed: &installed(names),
        before,
        default_zone: "public",
    };
    fold(events, &facts)
}

fn intents(fold: &Fold, plugin: &str) -> Vec<Intent> {
    let plugin = fold.state.plugins.get(plugin);
    plugin.map_or(Vec::new(), |plugin| plugin.wants.iter().map(|want| want.intent.clone()).collect())
}

#[test]
fn the_last_intent_on_a_subject_wins_and_opposites_cancel() {
    let before = State::default();
    let events = [
        event(1, "a", "%post", 1, unit(UnitWant::Enable)),
        event(2, "a", "%post", 1, allow("80")),
        event(3, "a", "%post", 1, allow("0080")),
        event(4, "a", "%post", 1, unit(UnitWant::Disable)),
        event(5, "a", "%post", 1, allow("81")),
        event(6, "a", "%post", 1, withdraw("81")),
        event(7, "a", "%post", 1, withdraw("22")),
    ];
    let fold = run(&events, &["a"], &before);
    assert_eq!(intents(&fold, "a"), [allow("0080"), unit(UnitWant::Disable), withdraw("22")]);
    assert_eq!(fold.state.plugins["a"].wants[0].events, [2, 3]);
    assert_eq!(fold.state.plugins["a"].wants[1].events, [4]);
    assert_eq!(fold.state.last_event, 7);
}

/// An intent about a unit, by a rule of our own presets if it is one of presets.
fn of_unit(name: &str, want: UnitWant) -> Intent {
    let rule = matches!(want, UnitWant::PresetEnable | UnitWant::PresetDisable)
        .then(|| "/etc/systemd/system-preset/80-nodeshim-a.preset:2".to_owned());
    Intent::Unit {
        unit: name.into(),
        want,
        scope: Default::default(),
        rule,
    }
}

/// What presets that settling wrote change back is what was asked for before: no decision since is against it.
#[test]
fn own_presets_take_back_what_their_caller_asked_for_since() {
    let enable = |unit| event(1, "a", "%post", 1, of_unit(unit, UnitWant::Enable));
    let preset = |unit| event(3, "b", "%post", 1, of_unit(unit, UnitWant::PresetEnable));
    let asked = |unit, disabled| {
        let disable = event(2, "b", "%post", 1, of_unit(disabled, UnitWant::Disable));
        let fold = run(&[enable(unit), disable, preset(unit)], &["a", "b"], &State::default());
        (intents(&fold, "a"), intents(&fold, "b"))
    };
    let on = |unit| of_unit(unit, UnitWant::Enable);
    assert_eq!(asked("v.service", "v.service"), (vec![on("v.service")], vec![]));
    let (of_a, of_b) = asked("w@i.service", "w@.service");
    assert_eq!(of_a, [on("w@i.service")]);
    assert_eq!(of_b, [of_unit("w@.service", UnitWant::Disable), on("w@i.service")]);
    // Where nothing was to be changed they say nothing new.
    let mut same = preset("v.service");
    same.intents[0].changed = false;
    let disable = event(2, "b", "%post", 1, of_unit("v.service", UnitWant::Disable));
    let fold = run(&[enable("v.service"), disable.clone(), same], &["a", "b"], &State::default());
    assert_eq!(intents(&fold, "b"), [of_unit("v.service", UnitWant::Disable)]);
}

/// What was to be started before a unit or its template was disabled does not come back when presets are applied.
#[test]
fn a_disabled_unit_is_not_started_for_what_was_asked_before() {
    for (unit, disabled) in [("v.service", "v.service"), ("w@i.service", "w@.service")] {
        let start = |id| {
            let verb = DeferredVerb::Start;
            let (unit, scope) = (unit.to_owned(), Default::default());
            event(id, "a", "%post", 1, Intent::Defer { verb, unit, scope })
        };
        let disable = event(2, "a", "%post", 1, of_unit(disabled, UnitWant::Disable));
        let enable = event(3, "a", "%post", 1, of_unit(unit, UnitWant::Enable));
        let deferred = |events: &[Event]| {
            let fold = run(events, &["a"], &State::default());
            fold.state.plugins["a"].deferred.len()
        };
        assert_eq!(deferred(&[start(1)]), 1, "{unit}");
        assert_eq!(deferred(&[start(1), disable.clone(), enable.clone()]), 0, "{unit}");
        assert_eq!(deferred(&[disable, enable, start(4)]), 1, "{unit}");
    }
}

#[test]
fn refcount_keeps_a_port_while_any_plugin_wants_it() {
    let mut second = event(2, "b", "%post", 1, allow("80"));
    second.intents[0].changed = false;
    let events = [event(1, "a", "%post", 1, allow("80")), second];
    let before = State::default();
    let one_left = run(&events, &["b"], &before);
    assert_eq!(one_left.gone.keys().collect::<Vec<_>>(), ["a"]);
    assert!(one_left.withdrawn().is_empty());
    let none_left = run(&events, &[], &one_left.settled());
    assert_eq!(none_left.gone.keys().collect::<Vec<_>>(), ["b"]);
    let withdrawn = none_left.withdrawn();
    assert_eq!(withdrawn.len(), 1);
    assert_eq!(withdrawn[0].0, "b");
}

#[test]
fn requests_that_settling_withdrew_stay_forgotten() {
    let events = [event(1, "a", "%post", 1, allow("80"))];
    let erased = run(&events, &[], &State::default()).settled();
    assert_eq!(erased.forgotten["a"], 1);
    let again = run(&events, &["a"], &erased);
    assert!(again.gone.is_empty());
    assert!(again.state.plugins.is_empty());
}

#[test]
fn an_erasure_between_two_installations_ends_a_life() {
    let events = [
        event(1, "a", "%post", 1, allow("80")),
        event(2, "a", "%preun", 0, unit(UnitWant::Disable)),
        event(3, "a", "%post", 1, allow("81")),
    ];
    let fold = run(&events, &["a"], &State::default());
    assert_eq!(intents(&fold, "a"), [allow("81")]);
    assert_eq!(fold.ended["a"], 2);
    assert!(fold.withdrawn().iter().any(|(_, want)| want.intent == allow("80")));
}

#[test]
fn an_upgrade_does_not_end_a_life_but_a_fresh_installation_does() {
    let mut upgrade = event(2, "a", "%post", 2, allow("81"));
    upgrade.origin.nevra = Some("a-2-1.noarch".into());
    let mut old = event(3, "a", "%postun", 1, allow("82"));
    old.origin.nevra = Some("a-1-1.noarch".into());
    let events = [event(1, "a", "%post", 1, allow("80")), upgrade.clone(), old];
    let fold = run(&events, &["a"], &State::default());
    assert_eq!(intents(&fold, "a").len(), 3);
    upgrade.origin.arg = Some(1);
    let fold = run(&[events[0].clone(), upgrade], &["a"], &State::default());
    assert_eq!(intents(&fold, "a"), [allow("81")]);
}

#[test]
fn nothing_is_gone_without_a_database_or_an_origin() {
    let mut nobody = event(2, "x", "%post", 1, allow("81"));
    nobody.origin = Origin::default();
    let events = [event(1, "a", "%post", 1, allow("80")), nobody];
    let facts = Facts {
        installed: &Installed::default(),
        before: &State::default(),
        default_zone: "public",
    };
    assert!(fold(&events, &facts).gone.is_empty());
    let known = run(&events, &[], &State::default());
    assert_eq!(known.gone.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(intents(&known, UNKNOWN), [allow("81")]);
}

fn held(id: u64, intent: Intent, verdict: Verdict) -> Event {
    let mut event = event(id, "a", "%post", 1, allow("1"));
    event.intents.clear();
    event.verdict = verdict;
    event.held.push(Withheld {
        intent,
        verdict,
        because: "f.toml: #1".into(),
        reason: String::new(),
    });
    event
}

#[test]
fn what_policy_holds_back_is_no_intent_that_stands() {
    let events = [
        held(1, allow("80"), Verdict::Deny),
        held(2, allow("81"), Verdict::Ignore),
        held(3, allow("82"), Verdict::Defer),
        held(4, allow("83"), Verdict::Deny),
        event(5, "a", "%post", 1, allow("83")),
    ];
    let fold = run(&events, &["a"], &State::default());
    let plugin = &fold.state.plugins["a"];
    assert_eq!(intents(&fold, "a"), [allow("83")]);
    assert_eq!(plugin.deferred.iter().map(|want| want.intent.clone()).collect::<Vec<_>>(), [allow("82")]);
    assert_eq!(
        plugin.denied.iter().map(|denied| denied.held.intent.clone()).collect::<Vec<_>>(),
        [allow("80")]
    );
}

#[test]
fn a_reset_forgets_the_plugins_own_openings_only() {
    let reset = Intent::FirewallReset { defaults: None };
    let events = [
        event(1, "a", "%post", 1, allow("80")),
        event(2, "b", "%post", 1, allow("81")),
        event(3, "a", "%post", 1, reset.clone()),
        event(4, "a", "%post", 1, allow("82")),
    ];
    let fold = run(&events, &["a", "b"], &State::default());
    assert_eq!(intents(&fold, "a"), [reset, allow("82")]);
    assert_eq!(intents(&fold, "b"), [allow("81")]);
}

/// A request of one of two packages, in one of two versions, whatever its scriptlet.
fn any_event() -> impl Strategy<Value = Event> {
    let intents = prop_oneof![
        Just(unit(UnitWant::Enable)),
        Just(unit(UnitWant::Disable)),
        Just(unit(UnitWant::Mask)),
        Just(allow("80")),
        Just(allow("81")),
        Just(withdraw("80")),
        Just(Intent::FirewallReset { defaults: None }),
    ];
    let origin = (0..2usize, 1..3u32, 0..8usize);
    let intents = prop::collection::vec((intents, any::<bool>(), any::<bool>()), 0..3);
    (origin, intents, 0..24u8).prop_map(|((package, version, scriptlet), intents, what)| {
        let all = [
            ("%post", 2),
            ("%post", 2),
            ("%post", 2),
            ("%post", 1),
            ("%postun", 1),
            ("%posttrans", 1),
        ];
        let (kind, arg) = all.get(scriptlet).copied().unwrap_or(("%preun", (scriptlet == 7).into()));
        let mut event = event(0, ["a", "b"][package], kind, arg, allow("1"));
        event.origin.nevra =
            event.origin.nevra.map(|nevra| nevra.replace("-1-1.", &format!("-{version}-1.")));
        event.intents = intents
            .into_iter()
            .map(|(intent, changed, runtime)| RecordedIntent {
                runtime,
                ..RecordedIntent::new(intent, changed)
            })
            .collect();
        if what < 2 {
            event.exit = 1;
        }
        event.tool = if what % 3 == 0 {
            Tool::Chkconfig
        } else {
            Tool::Systemctl
        };
        event
    })
}

/// The state without what counts requests, and without the numbers of `left_out`.
fn without(mut state: State, left_out: &BTreeSet<u64>) -> State {
    for plugin in state.plugins.values_mut() {
        plugin.requests = 0;
    }
    state.leave_out(left_out);
    state
}

#[test]
fn the_first_change_of_a_port_is_kept_though_its_package_is_forgotten() {
    let events = [
        event(1, "a", "%post", 1, allow("79")),
        event(2, "gone", "%post", 1, allow("80")),
        event(3, "gone", "%post", 1, allow("81")),
        event(4, "gone", "%preun", 0, withdraw("81")),
        event(5, "b", "%post", 1, withdraw("80")),
        event(6, "b", "%post", 1, allow("82")),
    ];
    let state = State {
        forgotten: BTreeMap::from([("gone".to_owned(), 4)]),
        ..State::default()
    };
    // It tells that the port was closed before.
    assert!(!repetitions(&events, &state).contains(&2));
}

#[test]
fn the_request_before_an_installation_is_kept_though_it_repeats_and_is_repeated() {
    let of_version = |id: u64, version: u32, arg: u32| {
        let mut event = event(id, "a", "%post", arg, unit(UnitWant::Mask));
        event.origin.nevra = Some(format!("a-{version}-1.noarch"));
        event.intents[0].changed = false;
        event
    };
    let events = [of_version(1, 2, 2), of_version(2, 1, 2), of_version(3, 1, 1)];
    let left_out = repetitions(&events, &run(&events, &["a"], &State::default()).settled());
    // It says that version 1 was there before, so that what version 2 asked for is not forgotten.
    assert!(!left_out.contains(&2), "{left_out:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_repetitions_the_fold_is_the_same_whatever_is_recorded_later(
        mut events in prop::collection::vec(any_event(), 1..40),
        at in 1..40usize,
        here in (any::<bool>(), any::<bool>()),
    ) {
        let at = at.min(events.len());
        events.iter_mut().zip(1..).for_each(|(event, id)| event.id = id);
        let names: Vec<&str> = [("a", here.0), ("b", here.1)].iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let settled = run(&events[..at], &["a", "b"], &State::default()).settled();
        let left_out = repetitions(&events[..at], &settled);
        let reduced = without(settled.clone(), &left_out);
        let kept: Vec<Event> = events.iter().filter(|event| !left_out.contains(&event.id)).cloned().collect();
        let before = kept.iter().filter(|event| event.id <= at as u64).cloned().collect::<Vec<_>>();
        let again = run(&before, &["a", "b"], &reduced);
        prop_assert_eq!(&without(again.settled(), &left_out), &reduced);
        prop_assert_eq!(again.gone, BTreeMap::new());
        let (whole, part) = (run(&events, &names, &settled), run(&kept, &names, &reduced));
        prop_assert_eq!(without(whole.settled(), &left_out), without(part.settled(), &left_out));
        prop_assert_eq!(&whole.made, &part.made);
        // Policy judges by the tools that were called.
        let tools = |fold: &Fold, events: &[Event]| -> Vec<BTreeSet<Tool>> {
            let of = |want: &crate::state::ActiveIntent| {
                events.iter().filter(|event| want.events.contains(&event.id)).map(|event| event.tool).collect()
            };
            fold.state.plugins.values().flat_map(|plugin| plugin.wants.iter().map(of)).collect()
        };
        prop_assert_eq!(tools(&whole, &events), tools(&part, &kept));
        let withdrawn = |fold: &Fold| -> Vec<Intent> {
            fold.withdrawn().into_iter().map(|(_, want)| want.intent.clone()).collect()
        };
        prop_assert_eq!(withdrawn(&whole), withdrawn(&part));
    }
}
