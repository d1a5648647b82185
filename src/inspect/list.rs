//! Everything that is wanted, global intents first.

use serde::Serialize;

use super::words;
use crate::attribution::package_name;
use crate::intent::{Intent, Verdict};
use crate::lint::ShippedItem;
use crate::state::{ActiveIntent, Denied, EffectiveState, PastDenial, Plugin};

/// One intent of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// The plugin's package name.
    pub plugin: String,
    /// The intent in words.
    pub text: String,
    /// Whether it touches more than the plugin's own things.
    pub global: bool,
    /// Whether it is for boot.
    pub deferred: bool,
    /// Whether it was asked for the running system only.
    pub runtime: bool,
    /// Whether its tool refused it: it has no effect.
    pub failed: bool,
    /// Who decided against it, and with which requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overruled: Option<String>,
    /// The requests for it.
    pub events: Vec<u64>,
    /// The files that declare it.
    pub declared: Vec<String>,
    /// `allow` for what is in effect, `deny` for what policy denies.
    pub verdict: Verdict,
    /// Whether it was let through when it was made, and denied since.
    pub late: bool,
    /// The rule that denies it, `FILE: NAME`, and its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What policy denied of it before; it is in effect now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_before: Vec<PastDenial>,
    /// The intent itself, as in the journal.
    pub intent: Intent,
}

/// Every intent that is in effect, or those of one plugin; global ones come first.
pub fn list(standing: &EffectiveState, plugin: Option<&str>) -> Vec<Row> {
    let plugins = standing.state.plugins.iter();
    let chosen = plugins.filter(|(name, _)| plugin.is_none_or(|plugin| plugin == *name));
    let mut rows: Vec<Row> = chosen.flat_map(|(name, plugin)| rows(name, plugin)).collect();
    rows.sort_by_key(|row| !row.global);
    rows
}

/// What files of installed packages ask for by themselves, as rows of the same kind; what is recorded
/// of a plugin already is not repeated.
pub fn shipped(items: &[ShippedItem], recorded: &[Row]) -> Vec<Row> {
    let row = |one: &ShippedItem| {
        let intent = one.item.intent.clone()?;
        let plugin = package_name(&one.package).unwrap_or(&one.package);
        let is_known = |row: &Row| row.plugin == plugin && row.intent == intent;
        let want = ActiveIntent {
            declared: one.item.place.iter().cloned().collect(),
            ..ActiveIntent::new(intent.clone(), Vec::new())
        };
        (!recorded.iter().any(is_known)).then(|| Row {
            verdict: one.item.verdict,
            rule: one.item.rule.clone().filter(|_| one.item.verdict != Verdict::Allow),
            ..self::row(plugin, &want)
        })
    };
    let mut rows: Vec<Row> = items.iter().filter_map(row).collect();
    rows.sort_by(|one, other| one.plugin.cmp(&other.plugin));
    rows
}

impl Row {
    /// Whether it has an effect, now or at boot.
    pub fn counts(&self) -> bool {
        self.verdict == Verdict::Allow && !self.failed && self.overruled.is_none()
    }
}

pub(super) fn rows(name: &str, plugin: &Plugin) -> Vec<Row> {
    let mut rows: Vec<Row> = plugin.wants.iter().map(|want| row(name, want)).collect();
    rows.extend(plugin.deferred.iter().map(|want| Row {
        deferred: true,
        ..row(name, want)
    }));
    rows.extend(plugin.denied.iter().map(|denied| denied_row(name, denied)));
    rows.extend(plugin.overruled.iter().map(|one| Row {
        deferred: matches!(one.want.intent, Intent::Defer { .. }),
        overruled: Some(words::overruled(one)),
        ..row(name, &one.want)
    }));
    rows.extend(plugin.failed.iter().map(|want| Row {
        deferred: matches!(want.intent, Intent::Defer { .. }),
        failed: true,
        ..row(name, want)
    }));
    rows
}

fn denied_row(plugin: &str, denied: &Denied) -> Row {
    let want = ActiveIntent {
        declared: denied.declared.clone(),
        ..ActiveIntent::new(denied.held.intent.clone(), denied.events.clone())
    };
    Row {
        verdict: denied.held.verdict,
        late: denied.late,
        rule: Some(words::rule(&denied.held)),
        ..row(plugin, &want)
    }
}

fn row(plugin: &str, want: &ActiveIntent) -> Row {
    Row {
        plugin: plugin.to_owned(),
        text: words::intent(&want.intent),
        global: want.intent.is_global(),
        deferred: false,
        runtime: want.runtime,
        failed: false,
        overruled: None,
        events: want.events.clone(),
        declared: want.declared.clone(),
        verdict: Verdict::Allow,
        late: false,
        rule: None,
        denied_before: want.denied_before.clone(),
        intent: want.intent.clone(),
    }
}
