//! Telling how far something is that takes its time: one line that is written over on a terminal,
//! a line each elsewhere, with the syslog level in front where the journal reads them.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::stat::fstat;
use nodeshim::escape::printable;

/// On a terminal, what is over sooner than this is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where progress and errors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Terminal,
    Journal,
    Other,
}

/// Progress on standard error.
#[derive(Debug)]
pub struct Progress {
    reader: Reader,
    began: Instant,
    shown: usize,
}

impl Progress {
    /// Begins, now.
    pub fn start() -> Progress {
        let reader = if io::stderr().is_terminal() {
            Reader::Terminal
        } else if is_journal(&io::stderr(), std::env::var("JOURNAL_STREAM").ok().as_deref()) {
            Reader::Journal
        } else {
            Reader::Other
        };
        Progress {
            reader,
            began: Instant::now(),
            shown: 0,
        }
    }

    /// A step was made.
    pub fn step(&mut self, text: &str) {
        let text = printable(text);
        match self.reader {
            Reader::Terminal if self.began.elapsed() < PATIENCE => {}
            Reader::Terminal => {
                let width = text.chars().count();
                write(&format!("\r{text}{}", " ".repeat(self.shown.saturating_sub(width))));
                self.shown = width;
            }
            Reader::Journal => write(&format!("<6>{text}\n")),
            Reader::Other => write(&format!("{text}\n")),
        }
    }

    /// No more steps: a terminal's line is cleared.
    pub fn end(&mut self) {
        if self.shown > 0 {
            write(&format!("\r{}\r", " ".repeat(self.shown)));
            self.shown = 0;
        }
    }

    /// Something went wrong. Elsewhere than in the journal the caller's own line tells it.
    pub fn error(&self, text: &str) {
        let text = printable(text);
        match self.reader {
            Reader::Journal => write(&format!("<3>nodeshim: {text}\n")),
            Reader::Terminal | Reader::Other => write(&format!("nodeshim: {text}\n")),
        }
    }
}

/// If nobody reads it, there is nobody to tell.
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
