//! What the files of packages that a run installed ask for, judged by policy. rpm has unpacked them by then:
//! what is denied is recorded as a direct change, so that settling reverts it like a link that a scriptlet
//! made directly. What cannot be reverted is reported.

use std::collections::{BTreeMap, BTreeSet};

use super::packages::PackagesBefore;
use crate::attribution::{FoundBy, Origin};
use crate::digest::digest;
use crate::error::Result;
use crate::escape::Escaped;
use crate::intent::{Intent, RecordedIntent, UnitWant, Verdict};
use crate::journal::{Appender, Event, now};
use crate::lint::{Context, ShippedItem, of_installed};
use crate::policy::Rules;
use crate::root::{Change, Op, Root};
use crate::rpmdb::Installed;
use crate::tool::Tool;

/// The packages that are installed before a run.
#[derive(Debug)]
pub(super) struct Shipped {
    before: Option<BTreeSet<String>>,
}

impl Shipped {
    /// Looks at them; without rules there is nothing to be held against.
    pub(super) fn begin(packages: &mut PackagesBefore, rules: &Rules) -> Result<Shipped> {
        let before = match rules.is_empty() {
            true => None,
            false => Some(packages.get()?.nevras()),
        };
        Ok(Shipped { before })
    }

    /// Records what files of the packages that were installed since ask for against `rules`. Returns
    /// messages about what settling cannot revert.
    pub(super) fn end(self, root: &Root, rules: &Rules) -> Result<Vec<String>> {
        let Some(before) = self.before else {
            return Ok(Vec::new());
        };
        let now = Installed::load(root)?.nevras();
        let new: Vec<&str> = now.difference(&before).map(String::as_str).collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut denied = of_installed(&Context::load(root, rules)?, &new)?;
        denied.retain(|one| one.item.verdict == Verdict::Deny);
        if denied.is_empty() {
            return Ok(Vec::new());
        }
        let mut by_file: BTreeMap<(&str, &str), Vec<&ShippedItem>> = BTreeMap::new();
        for one in &denied {
            let place = one.item.place.as_deref().unwrap_or_default();
            by_file.entry((&one.package, place)).or_default().push(one);
        }
        let mut appender = Appender::open(root)?;
        let mut left = Vec::new();
        for ((package, path), asked) in by_file {
            let mut event = event(root, package, path, &asked);
            if !is_taken_back(&event) {
                left.extend(event.warnings.iter().map(|why| format!("{path} of {package}: {why}")));
            }
            appender.append(&mut event)?;
        }
        Ok(left)
    }
}

/// What a file asks for, as a direct change.
fn event(root: &Root, package: &str, path: &str, asked: &[&ShippedItem]) -> Event {
    let intents: Vec<Intent> = asked.iter().filter_map(|one| one.item.intent.clone()).collect();
    let time = now();
    let origin = Origin {
        found_by: FoundBy::Ownership,
        nevra: Some(package.to_owned()),
        ..Origin::default()
    };
    let mut event = Event {
        argv: vec![Escaped::new(path)],
        verdict: Verdict::Deny,
        message: "a file of the package".to_owned(),
        changes: intents.first().and_then(|intent| change(root, path, intent)).into_iter().collect(),
        intents: intents.into_iter().map(|intent| RecordedIntent::new(intent, true)).collect(),
        ..Event::new(time, Tool::Bypass, origin)
    };
    let end = match is_taken_back(&event) {
        true => "which settling takes back",
        false => "which cannot be reverted: mask the unit, or do without the package",
    };
    let warning = |one: &&ShippedItem| {
        let text = one.item.text.as_deref().unwrap_or_default();
        let rule = one.item.rule.as_deref().unwrap_or_default();
        format!("{text}: shipped against policy ({rule}), {end}")
    };
    event.warnings = asked.iter().map(warning).collect();
    event
}

/// The file as a change, if removing it reverts what it asks for and nothing else.
fn change(root: &Root, path: &str, intent: &Intent) -> Option<Change> {
    let of = |op| Change {
        op,
        path: Escaped::new(path),
        target: None,
        was: None,
        digest: None,
        before: None,
    };
    match intent {
        Intent::Unit {
            want: UnitWant::Edit, ..
        } => Some(Change {
            digest: Some(digest(&root.read(path).ok()?)),
            ..of(Op::Create)
        }),
        Intent::Dependency { .. }
        | Intent::DefaultTarget { .. }
        | Intent::Service { .. }
        | Intent::Unit {
            want: UnitWant::Mask, ..
        } => Some(Change {
            target: Some(Escaped::new(root.read_link(path).ok()?)),
            ..of(Op::Link)
        }),
        _ => None,
    }
}

/// Whether settling can take it back: by the path, or, of what a zone lets in, by closing it. That the
/// zone is defined at all says nothing of what it lets in.
fn is_taken_back(event: &Event) -> bool {
    let closes = |recorded: &RecordedIntent| matches!(recorded.intent, Intent::Allow { .. });
    !event.changes.is_empty() || event.intents.iter().any(closes)
}
