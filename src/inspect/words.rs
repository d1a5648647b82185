//! Intents and requests in words.

use crate::escape::Escaped;
use crate::intent::{Intent, RecordedIntent, Verdict, Withheld};
use crate::journal::{Event, Replayed};
use crate::plan::events;
pub use crate::plan::words::{intent, of_scope};
use crate::state::{Overruled, PastDenial};
use crate::tool::Tool;

/// Which rule held an intent back, and why.
pub fn rule(held: &Withheld) -> String {
    reasoned(&held.because, &held.reason)
}

fn reasoned(because: &str, reason: &str) -> String {
    match reason {
        "" => because.to_owned(),
        reason => format!("{because}: {reason}"),
    }
}

/// A denial that is history.
pub fn past(past: &PastDenial) -> String {
    let times = match past.times() {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let rule = reasoned(&past.because, &past.reason);
    format!("denied {times}, allowed since: {rule}{}", events(&past.events))
}

/// Who decided against an intent.
pub fn overruled(overruled: &Overruled) -> String {
    format!("overruled by {}{}", overruled.by, events(&overruled.decided))
}

/// What policy did with an intent that it held back.
pub fn held(held: &Withheld) -> &'static str {
    match held.verdict {
        Verdict::Allow => "allowed",
        Verdict::Defer => "deferred by policy",
        Verdict::Ignore => "ignored by policy",
        Verdict::Deny => "denied by policy",
    }
}

/// What became of an intent.
pub fn outcome(event: &Event, recorded: &RecordedIntent) -> &'static str {
    if event.replayed.is_some() {
        return "carried over";
    }
    match (recorded.changed, event.exit, &recorded.intent) {
        (_, _, Intent::Note { .. }) if event.tool.is_seen() => "noted",
        (true, _, _) => "done",
        _ if event.refused(recorded) => "failed",
        (false, _, Intent::Defer { .. }) => "deferred",
        (false, ..) => "already so",
    }
}

/// Who made a request: `PACKAGE %post(1)`.
pub fn origin(event: &Event) -> String {
    let name = event.origin.name();
    let package = event.origin.nevra.as_deref().unwrap_or(&name);
    let arg = event.origin.arg.map_or(String::new(), |arg| format!("({arg})"));
    let image = event.replayed.as_ref().map_or(String::new(), elsewhere);
    match &event.origin.scriptlet {
        Some(scriptlet) => format!("{package} {scriptlet}{arg}{image}"),
        None => format!("{package}{image}"),
    }
}

/// Where a request was made that was carried over: ` in IMAGE #ID`.
pub fn elsewhere(replayed: &Replayed) -> String {
    format!(" in {} #{}", replayed.image, replayed.event)
}

/// The command as it was typed, quoted as a shell would need it; what was changed directly, and how.
pub fn command(event: &Event) -> String {
    if event.tool.is_seen() {
        let what = match event.tool {
            Tool::Bypass => "direct change",
            _ => "change of the system",
        };
        let detail = if event.message.is_empty() {
            String::new()
        } else {
            format!(" ({})", event.message)
        };
        let paths: Vec<String> = event.argv.iter().map(Escaped::shown).collect();
        return format!("{what}: {}{detail}", paths.join(", "));
    }
    let words: Vec<String> = event.argv.iter().map(|word| quoted(&word.shown())).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%^".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_needed() {
        assert_eq!(quoted("--port=80:tcp"), "--port=80:tcp");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
