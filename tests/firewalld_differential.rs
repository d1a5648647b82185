//! The firewall-offline-cmd engine beside the real tools of several generations: random sequences of
//! calls over random files, variants of the recorded cases, and files as they are found on machines; exit
//! status, both outputs and all files are compared after each call. Runs with each that can be had;
//! `NODESHIM_DIFFERENTIAL_SEQUENCES` says how many sequences, `NODESHIM_SEED` which.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
#[path = "firewalld_differential/calls.rs"]
mod calls;
#[path = "firewalld_differential/peer.rs"]
mod peer;
#[path = "firewalld_differential/shapes.rs"]
mod shapes;
#[path = "support/skip.rs"]
mod skip;
#[path = "firewalld_support/mod.rs"]
mod support;
#[path = "firewalld_differential/tree.rs"]
mod tree;
#[path = "firewalld_differential/varied.rs"]
mod varied;

use std::fs;
use std::path::Path;

use nodeshim::firewall::firewalld::Generation;
use nodeshim::tool::Tool;
use tempfile::TempDir;

use peer::{Peer, Release};
use shapes::{Shape, shipped};
use support::{Files, Numbers, Outcome, is_root, lay_out, local_files, memory, number, ours, same_files};
use varied::Cases;

/// Sequences of a generation in a run of all tests: 500 calls and some.
const SEQUENCES: u64 = 84;
/// Calls in a sequence.
const CALLS: usize = 6;
/// Variants of recorded cases of a generation in a run of all tests.
const VARIANTS: u64 = 40;

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

/// Two copies of a tree, for the real tool and for ours.
struct Pair<'a> {
    release: &'a Release,
    peer: &'a mut Peer,
    real: TempDir,
    found: TempDir,
    history: Vec<Vec<String>>,
}

impl<'a> Pair<'a> {
    fn new(release: &'a Release, peer: &'a mut Peer, lay_out: impl Fn(&Path)) -> Self {
        let pair = Pair {
            release,
            peer,
            real: tempfile::tempdir_in(memory()).unwrap(),
            found: tempfile::tempdir_in(memory()).unwrap(),
            history: Vec::new(),
        };
        lay_out(pair.real.path());
        lay_out(pair.found.path());
        let choice = pair.found.path().join("etc/nodeshim");
        fs::create_dir_all(&choice).unwrap();
        let text = format!("[shims]\nfirewalld-generation = \"{}\"\n", release.generation);
        fs::write(choice.join("nodeshim.toml"), text).unwrap();
        let package = pair.found.path().join("usr/lib/python3/dist-packages/firewall/config");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("__init__.py"), &release.package).unwrap();
        pair
    }

    /// One call by both; whether they can go on, or what differs.
    fn call(&mut self, words: Vec<String>) -> Result<bool, String> {
        let release = self.release;
        let before = local_files(self.found.path());
        let real = self.peer.call(self.real.path(), &words);
        let (found, _) = ours(Tool::FirewallOfflineCmd, self.found.path(), &words, |config| {
            config.shims.firewalld_generation = release.choice();
        });
        if is_excused(&before, &real, &found) || is_of_0_9_3(release, &words, &real, &found) {
            return Ok(false);
        }
        if real.answers() != found.answers()
            || !same_files(self.found.path(), &before, &real.files, &found.files)
        {
            let history = &self.history;
            return Err(format!(
                "{words:?} after {history:?}\nreal: {real:#?}\nfound: {found:#?}\nbefore: {before:#?}"
            ));
        }
        // Both go on from the same files.
        for name in real.files.keys().filter(|name| !found.files.contains_key(*name)) {
            fs::remove_file(self.real.path().join(name)).unwrap();
        }
        for (name, text) in found.files.iter().filter(|(name, text)| real.files.get(*name) != Some(text)) {
            fs::write(self.real.path().join(name), text).unwrap();
        }
        self.history.push(words);
        Ok(true)
    }

    /// Calls one after the other; what differs first.
    fn calls(&mut self, calls: impl IntoIterator<Item = Vec<String>>) -> Result<(), String> {
        for words in calls {
            if !self.call(words)? {
                break;
            }
        }
        Ok(())
    }
}

/// Runs something for each number with the firewalld of a release of Debian; `usual` says how many.
fn compare(suite: &str, usual: u64, each: impl Fn(&Release, &mut Peer, u64) -> Result<(), String>) {
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
    let last = first + number("NODESHIM_DIFFERENTIAL_SEQUENCES", usual);
    let most = usize::try_from(number("NODESHIM_DIFFERENTIAL_FAILURES", 1)).unwrap();
    let mut peer = Peer::start(&release);
    let mut failures = Vec::new();
    for seed in first..last {
        failures.extend(each(&release, &mut peer, seed).err().map(|text| format!("sequence {seed}: {text}")));
        if failures.len() >= most {
            break;
        }
    }
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n\n"));
}

/// Random calls over random files.
fn random(release: &Release, peer: &mut Peer, seed: u64) -> Result<(), String> {
    let mut numbers = Numbers::of(seed);
    let files = tree::random(&mut numbers);
    let mut pair = Pair::new(release, peer, |root| lay_out(root, &files));
    pair.calls((0..CALLS).map(|_| calls::random(&mut numbers)))
}

/// Variants of recorded cases.
fn varied(suite: &str) {
    let cases = std::cell::OnceCell::new();
    compare(suite, VARIANTS, |release, peer, seed| {
        let cases = cases.get_or_init(|| Cases::of(release.generation));
        let (files, calls) = cases.variant(&mut Numbers::of(seed));
        Pair::new(release, peer, |root| lay_out(root, &files)).calls(calls)
    });
}

/// Files of the shapes that are found on machines.
fn shapes(suite: &str) {
    let shapes = Shape::all();
    assert!(shapes.len() >= 40, "{} files", shapes.len());
    let count = u64::try_from(shapes.len()).unwrap();
    compare(suite, count, |release, peer, number| {
        let Some(shape) = usize::try_from(number).ok().and_then(|number| shapes.get(number)) else {
            return Ok(());
        };
        let mut pair = Pair::new(release, peer, |root| {
            lay_out(root, &shipped());
            let place = root.join(shape.place());
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, shape.bytes()).unwrap();
        });
        pair.calls(shape.calls())
    });
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_0_9() {
    compare("bullseye", SEQUENCES, random);
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_1_3() {
    compare("bookworm", SEQUENCES, random);
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_2_3() {
    compare("trixie", SEQUENCES, random);
}

#[test]
fn sequences_of_calls_come_to_the_same_as_with_2_5() {
    compare("sid", SEQUENCES, random);
}

#[test]
fn variants_of_recorded_cases_come_to_the_same_as_with_0_9() {
    varied("bullseye");
}

#[test]
fn variants_of_recorded_cases_come_to_the_same_as_with_1_3() {
    varied("bookworm");
}

#[test]
fn variants_of_recorded_cases_come_to_the_same_as_with_2_3() {
    varied("trixie");
}

#[test]
fn variants_of_recorded_cases_come_to_the_same_as_with_2_5() {
    varied("sid");
}

#[test]
fn files_of_real_shapes_come_to_the_same_as_with_0_9() {
    shapes("bullseye");
}

#[test]
fn files_of_real_shapes_come_to_the_same_as_with_1_3() {
    shapes("bookworm");
}

#[test]
fn files_of_real_shapes_come_to_the_same_as_with_2_3() {
    shapes("trixie");
}

#[test]
fn files_of_real_shapes_come_to_the_same_as_with_2_5() {
    shapes("sid");
}
