//! Random images and random requests: the shim and this machine's systemctl must answer alike and
//! leave the same files. What differs is made small and printed so that it can be run again.
//!
//! `NODESHIM_SEQUENCES` says how many sequences to run, `NODESHIM_SEED` where to start,
//! `NODESHIM_CASE` is a case (JSON, or a file of it) to run instead, and with `NODESHIM_ALL` a run
//! goes on past what it finds and prints each case at once. `NODESHIM_PEER` is the tree of another systemctl
//! (`tests/lib/systemctl-peers` fetches Debian's), `NODESHIM_GENERATION` as which the shim then answers.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "systemctl_differential/case.rs"]
mod case;
#[path = "systemctl_differential/coverage.rs"]
mod coverage;
#[path = "systemctl_differential/image.rs"]
mod image;
#[path = "systemctl_differential/random.rs"]
mod random;
#[path = "systemctl_differential/request.rs"]
mod request;
#[path = "systemctl_differential/shrink.rs"]
mod shrink;
#[path = "systemctl_differential/side.rs"]
mod side;
mod support;
#[path = "systemctl_differential/unit_text.rs"]
mod unit_text;

use std::fmt::Write;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use case::{Case, Image, Request};
use coverage::Coverage;
use random::Random;
use side::{Answer, Side};

/// The generation that the machine's systemctl must have.
const GENERATION: &str = "252";
/// Less than half a minute on two busy cores, and enough to reach everything.
const SEQUENCES: u64 = 2000;
const REQUESTS: u64 = 6;
/// What is said of links that lead back to themselves.
const LOOP: &str = "refusing to operate on linked unit file";
/// After so many findings a run ends.
const ENOUGH: usize = 5;
/// How often a long run tells where it is.
const STRIDE: u64 = 1000;

/// Cases that were found once, one a line.
const FOUND: &str = "tests/systemctl_differential/found";

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn goes_on() -> bool {
    std::env::var_os("NODESHIM_ALL").is_some()
}

fn has_oracle() -> bool {
    if std::env::var_os("NODESHIM_PEER").is_some() {
        return true;
    }
    let output = Command::new(side::SYSTEMCTL).arg("--version").output();
    let has = output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).starts_with(&format!("systemd {GENERATION} "))
    });
    if !has {
        support::skip::skip(&format!(
            "{} of systemd {GENERATION} is not there to compare with",
            side::SYSTEMCTL
        ));
    }
    has
}

/// An original to compare with.
#[derive(Clone)]
struct Peer {
    /// The tree that it lies in with its libraries; none is this machine's own.
    tree: Option<PathBuf>,
    /// As which the shim answers, as the configuration spells it.
    generation: String,
}

impl Peer {
    fn own() -> Peer {
        Peer {
            tree: None,
            generation: GENERATION.to_owned(),
        }
    }

    /// The one that `NODESHIM_PEER` names, a tree as `tests/lib/systemctl-peers` makes it, whose generation
    /// `NODESHIM_GENERATION` tells; else this machine's.
    fn chosen() -> Peer {
        match std::env::var_os("NODESHIM_PEER") {
            None => Peer::own(),
            Some(tree) => Peer {
                tree: Some(tree.into()),
                generation: std::env::var("NODESHIM_GENERATION")
                    .expect("NODESHIM_GENERATION with NODESHIM_PEER"),
            },
        }
    }
}

/// Both sides, ready to be asked.
struct Pair {
    original: Side,
    shim: Side,
    coverage: Coverage,
    /// What depends on the order of directories is let pass.
    excuses: bool,
}

impl Pair {
    fn new(place: &Path, peer: &Peer) -> Pair {
        Pair {
            original: Side::original(&place.join("original"), peer.tree.as_deref()),
            shim: Side::shim(&place.join("shim"), &peer.generation),
            coverage: Coverage::default(),
            excuses: true,
        }
    }

    /// Runs a case and tells what differs at the first request that is answered differently.
    fn compare(&mut self, case: &Case) -> Option<String> {
        for side in [&mut self.original, &mut self.shim] {
            side.lay_out(&case.image);
        }
        self.coverage.count_image(&case.image);
        let mut before = None;
        for (number, request) in case.requests.iter().enumerate() {
            self.original.ask(request);
            self.shim.ask(request);
            let (expected, got) = (self.original.answer(), self.shim.answer());
            self.coverage
                .count(request, before.as_ref().unwrap_or(&self.original.laid_out), &expected);
            // It can die of an assertion of its own.
            expected.exit?;
            let all = request.words.iter().any(|word| word == "preset-all");
            if self.excuses && all && expected.exit == Some(1) && got.exit == Some(1) {
                // What stops a run over all units is found in directory order, before or after others.
                return None;
            }
            if let Some(difference) = difference(&expected, &got) {
                let met = [&expected, &got].iter().any(|answer| answer.stderr.contains(LOOP));
                if self.excuses && met && case.image.has_loop() {
                    // How far work gets before it meets a link of a loop depends on that order too.
                    return None;
                }
                if self.excuses && self.answers_backwards(case, number, &got) {
                    return None;
                }
                return Some(format!("after {request}\n{difference}"));
            }
            before = Some(expected.tree);
        }
        None
    }

    /// Whether the original answers so, too, where directories list what is in them the other way
    /// round: from the beginning, or what is there when the request comes.
    fn answers_backwards(&mut self, case: &Case, number: usize, got: &Answer) -> bool {
        [false, true].into_iter().any(|from_now_on| {
            if from_now_on {
                self.original.lay_out(&case.image);
            } else {
                self.original.lay_out_backwards(&case.image);
            }
            let answers = case.requests[..=number].iter().enumerate().map(|(at, request)| {
                if from_now_on && at == number {
                    self.original.turn_round();
                }
                self.original.ask(request);
                self.original.answer()
            });
            answers.last().is_some_and(|answer| difference(&answer, got).is_none())
        })
    }

    /// The case made small, with what differs then.
    fn report(&mut self, seed: u64, case: &Case) -> String {
        let reached = std::mem::take(&mut self.coverage);
        let mut fails = |case: &Case| self.compare(case).is_some();
        let small = shrink::shrink(case, &mut fails);
        let difference = self.compare(&small).unwrap_or_else(|| "nothing, the second time\n".to_owned());
        self.coverage = reached;
        format!("seed {seed}\n{small}{difference}NODESHIM_CASE='{}'\n", small.to_json())
    }
}

#[test]
fn random_requests_are_answered_as_by_the_original() {
    if !has_oracle() || std::env::var_os("NODESHIM_CASE").is_some() {
        return;
    }
    let first = variable("NODESHIM_SEED").unwrap_or(1);
    let count = variable("NODESHIM_SEQUENCES").unwrap_or(SEQUENCES);
    let run = Run {
        next: AtomicU64::new(first),
        end: first + count,
        found: Mutex::default(),
        coverage: Mutex::default(),
        started: Instant::now(),
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| run.work());
        }
    });
    let coverage = run.coverage.into_inner().expect("the workers ended in order");
    println!("{coverage}{count} sequences in {:?}", run.started.elapsed());
    let found = run.found.into_inner().expect("the workers ended in order");
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n\n"));
    if count >= SEQUENCES {
        assert!(coverage.missed().is_empty(), "never reached: {:?}", coverage.missed());
    }
}

/// A run of many sequences, shared by its workers.
struct Run {
    next: AtomicU64,
    end: u64,
    found: Mutex<Vec<String>>,
    coverage: Mutex<Coverage>,
    started: Instant,
}

impl Run {
    /// Takes sequences until there are no more, or enough have failed.
    fn work(&self) {
        let scratch = support::scratch();
        let mut pair = Pair::new(scratch.path(), &Peer::chosen());
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            let enough = !goes_on() && self.found.lock().expect("the workers end in order").len() >= ENOUGH;
            if seed >= self.end || enough {
                break;
            }
            if goes_on() && seed.is_multiple_of(STRIDE) {
                println!("at seed {seed} after {:?}", self.started.elapsed());
            }
            let mut random = Random::new(seed);
            let image = Image::random(&mut random);
            let requests = (0..REQUESTS).map(|_| Request::random(&image, &mut random)).collect();
            let case = Case { image, requests };
            if pair.compare(&case).is_some() {
                let report = pair.report(seed, &case);
                if goes_on() {
                    println!("{report}");
                }
                self.found.lock().expect("the workers end in order").push(report);
            }
        }
        self.coverage.lock().expect("the workers end in order").add(pair.coverage);
    }
}

/// Cases by name, or the one that is asked for.
fn kept_cases() -> Vec<(String, Case)> {
    if let Ok(given) = std::env::var("NODESHIM_CASE") {
        let text = fs::read_to_string(&given).unwrap_or(given);
        return text.lines().map(|line| ("the case".to_owned(), Case::parse(line))).collect();
    }
    let mut files: Vec<_> = fs::read_dir(support::project().join(FOUND))
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let named = files.iter().map(|path| {
        let text = fs::read_to_string(path).expect("a case");
        (path.display().to_string(), Case::parse(&text))
    });
    named.collect()
}

#[test]
fn systemctl_cases_that_once_differed_are_equal() {
    if !has_oracle() {
        return;
    }
    let scratch = support::scratch();
    let mut pair = Pair::new(scratch.path(), &Peer::own());
    // These were chosen so that no order matters.
    pair.excuses = std::env::var_os("NODESHIM_CASE").is_some();
    let mut failures = String::new();
    for (name, case) in kept_cases() {
        if let Some(difference) = pair.compare(&case) {
            let _ = writeln!(failures, "{name}\n{case}{difference}");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn difference(expected: &Answer, got: &Answer) -> Option<String> {
    let mut text = String::new();
    if expected.exit != got.exit {
        let _ = writeln!(text, "exit: original {:?}, shim {:?}", expected.exit, got.exit);
    }
    for (what, a, b) in [
        ("stdout", &expected.stdout, &got.stdout),
        ("stderr", &expected.stderr, &got.stderr),
    ] {
        if a != b {
            let _ = writeln!(text, "{what}: original\n{a}{what}: shim\n{b}");
        }
    }
    if expected.tree != got.tree {
        let only = |from: &Answer, other: &Answer| -> String {
            let lines = from.tree.iter().filter(|(path, what)| other.tree.get(*path) != Some(what));
            lines.map(|(path, what)| format!("  {path}: {what}\n")).collect()
        };
        let _ = writeln!(text, "tree: original\n{}tree: shim\n{}", only(expected, got), only(got, expected));
    }
    (!text.is_empty()).then_some(text)
}
