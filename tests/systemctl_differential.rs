//! Random images and random requests: the shim and this machine's systemctl must answer alike and
//! leave the same files. `NODESHIM_SEQUENCES` says how many sequences to run, `NODESHIM_SEED`
//! where to start; a failure names the seed that repeats it alone.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "systemctl_differential/generate.rs"]
mod generate;
#[path = "systemctl_differential/side.rs"]
mod side;
mod support;

use std::fmt::Write;
use std::num::NonZero;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use generate::{Image, Random};
use side::{Answer, Side};

/// The generation that the machine's systemctl must have.
const GENERATION: u16 = 252;
/// About a minute on two busy cores.
const SEQUENCES: u64 = 500;
const COMMANDS: u64 = 6;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn has_oracle() -> bool {
    let output = Command::new(side::SYSTEMCTL).arg("--version").output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).starts_with(&format!("systemd {GENERATION} "))
    })
}

#[test]
fn random_requests_are_answered_as_by_the_original() {
    if !has_oracle() {
        eprintln!("skipped: {} of systemd {GENERATION} is not there to compare with", side::SYSTEMCTL);
        return;
    }
    let first = variable("NODESHIM_SEED").unwrap_or(1);
    let seeds = first..first + variable("NODESHIM_SEQUENCES").unwrap_or(SEQUENCES);
    let failures = Mutex::default();
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for worker in 0..workers {
            let seeds = seeds.clone().skip(worker).step_by(workers);
            scope.spawn(|| compare_all(seeds, &failures));
        }
    });
    let failures = failures.into_inner().expect("the workers ended in order");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs sequences until enough have failed.
fn compare_all(seeds: impl Iterator<Item = u64>, failures: &Mutex<Vec<String>>) {
    let scratch = support::scratch();
    let original = Side::original(&scratch.path().join("original"));
    let shim = Side::shim(&scratch.path().join("shim"), GENERATION);
    for seed in seeds {
        let failure = compare(seed, &original, &shim);
        let mut failures = failures.lock().expect("the workers end in order");
        failures.extend(failure);
        if failures.len() >= 5 {
            break;
        }
    }
}

/// Runs one sequence on both sides and tells what differs, up to the first command that does.
fn compare(seed: u64, original: &Side, shim: &Side) -> Option<String> {
    let mut random = Random::new(seed);
    let image = Image::random(&mut random);
    for side in [original, shim] {
        side.lay_out(&image);
    }
    let mut told = format!("NODESHIM_SEED={seed} NODESHIM_SEQUENCES=1\n{image}");
    for _ in 0..COMMANDS {
        let words = image.command(&mut random);
        let _ = writeln!(told, "$ systemctl {}", words.join(" "));
        let (expected, got) = (original.run(&words), shim.run(&words));
        if words[0] == "preset-all" && expected.exit == Some(1) && got.exit == Some(1) {
            // What stops a run over all units is found in directory order, before or after others.
            return None;
        }
        if let Some(difference) = difference(&expected, &got) {
            return Some(format!("{told}{difference}"));
        }
    }
    None
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
