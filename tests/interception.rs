//! Arming and disarming image roots: nothing but what the transaction did is left, from whatever
//! state a crash left behind.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "interception/run.rs"]
mod run;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nodeshim::intercept::{Armed, KeptShim, arm, disarm, reassert};
use nodeshim::root::Root;

const NAMES: [&str; 7] = [
    "systemctl",
    "chkconfig",
    "service",
    "lokkit",
    "firewall-cmd",
    "firewall-offline-cmd",
    "systemd-sysv-convert",
];

/// An image with a systemctl of its own; `merged` as current systems have it.
fn image(merged: bool) -> tempfile::TempDir {
    let image = support::scratch();
    let root = image.path();
    for directory in ["usr/bin", "usr/sbin", "usr/lib/systemd", "etc"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for directory in ["bin", "sbin"] {
        if merged {
            symlink(format!("usr/{directory}"), root.join(directory)).unwrap();
        } else {
            fs::create_dir(root.join(directory)).unwrap();
        }
    }
    original(root, "usr/bin/systemctl", "the original");
    image
}

fn original(root: &Path, path: &str, text: &str) {
    // As rpm does it: under another name first.
    let path = root.join(path);
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o751)).unwrap();
    fs::rename(new, path).unwrap();
}

/// What must come back: all but nodeshim's own directory.
fn rest_of(root: &Path) -> Vec<(PathBuf, String)> {
    let own = Path::new("usr/lib/sysimage");
    support::snapshot(root).into_iter().filter(|(path, _)| !path.starts_with(own)).collect()
}

fn shim_stands_at(root: &Path, path: &str) -> bool {
    fs::read(root.join(path)).is_ok_and(|content| content == b"SHIM")
}

#[test]
fn every_path_is_diverted_and_every_original_comes_back() {
    for merged in [true, false] {
        let image = image(merged);
        let root = Root::open(image.path()).unwrap();
        let before = rest_of(image.path());
        let inode = fs::metadata(image.path().join("usr/bin/systemctl")).unwrap().ino();
        arm(&root, b"SHIM").unwrap();
        for name in NAMES {
            for directory in ["usr/bin", "usr/sbin", "bin", "sbin"] {
                let path = format!("{directory}/{name}");
                assert!(shim_stands_at(image.path(), &path), "{path}, merged: {merged}");
            }
        }
        assert!(shim_stands_at(image.path(), "usr/lib/systemd/systemd-update-helper"));
        disarm(&root, None).unwrap().unwrap();
        assert_eq!(rest_of(image.path()), before);
        assert_eq!(fs::metadata(image.path().join("usr/bin/systemctl")).unwrap().ino(), inode);
        assert_eq!(disarm(&root, None).unwrap(), None);
    }
}

#[test]
fn directories_made_for_a_shim_go_unless_something_else_is_in_them() {
    let image = support::scratch();
    fs::create_dir(image.path().join("etc")).unwrap();
    let root = Root::open(image.path()).unwrap();
    arm(&root, b"SHIM").unwrap();
    original(image.path(), "usr/bin/bash", "came with the transaction");
    disarm(&root, None).unwrap();
    assert!(image.path().join("usr/bin/bash").exists());
    assert!(!image.path().join("usr/lib/systemd").exists());
}

#[test]
fn a_helper_that_is_there_is_left_alone() {
    let image = image(true);
    original(image.path(), "usr/lib/systemd/systemd-update-helper", "the real helper");
    let root = Root::open(image.path()).unwrap();
    let mut armed = arm(&root, b"SHIM").unwrap();
    reassert(&root, &mut armed, &KeptShim::of(&b"SHIM"[..]).unwrap(), false).unwrap();
    assert!(!shim_stands_at(image.path(), "usr/lib/systemd/systemd-update-helper"));
}

#[test]
fn a_helper_that_is_a_program_is_stood_in_for() {
    let image = image(true);
    let helper = "usr/lib/systemd/systemd-update-helper";
    original(image.path(), helper, "\x7fELF makes links itself");
    let root = Root::open(image.path()).unwrap();
    arm(&root, b"SHIM").unwrap();
    assert!(shim_stands_at(image.path(), helper));
    disarm(&root, None).unwrap();
    assert!(fs::read_to_string(image.path().join(helper)).unwrap().contains("makes links itself"));
}

#[test]
fn an_upgraded_tool_is_kept_aside_and_comes_back_as_the_transaction_left_it() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    let mut armed = arm(&root, b"SHIM").unwrap();
    for version in ["second", "third"] {
        original(image.path(), "usr/bin/systemctl", version);
        reassert(&root, &mut armed, &KeptShim::of(&b"SHIM"[..]).unwrap(), false).unwrap();
        assert!(shim_stands_at(image.path(), "usr/bin/systemctl"));
    }
    disarm(&root, None).unwrap();
    assert_eq!(fs::read_to_string(image.path().join("usr/bin/systemctl")).unwrap(), "third");
}

#[test]
fn a_tool_that_was_upgraded_unnoticed_is_kept_by_disarm() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    arm(&root, b"SHIM").unwrap();
    original(image.path(), "usr/bin/systemctl", "newer");
    let done = disarm(&root, None).unwrap().unwrap();
    assert_eq!(done.kept, [PathBuf::from("/usr/bin/systemctl")]);
    assert_eq!(fs::read_to_string(image.path().join("usr/bin/systemctl")).unwrap(), "newer");
    assert!(!image.path().join("usr/lib/sysimage/nodeshim/real").exists());
}

#[test]
fn an_erased_tool_stays_away() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    let mut armed = arm(&root, b"SHIM").unwrap();
    fs::remove_file(image.path().join("usr/bin/systemctl")).unwrap();
    reassert(&root, &mut armed, &KeptShim::of(&b"SHIM"[..]).unwrap(), false).unwrap();
    assert!(shim_stands_at(image.path(), "usr/bin/systemctl"), "later scriptlets still meet the shim");
    disarm(&root, None).unwrap();
    assert!(!image.path().join("usr/bin/systemctl").exists());
}

#[test]
fn a_crash_between_swapping_and_renaming_loses_no_original() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    let before = rest_of(image.path());
    arm(&root, b"SHIM").unwrap();
    let real = image.path().join("usr/lib/sysimage/nodeshim/real/usr/bin/systemctl");
    fs::rename(&real, real.with_extension("incoming")).unwrap();
    disarm(&root, None).unwrap();
    assert_eq!(rest_of(image.path()), before);
}

#[test]
fn a_crash_before_the_first_swap_leaves_nothing_to_undo_but_the_list() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    let before = rest_of(image.path());
    let armed = arm(&root, b"SHIM").unwrap();
    let list = fs::read(image.path().join("usr/lib/sysimage/nodeshim/armed.toml")).unwrap();
    disarm(&root, None).unwrap();
    fs::write(image.path().join("usr/lib/sysimage/nodeshim/armed.toml"), list).unwrap();
    assert_eq!(Armed::load(&root).unwrap().as_ref(), Some(&armed));
    disarm(&root, None).unwrap();
    assert_eq!(rest_of(image.path()), before);
    assert_eq!(Armed::load(&root).unwrap(), None);
}

/// Makes a copy of an image that keeps neither inodes nor second names.
fn copied(image: &Path) -> tempfile::TempDir {
    let copy = support::scratch();
    let arguments = ["-r", "--preserve=mode,timestamps,ownership"];
    support::succeed(Command::new("cp").args(arguments).arg(image.join(".")).arg(copy.path()));
    copy
}

#[test]
fn disarm_knows_the_shim_by_its_content_in_a_copy_of_the_image() {
    let image = image(true);
    let before = rest_of(image.path());
    arm(&Root::open(image.path()).unwrap(), b"SHIM").unwrap();
    let copy = copied(image.path());
    let done = disarm(&Root::open(copy.path()).unwrap(), None).unwrap().unwrap();
    assert_eq!(rest_of(copy.path()), before);
    assert_eq!(done.problems, [""; 0]);
}

#[test]
fn disarm_puts_originals_back_whatever_was_done_to_the_shim() {
    let own = |image: &Path| image.join("usr/lib/sysimage/nodeshim/shim");
    let in_place: &dyn Fn(&Path) = &|image| fs::write(image.join("usr/bin/systemctl"), "trojan").unwrap();
    let removed: &dyn Fn(&Path) = &|image| fs::remove_file(own(image)).unwrap();
    let replaced: &dyn Fn(&Path) = &|image| original(image, "usr/lib/sysimage/nodeshim/shim", "x");
    let both: &dyn Fn(&Path) = &|image| {
        fs::write(image.join("usr/bin/systemctl"), "trojan").unwrap();
        fs::remove_file(own(image)).unwrap();
    };
    for (what, spoil) in [
        ("in place", in_place),
        ("removed", removed),
        ("replaced", replaced),
        ("both", both),
    ] {
        let image = image(true);
        let root = Root::open(image.path()).unwrap();
        let before = rest_of(image.path());
        let armed = arm(&root, b"SHIM").unwrap();
        spoil(image.path());
        let done = disarm(&root, Some(&armed)).unwrap().unwrap();
        assert_eq!(rest_of(image.path()), before, "{what}");
        assert!(
            done.problems.iter().any(|line| line.contains("was changed or removed")),
            "{what}: {done:?}"
        );
    }
}

#[test]
fn a_shim_that_was_written_into_is_written_anew_before_the_next_scriptlet() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    let before = rest_of(image.path());
    let mut armed = arm(&root, b"SHIM").unwrap();
    fs::write(image.path().join("usr/bin/systemctl"), "trojan").unwrap();
    fs::remove_file(image.path().join("usr/lib/sysimage/nodeshim/armed.toml")).unwrap();
    reassert(&root, &mut armed, &KeptShim::of(&b"SHIM"[..]).unwrap(), false).unwrap();
    for path in ["usr/bin/systemctl", "usr/sbin/lokkit"] {
        assert!(shim_stands_at(image.path(), path), "{path}");
    }
    assert_eq!(Armed::load(&root).unwrap().as_ref(), Some(&armed));
    disarm(&root, None).unwrap();
    assert_eq!(rest_of(image.path()), before);
}

#[test]
fn an_original_that_is_not_the_recorded_one_is_kept_aside_and_told() {
    let image = image(true);
    let root = Root::open(image.path()).unwrap();
    let armed = arm(&root, b"SHIM").unwrap();
    for tool in ["systemctl", "lokkit"] {
        original(image.path(), &format!("usr/lib/sysimage/nodeshim/real/usr/bin/{tool}"), "trojan");
    }
    let done = disarm(&root, Some(&armed)).unwrap().unwrap();
    for tool in ["systemctl", "lokkit"] {
        assert!(!image.path().join("usr/bin").join(tool).exists(), "{tool}");
        let suspect = image.path().join("usr/lib/sysimage/nodeshim/suspect/usr/bin").join(tool);
        assert_eq!(fs::read_to_string(suspect).unwrap(), "trojan");
        let said = done
            .problems
            .iter()
            .any(|line| line.starts_with(&format!("/usr/bin/{tool}: the original")));
        assert!(said, "{:?}", done.problems);
    }
}

#[test]
fn a_shim_of_another_build_hides_no_original() {
    let older = [b"\x7fELF older ".as_slice(), &nodeshim::intercept::MARK].concat();
    let image = image(true);
    fs::write(image.path().join("usr/bin/systemctl"), &older).unwrap();
    let root = Root::open(image.path()).unwrap();
    arm(&root, b"SHIM").unwrap();
    assert!(shim_stands_at(image.path(), "usr/bin/systemctl"));
    assert!(!image.path().join("usr/lib/sysimage/nodeshim/real/usr/bin/systemctl").exists());
    disarm(&root, None).unwrap();
    assert!(!image.path().join("usr/bin/systemctl").exists());
}

#[test]
fn a_list_that_cannot_be_read_keeps_no_original_from_coming_back() {
    for text in ["", "garbage", "format = 2\n[[tool]]\n"] {
        let image = image(true);
        let root = Root::open(image.path()).unwrap();
        let before = rest_of(image.path());
        arm(&root, b"SHIM").unwrap();
        fs::write(image.path().join("usr/lib/sysimage/nodeshim/armed.toml"), text).unwrap();
        let done = disarm(&root, None).unwrap().unwrap();
        let after = rest_of(image.path());
        // Which directories were made for shims is not known any more.
        let kept = after.into_iter().filter(|(path, _)| !path.ends_with("usr/lib/systemd"));
        let before = before.into_iter().filter(|(path, _)| !path.ends_with("usr/lib/systemd"));
        assert!(kept.eq(before), "{text:?}");
        assert!(done.problems.iter().any(|line| line.contains("armed.toml")), "{text:?}: {done:?}");
        assert!(!image.path().join("usr/lib/sysimage/nodeshim/armed.toml").exists());
    }
}

#[test]
fn sixty_four_shims_at_once_lose_nothing() {
    let image = image(true);
    support::put_shell(image.path(), &support::busybox());
    // What the shell has its background commands read.
    fs::create_dir(image.path().join("dev")).unwrap();
    fs::write(image.path().join("dev/null"), "").unwrap();
    support::arm(image.path());
    let script = "n=0; while [ $n -lt 64 ]; do systemctl enable no-such-$n.service 2>&- & n=$((n + 1)); \
                  done; wait";
    support::succeed(&mut support::chrooted(image.path(), ["/bin/sh", "-c", script]));
    let events = nodeshim::journal::Journal::read(&Root::open(image.path()).unwrap()).unwrap().events;
    let ids: Vec<u64> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=64).collect::<Vec<u64>>());
    let mut units: Vec<String> = events.iter().map(|event| event.argv[2].shown()).collect();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), 64);
}

#[test]
fn what_is_no_image_is_refused_in_one_line() {
    let empty = support::scratch();
    let missing = empty.path().join("missing");
    for (root, reason) in [
        (empty.path(), "not an image root: it has neither usr nor etc"),
        (missing.as_path(), "No such file or directory"),
    ] {
        for verb in [&["arm"][..], &["disarm"], &["run", "--", "true"]] {
            let output = nodeshim(root, verb).output().unwrap();
            let expected = format!("nodeshim: {}: {reason}\n", root.display());
            assert_eq!(String::from_utf8_lossy(&output.stderr), expected, "{verb:?}");
            assert_eq!(output.status.code(), Some(1), "{verb:?}");
        }
    }
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn arming_twice_is_refused() {
    let image = image(true);
    support::arm(image.path());
    let output = nodeshim(image.path(), &["arm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is armed already"));
}

#[test]
fn a_shim_left_in_a_disarmed_image_hands_over_to_the_original() {
    let image = image(true);
    support::put_shell(image.path(), &support::busybox());
    original(image.path(), "usr/bin/systemctl", "#!/bin/sh\necho \"$0 $*\"\nexit 9\n");
    support::arm(image.path());
    fs::remove_file(image.path().join("usr/lib/sysimage/nodeshim/armed.toml")).unwrap();
    let output = support::chrooted(image.path(), ["systemctl", "is-active", "x y"]).output().unwrap();
    assert_eq!(output.status.code(), Some(9), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("systemctl is-active x y\n"));
}

fn nodeshim(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(support::nodeshim());
    command.arg("--root").arg(root).args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

fn wait_for(condition: impl Fn() -> bool) {
    for _ in 0..200 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("nothing happened within 4 seconds");
}

#[test]
fn closed_streams_do_not_become_the_journal() {
    let image = image(true);
    support::put_shell(image.path(), &support::busybox());
    support::arm(image.path());
    // No /dev/null in this image either.
    let script = "systemctl is-enabled no-such-unit <&- >&- 2>&-; lokkit --help >&-";
    let output = support::chrooted(image.path(), ["/bin/sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let root = Root::open(image.path()).unwrap();
    let journal = nodeshim::journal::Journal::read(&root).unwrap();
    let argv: Vec<_> = journal.events.iter().map(|event| event.words()).collect();
    assert_eq!(argv, ["systemctl is-enabled no-such-unit", "lokkit --help"]);
    assert_eq!(journal.torn, None);
}
