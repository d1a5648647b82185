//! Arming, running a command to its end, disarming.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGQUIT};
use signal_hook::iterator::Signals;

use super::armed_image::ArmedImage;
use super::command::{Prepared, loads_rpm, prepare};
use super::firewalld::note_firewalld;
use super::packages::PackagesBefore;
use super::pending::{Pending, record_found, repair};
use super::records::Records;
use super::shipped::Shipped;
use super::signals::{self, EndAtSignal, interrupted};
use super::{Parts, contain, other_root};
use crate::attribution::{CONTAIN_VARIABLE, Origins, Owners, RUN_NAME_VARIABLE};
use crate::audit::{Auditing, Means, RunCommand, Seen};
use crate::config::Config;
use crate::digest::digest;
use crate::error::{Error, Result};
use crate::intercept::{self, Disarmed, ImageLock, arm, check_image};
use crate::journal::{Appender, Event};
use crate::policy::{self, Rules};
use crate::root::{Meta, Root};
use crate::rpmdb::{files_at, owners, refuse_outer_database, scriptlets};
use crate::tempdir::sweep;

/// Tells a nodeshim that a command starts which image is held for that command.
const IMAGE_VARIABLE: &str = "NODESHIM_RUN_IMAGE";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// By itself, with this exit code.
    Exited(u8),
    /// By a signal.
    Killed(i32),
}

impl From<ExitStatus> for Finished {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Finished::Exited(code.clamp(0, 255) as u8),
            (None, signal) => Finished::Killed(signal.unwrap_or(0)),
        }
    }
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
    /// What was recorded: requests, and what was done around the tools.
    pub events: Vec<Event>,
    /// What packages did to nodeshim's own records and to the tools that it replaces, in words.
    pub tampering: Vec<String>,
    /// What packages brought that the builder should know of, in words.
    pub remarks: Vec<String>,
    /// The configuration that the run began with, by which it is settled.
    pub config: Config,
    /// The policy that it began with, for the same.
    pub rules: Rules,
    /// What the audit saw; why it saw nothing.
    pub audited: Option<Result<Seen>>,
    /// Why scriptlets were not kept from this machine's kernel, where they were to be.
    pub exposed: Option<String>,
    /// How many processes were left running and ended.
    pub ended: usize,
    /// Signals wait for the image to be settled until this is dropped.
    pub ending: EndAtSignal,
    /// The image stays held against other runs until this is dropped.
    pub hold: ImageLock,
}

/// Where a run takes place.
pub struct Surroundings<'a> {
    /// The caller's home.
    pub home: PathBuf,
    /// What the builder calls the run.
    pub name: Option<String>,
    /// Where temporary files belong.
    pub temporary: PathBuf,
    /// The text of a policy file for this run alone.
    pub policy: Option<String>,
    /// Called with the name of the process that works on the image already; returns whether to wait
    /// for its end.
    pub wait: &'a dyn Fn(&str) -> bool,
    /// Called as each part of the work begins.
    pub step: &'a dyn Fn(Step),
    /// How to find out which files change, if at all.
    pub audit: Option<Means>,
    /// Whether scriptlets may reach this machine's kernel: its network, host name, mounts, settings.
    pub share_host: bool,
    /// Whether processes that the command leaves running go on.
    pub keep_running: bool,
    /// Where the command's standard output and error go.
    pub messages: Messages,
}

/// Where the standard output and error of a run's command go.
#[derive(Debug)]
pub enum Messages {
    /// Where the caller's go.
    Inherit,
    /// Both to the caller's standard error: standard output is for what is printed of the run.
    StandardError,
    /// Both to a file.
    File(File),
}

impl Messages {
    /// What the command is, as progress says it: messages go to a file where rpm is all of it.
    fn step(&self) -> Step {
        match self {
            Messages::File(_) => Step::Transaction,
            Messages::Inherit | Messages::StandardError => Step::Command,
        }
    }

    /// For standard output, and for standard error.
    fn streams(&self) -> io::Result<(Stdio, Stdio)> {
        Ok(match self {
            Messages::Inherit => (Stdio::inherit(), Stdio::inherit()),
            Messages::StandardError => (Stdio::from(io::stderr()), Stdio::inherit()),
            Messages::File(file) => (file.try_clone()?.into(), file.try_clone()?.into()),
        })
    }
}

/// A part of the work that may take its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The root file system is taken out of an image file.
    Unpack,
    /// A file system is mounted in a namespace of its own, for which the process needs to be without a
    /// second thread.
    Mount,
    /// Packages are looked at before anything is changed.
    Check,
    /// The shims are put in place.
    Arm,
    /// The caller's command runs; standard output and error are its own.
    Command,
    /// rpm runs.
    Transaction,
    /// The shims are taken out, and changes looked at.
    Disarm,
    /// The image is made to match what packages want.
    Settle,
    /// The root file system is put into an image file.
    Pack,
}

impl Step {
    /// What is being done, for a line of progress.
    pub fn words(self) -> &'static str {
        match self {
            Step::Unpack => "unpacking the root file system",
            Step::Mount => "mounting the root file system",
            Step::Check => "checking packages",
            Step::Arm => "putting the shims in place",
            Step::Command => "running the command",
            Step::Transaction => "installing and erasing packages",
            Step::Disarm => "taking the shims out",
            Step::Settle => "settling",
            Step::Pack => "packing the root file system",
        }
    }
}

/// Arms the image, runs the command to its end and disarms; meanwhile `audit` looks at what changes,
/// if it is to. An audit that fails does not fail the run. Termination signals are passed on to
/// the command, so that the image is put right after it; a later one ends the process when that is done.
///
/// # Errors
/// What keeps the command from being started: an image that is locked or cannot be armed, a configuration or
/// policy that cannot be read. How the command ended is part of the [`Outcome`].
pub fn run(root: &Root, parts: &Parts, argv: &[OsString], around: &Surroundings) -> Result<Outcome> {
    check(root, argv)?;
    let shim = parts.shim()?;
    let hold = ImageLock::take(root, |busy| !is_inside_run(root) && (around.wait)(busy))?;
    let repaired = repair(root, &hold)?;
    sweep(&around.temporary)?;
    record_found(root)?;
    let config = Config::checked(root)?;
    policy::begin_run(root, around.policy.as_deref())?;
    let rules = policy::load(root).checked()?.rules;
    let mut prepared = prepare(root, argv, parts.plugin().as_deref(), &around.home, &around.temporary)?;
    let exposed = isolate(&mut prepared, around.share_host);
    let before = scriptlets_before(root, parts, argv)?;
    let mut packages = PackagesBefore::new(root);
    note_firewalld(root, &mut packages)?;
    let pending = Pending::begin(root, Appender::open(root)?.next_id(), before)?;
    // From here on nodeshim does not die of them: the image has to be put right after the command.
    let mut signals = signals::all()?;
    let records = Records::of(root);
    let shipped = Shipped::begin(&mut packages, &rules)?;
    (around.step)(Step::Arm);
    let (image, pending) = put_in(root, shim, pending)?;
    let auditing = around.audit.map(|means| {
        let (command, installed) = (command(argv, around), packages.take()?);
        Auditing::start(root.path(), means, prepared.plugins.as_deref(), command, installed)
    });
    contain::adopt(!around.keep_running);
    (around.step)(around.messages.step());
    let status = supervise(&prepared, &mut signals, &hold, root, around);
    let missed = status.as_ref().ok().and_then(|(_, missed)| *missed);
    let ending = EndAtSignal::start(image.clone(), missed.or_else(|| signals.pending().next()))?;
    (around.step)(Step::Disarm);
    let audited = auditing.map(|auditing| auditing.and_then(Auditing::finish));
    let ended = match around.keep_running {
        true => 0,
        false => contain::end_left_running(),
    };
    let disarmed = image.disarm();
    // What shims left that were killed with their scriptlets.
    let swept = intercept::sweep(root).err().map(|error| error.to_string());
    let without_plugin = parts.without_plugin().filter(|_| loads_plugin(argv));
    let mut remarks: Vec<String> = without_plugin.into_iter().chain(swept).collect();
    let mut tampering = records.changed(root, &mut remarks);
    if let Some(Ok(seen)) = &audited {
        tampering.extend(seen.tampering.iter().cloned());
        learn(root, seen)?;
    }
    let denied_files = shipped.end(root, &rules);
    let events = pending.end(root);
    let (status, _) = status?;
    tampering.extend(of_tools(root, disarmed?.unwrap_or_default())?);
    tampering.extend(denied_files?);
    Ok(Outcome {
        finished: status.into(),
        repaired,
        events: events?,
        audited,
        exposed,
        ended,
        tampering,
        remarks,
        config,
        rules,
        ending,
        hold,
    })
}

/// Whether a run may begin: not after a signal, nor in what is no image, nor with a command for another one.
fn check(root: &Root, argv: &[OsString]) -> Result<()> {
    if interrupted().is_some() {
        return Err(Error::Refused("not begun after a signal".into()));
    }
    check_image(root)?;
    refuse_outer_database(root)?;
    other_root::check(root, argv)
}

/// Puts the shims in; what the run has noted goes again where that fails. The shim's bytes, which are many,
/// are of no use to the run afterwards, and neither are the changes.
fn put_in(root: &Root, shim: Vec<u8>, pending: Pending) -> Result<(Arc<ArmedImage>, Pending)> {
    match arm(root, &shim) {
        Ok(armed) => {
            root.forget_changes();
            Ok((Arc::new(ArmedImage::new(root, armed)), pending))
        }
        Err(error) => {
            pending.end(root)?;
            Err(error)
        }
    }
}

fn command(argv: &[OsString], around: &Surroundings) -> RunCommand {
    RunCommand {
        words: argv.to_vec(),
        run: around.name.clone(),
    }
}

/// Has scriptlets get namespaces of their own, unless they are to share the host's; says why they cannot.
fn isolate(prepared: &mut Prepared, share_host: bool) -> Option<String> {
    if share_host {
        return None;
    }
    let against = contain::reason_against();
    if against.is_none() {
        prepared.env.push((CONTAIN_VARIABLE.into(), "1".into()));
    }
    against
}

/// Notes what the audit found out of requests that are not what they say.
fn learn(root: &Root, seen: &Seen) -> Result<()> {
    if seen.learned.is_empty() {
        return Ok(());
    }
    let mut origins = Origins::load(root)?;
    seen.learned.iter().for_each(|(event, learned)| origins.learn(*event, learned.clone()));
    origins.save(root)
}

/// What was done to the shims and to what they stand for, in words. An original that came meanwhile is
/// fine where a package has it.
fn of_tools(root: &Root, disarmed: Disarmed) -> Result<Vec<String>> {
    let mut problems = disarmed.problems;
    let paths: Vec<Vec<u8>> =
        disarmed.newer.iter().map(|path| path.as_os_str().as_encoded_bytes().to_vec()).collect();
    if !paths.is_empty() {
        let packaged = files_at(root, &paths)?;
        let foreign = disarmed.newer.iter().filter(|path| {
            let there = root.read(path).map(|content| digest(&content)).unwrap_or_default();
            let owners = packaged.get(path.as_os_str().as_encoded_bytes()).into_iter().flatten();
            let is_link = root.read_link(path).is_ok();
            // A link has no digest in the database.
            !owners.into_iter().any(|file| {
                if is_link {
                    file.digest.is_empty()
                } else {
                    file.digest == there
                }
            })
        });
        let text = |path: &PathBuf| format!("{}: was replaced by what no package has there", path.display());
        problems.extend(foreign.map(text));
    }
    refuse_outer_database(root).unwrap_or_else(|error| problems.push(error.to_string()));
    Ok(problems)
}

/// Whether this process was started by a run on the same image, which would wait for it in turn.
fn is_inside_run(root: &Root) -> bool {
    let image = root.meta("/").ok().map(|meta| image_number(&meta));
    std::env::var(IMAGE_VARIABLE).ok().is_some_and(|outer| Some(outer) == image)
}

fn image_number(meta: &Meta) -> String {
    format!("{}:{}", meta.device, meta.inode)
}

/// The scriptlets of the installed packages, if they may be needed to tell who called: an erased
/// package's cannot be looked up afterwards. Where an rpm will load the plugin the look-up is saved;
/// what else is started may start an rpm of the image's own, which cannot.
fn scriptlets_before(root: &Root, parts: &Parts, argv: &[OsString]) -> Result<Owners> {
    if parts.plugin().is_some() && loads_plugin(argv) {
        Ok(Owners::new())
    } else {
        Ok(owners(&scriptlets(root)?))
    }
}

/// Whether a command is a package manager that is not kept from loading rpm's plugins.
fn loads_plugin(argv: &[OsString]) -> bool {
    let program = argv.first().map(Path::new).and_then(Path::file_name);
    program.is_some_and(|program| program == "rpm" || loads_rpm(program))
        && !argv.iter().any(|word| word == "--noplugins")
}

/// Starts the command and waits for its end. It holds the image too: if nodeshim is killed, the
/// next run waits for the command before it takes the shims away from under it. Returns also the signal that
/// came too late for the command.
fn supervise(
    prepared: &Prepared,
    signals: &mut Signals,
    hold: &ImageLock,
    root: &Root,
    around: &Surroundings,
) -> Result<(ExitStatus, Option<i32>)> {
    let (program, args) =
        prepared.argv.split_first().ok_or_else(|| Error::Refused("no command given".into()))?;
    let name = PathBuf::from(program);
    let failed = |error: io::Error| Error::std_io(&name, &error);
    let image = root.meta("/")?;
    hold.share()?;
    prepared.share()?;
    let (output, messages) = around.messages.streams().map_err(failed)?;
    let mut child = Command::new(program)
        .args(args)
        .stdout(output)
        .stderr(messages)
        .envs(prepared.env.iter().map(|(name, value)| (name, value)))
        .env(IMAGE_VARIABLE, image_number(&image))
        .envs(around.name.iter().map(|name| (RUN_NAME_VARIABLE, name)))
        .spawn()
        .map_err(failed)?;
    // Without it, processes that wait for the image can say less about its holder.
    let _ = hold.name_command(child.id());
    let watcher = signals.handle();
    let pid = Pid::from_raw(child.id() as i32);
    let status = thread::scope(|scope| {
        // Without a thread for it signals wait for the command's end.
        let passing = thread::Builder::new().spawn_scoped(scope, || pass_on(signals, pid)).ok();
        let status = child.wait();
        watcher.close();
        let missed = passing.and_then(|passing| passing.join().ok().flatten());
        status.map(|status| (status, missed))
    });
    status.map_err(failed)
}

/// Passes termination signals on to the command. What a terminal interrupts, the command has got
/// already. Returns the last one that the command had ended before.
fn pass_on(signals: &mut Signals, command: Pid) -> Option<i32> {
    let mut missed = None;
    for number in signals.forever() {
        if number == SIGINT || number == SIGQUIT {
            continue;
        }
        if let Ok(signal) = Signal::try_from(number) {
            missed = kill(command, signal).is_err().then_some(number);
        }
    }
    missed
}
