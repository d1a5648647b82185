//! Where answers for images differ from the original's on purpose, and which intents requests carry.

use crate::config::{Answers, SystemctlGeneration};
use crate::intent::{DeferredVerb, Intent, NoteSeverity, Scope, UnitWant};
use crate::request::test_image::TestImage;
use crate::request::{Reply, Stream};
use crate::tool::Tool;
use crate::unit::generation::Generation;

const UNIT: &[u8] = b"[Unit]\n[Install]\nWantedBy=multi-user.target\n";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/demo.service";

/// An image with one unit; neither `/proc` nor `/dev` is there.
fn image(answers: Answers, generation: u16) -> TestImage {
    let mut image = TestImage::new();
    image.config.shims.answers = answers;
    image.config.shims.systemctl_generation = SystemctlGeneration::Fixed(Generation::release(generation));
    image.file("/usr/lib/systemd/system/demo.service", UNIT);
    image.file("/usr/lib/systemd/system/multi-user.target", b"[Unit]\n");
    image
}

impl TestImage {
    fn run(&self, words: &str) -> Reply {
        self.call(Tool::Systemctl, "systemctl", &words.split(' ').collect::<Vec<_>>())
    }
}

fn intents(reply: &Reply) -> Vec<(Intent, bool)> {
    reply.intents.iter().map(|recorded| (recorded.intent.clone(), recorded.changed)).collect()
}

fn unit(name: &str, want: UnitWant) -> Intent {
    Intent::Unit {
        unit: name.to_owned(),
        want,
        scope: Scope::System,
        rule: None,
    }
}

fn defer(verb: DeferredVerb) -> Intent {
    Intent::Defer {
        verb,
        unit: "demo.service".to_owned(),
        scope: Scope::System,
    }
}

#[test]
fn now_is_deferred_where_the_original_fails() {
    for generation in [239, 252, 257, 262] {
        let image = image(Answers::Image, generation);
        let reply = image.run("enable --now demo");
        assert_eq!(reply.exit, 0, "{generation}");
        let expected = [
            (unit("demo.service", UnitWant::Enable), true),
            (defer(DeferredVerb::Start), false),
        ];
        assert_eq!(intents(&reply), expected);
        assert!(image.root.exists(LINK));
        assert_eq!(image.run("reenable --now demo").exit, 0);
        assert_eq!(intents(&image.run("disable --now demo"))[1].0, defer(DeferredVerb::Stop));
        assert_eq!(image.run("mask --now demo").exit, 0);
        assert_eq!(image.run("unmask --now demo").exit, 0);
        assert_eq!(image.run("preset --now demo").exit, 0);
    }
    assert_eq!(image(Answers::Strict, 252).run("enable --now demo").exit, 1);
    assert_eq!(image(Answers::Strict, 257).run("unmask --now demo").exit, 1);
}

#[test]
fn a_linked_unit_survives_being_reenabled_by_name() {
    let link = "/etc/systemd/system/far.service";
    for (answers, survives) in [(Answers::Image, true), (Answers::Strict, false)] {
        let image = image(answers, 252);
        image.file("/opt/far.service", UNIT);
        assert_eq!(image.run("link /opt/far.service").exit, 0);
        assert_eq!(image.run("reenable far").exit, u8::from(!survives));
        assert_eq!(image.root.exists(link), survives);
    }
}

#[test]
fn options_and_verbs_of_later_generations_are_taken() {
    let image = image(Answers::Image, 239);
    assert_eq!(image.run("disable --no-warn demo").exit, 0);
    assert_eq!(image.run("list-paths").exit, 0);
    assert_eq!(image.run("frob").exit, 1);
}

#[test]
fn a_drop_in_from_standard_input_is_written() {
    let image = image(Answers::Image, 252);
    let reply = image.run("edit --stdin --drop-in=x demo");
    assert_eq!(reply.exit, 0);
    let path = "/etc/systemd/system/demo.service.d/x.conf";
    assert_eq!(image.root.read(path).unwrap(), b"[Service]\nNice=1\n");
    assert_eq!(intents(&reply), [(unit("demo.service", UnitWant::Edit), true)]);
    assert_eq!(image.run("edit --stdin --full --runtime demo").exit, 0);
    assert!(image.root.exists("/run/systemd/system/demo.service"));
    assert_eq!(image.run("edit --stdin --drop-in=../x demo").exit, 1);
    assert_eq!(image.run("edit --stdin gone").exit, 1);
    let ignored = image.run("edit demo");
    assert_eq!((ignored.exit, ignored.intents.len()), (0, 0));
}

#[test]
fn disabling_what_is_gone_is_no_failure() {
    let image = image(Answers::Image, 262);
    let reply = image.run("disable gone");
    assert_eq!(reply.exit, 0);
    assert_eq!(intents(&reply), [(unit("gone.service", UnitWant::Disable), false)]);
}

#[test]
fn init_scripts_are_handed_over_by_every_generation() {
    let image = image(Answers::Image, 262);
    let script = b"#!/bin/sh\n# chkconfig: 2345 20 80\n# description: old daemon\n";
    image.file("/etc/rc.d/init.d/oldd", script);
    image.root.chmod("/etc/rc.d/init.d/oldd", 0o755).unwrap();
    image.root.symlink("rc.d/init.d", "/etc/init.d").unwrap();
    let reply = image.run("enable oldd");
    assert_eq!((reply.exit, reply.intents.len()), (0, 1));
    let told = image.run("is-enabled oldd");
    assert_eq!((told.exit, told.output.all(Stream::Stdout)), (0, b"enabled\n".to_vec()));
    image.file("/usr/lib/systemd/system/oldd.service", UNIT);
    let both = image.run("disable oldd");
    assert_eq!(intents(&both).len(), 1);
    assert_eq!(image.run("is-enabled oldd").output.all(Stream::Stdout), b"disabled\n");
}

#[test]
fn other_machines_are_refused_but_for_users_of_this_one() {
    let image = image(Answers::Image, 257);
    assert_eq!(image.run("-M other enable demo").exit, 1);
    assert!(!image.root.exists(LINK));
    assert_eq!(image.run("--user -M 1000@ daemon-reload").exit, 0);
}

#[test]
fn failed_and_repeated_requests_carry_their_intent_unchanged() {
    let image = image(Answers::Image, 252);
    let missing = image.run("enable gone");
    assert_eq!(
        (missing.exit, intents(&missing)),
        (1, vec![(unit("gone.service", UnitWant::Enable), false)])
    );
    image.run("enable demo");
    assert_eq!(intents(&image.run("enable demo")), [(unit("demo.service", UnitWant::Enable), false)]);
    let runtime = image.run("mask --runtime demo");
    assert!(runtime.intents[0].runtime && runtime.intents[0].changed);
    assert_eq!(image.run("is-enabled demo").intents, []);
}

#[test]
fn presets_name_the_rule_that_decided() {
    let image = image(Answers::Image, 252);
    image.file("/usr/lib/systemd/system-preset/99-default.preset", b"# all\ndisable *\n");
    let reply = image.run("preset demo gone");
    let expected = |unit: &str| Intent::Unit {
        unit: unit.to_owned(),
        want: UnitWant::PresetDisable,
        scope: Scope::System,
        rule: Some("/usr/lib/systemd/system-preset/99-default.preset:2".to_owned()),
    };
    let found: Vec<Intent> = intents(&reply).into_iter().map(|(intent, _)| intent).collect();
    assert_eq!(found, [expected("demo.service"), expected("gone.service")]);
}

#[test]
fn runtime_verbs_are_deferred_noted_or_noise() {
    let image = image(Answers::Image, 252);
    assert_eq!(intents(&image.run("condrestart demo")), [(defer(DeferredVerb::TryRestart), false)]);
    assert_eq!(
        intents(&image.run("set-property demo Markers=+needs-reload")),
        [(defer(DeferredVerb::Reload), false)]
    );
    assert_eq!(image.run("daemon-reload").intents, []);
    let power = image.run("reboot");
    assert!(power.intents[0].intent.is_global());
    assert_eq!(power.output.all(Stream::Stderr), b"Running in chroot, ignoring command 'reboot'\n");
}

#[test]
fn each_unit_of_a_runtime_verb_is_deferred_and_patterns_are_kept() {
    let image = image(Answers::Image, 252);
    let deferred = |words: &str| -> Vec<(DeferredVerb, String)> {
        let reply = image.run(words);
        assert_eq!((reply.exit, reply.output.all(Stream::Stdout)), (0, Vec::new()), "{words}");
        let intents = reply.intents.into_iter().map(|recorded| recorded.intent);
        intents
            .map(|intent| match intent {
                Intent::Defer { verb, unit, .. } => (verb, unit),
                other => panic!("{words}: {other:?}"),
            })
            .collect()
    };
    let both = |verb: DeferredVerb| vec![(verb, "demo.service".into()), (verb, "work@*".into())];
    for (word, verb) in [
        ("start", DeferredVerb::Start),
        ("stop", DeferredVerb::Stop),
        ("condstop", DeferredVerb::Stop),
        ("restart", DeferredVerb::Restart),
        ("try-restart", DeferredVerb::TryRestart),
        ("condrestart", DeferredVerb::TryRestart),
        ("reload", DeferredVerb::Reload),
        ("reload-or-restart", DeferredVerb::ReloadOrRestart),
        ("try-reload-or-restart", DeferredVerb::TryReloadOrRestart),
        ("reload-or-try-restart", DeferredVerb::TryReloadOrRestart),
        ("force-reload", DeferredVerb::TryReloadOrRestart),
        ("condreload", DeferredVerb::TryReloadOrRestart),
        ("kill", DeferredVerb::Kill),
    ] {
        assert_eq!(deferred(&format!("{word} demo work@* demo.service")), both(verb), "{word}");
    }
    let isolated = [(DeferredVerb::Isolate, "rescue.target".to_owned())];
    assert_eq!(deferred("isolate rescue"), isolated);
    let marked = deferred("set-property demo Markers=+needs-restart");
    assert_eq!(marked, [(DeferredVerb::TryRestart, "demo.service".to_owned())]);
    assert_eq!(deferred("reload-or-restart --marked"), []);
    assert_eq!(deferred("is-active demo"), []);
}

#[test]
fn turning_the_machine_off_is_a_grave_note() {
    let image = image(Answers::Image, 257);
    for verb in [
        "halt",
        "poweroff",
        "reboot",
        "kexec",
        "soft-reboot",
        "suspend",
        "hibernate",
        "hybrid-sleep",
        "suspend-then-hibernate",
        "sleep",
        "default",
        "rescue",
        "emergency",
        "exit",
        "switch-root /new",
    ] {
        let reply = image.run(verb);
        let expected = Intent::Note {
            severity: NoteSeverity::High,
            text: format!("systemctl {verb}"),
        };
        assert_eq!((reply.exit, intents(&reply)), (0, vec![(expected, false)]), "{verb}");
    }
    let property = intents(&image.run("set-property demo CPUWeight=5"));
    assert!(
        matches!(&property[..], [(Intent::Note { severity, .. }, false)] if *severity == NoteSeverity::Low)
    );
}

#[test]
fn now_in_a_list_is_deferred_for_each_unit() {
    let image = image(Answers::Image, 252);
    image.file("/usr/lib/systemd/system/other.socket", UNIT);
    let reply = image.run("mask --now demo other.socket");
    let stop = |unit: &str| Intent::Defer {
        verb: DeferredVerb::Stop,
        unit: unit.to_owned(),
        scope: Scope::System,
    };
    let found: Vec<Intent> = intents(&reply).into_iter().map(|(intent, _)| intent).collect();
    assert_eq!(found[2..], [stop("demo.service"), stop("other.socket")]);
}

#[test]
fn changes_below_a_root_option_are_changes_of_the_image() {
    let image = image(Answers::Image, 252);
    image.file("/img/usr/lib/systemd/system/in.service", UNIT);
    image.root.take_changes();
    assert_eq!(image.run("--root=/img enable in").exit, 0);
    let paths: Vec<String> =
        image.root.take_changes().into_iter().map(|change| change.path.shown()).collect();
    assert!(
        paths.contains(&"/img/etc/systemd/system/multi-user.target.wants/in.service".to_owned()),
        "{paths:?}"
    );
}
