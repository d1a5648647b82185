//! From reports and boundaries to records.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::bypass::observe;
use super::bypass::requests::{self, Requests};
use super::bypass::verdicts::Verdicts;
use super::changes::{Look, changes};
use super::claims::{self, Span};
use super::clock::{coarse_now, now};
use super::compare::filesystems::Filesystems;
use super::compare::index::FileIndex;
use super::compare::times::Times;
use super::file::{FILE, How, One, Run, text};
use super::found::Found;
use super::is_below;
use super::kernel::processes::{Actor, NOBODY};
use super::kernel::watch::Watch;
use super::scriptlet_run::{ScriptletRun, Touched};
use super::system_changes;
use super::transaction::{RunCommand, TransactionRecord, texts};
use crate::attribution::plugin_protocol::Message;
use crate::attribution::{FoundBy, Learned, Origin, SCRIPTS, parse_scriptlet_name};
use crate::error::Result;
use crate::escape::Escaped;
use crate::journal::{Appender, Tail, timestamp};
use crate::root::Root;
use crate::rpmdb::Installed;
use crate::shell::commands;

/// As many changes are kept of one scriptlet.
const MAX_CHANGES: usize = 20_000;

/// The result of an audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many scriptlets ran.
    pub scriptlets: usize,
    /// How many of them failed.
    pub failed: usize,
    /// How many changes were recorded.
    pub changes: usize,
    /// How they were found.
    pub how: Option<How>,
    /// Mount points in the image, escaped, whose changes are found by comparing before and after, or not
    /// at all where they were mounted meanwhile.
    pub unwatched: Vec<Escaped>,
    /// What was found out of requests that are not what they say, by their numbers.
    pub learned: Vec<(u64, Learned)>,
    /// What scriptlets did to nodeshim's own records and shims, and what requests said of themselves that
    /// is not so, in words.
    pub tampering: Vec<String>,
}

/// Follows a transaction.
pub(super) struct Recorder {
    root: Root,
    parts: Filesystems,
    known: FileIndex,
    watch: Option<Watch>,
    times: Times,
    tail: Tail,
    window: Option<ScriptletRun>,
    /// What happened since the last scriptlet ended, and how long the journal was then.
    outside: Touched,
    outside_from: u64,
    /// What happened before that outside of scriptlets.
    transaction: TransactionRecord,
    /// Processes of scriptlets that have ended.
    left: HashMap<i32, Origin>,
    /// What rpm has reported.
    rpms: Vec<i32>,
    epoch: Option<String>,
    seen: Seen,
}

impl Recorder {
    /// Looks at the image before `command` is started; `installed` is in it then. Without `watch`, changes are found by times.
    pub(super) fn start(
        root: Root,
        mut watch: Option<Watch>,
        epoch: Option<String>,
        command: RunCommand,
        installed: Installed,
    ) -> Result<Recorder> {
        let parts = Filesystems::of(&root, watch.as_ref())?;
        let mut dirs = watch.as_mut().map(|watch| &mut watch.dirs);
        let known = FileIndex::scan(&root, &parts, dirs.as_deref_mut());
        if let Some(dirs) = dirs {
            dirs.learnt();
        }
        let times = match watch {
            Some(_) => Times::default(),
            None => Times::start(&root)?,
        };
        let tail = Tail::open(&root, FILE)?;
        let how = if watch.is_some() { How::Events } else { How::Times };
        Ok(Recorder {
            outside_from: requests::length(&root),
            transaction: TransactionRecord::start(
                timestamp(epoch.as_deref()),
                command,
                root.path(),
                installed,
            ),
            root,
            parts,
            known,
            watch,
            times,
            tail,
            window: None,
            outside: Touched::default(),
            left: HashMap::new(),
            rpms: Vec::new(),
            epoch,
            seen: Seen {
                how: Some(how),
                ..Seen::default()
            },
        })
    }

    /// Whether the kernel reports changes.
    pub(super) fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// Takes in what was reported so far.
    pub(crate) fn pump(&mut self) -> Result<()> {
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        let touched = self.window.as_mut().map_or(&mut self.outside, |window| &mut window.touched);
        let known = &mut self.known;
        watch.drain(&mut |touch| touched.take(touch, known))?;
        for (top, pid) in std::mem::take(&mut touched.came) {
            watch.adopt(&self.root, &top).into_iter().for_each(|path| touched.mark(path, pid, true));
        }
        Ok(())
    }

    /// Whether a scriptlet is running.
    pub(crate) fn is_in_scriptlet(&self) -> bool {
        self.window.is_some()
    }

    /// Notes an rpm that has loaded the plugin: what it does outside of scriptlets is not looked at, for it unpacks packages.
    pub(super) fn heard(&mut self, rpm: i32) {
        if !self.rpms.contains(&rpm) {
            self.rpms.push(rpm);
        }
    }

    /// Notes a process that posed as an rpm.
    pub(super) fn refused(&mut self, pid: i32) {
        let during = self.window.as_ref().map(|window| claims::in_words(&window.origin));
        let during = during.map_or(String::new(), |during| format!(" while {during} ran"));
        self.seen.tampering.push(format!("process {pid} posed as an rpm{during}"));
    }

    /// Takes in what `rpm` says.
    pub(super) fn told(&mut self, rpm: i32, message: Message) -> Result<()> {
        match message {
            Message::Pre { name, argument } => self.begin(rpm, &name, argument),
            Message::Forked { script } => {
                if let Some(window) = &mut self.window {
                    window.forked = true;
                    window.origin.script = script;
                }
                Ok(())
            }
            Message::Post { failed } => self.end(failed),
        }
    }

    fn begin(&mut self, rpm: i32, name: &str, argument: Option<u32>) -> Result<()> {
        self.heard(rpm);
        if self.watch.is_none() {
            Times::settle_clock();
        }
        self.pump()?;
        self.close_outside()?;
        let (scriptlet, nevra) = parse_scriptlet_name(name).unzip();
        let found_by = if nevra.is_some() {
            FoundBy::RpmPlugin
        } else {
            FoundBy::Unknown
        };
        self.window = Some(ScriptletRun {
            time: timestamp(self.epoch.as_deref()),
            began: coarse_now(),
            ended: (0, 0),
            rpm,
            origin: Origin {
                found_by,
                nevra,
                scriptlet,
                arg: argument,
                ..Origin::default()
            },
            forked: false,
            failed: false,
            journal: requests::length(&self.root),
            touched: Touched::default(),
        });
        Ok(())
    }

    fn end(&mut self, failed: bool) -> Result<()> {
        self.pump()?;
        let Some(mut window) = self.window.take() else {
            return Ok(());
        };
        window.failed = failed;
        window.ended = now();
        self.seen.scriptlets += 1;
        self.seen.failed += usize::from(failed);
        let requests = requests::since(&self.root, window.journal)?;
        self.outside_from = requests::length(&self.root);
        let now = timestamp(self.epoch.as_deref());
        let span = Span {
            from: &window.time,
            to: &now,
        };
        let (mut learned, mut lines) = claims::judge(&requests.claims, &window.origin, span);
        self.seen.learned.append(&mut learned);
        self.seen.tampering.append(&mut lines);
        self.seen.tampering.extend(tampering(&window));
        if self.watch.is_none() {
            self.times.note(window, requests);
            return Ok(());
        }
        if window.touched.lost {
            self.mark_differing(&mut window.touched, |_| true);
        }
        self.record_late(&mut window.touched)?;
        let ScriptletRun { rpm, forked, .. } = window;
        let look = Look {
            root: &self.root,
            requests: &requests,
            // rpm's own doings are the scriptlet's only where that runs within it.
            counts: &|pid| pid != rpm || !forked,
        };
        let pids = window.touched.paths.values().flat_map(|marks| marks.by.iter()).map(|actor| actor.pid);
        self.left.extend(pids.filter(|pid| *pid != rpm).map(|pid| (pid, window.origin.clone())));
        let programs = window.touched.processes.all(&self.root);
        let found = changes(&mut self.known, &mut window.touched, &look)?;
        let mut run = window.record(How::Events);
        run.programs = programs.keys().map(|path| text(path)).collect();
        run.times = programs.into_iter().map(|(path, times)| (text(&path), times)).collect();
        run.requests = requests.ids;
        self.write(run, found)
    }

    /// Looks again at everything that is `wanted`, because the kernel did not report all changes of
    /// it.
    fn mark_differing(&self, touched: &mut Touched, wanted: impl Fn(&[u8]) -> bool) {
        let now = FileIndex::scan(&self.root, &self.parts, None);
        let all: Vec<Vec<u8>> = self.known.paths().chain(now.paths()).cloned().collect();
        for path in all.into_iter().filter(|path| wanted(path)) {
            let differs = match (self.known.get(&path), now.get(&path)) {
                (Some(a), Some(b)) => a.status != b.status,
                _ => true,
            };
            if differs {
                touched.mark(path, NOBODY, true);
            }
        }
    }

    /// Notes what rpm itself did between scriptlets. Records the changes of processes that outlived
    /// their scriptlet, and those whose process is not known.
    fn close_outside(&mut self) -> Result<()> {
        let mut touched = std::mem::take(&mut self.outside);
        if touched.lost {
            self.mark_differing(&mut touched, |_| true);
        }
        self.record_late(&mut touched)?;
        let requests = match requests::length(&self.root) > self.outside_from {
            true => requests::since(&self.root, self.outside_from)?,
            false => Requests::default(),
        };
        let look = Look {
            root: &self.root,
            requests: &requests,
            counts: &|pid| !self.rpms.contains(&pid),
        };
        let found = changes(&mut self.known, &mut touched, &look)?;
        self.transaction.add(found);
        self.transaction.ran(touched.processes.take_new(&self.root));
        self.transaction.requests.follow(requests);
        // A process goes on under its program.
        self.outside.processes = touched.processes;
        Ok(())
    }

    /// Records, and takes out, what processes of earlier scriptlets did. A number that has run a
    /// program since is another process.
    fn record_late(&mut self, touched: &mut Touched) -> Result<()> {
        let of = |actor: &Actor| self.left.get(&actor.pid).filter(|_| !touched.processes.has_run(actor.pid));
        let mut late: BTreeMap<Origin, Touched> = BTreeMap::new();
        for (path, marks) in &touched.paths {
            let mut origins = marks.by.iter().map(of);
            if let Some(Some(origin)) = origins.next()
                && origins.all(|other| other.is_some())
            {
                late.entry(origin.clone()).or_default().paths.insert(path.clone(), marks.clone());
            }
        }
        for (origin, mut of_origin) in late {
            for path in of_origin.paths.keys() {
                touched.paths.remove(path);
            }
            let look = Look {
                root: &self.root,
                requests: &requests::Requests::default(),
                counts: &|_| true,
            };
            let found = changes(&mut self.known, &mut of_origin, &look)?;
            if !found.is_empty() {
                let run = Run {
                    late: true,
                    ..Run::new(timestamp(self.epoch.as_deref()), How::Events, origin)
                };
                self.write(run, found)?;
            }
        }
        Ok(())
    }

    /// Records a scriptlet, and what it did around the tools.
    fn write(&mut self, mut run: Run, found: Vec<Found>) -> Result<()> {
        let text = run
            .origin
            .script
            .as_ref()
            .filter(|_| !run.late)
            .and_then(|script| self.root.read_text(Path::new(SCRIPTS).join(script)).ok());
        let commands = text.as_deref().map(commands).unwrap_or_default();
        let mut events = observe::events(&self.root, &run, &found, &commands);
        if run.origin.scriptlet.is_some() {
            events.extend(system_changes::events(&self.root, &run, &found, &commands));
        }
        if !events.is_empty() {
            let mut journal = Appender::open(&self.root)?;
            let verdicts = Verdicts::of(&self.root);
            for mut event in events {
                verdicts.judge(&mut event);
                journal.append(&mut event)?;
                run.requests.push(event.id);
            }
        }
        run.omitted = found.len().saturating_sub(MAX_CHANGES);
        run.changes = found.into_iter().take(MAX_CHANGES).map(|one| one.change).collect();
        run.id = self.tail.next_id();
        self.seen.changes += run.changes.len();
        self.tail.append(&One { scriptlet: [&run] })
    }

    /// The command has ended.
    pub(super) fn finish(mut self) -> Result<Seen> {
        if self.window.is_some() {
            // Its rpm was killed meanwhile.
            self.end(true)?;
        }
        self.pump()?;
        let mut how = How::Events;
        if self.watch.is_some() {
            self.look_at_compared();
        }
        self.close_outside()?;
        if self.watch.is_none() {
            how = How::Times;
            let times = std::mem::take(&mut self.times);
            let compared = times.runs(&self.root, &self.known, &self.parts, &self.transaction.requests)?;
            for (run, found) in compared.runs {
                self.write(run, found)?;
            }
            self.transaction.add(compared.elsewhere);
        }
        let mut unwatched = texts(self.parts.mounted_since(&self.root)?);
        if how == How::Events {
            unwatched.extend(texts(self.parts.compared()));
        }
        self.seen.unwatched.clone_from(&unwatched);
        if let Some((run, found)) =
            std::mem::take(&mut self.transaction).finish(&self.root, how, unwatched)?
        {
            self.write(run, found)?;
        }
        Ok(self.seen)
    }

    /// Compares the parts of the image that the kernel reports nothing of.
    fn look_at_compared(&mut self) {
        if self.parts.compared().next().is_some() {
            let mut touched = std::mem::take(&mut self.outside);
            self.mark_differing(&mut touched, |path| self.parts.is_compared(path));
            self.outside = touched;
        }
    }
}

/// What a scriptlet did to what is nodeshim's own, in one line.
fn tampering(window: &ScriptletRun) -> Option<String> {
    const SHOWN: usize = 3;
    let processes = &window.touched.processes;
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let tampers = |path: &[u8], actor: &Actor| {
        // rpm keeps the script in the child that is about to run it.
        let keeps = is_below(path, SCRIPTS.as_bytes()) && processes.is_fresh(*actor);
        let is_scriptlets = actor.pid != own && (actor.pid != window.rpm || !window.forked);
        is_scriptlets && !keeps && !processes.is_shim(*actor)
    };
    let touched = window.touched.ours.iter();
    let touched = touched.filter(|(path, actors)| actors.iter().any(|actor| tampers(path, actor)));
    let paths: Vec<String> = touched.map(|(path, _)| text(path).shown()).collect();
    let more = match paths.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = paths.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let who = claims::in_words(&window.origin);
    (!paths.is_empty()).then(|| format!("{who} tampered with {shown}{more}"))
}
