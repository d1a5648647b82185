//! The firewall-offline-cmd engine beside the real tool: random sequences of calls over random
//! files, and exit status, both outputs and all files compared after each. Runs where the real tool
//! is installed; `NODESHIM_DIFFERENTIAL_SEQUENCES` says how many sequences, `NODESHIM_SEED` which.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
#[path = "firewalld_differential/calls.rs"]
mod calls;
#[path = "firewalld_differential/peer.rs"]
mod peer;
#[path = "support/skip.rs"]
mod skip;
#[path = "firewalld_support/mod.rs"]
mod support;
#[path = "firewalld_differential/tree.rs"]
mod tree;

use std::fs;
use std::path::Path;
use std::thread;

use nodeshim::tool::Tool;

use peer::Peer;
use support::{Files, Numbers, Outcome, is_root, lay_out, local_files, memory, number, ours, same_files};

/// Sequences in a run of all tests.
const SEQUENCES: u64 = 500;
/// Calls in a sequence.
const CALLS: usize = 6;

/// What the real tool does that is not copied, or not compared: the sequence ends there.
fn is_excused(before: &Files, real: &Outcome, found: &Outcome) -> bool {
    // It failed half-way, and left files that keep the firewall from starting.
    let half_way = real.exit != 0 && real.files != *before && found.files == *before;
    // It fell over.
    let fell = [
        "object has no attribute",
        "cannot access local variable",
        "Traceback",
    ]
    .iter()
    .any(|trace| real.stderr.contains(trace));
    // It looks at every service on every call; what names a service that is not there, or is
    // included in a circle, is only found here when it is used.
    let elsewhere =
        real.exit == 101 && real.stderr.contains("Included service") && real.stderr != found.stderr;
    // Asked for several values, it gives to one that it refuses the answer to the one before.
    let all_no = |text: &str| text.replace(": yes\n", ": no\n");
    let repeats = real.stderr.starts_with("Warning: ")
        && real.stderr == found.stderr
        && all_no(&real.stdout) == all_no(&found.stdout);
    half_way || fell || elsewhere || repeats
}

/// One sequence; what is wrong, if anything is.
fn sequence(peer: &mut Peer, seed: u64) -> Result<(), String> {
    let mut numbers = Numbers::of(seed);
    let scratch = (tempfile::tempdir_in(memory()).unwrap(), tempfile::tempdir_in(memory()).unwrap());
    let files = tree::random(&mut numbers);
    lay_out(scratch.0.path(), &files);
    lay_out(scratch.1.path(), &files);
    let mut history = Vec::new();
    for _ in 0..CALLS {
        let words = calls::random(&mut numbers);
        let before = local_files(scratch.1.path());
        let real = peer.call(scratch.0.path(), &words);
        let (found, _) = ours(Tool::FirewallOfflineCmd, scratch.1.path(), &words, |_| {});
        if is_excused(&before, &real, &found) {
            return Ok(());
        }
        if real.answers() != found.answers()
            || !same_files(scratch.1.path(), &before, &real.files, &found.files)
        {
            return Err(format!(
                "sequence {seed}: {words:?} after {history:?}\nreal: {real:#?}\nfound: {found:#?}\ntree: {files:#?}"
            ));
        }
        // Both go on from the same files.
        for name in real.files.keys().filter(|name| !found.files.contains_key(*name)) {
            fs::remove_file(scratch.0.path().join(name)).unwrap();
        }
        for (name, text) in found.files.iter().filter(|(name, text)| real.files.get(*name) != Some(text)) {
            fs::write(scratch.0.path().join(name), text).unwrap();
        }
        history.push(words);
    }
    Ok(())
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_the_real_tool() {
    if !Path::new(peer::PROGRAM).exists() || !is_root() {
        skip::skip(&format!("needs {} and root", peer::PROGRAM));
        return;
    }
    let first = number("NODESHIM_SEED", 0);
    let last = first + number("NODESHIM_DIFFERENTIAL_SEQUENCES", SEQUENCES);
    let most = usize::try_from(number("NODESHIM_DIFFERENTIAL_FAILURES", 1)).unwrap();
    let work = |offset: u64| {
        let mut peer = Peer::start();
        let mut failures = Vec::new();
        for seed in (first + offset..last).step_by(2) {
            failures.extend(sequence(&mut peer, seed).err());
            if failures.len() >= most {
                break;
            }
        }
        failures
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers = [0, 1].map(|offset| scope.spawn(move || work(offset)));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n\n"));
}
