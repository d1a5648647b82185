//! Kill -9 at any point: whatever a process was doing, the next nodeshim puts the image right, no
//! request whose caller had its answer is lost, and there is a tool at its path all the time.
//!
//! A sample of the points is tried; `NODESHIM_CRASH_POINTS=all` tries every system call.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "crash/points.rs"]
mod points;
#[path = "crash/power_cut.rs"]
mod power_cut;
mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nodeshim::journal::{Event, Journal, PART_LIMIT};
use nodeshim::root::Root;
use points::{
    Point, calls_between, each_of, each_point, killed_at, log_of, points_of, signalled_at, system_calls,
};
use support::{assert_same, succeed};

/// What the command of a run does in the image. A line is printed after each answer.
const SCRIPT: &str = "for u in a b; do systemctl enable $u.service && echo $u; done; \
                      lokkit --nostart --port=8080:tcp && echo port; exit 0";
const ORIGINAL: &str = "#!/bin/sh\necho original\n";
const OWN: &str = "usr/lib/sysimage/nodeshim";

/// An image, a place for temporary files and what was answered, gone with the value.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            directory: support::scratch(),
        };
        let root = place.root();
        for directory in [
            "usr/bin",
            "usr/sbin",
            "usr/lib/systemd/system",
            "etc/systemd/system",
            "dev",
        ] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for directory in ["bin", "sbin"] {
            symlink(format!("usr/{directory}"), root.join(directory)).unwrap();
        }
        support::put_shell(&root, &support::busybox());
        for unit in ["a", "b"] {
            let text = format!("[Unit]\nDescription={unit}\n[Install]\nWantedBy=multi-user.target\n");
            fs::write(root.join(format!("usr/lib/systemd/system/{unit}.service")), text).unwrap();
        }
        fs::write(root.join("usr/bin/systemctl"), ORIGINAL).unwrap();
        fs::set_permissions(root.join("usr/bin/systemctl"), fs::Permissions::from_mode(0o751)).unwrap();
        fs::create_dir(place.temporary()).unwrap();
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    fn answers(&self) -> PathBuf {
        self.directory.path().join("answers")
    }

    /// The words of a nodeshim command line on this image; `run` gets its command.
    fn words(&self, verb: &str) -> Vec<String> {
        let root = self.root().display().to_string();
        let program = support::nodeshim().display().to_string();
        let mut words = vec![program, "--root".into(), root.clone(), verb.into()];
        if verb == "run" {
            let inner =
                format!("exec chroot '{root}' /bin/sh -c '{SCRIPT}' >>'{}'", self.answers().display());
            words.extend(["--", "/bin/sh", "-c", &inner].map(String::from));
        }
        words
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", "/root").env("TMPDIR", self.temporary()).stdin(Stdio::null());
        command
    }

    fn verb(&self, verb: &str) -> Output {
        succeed(&mut self.command(&self.words(verb)))
    }

    fn events(&self) -> Vec<Event> {
        Journal::read(&Root::open(self.root()).unwrap()).expect("the journal reads").events
    }

    /// The tool works, whatever stands at its path.
    fn assert_tool(&self, what: &str) {
        let output = chrooted(&self.root(), ["systemctl", "is-enabled", "a.service"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(["original\n", "enabled\n", "disabled\n"].contains(&&*said), "{what}: {output:?}");
    }

    fn assert_disarmed(&self, what: &str) {
        for left in ["armed.toml", "real", "shim"] {
            assert!(!self.root().join(OWN).join(left).exists(), "{what}: {left}");
        }
        assert_eq!(fs::read_to_string(self.root().join("usr/bin/systemctl")).unwrap(), ORIGINAL, "{what}");
    }

    /// Nobody got an answer to a request that is not recorded, and nothing is recorded twice.
    fn assert_all_recorded(&self, what: &str) {
        let answered = fs::read_to_string(self.answers()).unwrap_or_default();
        let events = self.events();
        for (line, word) in [
            ("a", "a.service"),
            ("b", "b.service"),
            ("port", "--port=8080:tcp"),
        ] {
            let answers = answered.lines().filter(|answer| *answer == line).count();
            let asked =
                |event: &&Event| event.argv[1] != "is-enabled" && event.argv.iter().any(|arg| arg == word);
            let recorded = events.iter().filter(asked).count();
            assert!(recorded >= answers, "{what}: {answers} answers to {word}, {recorded} recorded");
        }
        assert!(events.is_sorted_by(|a, b| a.id < b.id), "{what}: {events:?}");
    }

    /// Everything but what nodeshim keeps for itself, and the copies that lokkit leaves when it is
    /// called again.
    fn rest(&self) -> std::collections::BTreeMap<PathBuf, String> {
        let mut files = support::snapshot(&self.root());
        let is_copy = |path: &Path| path.extension().is_some_and(|extension| extension == "old");
        files.retain(|path, _| !path.starts_with("usr/lib/sysimage") && !is_copy(path));
        files
    }

    fn assert_nothing_half_done(&self, what: &str) {
        let half_done = |path: &Path| path.to_string_lossy().contains(".nodeshim-tmp-");
        let left: Vec<_> =
            support::snapshot(&self.root()).into_keys().filter(|path| half_done(path)).collect();
        assert!(left.is_empty(), "{what}: {left:?}");
        let private = fs::read_dir(self.temporary()).unwrap().count();
        assert_eq!(private, 0, "{what}: private directories are left");
    }
}

/// What a run in peace leaves.
fn in_peace() -> std::collections::BTreeMap<PathBuf, String> {
    let place = Place::new();
    place.verb("run");
    place.assert_disarmed("a run in peace");
    place.rest()
}

/// Kills `verb` at one system call after the other, each time in an image of its own which
/// `prepare` has made ready, and has it repaired.
fn survives(verb: &str, prepare: impl Fn(&Place) + Sync) {
    let expected = in_peace();
    let rehearsal = Place::new();
    prepare(&rehearsal);
    let calls = system_calls(&rehearsal.command(&rehearsal.words(verb)));
    each_point(verb, &calls, |point| {
        let place = Place::new();
        prepare(&place);
        let what = format!("nodeshim {verb}, killed at system call {point} of {}", calls.len());
        let killed = killed_at(&place.command(&place.words(verb)), point, Path::new("/dev/null"));
        assert!(killed.status.code().is_none_or(|code| code > 128), "{what}: {killed:?}");
        place.assert_tool(&what);
        if place.root().join(OWN).join("armed.toml").exists() {
            let output = place.command(&place.words("check")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                !output.status.success() && said.contains("armed.toml: image is still armed"),
                "{what}: {output:?}"
            );
        }
        match point.number % 3 {
            // A command of a run that is dead now goes on; it has to be waited for.
            0 => drop(
                place
                    .command(&[&place.words("run")[..4], &["--".into(), "true".into()]].concat())
                    .output(),
            ),
            _ => wait_and_disarm(&place),
        }
        place.assert_disarmed(&what);
        place.assert_all_recorded(&what);
        let output = place.verb("run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("took out"), "{what}: it was repaired before: {said}");
        place.assert_disarmed(&what);
        place.assert_all_recorded(&what);
        place.assert_nothing_half_done(&what);
        assert_same(&expected, &place.rest(), &what);
        // What the builder asked for by hand is settled; a run has done so.
        place.verb("settle");
        place.verb("check");
    });
}

/// `disarm` refuses while the command of the dead run is at work.
fn wait_and_disarm(place: &Place) {
    let words = place.words("disarm");
    for _ in 0..600 {
        let output = place.command(&words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return;
        }
        assert!(said.contains("is working on this image") && said.lines().count() == 1, "{said}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the command of a run that died does not end");
}

/// Arms the image and makes the requests of [`SCRIPT`].
fn arm_and_ask(place: &Place) {
    place.verb("arm");
    succeed(&mut chrooted(&place.root(), ["/bin/sh", "-c", SCRIPT]));
}

/// A command of whoever builds the image: rpm's own search path would make it a scriptlet's.
fn chrooted<W: AsRef<OsStr>>(root: &Path, words: impl IntoIterator<Item = W>) -> Command {
    let mut command = support::chrooted(root, words);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

#[test]
fn a_run_may_be_killed_at_any_system_call() {
    survives("run", |_| {});
}

/// A signal that comes once the command has ended lets the run put the image right; more of them end it
/// before it is settled, but not before it is disarmed.
#[test]
fn a_run_that_gets_sigterm_after_its_command_ends_disarmed() {
    let expected = in_peace();
    let rehearsal = Place::new();
    let log = log_of(&rehearsal.command(&rehearsal.words("run")));
    let lines: Vec<&str> = log.lines().collect();
    let ended = lines
        .iter()
        .position(|line| line.contains("WNOHANG"))
        .expect("what is left running is ended");
    let command = lines[..ended].iter().rposition(|line| line.starts_with("wait4(")).expect("the command");
    let state = lines
        .iter()
        .rposition(|line| line.starts_with("renameat(") && line.contains("state.toml"));
    let last = state.expect("the state is written");
    let points = points_of(&log)
        .into_iter()
        .filter(|point| (command + 1..=last).contains(&(point.number - 1)));
    let points: Vec<Point> = points.collect();
    let all = std::env::var("NODESHIM_CRASH_POINTS").is_ok_and(|value| value == "all");
    let step = if all { 1 } else { points.len() / 6 };
    let points: Vec<Point> = points.into_iter().step_by(step).collect();
    for then in ["", "+2"] {
        each_of("run, SIGTERM", &points, |point| {
            let place = Place::new();
            let command = place.command(&place.words("run"));
            let output = signalled_at(&command, "SIGTERM", point, then, Path::new("/dev/null"));
            let what = format!("nodeshim run, SIGTERM at system call {point}{then}: {output:?}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(128 + 15), "{what}");
            assert!(said.contains("SIGTERM: ending as soon as the image is put right"), "{what}");
            place.assert_disarmed(&what);
            place.assert_all_recorded(&what);
            if !then.is_empty() && said.contains("ended before the image was settled") {
                place.verb("settle");
            }
            place.verb("check");
            assert_same(&expected, &place.rest(), &what);
            place.verb("run");
            place.assert_nothing_half_done(&what);
        });
    }
}

#[test]
fn arming_may_be_killed_at_any_system_call() {
    survives("arm", |_| {});
}

#[test]
fn disarming_may_be_killed_at_any_system_call() {
    survives("disarm", |place| {
        arm_and_ask(place);
    });
}

#[test]
fn settling_may_be_killed_at_any_system_call() {
    survives("settle", |place| {
        arm_and_ask(place);
        place.verb("disarm");
    });
}

/// A directory that settling has just made has its mode, or nobody could read it for good.
#[test]
fn settling_may_be_killed_whenever_it_has_made_a_directory() {
    let expected = in_peace();
    let settle = |place: &Place| place.command(&place.words("settle"));
    let ready = || {
        let place = Place::new();
        arm_and_ask(&place);
        place.verb("disarm");
        place
    };
    let log = log_of(&settle(&ready()));
    let made = log
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with("mkdirat(") && line.ends_with("= 0"));
    let after: Vec<usize> = made.flat_map(|(index, _)| [index + 2, index + 3]).collect();
    assert!(after.len() >= 2, "{log}");
    let points: Vec<Point> =
        points_of(&log).into_iter().filter(|point| after.contains(&point.number)).collect();
    each_of("settle, directories", &points, |point| {
        let place = ready();
        killed_at(&settle(&place), point, Path::new("/dev/null"));
        place.verb("settle");
        assert_same(&expected, &place.rest(), &format!("nodeshim settle, killed at system call {point}"));
    });
}

/// Settling closes a journal that has grown: between the second name of its events and the first line
/// of the next journal each system call is tried.
#[test]
fn closing_the_journal_may_be_killed_at_any_system_call() {
    let settle = |place: &Place| place.command(&place.words("settle"));
    let rehearsal = Place::new();
    with_a_large_journal(&rehearsal);
    let points = calls_between(&settle(&rehearsal), "journal-1-", "journal.toml");
    assert!(points.len() >= 6, "{points:?}");
    each_of("closing the journal", &points, |point| {
        let place = Place::new();
        let last = with_a_large_journal(&place);
        let what = format!("nodeshim settle, killed at system call {point}, while it closes the journal");
        killed_at(&settle(&place), point, Path::new("/dev/null"));
        let ids = |place: &Place| place.events().iter().map(|event| event.id).collect::<Vec<u64>>();
        assert_eq!(ids(&place), (1..=last).collect::<Vec<u64>>(), "{what}");
        match point.number % 3 {
            0 => drop(place.verb("settle")),
            1 => drop(succeed(
                &mut place.command(&[&place.words("run")[..4], &["--".into(), "true".into()]].concat()),
            )),
            _ => drop(place.verb("disarm")),
        }
        place.verb("run");
        let now = ids(&place);
        assert!(now.len() as u64 > last && now.iter().copied().eq(1..=now.len() as u64), "{what}: {now:?}");
        place.assert_all_recorded(&what);
        place.assert_disarmed(&what);
        place.assert_nothing_half_done(&what);
    });
}

/// Requests that were answered, and a journal that the next settling closes; returns its last event.
fn with_a_large_journal(place: &Place) -> u64 {
    arm_and_ask(place);
    place.verb("disarm");
    // A comment is read faster than as many events.
    let file = place.root().join(OWN).join("journal.toml");
    let journal = fs::read_to_string(&file).unwrap();
    let (first, rest) = journal.split_once('\n').unwrap();
    fs::write(&file, format!("{first}\n# {}\n{rest}", "x".repeat(PART_LIMIT as usize))).unwrap();
    place.events().len() as u64
}

/// A shim that is killed leaves the image and its journal to the next one.
#[test]
fn what_a_killed_shim_leaves_goes_at_the_end_of_its_run() {
    let place = Place::new();
    let left = place.root().join("etc/sysconfig/.nodeshim-tmp-1-0");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    let words = [
        &place.words("run")[..4],
        &["--".into(), "touch".into(), left.display().to_string()],
    ]
    .concat();
    succeed(&mut place.command(&words));
    assert!(!left.exists());
}

#[test]
fn a_shim_may_be_killed_at_any_system_call() {
    let expected = in_peace();
    for words in [
        ["systemctl", "enable", "a.service"],
        ["lokkit", "--nostart", "--port=8080:tcp"],
    ] {
        let command = |place: &Place| {
            let mut command = chrooted(&place.root(), words);
            command.env("HOME", "/");
            command
        };
        let rehearsal = Place::new();
        rehearsal.verb("arm");
        let calls = system_calls(&command(&rehearsal));
        each_point(words[0], &calls, |point| {
            let place = Place::new();
            place.verb("arm");
            let what = format!("{}, killed at system call {point} of {}", words.join(" "), calls.len());
            killed_at(&command(&place), point, Path::new("/dev/null"));
            let again = succeed(&mut chrooted(&place.root(), ["/bin/sh", "-c", SCRIPT]));
            fs::write(place.answers(), again.stdout).unwrap();
            place.assert_all_recorded(&what);
            place.verb("run");
            place.assert_disarmed(&what);
            place.assert_nothing_half_done(&what);
            assert_same(&expected, &place.rest(), &what);
        });
    }
}
