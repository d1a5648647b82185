//! Fuzz target: `policy_file` of `tests/support/parsers.rs`.
#![no_main]

#[path = "../../support/parsers.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers::policy_file(input));
