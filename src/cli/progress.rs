//! Telling how far something is that takes its time: a line that is written over on a terminal; where
//! systemd starts us, a line each with the syslog level in front, for the journal.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::sys::stat::fstat;
use nodeshim::escape::printable;
use nodeshim::run::Step;

use super::style::{Paint, is_quiet, is_verbose, paint_error};

/// What is over sooner than this is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

/// Where progress and errors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Terminal,
    Journal,
    Other,
}

thread_local! {
    /// The line on the terminal. There is one terminal, and one thread that works.
    static SHOWN: RefCell<Option<Shown>> = const { RefCell::new(None) };
}

/// A line that is there, or will be unless the work ends before.
struct Shown {
    bar: ProgressBar,
    /// Work goes on as long as this is there.
    working: Sender<()>,
    thread: JoinHandle<()>,
}

fn reader() -> Reader {
    static READER: OnceLock<Reader> = OnceLock::new();
    *READER.get_or_init(|| {
        if io::stderr().is_terminal() {
            Reader::Terminal
        } else if is_journal(&io::stderr(), std::env::var("JOURNAL_STREAM").ok().as_deref()) {
            Reader::Journal
        } else {
            Reader::Other
        }
    })
}

/// Shows that a step begins; in a pipe only with `-v`. The first call starts a thread, and so must come
/// after everything that needs a process with one thread, such as changing the user namespace.
pub fn step(text: &str) {
    let text = printable(text);
    match reader() {
        _ if is_quiet() => {}
        Reader::Terminal => SHOWN.with_borrow_mut(|shown| {
            shown.get_or_insert_with(Shown::new).bar.set_message(text);
        }),
        Reader::Journal => write(&format!("<6>{text}\n")),
        Reader::Other if is_verbose() => write(&format!("nodeshim: {text}\n")),
        Reader::Other => {}
    }
}

/// A part of a transaction begins.
pub fn of(part: Step) {
    match part {
        // The terminal is the command's while it runs, and mounting may need a process without our thread.
        Step::Command | Step::Mount => end(),
        part => step(part.words()),
    }
}

/// No more steps, for now or ever: a terminal's line is cleared. Everything that prints calls this.
pub fn end() {
    let Some(Shown { bar, working, thread }) = SHOWN.take() else {
        return;
    };
    drop(working);
    // It clears its line before it ends; should it have panicked, we do.
    if thread.join().is_err() {
        bar.finish_and_clear();
    }
}

/// Something went wrong.
pub fn error(text: &str) {
    end();
    let text = printable(text);
    match reader() {
        Reader::Journal => write(&format!("<3>nodeshim: {text}\n")),
        Reader::Terminal | Reader::Other => {
            write(&format!("{} {text}\n", paint_error(Paint::Bad, "nodeshim:")));
        }
    }
}

impl Shown {
    fn new() -> Shown {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        let (working, ended) = channel();
        let later = bar.clone();
        let thread = thread::spawn(move || {
            let mut pause = PATIENCE;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                if pause == PATIENCE {
                    later.set_draw_target(ProgressDrawTarget::stderr());
                }
                later.tick();
                pause = TICK;
            }
            later.finish_and_clear();
        });
        Shown { bar, working, thread }
    }
}

/// If standard error is closed, there is no way to report that.
fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether a stream is the one that systemd connected to the journal: `JOURNAL_STREAM` holds its
/// device and inode, see `systemd.exec(5)`.
fn is_journal(stream: &impl AsFd, variable: Option<&str>) -> bool {
    let named = variable.and_then(|text| text.split_once(':'));
    let named = named.and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
    fstat(stream).is_ok_and(|meta| Some((meta.st_dev, meta.st_ino)) == named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stream_that_is_named_is_the_journal_s() {
        let file = tempfile::tempfile().unwrap();
        let meta = fstat(&file).unwrap();
        let named = format!("{}:{}", meta.st_dev, meta.st_ino);
        assert!(is_journal(&file, Some(&named)));
        assert!(!is_journal(&file, Some("1:1")));
        assert!(!is_journal(&file, Some("x")));
        assert!(!is_journal(&file, None));
    }
}
