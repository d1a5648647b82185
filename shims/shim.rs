//! The multi-call shim: replaces every tool inside an armed image root.
//!
//! It does without the standard library's start-up, which asks for `/proc` and `/dev/null`, ends
//! the process where a standard stream is closed and the latter is missing, and ignores SIGPIPE,
//! which none of the originals do. That is also a tenth of the program's size.

#![no_main]

use std::ffi::{OsString, c_char, c_int};

use nodeshim::intercept::MARK;

mod booted;
mod handover;
mod internal_error;
mod programs;
mod record;
mod streams;

/// Tells a shim of any build from a tool's original.
#[used]
static MARKED: [u8; MARK.len()] = MARK;

/// Where the C library starts the program.
#[unsafe(no_mangle)]
#[allow(
    unsafe_code,
    reason = "the name is the C library's; nothing is read through the arguments"
)]
pub extern "C" fn main(_count: c_int, _words: *const *const c_char) -> c_int {
    streams::keep_numbers();
    let argv: Vec<OsString> = std::env::args_os().collect();
    internal_error::set_hook(&argv);
    c_int::from(record::run(&argv))
}
