//! Random command lines of firewall-cmd, made of those of firewall-offline-cmd.

use super::calls;
use super::support::Numbers;

/// Calls in a sequence.
const CALLS: usize = 30;

/// One sequence. What runs is compared only while it is what the files say, so the daemon is told of
/// changes before it is asked.
pub fn sequence(seed: u64) -> Vec<Vec<String>> {
    let mut numbers = Numbers::of(seed);
    let mut lines = Vec::new();
    let mut is_behind = false;
    for _ in 0..CALLS {
        let mut words = call(&mut numbers);
        let is_permanent = words.iter().any(|word| word == "--permanent");
        if !is_permanent && std::mem::take(&mut is_behind) {
            lines.push(vec!["--reload".to_owned()]);
        }
        is_behind |= is_permanent;
        // In any order.
        if numbers.below(3) == 0 {
            words.reverse();
        }
        lines.push(words);
    }
    lines
}

fn call(numbers: &mut Numbers) -> Vec<String> {
    let mut words = calls::random(numbers);
    for word in &mut words {
        for place in ["zone", "policy"] {
            *word = word.replace(&format!("--remove-service-from-{place}"), "--remove-service");
        }
        // The daemon has it as it was typed until it reads the file again.
        *word = word.replace("nf_conntrack_ftp", "ftp");
    }
    // Most of the daemon's own options are refused with `--permanent`.
    let alone = ["--set-default-zone", "--get-default-zone", "--get-log-denied"];
    let is_alone = words.iter().any(|word| alone.iter().any(|option| word.starts_with(option)));
    if !is_alone && numbers.below(3) > 0 {
        words.insert(0, "--permanent".to_owned());
    }
    words
}
