//! What the helper's verbs come to in an image.

use crate::intent::{DeferredVerb, Intent, Scope, UnitWant};
use crate::request::test_image::TestImage;
use crate::request::{Reply, Stream};
use crate::tool::Tool;

const UNIT: &[u8] = b"[Install]\nWantedBy=default.target\n";

fn image() -> TestImage {
    let image = TestImage::new();
    for scope in ["system", "user"] {
        image.file(&format!("/usr/lib/systemd/{scope}/a.service"), UNIT);
        image.file(&format!("/usr/lib/systemd/{scope}/default.target"), "[Unit]\n");
    }
    image
}

fn call(image: &TestImage, words: &[&str]) -> Reply {
    image.call(Tool::SystemdUpdateHelper, "/usr/lib/systemd/systemd-update-helper", words)
}

#[test]
fn units_are_preset_when_they_come_and_disabled_when_they_go() {
    let image = image();
    let link = "/etc/systemd/system/default.target.wants/a.service";
    let reply = call(&image, &["install-system-units", "a.service"]);
    assert_eq!(reply.exit, 0);
    assert!(image.root.exists(link));
    let intent = Intent::Unit {
        unit: "a.service".into(),
        want: UnitWant::PresetEnable,
        scope: Scope::System,
        rule: Some("default".into()),
    };
    assert_eq!((&reply.intents[0].intent, reply.intents[0].changed), (&intent, true));
    assert_eq!(call(&image, &["remove-system-units", "a.service"]).exit, 0);
    assert!(!image.root.exists(link));
}

#[test]
fn user_units_are_those_of_all_users() {
    let image = image();
    let link = "/etc/systemd/user/default.target.wants/a.service";
    call(&image, &["install-user-units", "a.service"]);
    assert!(image.root.exists(link));
    call(&image, &["remove-user-units", "a.service"]);
    assert!(!image.root.exists(link));
}

#[test]
fn marks_are_kept_without_a_word() {
    let image = image();
    let reply = call(&image, &["mark-restart-system-units", "a.service", "b"]);
    let deferred = |unit: &str| Intent::Defer {
        verb: DeferredVerb::TryRestart,
        unit: unit.into(),
        scope: Scope::System,
    };
    let intents: Vec<Intent> = reply.intents.into_iter().map(|recorded| recorded.intent).collect();
    assert_eq!(intents, [deferred("a.service"), deferred("b.service")]);
    assert!(reply.output.pieces().next().is_none());
}

#[test]
fn the_managers_own_verbs_do_nothing_and_unknown_ones_fail() {
    let image = image();
    assert_eq!(call(&image, &["system-reload-restart"]), Reply::new());
    let reply = call(&image, &["frob"]);
    assert_eq!(reply.exit, 3);
    assert_eq!(reply.output.all(Stream::Stderr), b"Unknown verb 'frob'\n");
}
