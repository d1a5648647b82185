//! A power cut: what a process had written and not yet sent to the disk is gone. The worst that a file
//! system may do is done to the image: of every file whose content was not written through, nothing is left
//! but its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodeshim::journal::Event;

use super::points::{Point, each_of, killed_at, log_of, points_of};
use super::{OWN, Place, SCRIPT, arm_and_ask, chrooted, in_peace, succeed};
use crate::support::assert_same;

/// That repairing, disarming and running again after a power cut put everything right, with all events of before.
fn assert_put_right(place: &Place, before: &[Event], expected: &BTreeMap<PathBuf, String>, what: &str) {
    drop(place.command(&place.words("repair")).output());
    drop(place.command(&place.words("disarm")).output());
    place.assert_disarmed(what);
    let after = place.events();
    assert!(after.len() >= before.len() && after[..before.len()] == *before, "{what}: events are gone");
    place.verb("run");
    place.assert_nothing_half_done(what);
    assert_same(expected, &place.rest(), what);
    place.verb("settle");
    place.verb("check");
}

/// System calls after which less is on the disk than a reader sees.
const CHANGES: [&str; 8] = [
    "write(",
    "pwrite64(",
    "ftruncate(",
    "renameat(",
    "renameat2(",
    "linkat(",
    "unlinkat(",
    "symlinkat(",
];

/// What a power cut may take.
#[derive(Default)]
struct Unsynced {
    /// The files whose content was not on the disk when the log of system calls ends.
    at_end: BTreeSet<PathBuf>,
    /// Those whose content was not when they got their name: what had it before is lost as well.
    renamed: BTreeSet<PathBuf>,
}

fn unsynced(log: &str) -> Unsynced {
    let mut found = Unsynced::default();
    let dirty = &mut found.at_end;
    for line in log.lines().filter(|line| !line.contains(" = -1 ") && !line.contains("<unfinished")) {
        let (name, arguments) = line.split_once('(').unwrap_or((line, ""));
        let Some(places) = places(arguments) else {
            continue;
        };
        match (name, places.as_slice()) {
            ("write" | "pwrite64" | "ftruncate", _) => dirty.extend(opened(arguments)),
            ("fsync" | "fdatasync", _) => drop(opened(arguments).map(|file| dirty.remove(&file))),
            ("renameat2", [from, to]) if line.contains("RENAME_EXCHANGE") => {
                let (one, other) = (dirty.remove(from), dirty.remove(to));
                dirty.extend(one.then(|| to.clone()).into_iter().chain(other.then(|| from.clone())));
            }
            ("renameat" | "renameat2", [from, to]) => {
                dirty.remove(to);
                if dirty.remove(from) {
                    dirty.insert(to.clone());
                    found.renamed.insert(to.clone());
                }
            }
            ("linkat", [from, to]) if dirty.contains(from) => drop(dirty.insert(to.clone())),
            ("unlinkat", [file, ..]) => drop(dirty.remove(file)),
            _ => {}
        }
    }
    found
}

/// The file that a call's descriptor is open on: `3</a/b>`.
fn opened(arguments: &str) -> Option<PathBuf> {
    let (_, after) = arguments.split_once('<')?;
    after.split_once('>').map(|(file, _)| file.into())
}

/// The files that a call's arguments name: `3</a/b>`, or `3</a>, "b"` each.
fn places(arguments: &str) -> Option<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some((_, after)) = rest.split_once('<') {
        let (directory, after) = after.split_once('>')?;
        let name = after.strip_prefix(", \"").and_then(|after| after.split_once('"'));
        found.push(match name {
            Some((name, _)) => Path::new(directory).join(name),
            None => PathBuf::from(directory),
        });
        rest = name.map_or(after, |(_, rest)| rest);
    }
    (!found.is_empty()).then_some(found)
}

/// Cuts the power after each change that `verb` makes, in images of their own that `prepare` has made
/// ready, and has the image put right.
fn survives_power_cuts(verb: &str, prepare: impl Fn(&Place) + Sync) {
    let expected = in_peace();
    let rehearsal = Place::new();
    prepare(&rehearsal);
    let calls = log_of(&rehearsal.command(&rehearsal.words(verb)));
    let is_change = |line: &str| CHANGES.iter().any(|call| line.starts_with(call));
    let all = std::env::var("NODESHIM_CRASH_POINTS").is_ok_and(|value| value == "all");
    // A process that is killed at a call has not made it.
    let lines: Vec<&str> = calls.lines().collect();
    let points = points_of(&calls).into_iter().filter(|point| is_change(lines[point.number - 2]));
    let points: Vec<Point> = points.step_by(if all { 1 } else { 3 }).collect();
    assert!(points.len() > 5, "{points:?}");
    each_of(verb, &points, |point| {
        let place = Place::new();
        prepare(&place);
        let before = place.events();
        let what = format!("nodeshim {verb}, power cut at system call {point}");
        let log = killed_with_log(&place.command(&place.words(verb)), point);
        let lost = unsynced(&log).at_end;
        for file in lost.iter().filter(|file| file.starts_with(place.root())) {
            let is_file = fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file());
            // A lock holds nothing.
            if is_file && !file.ends_with("run.lock") {
                fs::write(file, "").unwrap();
            }
        }
        let what = format!("{what}, lost {lost:?}");
        assert_put_right(&place, &before, &expected, &what);
    });
}

/// Kills the process at a system call; what it had called before.
fn killed_with_log(command: &Command, point: &Point) -> String {
    let log = tempfile::NamedTempFile::new().expect("a file");
    killed_at(command, point, log.path());
    fs::read_to_string(log.path()).expect("strace's log")
}

#[test]
fn arming_survives_a_power_cut() {
    survives_power_cuts("arm", |_| {});
}

#[test]
fn disarming_survives_a_power_cut() {
    survives_power_cuts("disarm", |place| {
        arm_and_ask(place);
    });
}

#[test]
fn settling_survives_a_power_cut() {
    survives_power_cuts("settle", |place| {
        arm_and_ask(place);
        place.verb("disarm");
    });
}

/// What shims append in a run that the power cut ends may be lost, wholly or in the middle of a record; what
/// completed runs recorded is not.
#[test]
fn a_power_cut_in_a_run_keeps_what_completed_runs_recorded() {
    let expected = in_peace();
    each_of("shims of a run, power cut", &[0, 1, 2, 3, 4], |&part| {
        let place = Place::new();
        let log = log_of(&place.command(&place.words("run")));
        let journal = place.root().join(OWN).join("journal.toml");
        let is_sync =
            |line: &&str| line.starts_with("fsync(") && line.contains(&format!("{}>", journal.display()));
        let ended = log.lines().position(|line| line.contains("WNOHANG")).expect("the command's end");
        assert!(
            log.lines().skip(ended).any(|line| is_sync(&line)),
            "the journal is not on the disk:\n{log}"
        );
        assert!(unsynced(&log).at_end.iter().all(|file| *file != journal), "{log}");
        let (before, length) = (place.events(), fs::metadata(&journal).unwrap().len());
        place.verb("arm");
        let more = "systemctl disable a.service; lokkit --nostart --port=8080:tcp";
        succeed(&mut chrooted(&place.root(), ["/bin/sh", "-c", more]));
        let asked = fs::metadata(&journal).unwrap().len() - length;
        assert!(place.events().len() == before.len() + 2 && asked > 0);
        fs::OpenOptions::new()
            .write(true)
            .open(&journal)
            .unwrap()
            .set_len(length + asked * part as u64 / 4)
            .unwrap();
        let what = format!("power cut in a run, {part}/4 of what its shims appended kept");
        assert_put_right(&place, &before, &expected, &what);
    });
}

/// When a verb has ended all of its own records, and the names in their directory, are on the disk; a record that
/// is written as a whole is there before it replaces the one before.
#[test]
fn the_records_are_on_the_disk_when_arm_disarm_and_settle_end() {
    let place = Place::new();
    for verb in ["arm", "disarm", "settle", "run"] {
        let log = log_of(&place.command(&place.words(verb)));
        let own = place.root().join(OWN);
        let Unsynced { at_end, renamed } = unsynced(&log);
        let mut lost: Vec<PathBuf> = at_end.into_iter().filter(|file| file.starts_with(&own)).collect();
        lost.retain(|file| !file.ends_with("run.lock") && file.exists());
        assert!(lost.is_empty(), "nodeshim {verb}: {lost:?}");
        let replaced: Vec<PathBuf> = renamed.into_iter().filter(|file| file.starts_with(&own)).collect();
        assert!(replaced.is_empty(), "nodeshim {verb} renames what is not on the disk: {replaced:?}");
        let named = |line: &&str| CHANGES[3..].iter().any(|call| line.starts_with(call));
        let of_own = |line: &&str| line.contains(&format!("{}>", own.display())) && !line.contains(" = -1 ");
        let last_name = log.lines().rev().position(|line| named(&line) && of_own(&line));
        let last_sync = log.lines().rev().position(|line| line.starts_with("fsync(") && of_own(&line));
        assert!(
            last_name.is_none() || last_sync < last_name,
            "nodeshim {verb}: {last_sync:?} {last_name:?} from the end of\n{log}"
        );
        if verb == "arm" {
            succeed(&mut chrooted(&place.root(), ["/bin/sh", "-c", SCRIPT]));
        }
    }
}
