//! `nodeshim`, the admin tool.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
