//! What the log, the action and the limit of a rich rule must fulfil (`core/rich.py`).

use super::{Action, Limit, Log, RichAction, short_rate};
use crate::firewall::firewalld::code::{Checked, Code};
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::grammar::Grammar;
use crate::firewall::firewalld::port::{integer, literal};

const LEVELS: [&str; 8] = [
    "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug",
];

/// Longest prefix of a log line.
const PREFIX_LENGTH: usize = 127;

impl Log {
    /// A log that was read. Since 2.3 its numbers are kept as numbers, and 0 is nothing.
    pub(super) fn made(mut self, grammar: &Grammar) -> Checked<Log> {
        if !grammar.has(Feature::StrictRules) {
            return Ok(self);
        }
        self.prefix = self.prefix.filter(|prefix| !prefix.is_empty());
        self.level = self.level.filter(|level| !level.is_empty());
        self.check(grammar)?;
        for number in [&mut self.group, &mut self.queue_size] {
            *number = number.as_deref().and_then(literal).filter(|n| *n != 0).map(|n| n.to_string());
        }
        Ok(self)
    }

    /// What is looked at when a file is read, before the rule as a whole is: a rule with such a log
    /// is left out (`common_startElement` of `core/io/policy.py` before 2.3).
    ///
    /// # Errors
    /// The line for the log.
    pub(super) fn check_read(&self, grammar: &Grammar) -> Result<(), &'static str> {
        let is_length = |prefix: &String| (1..=PREFIX_LENGTH).contains(&prefix.chars().count());
        if self.nflog && !is_short_number(&self.group) {
            return Err("Invalid nflog group value");
        }
        if self.level.as_deref().is_some_and(|level| !LEVELS.contains(&level)) {
            return Err("Invalid log level");
        }
        if grammar.has(Feature::NfLog) && !self.prefix.as_ref().is_none_or(is_length) {
            return Err(match self.nflog {
                true => "Invalid nflog prefix",
                false => "Invalid log prefix",
            });
        }
        if self.nflog && !is_short_number(&self.queue_size) {
            return Err("Invalid nflog queue-size");
        }
        Ok(())
    }

    pub(super) fn check(&self, grammar: &Grammar) -> Checked<()> {
        if !is_short_number(&self.group) {
            return Err(
                Code::InvalidNflogGroup.about("nflog 'group' must be an integer between 0 and 65535.")
            );
        }
        // The length of a prefix is looked at since 1.1.
        let is_long = |prefix: &String| prefix.chars().count() > PREFIX_LENGTH;
        if self.prefix.as_ref().is_some_and(is_long) && grammar.has(Feature::NfLog) {
            return Err(Code::InvalidLogPrefix.about("maximum accepted length of 'prefix' is 127."));
        }
        if let Some(level) = self.level.as_deref().filter(|level| !LEVELS.contains(level)) {
            return Err(Code::InvalidLogLevel.about(level));
        }
        if !is_short_number(&self.queue_size) {
            return Err(
                Code::InvalidNflogQueue.about("nflog 'queue-size' must be an integer between 0 and 65535.")
            );
        }
        check_limit(self.limit.as_ref())
    }
}

fn is_short_number(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(|text| literal(text).is_some_and(|n| (0..=65535).contains(&n)))
}

impl Action {
    /// An action that was read.
    pub(super) fn made(self, grammar: &Grammar) -> Checked<Action> {
        if let RichAction::Mark { set } = &self.verdict
            && grammar.has(Feature::StrictRules)
        {
            check_mark(set.as_deref())?;
        }
        Ok(self)
    }
}

pub(super) fn check_mark(set: Option<&str>) -> Checked<()> {
    let Some(set) = set else {
        return Err(Code::InvalidMark.about("no value set"));
    };
    let parts: Vec<&str> = set.split('/').collect();
    if parts.len() <= 2 && parts.iter().all(|part| is_mark(part)) {
        return Ok(());
    }
    Err(Code::InvalidMark.about(set))
}

fn is_mark(text: &str) -> bool {
    literal(text).is_some_and(|mark| u32::try_from(mark).is_ok())
}

impl Limit {
    /// A limit that was read. Since 2.3 it is taken apart at once: the rate is a number, and a burst
    /// of 0 is none.
    pub(super) fn read(value: &str, burst: Option<String>, grammar: &Grammar) -> Checked<Limit> {
        if !grammar.has(Feature::StrictRules) {
            let value = short_rate(value);
            return Ok(Limit { value, burst });
        }
        let bad = || Code::InvalidLimit.about(value);
        let (rate, unit) = value.split_once('/').filter(|(_, unit)| !unit.contains('/')).ok_or_else(bad)?;
        let rate = integer(rate).ok_or_else(bad)?;
        let unit = match unit.trim() {
            "second" | "s" => ("s", 1),
            "minute" | "m" => ("m", 60),
            "hour" | "h" => ("h", 60 * 60),
            "day" | "d" => ("d", 24 * 60 * 60),
            _ => return Err(bad()),
        };
        if rate < 1 {
            return Err(bad());
        }
        if 10_000 * unit.1 / rate == 0 {
            return Err(Code::InvalidLimit.about(format!("{value} too fast")));
        }
        if (rate, unit.0) == (1, "d") {
            return Err(Code::InvalidLimit.about(format!("{value} too slow")));
        }
        let burst = match burst {
            None => 0,
            Some(burst) => integer(&burst)
                .filter(|burst| (0..=10_000_000).contains(burst))
                .ok_or_else(|| Code::InvalidLimit.about(burst))?,
        };
        Ok(Limit {
            value: format!("{rate}/{}", unit.0),
            burst: (burst != 0).then(|| burst.to_string()),
        })
    }
}

pub(super) fn check_limit(limit: Option<&Limit>) -> Checked<()> {
    let Some(limit) = limit else { return Ok(()) };
    let bad = || Code::InvalidLimit.about(&limit.value);
    let (rate, unit) = limit.value.split_once('/').ok_or_else(bad)?;
    let rate = integer(rate).filter(|rate| *rate >= 1).ok_or_else(bad)?;
    if !matches!(unit, "s" | "m" | "h" | "d") {
        return Err(bad());
    }
    if unit == "d" && rate == 1 {
        return Err(Code::InvalidLimit.about(format!("{} too slow", limit.value)));
    }
    match &limit.burst {
        Some(burst) if integer(burst).is_none_or(|burst| burst < 1) => Err(Code::InvalidLimit.about(burst)),
        _ => Ok(()),
    }
}
