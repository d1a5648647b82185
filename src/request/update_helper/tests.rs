//! What the helper's verbs come to in an image.

use std::ffi::OsString;

use crate::config::Config;
use crate::intent::{DeferredVerb, Intent, Scope, UnitWant};
use crate::request::{Call, Env, Reply, Stream, run};
use crate::root::Root;
use crate::tool::Tool;

const UNIT: &[u8] = b"[Install]\nWantedBy=default.target\n";

fn image() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    for scope in ["system", "user"] {
        root.create_dirs(format!("/usr/lib/systemd/{scope}"), 0o755).unwrap();
        root.write(format!("/usr/lib/systemd/{scope}/a.service"), UNIT, None).unwrap();
        root.write(format!("/usr/lib/systemd/{scope}/default.target"), b"[Unit]\n", None).unwrap();
    }
    (dir, root)
}

fn call(root: &Root, words: &[&str]) -> Reply {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let (config, env) = (Config::default(), Env::default());
    let call = Call::new(root, &config, &env, "/usr/lib/systemd/systemd-update-helper");
    run(Tool::SystemdUpdateHelper, &call, &words)
}

#[test]
fn units_are_preset_when_they_come_and_disabled_when_they_go() {
    let (_dir, root) = image();
    let link = "/etc/systemd/system/default.target.wants/a.service";
    let reply = call(&root, &["install-system-units", "a.service"]);
    assert_eq!(reply.exit, 0);
    assert!(root.exists(link));
    let intent = Intent::Unit {
        unit: "a.service".into(),
        want: UnitWant::PresetEnable,
        scope: Scope::System,
        rule: Some("default".into()),
    };
    assert_eq!((&reply.intents[0].intent, reply.intents[0].changed), (&intent, true));
    assert_eq!(call(&root, &["remove-system-units", "a.service"]).exit, 0);
    assert!(!root.exists(link));
}

#[test]
fn user_units_are_those_of_all_users() {
    let (_dir, root) = image();
    let link = "/etc/systemd/user/default.target.wants/a.service";
    call(&root, &["install-user-units", "a.service"]);
    assert!(root.exists(link));
    call(&root, &["remove-user-units", "a.service"]);
    assert!(!root.exists(link));
}

#[test]
fn marks_are_kept_without_a_word() {
    let (_dir, root) = image();
    let reply = call(&root, &["mark-restart-system-units", "a.service", "b"]);
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
    let (_dir, root) = image();
    assert_eq!(call(&root, &["system-reload-restart"]), Reply::new());
    let reply = call(&root, &["frob"]);
    assert_eq!(reply.exit, 3);
    assert_eq!(reply.output.all(Stream::Stderr), b"Unknown verb 'frob'\n");
}
