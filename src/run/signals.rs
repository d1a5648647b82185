//! Signals that come once the command of a run has ended: what is left to do is for the image alone. It is
//! done before the process ends, or at least the shims are taken out; the next settling does the rest.

use std::io::{self, Write};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::armed_image::ArmedImage;
use crate::error::{Error, Result};

/// How long the image may still be worked on after a signal: less than others wait before they kill.
const LIMIT: Duration = Duration::from_secs(8);

/// The signal at which this process ends, once the image is put right; 0 for none.
static ENDED_BY: AtomicI32 = AtomicI32::new(0);

/// The exit code of a process that got a signal while it put an image right, as a shell shows it.
pub fn interrupted() -> Option<u8> {
    match ENDED_BY.load(Ordering::SeqCst) {
        0 => None,
        number => u8::try_from(128 + number).ok(),
    }
}

/// Signals that would end nodeshim.
pub(super) fn all() -> Result<Signals> {
    Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP]).map_err(|error| Error::no_signals(&error))
}

/// As long as it lives a signal lets the process end when its work is done, and a second one, or the end of
/// its time, at once: the shims are taken out in either case.
#[derive(Debug)]
pub struct EndAtSignal {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl EndAtSignal {
    /// Begins to wait for signals; `earlier` is one that came too late for the command.
    pub(super) fn start(image: Arc<ArmedImage>, earlier: Option<i32>) -> Result<EndAtSignal> {
        let mut signals = all()?;
        let handle = signals.handle();
        let wait = move || {
            let Some(number) = earlier.or_else(|| signals.forever().next()) else {
                return;
            };
            ENDED_BY.store(number, Ordering::SeqCst);
            let name = Signal::try_from(number).map_or("a signal", Signal::as_str);
            say(&format!("{name}: ending as soon as the image is put right"));
            if is_urged(&mut signals) {
                end(&image, number);
            }
        };
        let thread = thread::Builder::new()
            .name("signals".into())
            .spawn(wait)
            .map_err(|error| Error::no_signals(&error))?;
        Ok(EndAtSignal {
            handle,
            thread: Some(thread),
        })
    }
}

impl Drop for EndAtSignal {
    fn drop(&mut self) {
        self.handle.close();
        // It ends now, or has ended the process.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Whether another signal comes before the work is done, or time is up.
fn is_urged(signals: &mut Signals) -> bool {
    let (until, work) = (Instant::now() + LIMIT, signals.handle());
    while !work.is_closed() {
        if signals.pending().next().is_some() || Instant::now() > until {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

fn end(image: &ArmedImage, number: i32) {
    if let Err(error) = image.disarm() {
        say(&format!("the shims could not be taken out: {error}"));
    }
    let root = image.root.display();
    say(&format!("ended before the image was settled: nodeshim settle --root {root} does that"));
    exit(128 + number);
}

/// A line on standard error. If that is closed, there is no way to report it.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "nodeshim: {line}");
}
