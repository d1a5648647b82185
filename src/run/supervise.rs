//! Arming, running a command to its end, disarming.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Parts;
use super::command::prepare;
use super::resolve::resolve;
use crate::error::{Error, Result};
use crate::intercept::{Disarmed, RUN_LOCK_PATH, arm, check_image, disarm};
use crate::journal::{Appender, DIRECTORY, Journal, Origins};
use crate::origin::FoundBy;
use crate::root::{Lock, Root};
use crate::rpmdb::{Owners, owners, scriptlets};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// By itself, with this exit code.
    Exited(u8),
    /// By a signal.
    Killed(i32),
}

impl Finished {
    /// The exit code that a shell would show.
    pub fn code(self) -> u8 {
        match self {
            Finished::Exited(code) => code,
            Finished::Killed(signal) => 128_i32.saturating_add(signal).clamp(0, 255) as u8,
        }
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// How the command ended.
    pub finished: Finished,
    /// What an earlier run that died had left, if any.
    pub repaired: Option<Disarmed>,
    /// How many requests were recorded.
    pub requests: usize,
    /// The image stays locked against other runs until this is dropped.
    pub lock: Lock,
}

/// Arms the image, runs the command to its end and disarms. Termination signals are passed on to
/// the command, so that the image is put right after it.
pub fn run(
    root: &Root,
    parts: &Parts,
    argv: &[OsString],
    home: PathBuf,
    temporary: PathBuf,
) -> Result<Outcome> {
    check_image(root)?;
    let shim = parts.shim()?;
    root.create_dirs(DIRECTORY, 0o755)?;
    let lock = root.lock(RUN_LOCK_PATH)?;
    let repaired = disarm(root)?;
    let prepared = prepare(argv, parts.plugin().as_deref(), &home, &temporary)?;
    let before = scriptlets_before(root, parts, argv)?;
    let first = Appender::open(root)?.next_id();
    arm(root, &shim)?;
    let status = supervise(&prepared.argv, &prepared.env);
    let disarmed = disarm(root);
    let status = status?;
    disarmed?;
    let requests = learn_origins(root, first, &before)?;
    let finished = match (status.code(), status.signal()) {
        (Some(code), _) => Finished::Exited(code.clamp(0, 255) as u8),
        (None, signal) => Finished::Killed(signal.unwrap_or(0)),
    };
    Ok(Outcome {
        finished,
        repaired,
        requests,
        lock,
    })
}

/// The scriptlets of the installed packages, if they may be needed to tell who called: an erased
/// package's cannot be looked up afterwards. Where rpm will load the plugin the look-up is saved.
fn scriptlets_before(root: &Root, parts: &Parts, argv: &[OsString]) -> Result<Owners> {
    let plugin = parts.plugin().is_some() && !argv.iter().any(|word| word == "--noplugins");
    if plugin {
        Ok(Owners::new())
    } else {
        Ok(owners(&scriptlets(root)?))
    }
}

/// Looks up who made the requests from `first` on that nobody is named for, and counts them all.
fn learn_origins(root: &Root, first: u64, before: &Owners) -> Result<usize> {
    let mut events = Journal::read(root)?.events;
    events.retain(|event| event.id >= first);
    let requests = events.len();
    events.retain(|event| event.origin.found_by == FoundBy::Unknown && event.origin.script.is_some());
    if !events.is_empty() {
        let mut origins = Origins::load(root)?;
        resolve(&events, before, &owners(&scriptlets(root)?), &mut origins);
        origins.save(root)?;
    }
    Ok(requests)
}

fn supervise(argv: &[OsString], env: &[(OsString, OsString)]) -> Result<ExitStatus> {
    let (program, args) = argv.split_first().ok_or_else(|| Error::Other("no command given".into()))?;
    let name = PathBuf::from(program);
    let failed = |error: io::Error| Error::std_io(&name, &error);
    // From here on nodeshim does not die of them: the image has to be put right after the command.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let mut child = Command::new(program)
        .args(args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .spawn()
        .map_err(failed)?;
    let watcher = signals.handle();
    let pid = Pid::from_raw(child.id() as i32);
    let passing_on = thread::spawn(move || pass_on(&mut signals, pid));
    let status = child.wait();
    watcher.close();
    // It cannot fail: it returns when the watcher is closed.
    let _ = passing_on.join();
    status.map_err(failed)
}

/// Passes termination signals on to the command. What a terminal interrupts, the command has got
/// already.
fn pass_on(signals: &mut Signals, command: Pid) {
    for number in signals.forever() {
        if number == SIGINT {
            continue;
        }
        if let Ok(signal) = Signal::try_from(number) {
            // It may have ended by now.
            let _ = kill(command, signal);
        }
    }
}
