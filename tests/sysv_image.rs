//! Init scripts in images that lack things, or that hold what they should not.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod support;
mod sysv_support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use nodeshim::config::{Answers, Service};
use nodeshim::intent::{DeferredVerb, Intent, RecordedIntent, Scope, ServiceWant, UnitWant};
use nodeshim::request::{Reply, Stream};
use nodeshim::tool::Tool;

use support::snapshot;
use sysv_support::BareImage;

const SCRIPT: &str = "#!/bin/sh\n# chkconfig: 345 60 40\nexit 0\n";
const LSB: &str = "### BEGIN INIT INFO\n# Required-Start: other\n# Default-Start: 3\n### END INIT INFO\n";

fn stderr(reply: &Reply) -> String {
    String::from_utf8(reply.output.all(Stream::Stderr)).unwrap()
}

/// What was intented for the service `foo`, and whether files changed by it.
fn intents(reply: &Reply) -> Vec<(ServiceWant, bool)> {
    let of_foo = reply.intents.iter().filter_map(|recorded| match &recorded.intent {
        Intent::Service { service, want, .. } if service == "foo" => Some((*want, recorded.changed)),
        _ => None,
    });
    of_foo.collect()
}

/// An image with a script as a package brings it, and nothing of chkconfig's.
fn without_chkconfig() -> BareImage {
    let image = BareImage::new();
    image.root.create_dirs("/etc/rc.d/init.d", 0o755).unwrap();
    image.script("foo", SCRIPT);
    image
}

#[test]
fn an_image_without_level_directories_gets_them() {
    for words in [&["--add", "foo"][..], &["foo", "on"]] {
        let image = without_chkconfig();
        let reply = image.call(Tool::Chkconfig, words);
        assert_eq!((reply.exit, stderr(&reply).as_str()), (0, ""));
        let link = image.path().join("etc/rc.d/rc3.d/S60foo");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("../init.d/foo"));
        assert!(link.exists(), "the link leads to the script");
        assert_eq!(fs::read_link(image.path().join("etc/rc3.d")).unwrap(), Path::new("rc.d/rc3.d"));
        assert!(image.call(Tool::Chkconfig, &["--level", "3", "foo"]).exit == 0);
    }
}

#[test]
fn questions_make_no_directories() {
    let image = without_chkconfig();
    let before = snapshot(image.path());
    for words in [
        &["--list"][..],
        &["--list", "foo"],
        &["--level", "3", "foo"],
        &["--del", "foo"],
        &[],
    ] {
        image.call(Tool::Chkconfig, words);
    }
    assert_eq!(snapshot(image.path()), before);
}

#[test]
fn to_the_letter_a_missing_directory_fails_before_anything_is_written() {
    let mut image = without_chkconfig();
    image.config.shims.answers = Answers::Strict;
    image.root.symlink("rc.d/init.d", "/etc/init.d").unwrap();
    let before = snapshot(image.path());
    let reply = image.call(Tool::Chkconfig, &["--add", "foo"]);
    assert_eq!(reply.exit, 1);
    assert_eq!(
        stderr(&reply),
        "failed to glob pattern /etc/rc0.d/[SK][0-9][0-9]foo: No such file or directory\n"
    );
    assert_eq!(intents(&reply), [(ServiceWant::Add, false)]);
    assert_eq!(snapshot(image.path()), before);
}

#[test]
fn a_intent_that_fails_is_kept() {
    let image = BareImage::sysv();
    image.root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
    image.root.write("/usr/lib/systemd/system/foo.service", b"[Service]\n", None).unwrap();
    for (words, want) in [
        (["--add", "foo"], ServiceWant::Add),
        (["--del", "foo"], ServiceWant::Remove),
        (["foo", "reset"], ServiceWant::Reset),
    ] {
        let reply = image.call(Tool::Chkconfig, &words);
        assert_eq!(reply.exit, 1);
        assert_eq!(intents(&reply), [(want, false)]);
    }
}

#[test]
fn intents_name_the_levels_that_are_not_the_usual_ones() {
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    let levels = |words: &[&str]| match &image.call(Tool::Chkconfig, words).intents[..] {
        [recorded] => match &recorded.intent {
            Intent::Service { levels, .. } => (levels.clone(), recorded.changed),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(levels(&["foo", "on"]), (None, true));
    assert_eq!(levels(&["foo", "on"]), (None, false));
    assert_eq!(levels(&["--level", "53", "foo", "off"]), (Some("35".into()), true));
    assert_eq!(levels(&["foo", "resetpriorities"]), (None, true));
    assert!(image.call(Tool::Chkconfig, &["--list"]).intents.is_empty());
    assert!(image.call(Tool::Chkconfig, &["foo"]).intents.is_empty());
}

#[test]
fn links_that_lead_out_of_the_image_stay_inside() {
    let outside = support::scratch();
    fs::write(outside.path().join("script"), SCRIPT).unwrap();
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    symlink(outside.path().join("script"), image.path().join("etc/rc.d/init.d/bar")).unwrap();
    let reply = image.call(Tool::Chkconfig, &["--add", "bar"]);
    assert_eq!(stderr(&reply), "error reading information on service bar: No such file or directory\n");

    fs::remove_dir(image.path().join("etc/rc.d/rc3.d")).unwrap();
    symlink(outside.path(), image.path().join("etc/rc.d/rc3.d")).unwrap();
    let reply = image.call(Tool::Chkconfig, &["--add", "foo"]);
    assert_eq!(reply.exit, 1);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "nothing was written outside");
}

#[test]
fn scripts_that_are_no_scripts_are_answered_at_once() {
    let image = BareImage::sysv();
    let endless = format!("# description: {}", "more \\\n# ".repeat(1 << 20));
    image.script("endless", endless);
    image.script("big", format!("{SCRIPT}{}", "# filler\n".repeat(1 << 20)));
    image.script("binary", (0..=255u8).cycle().take(1 << 20).collect::<Vec<_>>());
    mkfifo(&image.path().join("etc/rc.d/init.d/fifo"), Mode::S_IRWXU).unwrap();
    for (name, exit, line) in [
        ("endless", 1, "service endless does not support chkconfig\n"),
        ("big", 0, ""),
        ("binary", 1, "service binary does not support chkconfig\n"),
        ("fifo", 1, "error reading information on service fifo: Invalid argument\n"),
    ] {
        let reply = image.call(Tool::Chkconfig, &["--add", name]);
        assert_eq!((reply.exit, stderr(&reply).as_str()), (exit, line));
    }
    assert_eq!(image.call(Tool::Chkconfig, &["--list"]).exit, 0);
}

#[test]
fn odd_names_reach_nothing_but_their_own_links() {
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    image.script("a\nb", SCRIPT);
    let before = snapshot(image.path());
    for name in ["../init.d/foo", "..", ".", "foo/", "x/../foo", "/etc/init.d/foo"] {
        let reply = image.call(Tool::Chkconfig, &[name, "on"]);
        assert_eq!(reply.exit, 1, "{name}");
        assert!(stderr(&reply).starts_with(&format!("error reading information on service {name}: ")));
    }
    assert_eq!(snapshot(image.path()), before);
    assert_eq!(image.call(Tool::Chkconfig, &["--add", "a\nb"]).exit, 0);
    assert_eq!(image.level(3), ["S60a\nb"]);
}

#[test]
fn a_stray_file_in_the_place_of_a_link_is_replaced() {
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    image.root.write("/etc/rc.d/rc3.d/S60foo", b"stray", None).unwrap();
    assert!(image.chkconfig(&["--level", "3", "foo", "on"]));
    assert_eq!(image.root.read_link("/etc/rc3.d/S60foo").unwrap(), Path::new("../init.d/foo"));
}

#[test]
fn a_plain_script_moves_no_other_that_is_out_of_order() {
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    image.script("other", LSB.replace("other", "foo"));
    image.root.symlink("../init.d/other", "/etc/rc3.d/S01other").unwrap();
    assert!(image.chkconfig(&["--add", "foo"]));
    assert_eq!(image.level(3), ["S01other", "S60foo"]);
    assert!(image.chkconfig(&["--add", "other"]));
    assert_eq!(image.level(3), ["S60foo", "S61other"]);
}

#[test]
fn service_records_instead_of_running() {
    let image = BareImage::sysv();
    image.script("foo", "#!/bin/sh\ntouch /ran\n");
    let before = snapshot(image.path());
    for (action, exit, verb) in [
        ("start", 0, Some(DeferredVerb::Start)),
        ("condrestart", 0, Some(DeferredVerb::TryRestart)),
        ("reload", 0, Some(DeferredVerb::Reload)),
        ("status", 3, None),
    ] {
        let reply = image.call(Tool::Service, &["foo", action]);
        assert_eq!((reply.exit, reply.programs.is_none()), (exit, true), "{action}");
        let found = reply.intents.iter().find_map(|recorded| match &recorded.intent {
            Intent::Defer { verb, unit, .. } if unit == "foo.service" => Some(*verb),
            _ => None,
        });
        assert_eq!(found, verb, "{action}");
    }
    let reply = image.call(Tool::Service, &["--status-all"]);
    assert_eq!((reply.exit, reply.programs.is_none()), (0, true));
    assert_eq!(snapshot(image.path()), before);
}

#[test]
fn scripts_of_another_root_are_never_run() {
    let mut image = BareImage::sysv();
    image.config.shims.service = Service::Run;
    image.script("foo", "#!/bin/sh\n");
    let reply = image.call(Tool::Service, &["foo", "start"]);
    assert_eq!((reply.exit, reply.programs), (1, None));
}

#[test]
fn systemd_sysv_install_is_chkconfig_without_a_way_back() {
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    let answer = |words: &[&str]| image.call(Tool::SystemdSysvInstall, words).exit;
    assert_eq!(answer(&["is-enabled", "foo"]), 1);
    assert_eq!(answer(&["enable", "foo"]), 0);
    assert_eq!(image.level(5), ["S60foo"]);
    assert_eq!(image.level(1), [""; 0]);
    assert_eq!(answer(&["is-enabled", "foo"]), 0);
    assert_eq!(answer(&["disable", "foo"]), 0);
    assert_eq!(answer(&["is-enabled", "foo"]), 1);
    assert_eq!(answer(&["enable", "nosuch"]), 1);
    assert_eq!(answer(&["enable"]), 1);
}

#[test]
fn systemd_sysv_convert_saves_once_and_shows_what_it_saved() {
    let image = BareImage::sysv();
    image.script("foo", SCRIPT);
    image.chkconfig(&["--add", "foo"]);
    let call = |words: &[&str]| image.call(Tool::SystemdSysvConvert, words);
    assert_eq!(call(&["--show", "foo"]).exit, 1);
    assert_eq!(call(&["--save", "nosuch"]).exit, 1);
    for _ in 0..2 {
        assert_eq!(call(&["--save", "foo"]).exit, 0);
        let database = image.root.read_text("/var/lib/systemd/sysv-convert/database").unwrap();
        assert_eq!(database, "foo\t3\t60\nfoo\t4\t60\nfoo\t5\t60\n");
    }
    image.chkconfig(&["--del", "foo"]);
    let shown = call(&["--show", "foo"]);
    let lines = String::from_utf8(shown.output.all(Stream::Stdout)).unwrap();
    assert_eq!((shown.exit, lines.lines().count()), (0, 3));
    let applied = call(&["--apply", "foo"]);
    assert_eq!(
        (applied.exit, stderr(&applied).as_str()),
        (1, "There is no systemd service foo.service.\n")
    );
    assert_eq!(call(&["foo"]).exit, 2);
}

#[test]
fn systemd_sysv_convert_makes_the_targets_of_the_saved_levels_want_the_unit() {
    let image = without_chkconfig();
    let root = &image.root;
    image.script("foo", "#!/bin/sh\n# chkconfig: 35 60 40\n");
    let call = |words: &[&str]| image.call(Tool::SystemdSysvConvert, words);
    assert_eq!(image.call(Tool::Chkconfig, &["--add", "foo"]).exit, 0);
    assert_eq!(call(&["--save", "foo"]).exit, 0);

    root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
    root.write("/usr/lib/systemd/system/foo.service", b"[Service]\n", None).unwrap();
    root.write("/usr/lib/systemd/system/bar.service", b"[Service]\n", None).unwrap();
    root.symlink("usr/lib", "/lib").unwrap();
    let link = |level: usize| format!("/etc/systemd/system/runlevel{level}.target.wants/foo.service");
    root.create_dirs("/etc/systemd/system/runlevel5.target.wants", 0o755).unwrap();
    root.symlink("/elsewhere", link(5)).unwrap();

    let said = "ln -sf /lib/systemd/system/foo.service";
    for changed in [true, false] {
        let reply = call(&["--apply", "foo", "foo", "bar"]);
        assert_eq!(reply.exit, 0);
        assert_eq!(stderr(&reply), format!("{said} {}\n{said} {}\n", link(3), link(5)));
        let intent = Intent::Unit {
            unit: "foo.service".into(),
            want: UnitWant::Enable,
            scope: Scope::System,
            rule: None,
        };
        assert_eq!(reply.intents, [RecordedIntent::new(intent, changed)]);
    }
    assert_eq!(root.read_link(link(3)).unwrap(), Path::new("/lib/systemd/system/foo.service"));
    assert_eq!(root.read_link(link(5)).unwrap(), Path::new("/elsewhere"), "what is there stays");
    assert!(!root.exists("/etc/systemd/system/runlevel4.target.wants"));
    assert_eq!(call(&["--apply", "bar"]).exit, 1, "nothing was saved");
}

#[test]
fn systemd_sysv_convert_links_to_a_unit_that_is_only_below_usr() {
    for (answers, exit) in [(Answers::Image, 0), (Answers::Strict, 1)] {
        let mut image = BareImage::sysv();
        image.config.shims.answers = answers;
        let database = "/var/lib/systemd/sysv-convert";
        image.root.create_dirs(database, 0o755).unwrap();
        image
            .root
            .write(format!("{database}/database"), b"foo\t3\t60\nfoo\t7\t60\n", None)
            .unwrap();
        let unit = "/usr/lib/systemd/system/foo.service";
        image.root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
        image.root.write(unit, b"[Service]\n", None).unwrap();
        assert_eq!(image.call(Tool::SystemdSysvConvert, &["--apply", "foo"]).exit, exit);
        let link = image.root.read_link("/etc/systemd/system/runlevel3.target.wants/foo.service");
        assert_eq!(link.ok().as_deref(), (exit == 0).then_some(Path::new(unit)));
        assert!(!image.root.exists("/etc/systemd/system/runlevel7.target.wants"));
    }
}
