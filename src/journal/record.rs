//! The record that the journal is made of.

use std::ffi::OsString;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::attribution::Origin;
use crate::escape::Escaped;
use crate::intent::{RecordedIntent, Verdict, Withheld};
use crate::root::Change;
use crate::tool::Tool;

/// One request, who made it and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Counts up from 1 in one journal.
    pub id: u64,
    /// RFC 3339, UTC, whole seconds; `SOURCE_DATE_EPOCH` where that is set.
    pub time: String,
    /// Which tool was called.
    pub tool: Tool,
    /// The argument vector.
    pub argv: Vec<Escaped>,
    /// The exit code that the caller got.
    pub exit: u8,
    /// What policy said; of several intents the strictest.
    pub verdict: Verdict,
    /// What went to standard error, at most [`Event::MESSAGE_LIMIT`] bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Something about the request that an administrator should know: an unknown configuration
    /// key, an internal error, a torn tail that was cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Who asked.
    #[serde(default)]
    pub origin: Origin,
    /// Where the request was made, if that was in another image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "intent")]
    pub intents: Vec<RecordedIntent>,
    /// What was asked for and held back by policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Withheld>,
    /// What changed in the image on behalf of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "change")]
    pub changes: Vec<Change>,
}

/// The request that an event was carried over from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replayed {
    /// The image in which the request was made, by its os-release.
    pub image: String,
    /// The event's id there.
    pub event: u64,
}

impl Event {
    /// How much of a message is kept.
    const MESSAGE_LIMIT: usize = 2048;

    /// One that was allowed, ended well and asks for nothing yet; the journal numbers it.
    pub fn new(time: String, tool: Tool, origin: Origin) -> Event {
        Event {
            id: 0,
            time,
            tool,
            argv: Vec::new(),
            exit: 0,
            verdict: Verdict::Allow,
            message: String::new(),
            warnings: Vec::new(),
            origin,
            replayed: None,
            intents: Vec::new(),
            held: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The argument vector, byte for byte.
    pub fn arguments(&self) -> Vec<OsString> {
        self.argv.iter().map(Escaped::raw).collect()
    }

    /// The command, for people.
    pub fn words(&self) -> String {
        self.argv.iter().map(Escaped::shown).collect::<Vec<_>>().join(" ")
    }

    /// Whether the tool refused what an intent of this request asks for. Journals of earlier versions
    /// tell only by the exit code; that of a request which policy denied says nothing of the rest.
    pub fn refused(&self, recorded: &RecordedIntent) -> bool {
        let failed = recorded.refused || self.exit != 0 && self.verdict != Verdict::Deny;
        failed && !recorded.changed && self.replayed.is_none()
    }

    /// Stores an argument vector.
    pub fn escape_arguments<'a>(words: impl IntoIterator<Item = &'a OsString>) -> Vec<Escaped> {
        words.into_iter().map(Escaped::new).collect()
    }

    /// Cuts a message to [`Event::MESSAGE_LIMIT`] bytes at a character.
    pub fn cut_message(mut text: String) -> String {
        if text.len() > Self::MESSAGE_LIMIT {
            text.truncate(text.floor_char_boundary(Self::MESSAGE_LIMIT));
        }
        text
    }
}

/// Now, or the moment that `SOURCE_DATE_EPOCH` names, as RFC 3339.
pub fn timestamp(source_date_epoch: Option<&str>) -> String {
    let fixed = source_date_epoch.and_then(|seconds| seconds.parse().ok());
    let seconds = fixed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
    });
    rfc3339(seconds)
}

/// As [`timestamp`], by this process's environment.
pub fn now() -> String {
    timestamp(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref())
}

/// Seconds since 1970 as RFC 3339, in UTC.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar, by eras of 400 years
/// that begin on 1 March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The seconds since 1970 that [`timestamp`] has written; none if the text is no such time.
#[cfg(feature = "admin")]
pub fn seconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let three = |text: &str, between| -> Option<[u64; 3]> {
        let numbers: Option<Vec<u64>> = text.split(between).map(|number| number.parse().ok()).collect();
        numbers?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (three(date, '-')?, three(time, ':')?);
    // The inverse of `civil`: years begin in March.
    let year = year.checked_sub(u64::from(month <= 2))?;
    let shifted_month = (month + 9) % 12;
    let day_of_era =
        year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + (153 * shifted_month + 2) / 5 + day;
    let days = (year / 400 * 146_097 + day_of_era).checked_sub(719_469)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(timestamp(Some("86400")), "1970-01-02T00:00:00Z");
        for moment in [0, 86_399, 951_782_399, 951_782_400, 1_735_689_599, 4_107_542_399] {
            assert_eq!(seconds(&rfc3339(moment)), Some(moment));
        }
        assert_eq!(seconds("1970-01-01 00:00"), None);
    }
}
