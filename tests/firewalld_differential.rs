//! The firewall-offline-cmd engine beside the real tools of several generations: random sequences of
//! calls over random files, and exit status, both outputs and all files compared after each. Runs with
//! each that can be had; `NODESHIM_DIFFERENTIAL_SEQUENCES` says how many sequences, `NODESHIM_SEED`
//! which.
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

use nodeshim::firewall::firewalld::Generation;
use nodeshim::tool::Tool;

use peer::{Peer, Release};
use support::{Files, Numbers, Outcome, is_root, lay_out, local_files, memory, number, ours, same_files};

/// Sequences of a generation in a run of all tests: 500 calls and some.
const SEQUENCES: u64 = 84;
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

/// What 0.9.3 does and 0.9.11, which the generation answers as, does no more.
fn is_of_0_9_3(release: &Release, words: &[String], real: &Outcome, found: &Outcome) -> bool {
    // It does not look whether something is bound to another zone already.
    let binds = found.stderr.contains("already bound to zone");
    // A policy with a port that a range before it holds is not loaded; 0.9.11 logs that and goes on.
    let lacks_policy = real.stderr == "INVALID_POLICY: get_policy_object(): p\n"
        || words == ["--get-policies"] && real.stdout != found.stdout;
    // Its --check-config looks for the names of a policy's parts among their values (`check_config` with
    // what `export_config` makes, with `export_config_dict` in 0.9.11), and so misses what does not go
    // together.
    let joined = ["'masquerade'", "'forward-port'", "'mark' action", "but not both"];
    let is_joined = joined.iter().any(|trouble| found.stderr.contains(trouble));
    let misses = real.exit == 0 && words.iter().any(|word| word == "--check-config") && is_joined;
    // It does not load a zone or policy with a port inside of an earlier range, where 0.9.11 warns.
    let warns = found.stderr.contains("WARNING: ALREADY_ENABLED: ");
    release.generation == Generation(0, 9) && (binds || lacks_policy || misses || warns)
}

/// Whether two answers are the same. 2.5.2 prints no line for an empty answer, as 2.5.0 still does, which
/// is what the generation answers as.
fn same_answers(release: &Release, real: &Outcome, found: &Outcome) -> bool {
    let lines = |outcome: &Outcome| {
        let is_shown = |line: &&str| release.generation < Generation(2, 5) || *line != "\n";
        outcome.stdout.split_inclusive('\n').filter(is_shown).collect::<String>()
    };
    (real.exit, &real.stderr, lines(real)) == (found.exit, &found.stderr, lines(found))
}

/// One sequence; what is wrong, if anything is.
fn sequence(release: &Release, peer: &mut Peer, seed: u64) -> Result<(), String> {
    let mut numbers = Numbers::of(seed);
    let scratch = (tempfile::tempdir_in(memory()).unwrap(), tempfile::tempdir_in(memory()).unwrap());
    let files = tree::random(&mut numbers);
    lay_out(scratch.0.path(), &files);
    lay_out(scratch.1.path(), &files);
    let choice = scratch.1.path().join("etc/nodeshim");
    fs::create_dir_all(&choice).unwrap();
    let text = format!("[shims]\nfirewalld-generation = \"{}\"\n", release.generation);
    fs::write(choice.join("nodeshim.toml"), text).unwrap();
    let mut history = Vec::new();
    for _ in 0..CALLS {
        let words = calls::random(&mut numbers);
        let before = local_files(scratch.1.path());
        let real = peer.call(scratch.0.path(), &words);
        let (found, _) = ours(Tool::FirewallOfflineCmd, scratch.1.path(), &words, |config| {
            config.shims.firewalld_generation = release.choice();
        });
        if is_excused(&before, &real, &found) || is_of_0_9_3(release, &words, &real, &found) {
            return Ok(());
        }
        if !same_answers(release, &real, &found)
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

/// Sequences with the firewalld of a release of Debian.
fn compare(suite: &str) {
    if !is_root() {
        skip::skip("needs root");
        return;
    }
    let release = match Release::of(suite) {
        Ok(release) => release,
        Err(why) => {
            skip::skip(&format!("no firewalld of another release of Debian: {why}"));
            return;
        }
    };
    let first = number("NODESHIM_SEED", 0);
    let last = first + number("NODESHIM_DIFFERENTIAL_SEQUENCES", SEQUENCES);
    let most = usize::try_from(number("NODESHIM_DIFFERENTIAL_FAILURES", 1)).unwrap();
    let mut peer = Peer::start(&release);
    let mut failures = Vec::new();
    for seed in first..last {
        failures.extend(sequence(&release, &mut peer, seed).err());
        if failures.len() >= most {
            break;
        }
    }
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_0_9() {
    compare("bullseye");
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_1_3() {
    compare("bookworm");
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_2_3() {
    compare("trixie");
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_2_5() {
    compare("sid");
}
