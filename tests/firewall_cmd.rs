//! firewall-cmd beside the real one: with a firewalld that really runs, with a bus alone, and without
//! either. Exit status, both outputs and the files are compared after each call, and whatever the
//! answer, the same intents are recorded. `NODESHIM_DIFFERENTIAL_SEQUENCES` says how many random
//! sequences, `NODESHIM_SEED` which.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
#[path = "firewalld_differential/calls.rs"]
mod calls;
#[path = "firewall_cmd/lines.rs"]
mod lines;
#[path = "firewall_cmd/live.rs"]
mod live;
#[path = "firewall_cmd/random.rs"]
mod random;
#[path = "support/skip.rs"]
mod skip;
#[path = "firewalld_support/mod.rs"]
mod support;
#[path = "firewall_cmd/tree.rs"]
mod tree;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nodeshim::config::{Config, FirewallCmd};
use nodeshim::intent::{Intent, RecordedIntent};
use nodeshim::tool::Tool;

use lines::{stories, words};
use live::{Live, With};
use support::{Outcome, lay_out, local_files, memory, number, ours, same_files};

/// Random sequences in a run of all tests.
const SEQUENCES: u64 = 4;

fn image() -> tempfile::TempDir {
    let image = tempfile::tempdir_in(memory()).unwrap();
    lay_out(image.path(), &tree::files());
    image
}

/// What the real one does that is not copied: it fell over, or the kernel refused what it made.
fn is_excused(real: &Outcome) -> bool {
    real.stderr.contains("Traceback") || real.stderr.contains("COMMAND_FAILED")
}

/// Carries the lines out on both sides; says where they differ.
fn follow(name: &str, lines: &[Vec<String>]) -> Vec<String> {
    let image = image();
    let mut live = Live::start(With::Daemon, &tree::files());
    let mut failures = Vec::new();
    for (at, words) in lines.iter().enumerate() {
        let before = local_files(image.path());
        let real = live.call(words);
        let (found, _) = ours(Tool::FirewallCmd, image.path(), words, |_| {});
        if is_excused(&real) {
            continue;
        }
        let same_files = same_files(image.path(), &before, &real.files, &found.files);
        if real.answers() != found.answers() || !same_files {
            let difference = difference(&real, &found);
            failures.push(format!("{name}: {words:?} after {:?}\n{difference}", &lines[..at]));
        }
        // What runs is something else than what the files say from here on.
        if !same_files || *words == ["--reload"] && real.exit != 0 {
            break;
        }
    }
    failures
}

fn difference(real: &Outcome, found: &Outcome) -> String {
    let mut text = format!("  real:  {:?}\n  found: {:?}\n", real.answers(), found.answers());
    for name in real.files.keys().chain(found.files.keys().filter(|name| !real.files.contains_key(*name))) {
        let (theirs, ours) = (real.files.get(name), found.files.get(name));
        if theirs != ours {
            text += &format!("  {name}\n    real:  {theirs:?}\n    found: {ours:?}\n");
        }
    }
    text
}

/// Works through jobs with two daemons at a time.
fn in_two<T: Sync>(jobs: &[T], work: impl Fn(&T) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let all = || {
        let mut found = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(work(job));
        }
        found
    };
    thread::scope(|scope| {
        let workers = [0, 1].map(|_| scope.spawn(all));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

fn assert_same(failures: &[String]) {
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn answers_are_those_of_a_running_daemon() {
    if !live::is_there() {
        return;
    }
    assert_same(&in_two(&stories(), |story| {
        let lines: Vec<_> = story.lines.iter().map(|line| words(line)).collect();
        follow(story.name, &lines)
    }));
}

#[test]
fn random_calls_are_answered_as_by_a_running_daemon() {
    if !live::is_there() {
        return;
    }
    let first = number("NODESHIM_SEED", 0);
    let seeds: Vec<u64> = (first..first + number("NODESHIM_DIFFERENTIAL_SEQUENCES", SEQUENCES)).collect();
    assert_same(&in_two(&seeds, |seed| follow(&format!("sequence {seed}"), &random::sequence(*seed))));
}

/// Without a daemon the real one answers every call alike, whatever it is about.
#[test]
fn without_a_bus_or_a_daemon_every_call_is_answered_alike() {
    if !live::is_there() {
        return;
    }
    let sides = [
        (With::Nothing, FirewallCmd::NoBus),
        (With::Bus, FirewallCmd::NoDaemon),
    ];
    assert_same(&in_two(&sides, |(with, answer)| {
        let image = image();
        let before = local_files(image.path());
        let mut live = Live::start(*with, &tree::files());
        let mut failures = Vec::new();
        for line in lines::sample() {
            let words = words(line);
            let real = live.call(&words);
            let (found, _) =
                ours(Tool::FirewallCmd, image.path(), &words, |config| answer_with(config, *answer));
            // With no option at all and a bus it falls over; the last line is not copied.
            let fell = real.stderr.contains("Traceback");
            if (!fell && real.answers() != found.answers())
                || real.exit != found.exit
                || found.files != before
            {
                failures.push(format!("{answer:?}: {line}\n{}", difference(&real, &found)));
            }
        }
        failures
    }));
}

fn answer_with(config: &mut Config, answer: FirewallCmd) {
    config.shims.firewall_cmd = answer;
}

fn intents(intents: &[RecordedIntent]) -> Vec<&Intent> {
    intents.iter().map(|recorded| &recorded.intent).collect()
}

/// Whether a line asks for a change, by its options.
fn changes(words: &[String]) -> bool {
    const CHANGING: [&str; 10] = [
        "--lockdown-o",
        "--add-",
        "--remove-",
        "--change-",
        "--new-",
        "--delete-",
        "--set-",
        "--load-",
        "--panic-on",
        "--runtime-to-permanent",
    ];
    words.iter().any(|word| CHANGING.iter().any(|begin| word.starts_with(begin)))
}

#[test]
fn the_same_is_recorded_whatever_the_answer() {
    let mut recorded = 0;
    for story in &stories() {
        let image = image();
        for line in &story.lines {
            let words = words(line);
            let answered =
                |answer| ours(Tool::FirewallCmd, image.path(), &words, |config| answer_with(config, answer));
            let before = local_files(image.path());
            let (no_bus, silent) = answered(FirewallCmd::NoBus);
            let (no_daemon, deaf) = answered(FirewallCmd::NoDaemon);
            assert_eq!((&no_bus.files, &no_daemon.files), (&before, &before), "{line}");
            let (real, reply) = answered(FirewallCmd::Virtual);
            // What is typed wrongly is refused before anybody is asked.
            if no_bus.exit != 2 {
                let modifiers = ["--permanent", "--zone", "--timeout"];
                let is_modifier = |word: &String| modifiers.iter().any(|begin| word.starts_with(begin));
                let exit = if words.iter().all(is_modifier) { 254 } else { 252 };
                assert_eq!((no_bus.exit, no_daemon.exit), (36, exit), "{line}");
            }
            assert_eq!(intents(&silent.intents), intents(&reply.intents), "{line}");
            assert_eq!(intents(&deaf.intents), intents(&reply.intents), "{line}");
            assert!(silent.intents.iter().chain(&deaf.intents).all(|recorded| !recorded.changed), "{line}");
            let permanent = words.iter().any(|word| word == "--permanent");
            if changes(&words) && real.exit == 0 {
                assert!(!reply.intents.is_empty(), "nothing recorded: {line}");
                recorded += 1;
            } else if !changes(&words) {
                assert_eq!(intents(&reply.intents), Vec::<&Intent>::new(), "{line}");
            }
            if permanent {
                assert!(reply.intents.iter().all(|recorded| !recorded.runtime), "{line}");
            }
            if words.iter().any(|word| word.starts_with("--timeout=")) {
                let lasting =
                    reply.intents.iter().any(|recorded| matches!(recorded.intent, Intent::Allow { .. }));
                assert!(!lasting, "asked for a time only: {line}");
            }
        }
    }
    assert!(recorded > 150, "{recorded}");
}
