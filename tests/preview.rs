//! `nodeshim preview`: what real transactions would do, shown without a trace in the image, whatever
//! kills it when.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
#[allow(dead_code, reason = "each test program uses a part of it")]
#[path = "crash/points.rs"]
mod points;
#[path = "preview/reading.rs"]
mod reading;
#[path = "support/schema.rs"]
mod schema;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use image::{Image, build, build_with, contained, package, with_rpm};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use support::{assert_same, scratch, snapshot, succeed};
use tempfile::TempDir;

/// A scriptlet that goes beside the tools in every way that a comparison has to see.
const BY_HAND: &str = "%post\necho 1 > /etc/by-hand\nrm /etc/going\nrm -rf /etc/anew\nmkdir /etc/anew\n\
                       echo 2 > /etc/anew/new\ntouch /etc/passwd\nchmod 600 /etc/group\nln -s by-hand /etc/link\n";

/// An image with something that is going, and temporary files of its own.
struct Fixture {
    image: Image,
    temporary: TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        let image = Image::new();
        let etc = image.path().join("etc");
        fs::write(etc.join("going"), "x").expect("a file");
        fs::create_dir(etc.join("anew")).expect("a directory");
        fs::write(etc.join("anew/old"), "x").expect("a file");
        Fixture {
            image,
            temporary: scratch(),
        }
    }

    fn preview(&self, args: &[&str]) -> Command {
        let mut command = self.image.nodeshim("preview", args);
        command.env("TMPDIR", self.temporary.path());
        command
    }

    /// All that can be seen of the image from outside, times and inodes among it.
    fn digest(&self) -> BTreeMap<PathBuf, String> {
        let top = self.image.path();
        let mut all = snapshot(&top);
        for (path, text) in &mut all {
            let meta = fs::symlink_metadata(top.join(path)).expect("it is there");
            let (modified, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
            *text += &format!(" {modified:?} {changed:?} {} {}:{}", meta.ino(), meta.uid(), meta.gid());
        }
        all
    }

    fn left_behind(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.temporary.path()).expect("the directory");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    let value: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)));
    schema::assert_fits("preview", &value);
    value
}

#[test]
fn preview_shows_what_the_transaction_then_does_and_leaves_no_trace() {
    let fixture = Fixture::new();
    let built = fixture.image.beside("rpms");
    let by_hand = build_with(&built, "by-hand", "", &[("/usr/share/by-hand/a", "a\n")], BY_HAND);
    let packages = [
        package("node-agent-4.50"),
        package("node-gateway-3.0"),
        package("node-exporter-0.9"),
        by_hand,
    ];
    let mut args: Vec<&str> = packages.iter().map(String::as_str).collect();
    args.push("--allow-unsigned");
    let before = fixture.digest();
    let shown = text(&succeed(&mut fixture.preview(&args)));
    for words in [
        "node-gateway-3.0-1.noarch",
        "open 9090/tcp",
        "at boot\n  start node-exporter.service at boot",
        "firewall-offline-cmd --add-service=node-agent",
        "created   /etc/systemd/system/multi-user.target.wants/node-agent.service [#",
        "created   /etc/by-hand: changed directly by the scriptlet",
        "removed   /etc/going: changed directly by the scriptlet",
        "3 paths that by-hand ships",
    ] {
        assert!(shown.contains(words), "{words:?} is not in:\n{shown}");
    }
    let answer = json(&succeed(fixture.preview(&args).arg("--json")));
    assert_same(&before, &fixture.digest(), "a preview changed the image");
    assert!(fixture.left_behind().is_empty(), "{:?}", fixture.left_behind());
    assert_eq!(answer["ending"], "installed");
    let shown = paths(&answer);
    let old = snapshot(&fixture.image.path());
    succeed(&mut fixture.image.nodeshim("install", &args));
    assert_eq!(shown, differences(&old, &snapshot(&fixture.image.path())));
}

/// The paths that a preview names, with what happens to them.
fn paths(answer: &Value) -> BTreeSet<(String, String)> {
    let files = answer["files"].as_array().expect("files");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    files.iter().map(|file| (word(&file["path"]), word(&file["what"]))).collect()
}

/// The same of two snapshots: below a directory that is gone, nothing is named.
fn differences(
    before: &BTreeMap<PathBuf, String>,
    after: &BTreeMap<PathBuf, String>,
) -> BTreeSet<(String, String)> {
    let left_out = ["usr/lib/sysimage", "var/tmp", "tmp", "run", "dev"];
    let is_looked_at = |path: &&PathBuf| left_out.iter().all(|left_out| !path.starts_with(left_out));
    let mut found = BTreeSet::new();
    for path in before.keys().chain(after.keys()).filter(is_looked_at) {
        let what = match (before.get(path), after.get(path)) {
            (Some(one), Some(other)) if one == other => continue,
            (Some(_), Some(_)) => "changed",
            (None, _) => "created",
            (Some(_), None) if path.parent().is_some_and(|parent| !after.contains_key(parent)) => continue,
            (Some(_), None) => "removed",
        };
        found.insert((format!("/{}", path.display()), what.to_owned()));
    }
    found
}

#[test]
fn policy_and_signatures_are_what_an_installation_would_meet() {
    let fixture = Fixture::new();
    let gateway = package("node-gateway-3.0");
    let policy = fixture.image.beside("policy.toml");
    let rule = "format = 1\n[[rule]]\nname = \"no gateway\"\nport = [\"9090\"]\nverdict = \"deny\"\nreason = \"closed shop\"\n";
    fs::write(&policy, rule).expect("a policy");
    let before = fixture.digest();
    let refused = fixture.preview(&[&gateway]).output().expect("nodeshim starts");
    assert_ne!(refused.status.code(), Some(0), "{}", text(&refused));
    assert!(text(&refused).contains("nothing was installed"), "{}", text(&refused));
    let policy = policy.display().to_string();
    let denied = fixture
        .preview(&[&gateway, "--allow-unsigned", "--policy", &policy])
        .output()
        .expect("nodeshim starts");
    assert!(text(&denied).contains("closed shop"), "{}", text(&denied));
    assert!(!text(&denied).contains("\nnow\n  open 9090/tcp"), "{}", text(&denied));
    assert_same(&before, &fixture.digest(), "a preview changed the image");
}

/// Somebody who may not mount, on an image that is theirs.
#[test]
fn no_privilege_is_needed_for_an_image_of_ones_own() {
    let fixture = Fixture::new();
    let own = fixture.temporary.path().join("own");
    fs::create_dir_all(own.join("temporary")).expect("a directory");
    succeed(Command::new("cp").arg("-a").arg(support::stage().join("usr")).arg(&own));
    succeed(Command::new("cp").arg(package("node-agent-4.50")).arg(own.join("agent.rpm")));
    succeed(Command::new("chmod").arg("755").arg(fixture.temporary.path()).arg(&own));
    succeed(Command::new("chmod").arg("755").arg(fixture.image.path().parent().expect("a directory")));
    succeed(Command::new("chown").args(["-R", "65534:65534"]).arg(&own).arg(fixture.image.path()));
    let before = fixture.digest();
    let mut preview = Command::new("setpriv");
    preview.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    preview.arg(own.join("usr/bin/nodeshim")).args(["preview", "--allow-unsigned", "--root"]);
    preview.arg(fixture.image.path()).arg(own.join("agent.rpm")).env_clear();
    preview
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", &own)
        .env("TMPDIR", own.join("temporary"));
    let shown = text(&succeed(&mut preview));
    assert!(shown.contains("/multi-user.target.wants/node-agent.service [#"), "{shown}");
    assert_same(&before, &fixture.digest(), "a preview changed the image");
    assert!(fs::read_dir(own.join("temporary")).expect("it is there").next().is_none());
}

#[test]
fn an_image_that_is_in_parts_is_refused() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.image.path().join("opt")).expect("a directory");
    let opt = fixture.image.path().join("opt");
    let preview = fixture.preview(&[&package("node-gateway-3.0"), "--allow-unsigned"]);
    let script = "mount -t tmpfs part \"$0\" && exec \"$@\"";
    let mut mounted = Command::new("unshare");
    mounted.args(["-m", "--propagation", "private", "sh", "-c", script]).arg(&opt);
    mounted
        .arg(preview.get_program())
        .args(preview.get_args())
        .env("TMPDIR", fixture.temporary.path());
    let output = mounted.output().expect("unshare starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("/opt is a separate file system"), "{}", text(&output));
}

/// Killed as a whole while a scriptlet is at work in the copy, which it tells by a file.
#[test]
fn nothing_stays_when_all_of_it_is_killed_during_a_scriptlet() {
    let fixture = Fixture::new();
    let built = fixture.image.beside("rpms");
    let waits =
        build(&built, "waits", "%post\necho x > /etc/changed\nrm /etc/going\ntouch /marker\nsleep 600\n");
    let before = fixture.digest();
    let mut preview = fixture.preview(&[&waits, "--allow-unsigned"]);
    let mut child = preview.process_group(0).stdout(Stdio::null()).spawn().expect("nodeshim starts");
    let copy = wait_for_marker(&fixture, &mut child);
    killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL).expect("it runs");
    child.wait().expect("it ends");
    assert_same(&before, &fixture.digest(), "a killed preview changed the image");
    assert!(!is_mounted(&copy), "a mount stayed");
    sweep(&fixture);
    assert_same(&before, &fixture.digest(), "sweeping changed the image");
}

/// The directory of the copy, once the scriptlet has made its file.
fn wait_for_marker(fixture: &Fixture, child: &mut Child) -> PathBuf {
    loop {
        let copies = fixture.left_behind();
        if let Some(copy) = copies.into_iter().find(|copy| copy.join("upper/marker").exists()) {
            return copy;
        }
        assert_eq!(child.try_wait().expect("it can be waited for"), None, "it ended before the scriptlet");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_mounted(directory: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mounts").expect("the mounts");
    table.contains(&directory.display().to_string())
}

/// Previews until nothing is left: the rpm of a killed preview goes on to its end, and keeps its copy.
fn sweep(fixture: &Fixture) {
    loop {
        succeed(&mut fixture.preview(&[&package("node-gateway-3.0"), "--allow-unsigned"]));
        if fixture.left_behind().is_empty() {
            return;
        }
    }
}

/// nodeshim's own process, killed around each mount and at points all over its run.
#[test]
fn nothing_stays_when_it_is_killed_anywhere() {
    let fixture = Fixture::new();
    let gateway = package("node-gateway-3.0");
    let preview = fixture.preview(&[&gateway, "--allow-unsigned"]);
    let before = fixture.digest();
    let points = [
        ("unshare", 1),
        ("mount", 3),
        ("mount", 4),
        ("umount2", 2),
        ("unlinkat", 40),
        ("renameat", 4),
        ("write", 8),
        ("wait4", 9),
    ];
    for (call, point) in points {
        let output = points::killed_at(&preview, &points::Point::of(call, point), Path::new("/dev/null"));
        assert!(!output.status.success(), "it was not killed at {call} {point}: {}", text(&output));
        assert_same(&before, &fixture.digest(), &format!("killed at {call} {point}"));
    }
    sweep(&fixture);
    assert_same(&before, &fixture.digest(), "sweeping changed the image");
}

/// Makes the image the root of a mount namespace, as a container engine does, which mounts over single
/// files, too.
const CONTAINER: &str = "mount --bind \"$1\" \"$1\"; cd \"$1\"; shift; mount -t proc proc proc
mount --bind etc/os-release etc/hosts
pivot_root . .; /opt/busybox umount -l .; exec \"$@\"";

/// A build inside a container previews its own root.
#[test]
fn a_container_build_previews_its_own_root() {
    let fixture = Fixture {
        image: with_rpm(),
        temporary: scratch(),
    };
    let root = fixture.image.path();
    let staged = root.join("opt/nodeshim");
    fs::create_dir_all(staged.parent().expect("a parent")).expect("a directory");
    succeed(Command::new("cp").arg("-a").arg(support::stage().join("usr")).arg(&staged));
    succeed(Command::new("cp").arg(package("node-agent-4.50")).arg(root.join("plugin.rpm")));
    fs::copy(support::busybox(), root.join("opt/busybox")).expect("a copy");
    fs::write(root.join("etc/hosts"), "").expect("a file");
    let without_times = |digest: BTreeMap<PathBuf, String>| -> BTreeMap<PathBuf, String> {
        // Its temporary files lie in the image meanwhile.
        digest.into_iter().filter(|(path, _)| path != Path::new("tmp")).collect()
    };
    let before = without_times(fixture.digest());
    // What is built in a checkout below /tmp lies there in the image, too.
    let temporary = || -> Vec<_> {
        let entries = fs::read_dir(fixture.image.path().join("tmp")).expect("it is there");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    };
    let temporary_before = temporary();
    let words = [
        "/opt/nodeshim/bin/nodeshim",
        "preview",
        "--allow-unsigned",
        "/plugin.rpm",
    ];
    let mut inside = Command::new("unshare");
    inside
        .args(["-mpf", "--propagation", "private", "sh", "-euc", CONTAINER, "sh"])
        .arg(&root);
    inside.args(words).env_clear().stdin(Stdio::null());
    inside.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    let shown = text(&succeed(&mut inside));
    assert!(shown.contains("/multi-user.target.wants/node-agent.service [#"), "{shown}");
    assert_same(&before, &without_times(fixture.digest()), "a preview changed the image");
    // A chroot is no mount of its own: what is mounted in it might appear outside.
    let root = root.display().to_string();
    let refused = contained(&fixture.image, &[&["chroot", root.as_str()][..], &words].concat())
        .output()
        .expect("unshare starts");
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("mounted in a chroot cannot be kept"), "{}", text(&refused));
    assert_same(&before, &without_times(fixture.digest()), "a refused preview changed the image");
    assert_eq!(temporary(), temporary_before);
}
