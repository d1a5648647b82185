//! Running a program with a time limit.

use std::convert::Infallible;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it printed.
    pub output: String,
    /// The first line that it complained with.
    pub complaint: String,
}

/// Where programs are looked for: a caller's `PATH` may lack the administrator's.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program to its end, or kills it when its time is up.
pub(crate) fn run_within(program: &str, args: &[&str], limit: Duration) -> Result<Ended> {
    let failed = |error: std::io::Error| Error::cannot_run(program, &error);
    let mut command = Command::new(program);
    command.args(args).env("PATH", PATH).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let (closes, closed) = channel();
    let output = reader(child.stdout.take(), closes.clone());
    let errors = reader(child.stderr.take(), closes);
    let status = wait(&mut child, &closed, limit).map_err(failed)?;
    let Some(success) = status else {
        return Err(Error::program(program, format!("did not end within {} s", limit.as_secs())));
    };
    let errors = errors.join().unwrap_or_default();
    log::debug!("{command:?}: {}", if success { "done" } else { "failed" });
    Ok(Ended {
        success,
        output: output.join().unwrap_or_default(),
        complaint: errors.lines().next().unwrap_or("no reason given").to_owned(),
    })
}

/// As [`run_within`], and anything but success is an error.
pub(crate) fn succeed_within(program: &str, args: &[&str], limit: Duration) -> Result<String> {
    let ended = run_within(program, args, limit)?;
    match ended.success {
        true => Ok(ended.output),
        false => Err(Error::program(program, ended.complaint)),
    }
}

/// Reads a stream to its end, and drops `closes` then.
fn reader(
    stream: Option<impl Read + Send + 'static>,
    closes: Sender<Infallible>,
) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is what there is.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        drop(closes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for a program. One that has closed its output is about to end; until then there is no need to look often.
fn wait(child: &mut Child, closed: &Receiver<Infallible>, limit: Duration) -> std::io::Result<Option<bool>> {
    let deadline = Instant::now() + limit;
    // Nothing is ever sent: this returns when both readers are done, or when the time is up.
    let _ = closed.recv_timeout(limit);
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_end_is_told() {
        let limit = Duration::from_secs(20);
        assert_eq!(succeed_within("echo", &["a"], limit).unwrap(), "a\n");
        let error =
            succeed_within("sh", &["-c", "echo first >&2; echo second >&2; exit 3"], limit).unwrap_err();
        assert_eq!(error.to_string(), "sh: first");
        assert!(run_within("/nonexistent/program", &[], limit).is_err());
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let error = run_within("sleep", &["60"], Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.to_string(), "sleep: did not end within 0 s");
    }
}
