//! Points at which a process is killed: its system calls, counted by strace.

use std::collections::HashMap;
use std::fmt;
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

/// One system call of a process.
#[derive(Debug, Clone)]
pub struct Point {
    /// Which of all it is, counted from 1.
    pub number: usize,
    name: String,
    /// Which of those of its name: strace counts each kind of call by itself.
    nth: usize,
}

impl Point {
    /// The `nth` call of this name, counted from 1.
    pub fn of(name: &str, nth: usize) -> Point {
        Point {
            number: nth,
            name: name.to_owned(),
            nth,
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} ({} {})", self.number, self.name, self.nth)
    }
}

/// The system calls of a log, but for the first, which is the program's start.
pub fn points_of(log: &str) -> Vec<Point> {
    let mut counted: HashMap<&str, usize> = HashMap::new();
    let lines = log.lines().enumerate();
    let points = lines.filter_map(|(index, line)| {
        let (name, _) = line.split_once('(')?;
        let nth = counted.entry(name).or_default();
        *nth += 1;
        Some(Point {
            number: index + 1,
            ..Point::of(name, *nth)
        })
    });
    points.skip(1).collect()
}

/// The system calls of a command.
pub fn system_calls(command: &Command) -> Vec<Point> {
    points_of(&log_of(command))
}

/// The system calls of a command from the one that names `first` to the last one that names `last`.
pub fn calls_between(command: &Command, first: &str, last: &str) -> Vec<Point> {
    let log = log_of(command);
    let named = |name: &str| -> Vec<usize> {
        let lines = log.lines().enumerate().filter(|(_, line)| line.contains(name));
        lines.map(|(number, _)| number + 1).collect()
    };
    let (first, last) = (named(first), named(last));
    let range = *first.first().expect("the first is called")..=*last.last().expect("the last is called");
    points_of(&log).into_iter().filter(|point| range.contains(&point.number)).collect()
}

/// Runs a command and kills its process when it makes a system call; `log` gets the calls before.
pub fn killed_at(command: &Command, point: &Point, log: &Path) -> Output {
    signalled_at(command, "SIGKILL", point, "", log)
}

/// Sends a process a signal when it makes a system call, and `then` as strace's `when=` has it (`+STEP`: at
/// each STEPth call of that name after it, too).
pub fn signalled_at(command: &Command, signal: &str, point: &Point, then: &str, log: &Path) -> Output {
    let options = [
        "-y".to_owned(),
        "-s512".to_owned(),
        format!("-o{}", log.display()),
        format!("-einject={}:signal={signal}:when={}{then}", point.name, point.nth),
    ];
    traced(command, &options).output().expect("strace starts")
}

/// Tries a sample of the points, or all of them, on two threads.
pub fn each_point(what: &str, points: &[Point], try_one: impl Fn(&Point) + Sync) {
    let all = std::env::var("NODESHIM_CRASH_POINTS").is_ok_and(|value| value == "all");
    let step = if all { 1 } else { (points.len() / SAMPLE).max(1) };
    each_of(what, &points.iter().step_by(step).cloned().collect::<Vec<_>>(), try_one);
}

/// Tries these points, on two threads.
pub fn each_of<P: Sync>(what: &str, points: &[P], try_one: impl Fn(&P) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_one(point);
                }
            });
        }
    });
    println!("{what}: killed at {} points, survived all", points.len());
}
