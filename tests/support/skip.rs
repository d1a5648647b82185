//! Tests that cannot run on this machine say so.

use std::fs;
use std::io::Write;

/// Says that a test cannot run here. `tests/run` prints every such line last, and counts it.
pub fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("skipped: {test}: {reason}");
    if let Some(path) = std::env::var_os("NODESHIM_SKIPPED") {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .expect("the list of skipped tests");
        writeln!(file, "{test}: {reason}").expect("room for a line");
    }
}
