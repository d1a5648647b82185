//! Presets as systemctl reads them, and requests to enable that came too early.

use std::process::Command;

use nodeshim::intent::UnitWant;

use crate::image::{BareImage, unit};

const UNIT: &[u8] =
    b"[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";

fn put_unit(image: &BareImage, name: &str) {
    image.root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
    image.root.write(format!("/usr/lib/systemd/system/{name}"), UNIT, None).unwrap();
    image.root.take_changes();
}

fn link(name: &str) -> String {
    format!("/etc/systemd/system/multi-user.target.wants/{name}")
}

#[test]
fn a_unit_whose_enabling_failed_stays_off_when_it_turns_up() {
    let image = BareImage::with_nft();
    image.record_failed("a", vec![unit("late.service", UnitWant::Enable)]);
    let early = image.settle(&["a"]);
    put_unit(&image, "late.service");
    let report = image.settle(&["a"]);
    assert!(report.plan.is_empty(), "{early:?} {report:?}");
    assert!(!image.root.exists(link("late.service")));
}

/// One unit's name ends in the other's, and only that one cannot be enabled.
#[test]
fn a_declared_unit_that_fails_does_not_enable_another_one_again() {
    let image = BareImage::with_nft();
    for name in ["agent.service", "node-agent.service"] {
        put_unit(&image, name);
    }
    let metadata = b"schema = 1\n[units]\nenable = [\"agent.service\", \"node-agent.service\"]\n";
    image.root.create_dirs("/usr/share/ovirt-node/plugins.d", 0o755).unwrap();
    image.root.write("/usr/share/ovirt-node/plugins.d/p.toml", metadata, None).unwrap();
    image.root.create_dirs("/etc/systemd/system", 0o755).unwrap();
    image.root.symlink("/dev/null", "/etc/systemd/system/node-agent.service").unwrap();
    let first = image.settle(&["p"]);
    assert!(image.root.exists(link("agent.service")), "{first:?}");
    assert!(
        first.plan.notes.iter().any(|note| note.text.starts_with("failed: p declares node-agent")),
        "{first:?}"
    );
    image.root.remove(link("agent.service")).unwrap();
    let second = image.settle(&["p"]);
    assert!(!image.root.exists(link("agent.service")), "an administrator's disable stands: {second:?}");
}

/// Of one request of another image one unit cannot be enabled: the other one is done once.
#[test]
fn a_replayed_request_that_fails_in_part_does_not_enable_a_unit_again() {
    let image = BareImage::with_nft();
    for name in ["aa.service", "bb.service"] {
        put_unit(&image, name);
    }
    image.root.create_dirs("/etc/systemd/system", 0o755).unwrap();
    image.root.symlink("/dev/null", "/etc/systemd/system/bb.service").unwrap();
    image.root.take_changes();
    let intents = ["aa.service", "bb.service"].map(|name| unit(name, UnitWant::Enable));
    image.record_replayed("a", intents.into());
    let first = image.settle(&["a"]);
    assert!(image.root.exists(link("aa.service")), "{first:?}");
    image.root.remove(link("aa.service")).unwrap();
    let second = image.settle(&["a"]);
    assert!(!image.root.exists(link("aa.service")), "an administrator's disable stands: {second:?}");
}

#[test]
fn what_policy_puts_off_is_left_to_systemd_where_nodeshim_is_not() {
    let image = BareImage::with_nft();
    put_unit(&image, "a.service");
    let rule = b"format = 1\n[[rule]]\nkind = \"unit\"\nverdict = \"defer\"\n";
    image.root.create_dirs("/etc/nodeshim/policy.d", 0o755).unwrap();
    image.root.write("/etc/nodeshim/policy.d/p.toml", rule, None).unwrap();
    image.root.take_changes();
    let intents = vec![
        unit("a.service", UnitWant::Enable),
        unit("b.service", UnitWant::Mask),
    ];
    image.record("p", "%post", 1, intents);
    let report = image.settle(&["p"]);
    assert!(!report.plan.notes.iter().any(|note| note.text.contains("warning")), "{report:?}");
    let files = || {
        let instances = [
            link("nodeshim-enable@a.service.service"),
            link("nodeshim-mask@b.service.service"),
        ];
        let templates =
            ["enable", "mask"].map(|verb| format!("/usr/lib/systemd/system/nodeshim-{verb}@.service"));
        instances
            .into_iter()
            .chain(templates)
            .map(|path| image.root.exists(path))
            .collect::<Vec<_>>()
    };
    assert_eq!(files(), [true; 4], "{report:?}");
    assert!(image.settle(&["p"]).plan.changes.is_empty());
    image.settle(&[]);
    assert_eq!(files(), [false; 4]);
}

#[test]
fn presets_agree_with_what_was_asked_as_systemctl_reads_them() {
    let image = BareImage::with_nft();
    for name in ["on.service", "off.service", "w@.service", "other.service"] {
        put_unit(&image, name);
    }
    image.root.create_dirs("/usr/lib/systemd/system-preset", 0o755).unwrap();
    image
        .root
        .write("/usr/lib/systemd/system-preset/99-default-disable.preset", b"disable *\n", None)
        .unwrap();
    image.root.take_changes();
    let intents = vec![
        unit("on.service", UnitWant::Enable),
        unit("off.service", UnitWant::Disable),
        unit("w@1.service", UnitWant::Enable),
        unit("other.service", UnitWant::PresetEnable),
    ];
    image.record("lib+a.b_c", "%post", 1, intents);
    image.settle(&["lib+a.b_c"]);
    let units = ["on.service", "off.service", "w@1.service", "other.service"];
    let status = Command::new("systemctl")
        .arg(format!("--root={}", image.path().display()))
        .arg("preset")
        .args(units)
        .output()
        .expect("systemctl");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let enabled: Vec<bool> = units.iter().map(|name| image.root.exists(link(name))).collect();
    assert_eq!(enabled, [true, false, true, false]);
    image.settle(&[]);
    assert!(!image.root.exists("/etc/systemd/system-preset"));
}
