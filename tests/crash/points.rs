//! Points at which a process is killed: its system calls, counted by strace.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many points of one program are tried unless all are.
const SAMPLE: usize = 16;

/// The command under strace, which is told `options`.
fn traced(command: &Command, options: &[String]) -> Command {
    let mut traced = Command::new("strace");
    traced
        .args(["-qq", "-e", "signal=none"])
        .args(options)
        .arg(command.get_program())
        .args(command.get_args());
    traced
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    traced.stdin(std::process::Stdio::null());
    traced
}

/// The system calls that the process of a command makes, a line each, with the paths of descriptors.
pub fn log_of(command: &Command) -> String {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let options = [
        "-y".to_owned(),
        "-s512".to_owned(),
        "-o".to_owned(),
        log.path().display().to_string(),
    ];
    let output = traced(command, &options).output().expect("strace (tests/lib/need strace) starts");
    assert!(output.status.success(), "{output:?}");
    std::fs::read_to_string(log.path()).expect("strace's log")
}

/// How many system calls the process of a command makes.
pub fn system_calls(command: &Command) -> usize {
    log_of(command).lines().count()
}

/// Which system calls of a command, counted from 1, come from the one that names `first` to the last one
/// that names `last`.
pub fn calls_between(command: &Command, first: &str, last: &str) -> Vec<usize> {
    let log = log_of(command);
    let named = |name: &str| -> Vec<usize> {
        let lines = log.lines().enumerate().filter(|(_, line)| line.contains(name));
        lines.map(|(number, _)| number + 1).collect()
    };
    let (first, last) = (named(first), named(last));
    (*first.first().expect("the first is called")..=*last.last().expect("the last is called")).collect()
}

/// Runs a command and kills its process at one of its system calls, or of those named in `which`; `log`
/// gets the calls before.
pub fn killed_at(command: &Command, point: usize, which: Option<&str>, log: &Path) -> Output {
    let which = which.unwrap_or("all");
    let options = [
        "-y".to_owned(),
        "-s512".to_owned(),
        format!("-o{}", log.display()),
        format!("-einject={which}:signal=SIGKILL:when={point}"),
    ];
    traced(command, &options).output().expect("strace starts")
}

/// Tries a sample of the points from 2, as the first is the program's start, or all of them, on two
/// threads.
pub fn each_point(what: &str, points: usize, try_one: impl Fn(usize) + Sync) {
    let all = std::env::var("NODESHIM_CRASH_POINTS").is_ok_and(|value| value == "all");
    let step = if all { 1 } else { (points / SAMPLE).max(1) };
    each_of(what, &(2..=points).step_by(step).collect::<Vec<_>>(), try_one);
}

/// Tries these points, on two threads.
pub fn each_of(what: &str, points: &[usize], try_one: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_one(*point);
                }
            });
        }
    });
    println!("{what}: killed at {} points, survived all", points.len());
}
