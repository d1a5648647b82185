//! Running what a call ends in: programs of the image, one after the other, in `/`, with nothing
//! in their environment but what the call gave them.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use nodeshim::request::{Program, Programs};

/// `ENOEXEC`: no executable format; such a file is taken for a shell script.
const NO_FORMAT: i32 = 8;

/// Runs the programs; the exit code is the last one's, or `exit`.
pub fn run(programs: &Programs, exit: u8) -> u8 {
    let mut last = None;
    for program in &programs.in_turn {
        last = Some(run_one(program));
    }
    last.filter(|_| programs.exit_of_last).unwrap_or(exit)
}

/// Runs one program, with the exit codes that a shell has for those that can't be run.
fn run_one(program: &Program) -> u8 {
    let command = |name: &std::path::Path| {
        let mut command = Command::new(name);
        command.env_clear().envs(program.env.iter().map(|(name, value)| (name, value)));
        command.current_dir("/");
        command
    };
    let status = match command(&program.path).args(&program.args).status() {
        Err(error) if error.raw_os_error() == Some(NO_FORMAT) => {
            command("/bin/sh".as_ref()).arg(&program.path).args(&program.args).status()
        }
        status => status,
    };
    match status {
        Ok(status) => {
            let signal = status.signal().map(|signal| 128 + signal);
            status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
        }
        Err(error) => {
            complain(program, &error);
            if error.kind() == io::ErrorKind::NotFound {
                127
            } else {
                126
            }
        }
    }
}

fn complain(program: &Program, error: &io::Error) {
    use io::Write;
    let _ = writeln!(io::stderr(), "{}: {error}", program.path.display());
}
