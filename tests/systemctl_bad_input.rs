//! Unit files that are none, or hostile: no request about them hangs, reads without end or leaves
//! anything half done, and each is told of in one line.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use support::{arm, chrooted, scratch, snapshot, succeed};

const UNITS: &str = "usr/lib/systemd/system";

/// A FIFO, a file of a gigiabyte without blocks, a directory, a FIFO among drop-ins and presets, a
/// dependency out of the tree, NUL bytes and a loop.
fn hostile_image(root: &Path) {
    for dir in ["usr/lib/systemd/system-preset", "etc/systemd/system", "usr/bin"] {
        fs::create_dir_all(root.join(dir)).expect("a directory");
    }
    let units = root.join(UNITS);
    fs::create_dir_all(units.join("drop.service.d")).expect("a directory");
    fs::create_dir_all(units.join("dir.service")).expect("a directory");
    for fifo in [
        "fifo.service",
        "drop.service.d/a.conf",
        "../system-preset/10-fifo.preset",
    ] {
        succeed(Command::new("mkfifo").arg(units.join(fifo)));
    }
    let big = File::create(units.join("big.service")).expect("a file");
    big.set_len(1 << 30).expect("a file without blocks");
    let install = |target: &str| format!("[Install]\nWantedBy={target}\n");
    fs::write(units.join("drop.service"), install("a.target")).expect("a unit");
    fs::write(units.join("up.service"), install("../../../../outside")).expect("a unit");
    fs::write(units.join("nul.service"), install("a\0b.target")).expect("a unit");
    std::os::unix::fs::symlink("loop.service", root.join("etc/systemd/system/loop.service")).expect("a link");
    arm(root);
}

#[test]
fn what_is_no_unit_file_changes_nothing_and_stops_nothing() {
    let place = scratch();
    let root = place.path().join("root");
    hostile_image(&root);
    let etc = root.join("etc");
    let before = snapshot(&etc);
    for unit in ["fifo", "big", "dir", "drop", "up", "nul", "loop"] {
        for verb in ["enable", "is-enabled", "preset"] {
            let argv = ["systemctl", verb, &format!("{unit}.service")];
            // Far more time than it takes; what reads a FIFO would wait for ever.
            let inside = chrooted(&root, argv);
            let mut command = Command::new("timeout");
            command.arg("60").arg(inside.get_program()).args(inside.get_args());
            let output = command.env_clear().envs(support::ENVIRONMENT).output().expect("it starts");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(matches!(output.status.code(), Some(0 | 1)), "{argv:?}: {}: {said}", output.status);
            assert!(!said.contains("internal error"), "{argv:?}: {said}");
            // Presets pass over what a unit cannot have.
            if verb == "enable" && unit != "nul" {
                assert_eq!(output.status.code(), Some(1), "{argv:?}: {said}");
                assert!(!said.is_empty(), "{argv:?} fails without a word");
            }
        }
    }
    let after = snapshot(&etc);
    assert!(after.keys().all(|path| !path.to_string_lossy().contains("outside")));
    for (path, content) in &before {
        assert_eq!(after.get(path), Some(content), "{}", path.display());
    }
    assert!(!place.path().join("outside").exists());
}

#[test]
fn a_read_only_directory_is_told_of_as_by_the_original_and_stays_as_it_was() {
    let place = scratch();
    let root = place.path().join("root");
    let links = root.join("etc/systemd/system");
    fs::create_dir_all(links.join("old.target.wants")).expect("a directory");
    for dir in [UNITS, "usr/bin", "etc/nodeshim"] {
        fs::create_dir_all(root.join(dir)).expect("a directory");
    }
    fs::write(root.join("etc/nodeshim/nodeshim.toml"), "[shims]\nsystemctl-generation = 252\n")
        .expect("a configuration");
    for unit in ["a", "b"] {
        fs::write(root.join(UNITS).join(format!("{unit}.service")), "[Install]\nWantedBy=x.target\n")
            .expect("a unit");
    }
    let link = links.join("old.target.wants/b.service");
    std::os::unix::fs::symlink("/usr/lib/systemd/system/b.service", link).expect("a link");
    arm(&root);
    let before = snapshot(&root.join("etc"));
    for (words, said) in [
        (
            "enable a",
            "Failed to enable unit, unit /etc/systemd/system/x.target.wants/a.service does not exist.",
        ),
        (
            "preset a",
            "Failed to preset unit, unit /etc/systemd/system/x.target.wants/a.service does not exist.",
        ),
        (
            "disable b",
            "Failed to disable unit, file \"/etc/systemd/system/old.target.wants/b.service\": Read-only file system",
        ),
        (
            "mask a",
            "Failed to mask unit, file \"/etc/systemd/system/a.service\": Read-only file system",
        ),
    ] {
        let script = format!(
            "cd \"$0\" && mount --bind etc/systemd etc/systemd && mount -o remount,bind,ro etc/systemd && \
             exec chroot . /usr/bin/systemctl {words}"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).arg(&root);
        let output = command.env_clear().envs(support::ENVIRONMENT).output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words}: {text}");
        assert_eq!(text.lines().next(), Some(said), "{words}: {text}");
    }
    assert_eq!(snapshot(&root.join("etc")), before);
}

#[test]
fn a_list_has_the_good_ones_beside_the_bad() {
    let place = scratch();
    let root = place.path().join("root");
    hostile_image(&root);
    let output = succeed(&mut chrooted(&root, ["systemctl", "list-unit-files", "--no-legend"]));
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in ["big.service  bad", "drop.service bad", "up.service   disabled"] {
        assert!(listed.contains(line), "{listed}");
    }
    assert!(!listed.contains("fifo.service") && !listed.contains("dir.service"), "{listed}");
}
