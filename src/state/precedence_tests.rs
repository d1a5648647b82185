//! Tests of precedence.

use super::*;
use crate::attribution::BUILDER;
use crate::intent::FirewallItem;
use crate::state::Plugin;

fn unit(want: UnitWant) -> Intent {
    Intent::Unit {
        unit: "u.service".into(),
        want,
        scope: Scope::System,
        rule: None,
    }
}

fn start() -> Intent {
    Intent::Defer {
        verb: DeferredVerb::Start,
        unit: "u.service".into(),
        scope: Scope::System,
    }
}

fn port(open: bool, zone: Option<&str>) -> Intent {
    let zone = zone.map(str::to_owned);
    let opening = FirewallItem::Port {
        port: "80".into(),
        protocol: "tcp".into(),
    };
    match open {
        true => Intent::Allow { opening, zone },
        false => Intent::Withdraw { opening, zone },
    }
}

/// An intent and the requests for it.
type Asked<'a> = (Intent, &'a [u64]);

fn fold(plugins: &[(&str, &[Asked])]) -> Fold {
    let mut fold = Fold::default();
    for (name, intents) in plugins {
        let plugin: &mut Plugin = fold.state.plugins.entry((*name).to_owned()).or_default();
        for (intent, events) in *intents {
            let want = ActiveIntent::new(intent.clone(), events.to_vec());
            match intent {
                Intent::Defer { .. } => plugin.deferred.push(want),
                _ => plugin.wants.push(want),
            }
        }
    }
    fold
}

type Counting = Vec<(String, Intent)>;
type Losing = Vec<(String, Intent, String)>;

/// What counts, by plugin, and what does not, with who decided.
fn decided(fold: &mut Fold) -> (Counting, Losing) {
    decide(fold, &State::default(), "public");
    let (mut counts, mut overruled) = (Vec::new(), Vec::new());
    for (name, plugin) in &fold.state.plugins {
        let wants = plugin.wants.iter().chain(&plugin.deferred);
        counts.extend(wants.map(|want| (name.clone(), want.intent.clone())));
        let lost = plugin.overruled.iter();
        overruled.extend(lost.map(|one| (name.clone(), one.want.intent.clone(), one.by.clone())));
    }
    (counts, overruled)
}

#[test]
fn a_builder_decides_whenever_it_was_and_a_plugin_by_being_last() {
    let mut builder = fold(&[
        (
            BUILDER,
            &[
                (unit(UnitWant::Disable), &[2]),
                (port(false, Some("public")), &[3]),
            ],
        ),
        (
            "p",
            &[
                (unit(UnitWant::Enable), &[1, 5]),
                (port(true, None), &[6]),
                (start(), &[7]),
            ],
        ),
    ]);
    let (counts, overruled) = decided(&mut builder);
    assert!(counts.iter().all(|(name, _)| name == BUILDER), "{counts:?}");
    assert_eq!(overruled.len(), 3);
    assert!(overruled.iter().all(|(_, _, by)| by == BUILDER));
    let since: Vec<_> = builder.refused.iter().map(|(_, want)| want.events.clone()).collect();
    assert_eq!(since, [vec![5], vec![6], vec![7]]);
    let mut plugins = fold(&[
        ("a", &[(unit(UnitWant::Disable), &[4])]),
        ("b", &[(unit(UnitWant::Enable), &[1]), (start(), &[2])]),
    ]);
    let (counts, overruled) = decided(&mut plugins);
    assert_eq!(counts, [("a".to_owned(), unit(UnitWant::Disable))]);
    assert_eq!(overruled.len(), 2);
    assert!(plugins.refused.is_empty(), "the disable was carried out after them");
}

#[test]
fn presets_that_a_builder_applies_do_not_stand_against_later_requests() {
    let mut later = fold(&[
        (BUILDER, &[(unit(UnitWant::PresetDisable), &[2])]),
        ("p", &[(unit(UnitWant::Enable), &[3])]),
    ]);
    assert_eq!(decided(&mut later).0, [("p".to_owned(), unit(UnitWant::Enable))]);
    let mut earlier = fold(&[
        (BUILDER, &[(unit(UnitWant::PresetDisable), &[2])]),
        ("p", &[(unit(UnitWant::Enable), &[1])]),
    ]);
    assert_eq!(decided(&mut earlier).0, [(BUILDER.to_owned(), unit(UnitWant::PresetDisable))]);
}

#[test]
fn what_a_file_declares_is_older_than_every_request() {
    let mut both = fold(&[
        ("a", &[(unit(UnitWant::Disable), &[1])]),
        ("m", &[(unit(UnitWant::Enable), &[])]),
    ]);
    assert_eq!(decided(&mut both).0, [("a".to_owned(), unit(UnitWant::Disable))]);
    let mut declared = fold(&[
        ("a", &[(unit(UnitWant::Disable), &[])]),
        ("m", &[(unit(UnitWant::Enable), &[])]),
    ]);
    assert_eq!(decided(&mut declared).0, [("m".to_owned(), unit(UnitWant::Enable))]);
}

#[test]
fn a_builders_reset_closes_what_was_open_by_then() {
    let reset = Intent::FirewallReset { defaults: None };
    let mut closed = fold(&[
        (BUILDER, &[(reset.clone(), &[5])]),
        ("p", &[(port(true, None), &[1])]),
        ("q", &[(port(true, Some("dmz")), &[6])]),
    ]);
    let (counts, overruled) = decided(&mut closed);
    assert_eq!(
        counts,
        [
            (BUILDER.to_owned(), reset),
            ("q".to_owned(), port(true, Some("dmz")))
        ]
    );
    assert_eq!(overruled, [("p".to_owned(), port(true, None), BUILDER.to_owned())]);
}

#[test]
fn who_disables_a_template_disables_its_instances_until_one_is_enabled_again() {
    let of = |unit: &str, want| Intent::Unit {
        unit: unit.into(),
        want,
        scope: Scope::System,
        rule: None,
    };
    let off = of("w@.service", UnitWant::Disable);
    let on = |instance: &str| of(&format!("w@{instance}.service"), UnitWant::Enable);
    let mut disabled = fold(&[
        (BUILDER, &[(off.clone(), &[2]), (on("b"), &[3])]),
        ("p", &[(on("a"), &[1, 4]), (on("b"), &[5])]),
    ]);
    let (counts, overruled) = decided(&mut disabled);
    assert_eq!(
        counts,
        [
            (BUILDER.to_owned(), off.clone()),
            (BUILDER.to_owned(), on("b")),
            ("p".to_owned(), on("b"))
        ]
    );
    assert_eq!(overruled, [("p".to_owned(), on("a"), BUILDER.to_owned())]);
    assert_eq!(disabled.refused[0].1.events, [4], "what was enabled since is taken back");
    for (by, stands) in [("p", false), (BUILDER, true)] {
        let mut masked = fold(&[
            (by, &[(of("w@a.service", UnitWant::Mask), &[1])]),
            ("q", &[(off.clone(), &[2])]),
        ]);
        assert_eq!(decided(&mut masked).1.is_empty(), stands, "a mask of {by} on an instance");
    }
}

#[test]
fn a_stop_ends_a_start_and_is_nothing_that_a_boot_does() {
    let stop = Intent::Defer {
        verb: DeferredVerb::Stop,
        unit: "u.service".into(),
        scope: Scope::System,
    };
    let mut stopped = fold(&[("a", &[(start(), &[1])]), ("b", &[(stop, &[2])])]);
    let (counts, overruled) = decided(&mut stopped);
    assert_eq!(counts, []);
    assert_eq!(overruled, [("a".to_owned(), start(), "b".to_owned())]);
}

#[test]
fn a_masked_unit_is_not_started_at_boot_whenever_it_was_masked() {
    for mask in [1, 3] {
        let mut masked = fold(&[
            ("a", &[(unit(UnitWant::Mask), &[mask])]),
            ("b", &[(start(), &[2])]),
        ]);
        let (counts, overruled) = decided(&mut masked);
        assert_eq!(counts, [("a".to_owned(), unit(UnitWant::Mask))]);
        assert_eq!(overruled, [("b".to_owned(), start(), "a".to_owned())]);
    }
    let mut unmasked = fold(&[
        ("a", &[(unit(UnitWant::Mask), &[1])]),
        ("b", &[(start(), &[2])]),
        (BUILDER, &[(unit(UnitWant::Unmask), &[3])]),
    ]);
    let (counts, _) = decided(&mut unmasked);
    assert!(counts.contains(&("b".to_owned(), start())), "{counts:?}");
}

#[test]
fn a_mask_that_a_disabled_template_takes_away_keeps_no_instance_from_its_start() {
    let of = |unit: &str, want| Intent::Unit {
        unit: unit.into(),
        want,
        scope: Scope::System,
        rule: None,
    };
    let (mask, off) = (of("w@a.service", UnitWant::Mask), of("w@.service", UnitWant::Disable));
    let on = of("w@a.service", UnitWant::Enable);
    let start = Intent::Defer {
        verb: DeferredVerb::Start,
        unit: "w@a.service".into(),
        scope: Scope::System,
    };
    for (later, more) in [(start.clone(), None), (start.clone(), Some(on.clone()))] {
        let more: Vec<(Intent, &[u64])> = more.into_iter().map(|on| (on, &[3][..])).collect();
        let wants = [vec![(off.clone(), &[1][..]), (later, &[4])], more].concat();
        let mut all = fold(&[(BUILDER, &wants), ("p", &[(mask.clone(), &[2])])]);
        let (counts, overruled) = decided(&mut all);
        assert!(counts.contains(&(BUILDER.to_owned(), start.clone())), "{counts:?}");
        assert_eq!(overruled, [("p".to_owned(), mask.clone(), BUILDER.to_owned())]);
    }
}

#[test]
fn who_takes_a_service_out_of_all_run_levels_takes_it_out_of_each() {
    let service = |want, levels: Option<&str>| Intent::Service {
        service: "s".into(),
        want,
        levels: levels.map(str::to_owned),
    };
    let removal = service(ServiceWant::Remove, None);
    let on = service(ServiceWant::On, None);
    let some = service(ServiceWant::On, Some("35"));
    for (builder, events) in [(true, [3, 4]), (false, [1, 1])] {
        let by = if builder { BUILDER } else { "q" };
        let mut removed = fold(&[
            (by, &[(removal.clone(), &[2])]),
            ("p", &[(on.clone(), &events[..1]), (some.clone(), &events[1..])]),
        ]);
        let (counts, overruled) = decided(&mut removed);
        assert_eq!(counts, [(by.to_owned(), removal.clone())]);
        assert_eq!(overruled.len(), 2, "{overruled:?}");
    }
    let mut later = fold(&[("q", &[(removal, &[2])]), ("p", &[(on.clone(), &[3])])]);
    assert!(decided(&mut later).0.contains(&("p".to_owned(), on)));
}
