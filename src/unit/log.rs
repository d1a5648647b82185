//! What is printed while units are looked at, with the level that `SYSTEMD_LOG_LEVEL` filters by
//! (systemd(1); the numbers are those of syslog(3)).

use std::cell::RefCell;

/// How much a line matters; a greater level matters less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// Something is odd.
    Warning = 4,
    /// Worth knowing.
    Notice = 5,
    /// What was done.
    Info = 6,
}

/// A line for standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its level.
    pub level: Level,
    /// Without a line end.
    pub text: String,
}

/// Lines, until somebody takes them.
#[derive(Debug, Default)]
pub struct Log(RefCell<Vec<Line>>);

impl Log {
    /// Adds a line.
    pub fn push(&self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.0.borrow_mut().push(Line { level, text });
    }

    /// Adds a warning.
    pub fn warning(&self, text: impl Into<String>) {
        self.push(Level::Warning, text);
    }

    /// Adds the lines of another log, which is empty then.
    pub fn append(&self, other: &Log) {
        self.0.borrow_mut().append(&mut other.0.borrow_mut());
    }

    /// The lines so far; the log is empty then.
    pub fn take(&self) -> Vec<Line> {
        self.0.take()
    }
}
