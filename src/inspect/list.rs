//! Everything that is wanted, global intents first.

use serde::Serialize;

use super::words;
use crate::intent::{Intent, Verdict};
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
    /// Whether the last request for it failed and nothing has carried it out since.
    pub failed: bool,
    /// The requests for it.
    pub events: Vec<u64>,
    /// The files that declare it.
    pub declared: Vec<String>,
    /// `allow` for what stands, `deny` for what policy denies.
    pub verdict: Verdict,
    /// Whether it was let through when it was made, and denied since.
    pub late: bool,
    /// The rule that denies it, `FILE: NAME`, and its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What policy denied of it before; it stands by now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_before: Vec<PastDenial>,
    /// The intent itself, as in the journal.
    pub intent: Intent,
}

/// Every intent that stands, or those of one plugin; global ones come first.
pub fn list(standing: &EffectiveState, plugin: Option<&str>) -> Vec<Row> {
    let plugins = standing.state.plugins.iter();
    let chosen = plugins.filter(|(name, _)| plugin.is_none_or(|plugin| plugin == *name));
    let mut rows: Vec<Row> = chosen.flat_map(|(name, plugin)| rows(standing, name, plugin)).collect();
    rows.sort_by_key(|row| !row.global);
    rows
}

pub(super) fn rows(standing: &EffectiveState, name: &str, plugin: &Plugin) -> Vec<Row> {
    let now = plugin.wants.iter().map(|want| (want, false));
    let later = plugin.deferred.iter().map(|want| (want, true));
    let standing_rows = now.chain(later).map(|(want, deferred)| row(standing, name, want, deferred));
    standing_rows.chain(plugin.denied.iter().map(|denied| denied_row(name, denied))).collect()
}

fn denied_row(plugin: &str, denied: &Denied) -> Row {
    let intent = &denied.held.intent;
    Row {
        plugin: plugin.to_owned(),
        text: words::intent(intent),
        global: intent.is_global(),
        deferred: false,
        runtime: false,
        failed: false,
        events: denied.events.clone(),
        declared: denied.declared.clone(),
        verdict: denied.held.verdict,
        late: denied.late,
        rule: Some(words::rule(&denied.held)),
        denied_before: Vec::new(),
        intent: intent.clone(),
    }
}

fn row(standing: &EffectiveState, plugin: &str, want: &ActiveIntent, deferred: bool) -> Row {
    let retried = standing.state.is_repeated(want);
    Row {
        plugin: plugin.to_owned(),
        text: words::intent(&want.intent),
        global: want.intent.is_global(),
        deferred,
        runtime: want.runtime,
        failed: want.failed && !retried && !deferred,
        events: want.events.clone(),
        declared: want.declared.clone(),
        verdict: Verdict::Allow,
        late: false,
        rule: None,
        denied_before: want.denied_before.clone(),
        intent: want.intent.clone(),
    }
}
