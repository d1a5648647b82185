//! Random images and random requests: the shim and each original that can be had must answer alike and
//! leave the same files. What differs is made small and printed so that it can be run again.
//!
//! `NODESHIM_SEQUENCES` says how many sequences to run, `NODESHIM_SEED` where to start,
//! `NODESHIM_CASE` is a case (JSON, or a file of it) to run instead, and with `NODESHIM_ALL` a run
//! goes on past what it finds and prints each case at once. `NODESHIM_PEER` is the tree of the one systemctl to
//! compare with (`tests/lib/systemctl-peers` fetches Debian's), `NODESHIM_GENERATION` as which the shim answers then.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "systemctl_differential/case.rs"]
mod case;
#[path = "systemctl_differential/coverage.rs"]
mod coverage;
#[path = "systemctl_differential/image.rs"]
mod image;
#[path = "systemctl_differential/peer.rs"]
mod peer;
#[path = "systemctl_differential/random.rs"]
mod random;
#[path = "systemctl_differential/request.rs"]
mod request;
#[path = "systemctl_differential/server.rs"]
mod server;
#[path = "systemctl_differential/shrink.rs"]
mod shrink;
#[path = "systemctl_differential/side.rs"]
mod side;
#[path = "systemctl_differential/signature.rs"]
mod signature;
mod support;
#[path = "systemctl_differential/unit_text.rs"]
mod unit_text;
#[path = "systemctl_differential/words.rs"]
mod words;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Instant;

use case::{Case, Image, Request};
use coverage::Coverage;
use peer::Peer;
use random::Random;
use side::{Answer, Side};
use signature::signature;

/// Less than half a minute of one core for each original, and enough to reach everything.
const SEQUENCES: u64 = 1000;
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

/// Both sides, ready to be asked.
struct Pair {
    generation: String,
    original: Side,
    shim: Side,
    coverage: Coverage,
    /// What depends on the order of directories is let pass.
    excuses: bool,
}

impl Pair {
    fn new(place: &Path, peer: &Peer) -> Pair {
        Pair {
            generation: peer.generation.clone(),
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
                if self.excuses && case.image.has_loop() && met {
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
        format!(
            "seed {seed} with {}\n{small}{difference}NODESHIM_CASE='{}'\n",
            self.generation,
            small.to_json()
        )
    }
}

#[test]
fn random_requests_are_answered_as_by_systemctl_247_of_bullseye() {
    compare_with("bullseye", Some(247));
}

#[test]
fn random_requests_are_answered_as_by_systemctl_252_of_bookworm() {
    compare_with("bookworm", Some(252));
}

#[test]
fn random_requests_are_answered_as_by_systemctl_257_of_trixie() {
    compare_with("trixie", Some(257));
}

#[test]
fn random_requests_are_answered_as_by_the_newest_systemctl_of_sid() {
    compare_with("sid", None);
}

/// Compares random sequences, and cases that differed once, with a suite's systemctl.
fn compare_with(suite: &str, number: Option<u16>) {
    if Peer::given().is_some() {
        return;
    }
    match Peer::of(suite, number) {
        Ok(peer) => compare_all(&peer),
        Err(reason) => support::skip::skip(&reason),
    }
}

#[test]
fn random_requests_are_answered_as_by_the_given_original() {
    if let Some(peer) = Peer::given() {
        compare_all(&peer);
    }
}

fn compare_all(peer: &Peer) {
    let mut failures = kept_cases_that_differ(peer);
    if std::env::var_os("NODESHIM_CASE").is_none() {
        failures.extend(random_sequences_that_differ(peer));
    }
    assert!(failures.is_empty(), "{} findings\n{}", failures.len(), failures.join("\n\n"));
}

fn random_sequences_that_differ(peer: &Peer) -> Vec<String> {
    let first = variable("NODESHIM_SEED").unwrap_or(1);
    let count = variable("NODESHIM_SEQUENCES").unwrap_or(SEQUENCES);
    let mut run = Run {
        end: first + count,
        found: Vec::new(),
        kinds: BTreeMap::new(),
        coverage: Coverage::default(),
        started: Instant::now(),
    };
    run.work(first, peer);
    let coverage = run.coverage;
    println!("{coverage}{count} sequences with {} in {:?}", peer.generation, run.started.elapsed());
    run.kinds.iter().for_each(|(kind, times)| println!("{times} times: {kind}"));
    if count >= SEQUENCES && run.found.is_empty() {
        assert!(coverage.missed().is_empty(), "never reached: {:?}", coverage.missed());
    }
    run.found
}

/// A run of many sequences.
struct Run {
    end: u64,
    found: Vec<String>,
    /// How often each kind of difference was met; one of each is made small.
    kinds: BTreeMap<String, usize>,
    coverage: Coverage,
    started: Instant,
}

impl Run {
    /// Takes sequences until there are no more, or enough have failed.
    fn work(&mut self, first: u64, peer: &Peer) {
        let scratch = support::scratch();
        let mut pair = Pair::new(scratch.path(), peer);
        for seed in first..self.end {
            if !goes_on() && self.found.len() >= ENOUGH {
                break;
            }
            if goes_on() && seed.is_multiple_of(STRIDE) {
                println!("at seed {seed} after {:?}", self.started.elapsed());
            }
            let mut random = Random::new(seed);
            let image = Image::random(&mut random);
            let requests = (0..REQUESTS).map(|_| Request::random(&image, &mut random)).collect();
            let case = Case {
                image,
                requests,
                except: Vec::new(),
            };
            if let Some(difference) = pair.compare(&case) {
                let times = self.kinds.entry(signature(&difference)).or_default();
                *times += 1;
                if *times > 1 {
                    continue;
                }
                let report = pair.report(seed, &case);
                if goes_on() {
                    println!("{report}");
                }
                self.found.push(report);
            }
        }
        self.coverage.add(pair.coverage);
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

/// What differed once does so no more, but for originals that a case is not for.
fn kept_cases_that_differ(peer: &Peer) -> Vec<String> {
    let scratch = support::scratch();
    let mut pair = Pair::new(scratch.path(), peer);
    // These were chosen so that no order matters.
    pair.excuses = std::env::var_os("NODESHIM_CASE").is_some();
    let cases = kept_cases().into_iter().filter(|(_, case)| !case.except.contains(&peer.generation));
    cases
        .filter_map(|(name, case)| Some(format!("{name}\n{case}{}", pair.compare(&case)?)))
        .collect()
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
