//! The multi-call shim: stands at the path of every tool inside an armed image root.

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

mod handover;
mod programs;
mod record;

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let exit = catch_unwind(AssertUnwindSafe(|| record::run(&argv))).unwrap_or_else(|_| {
        let _ = writeln!(io::stderr(), "nodeshim: internal error, the request was not carried out");
        1
    });
    ExitCode::from(exit)
}
