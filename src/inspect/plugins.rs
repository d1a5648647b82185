//! The plugins: packages that asked for something.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::list::{Row, rows};
use super::{Declared, Hook, Registry};
use crate::escape::Escaped;
use crate::intent::{FirewallItem, Intent, Verdict};
use crate::state::EffectiveState;
use crate::trust::Trust;

/// One plugin in a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Package name; `(unknown)` for requests whose origin is not known.
    pub plugin: String,
    /// The installed package, or the one that last asked.
    pub nevra: Option<String>,
    /// The plugins that the package says it is, `NAME VERSION`.
    pub registered: Vec<String>,
    /// How much it wants of the firewall.
    pub firewall: usize,
    /// How many units and SysV services it has intents for.
    pub services: usize,
    /// How much it wants done at boot.
    pub deferred: usize,
    /// How many of its intents touch more than its own things.
    pub global: usize,
    /// How many of its intents its tools refused.
    pub failed: usize,
    /// How many of its intents somebody decided against.
    pub overruled: usize,
    /// How many of its intents policy denies.
    pub denied: usize,
    /// Whether it is gone, and what it asked for is to be withdrawn by the next settling.
    pub gone: bool,
    /// What was found of its signature, if nodeshim installed it.
    pub trust: Option<Trust>,
}

/// Every plugin by name.
pub fn plugins(standing: &EffectiveState, registry: &Registry) -> Vec<Summary> {
    let present = standing
        .state
        .plugins
        .iter()
        .map(|(name, plugin)| summary(name, plugin.nevra.clone(), &rows(name, plugin)));
    let gone = standing.gone.iter().filter(|(name, _)| !standing.state.plugins.contains_key(*name));
    let gone = gone.map(|(name, plugin)| Summary {
        plugin: name.clone(),
        nevra: plugin.nevra.clone(),
        gone: true,
        ..Summary::default()
    });
    let mut by_name: BTreeMap<String, Summary> =
        present.chain(gone).map(|summary| (summary.plugin.clone(), summary)).collect();
    let owners = registry.hooks.iter().flat_map(|hook| &hook.packages);
    let owners = owners.chain(registry.declared.keys());
    for package in owners.chain(registry.installed.provided().iter().map(|provided| &provided.package)) {
        by_name.entry(package.clone()).or_insert_with(|| Summary {
            plugin: package.clone(),
            nevra: registry.installed.nevra(package),
            ..Summary::default()
        });
    }
    for provided in registry.installed.provided() {
        if let Some(summary) = by_name.get_mut(&provided.package) {
            summary.registered.push(format!("{} {}", provided.plugin, provided.version));
        }
    }
    for (name, summary) in &mut by_name {
        summary.trust = registry.trust.of(name, summary.nevra.as_deref()).cloned();
    }
    by_name.into_values().collect()
}

fn summary(name: &str, nevra: Option<String>, rows: &[Row]) -> Summary {
    let count = |wanted: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| row.counts() && wanted(row)).count();
    Summary {
        plugin: name.to_owned(),
        nevra,
        registered: Vec::new(),
        firewall: count(&|row| matches!(row.intent, Intent::Allow { .. } | Intent::Withdraw { .. })),
        services: count(&|row| {
            matches!(row.intent, Intent::Unit { .. } | Intent::Service { .. } | Intent::Dependency { .. })
        }),
        deferred: count(&|row| row.deferred),
        global: count(&|row| row.global),
        failed: rows.iter().filter(|row| row.failed).count(),
        overruled: rows.iter().filter(|row| row.overruled.is_some()).count(),
        denied: rows.iter().filter(|row| row.verdict == Verdict::Deny).count(),
        gone: false,
        trust: None,
    }
}

/// One plugin in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginDetail {
    /// The line that [`plugins`] has for it.
    #[serde(flatten)]
    pub summary: Summary,
    /// What it wants.
    pub wants: Vec<Row>,
    /// Ports that it wants open, as `PORT/PROTOCOL`.
    pub ports: Vec<String>,
    /// The vdsm hooks that it ships.
    pub hooks: Vec<Hook>,
    /// What its metadata declares besides intents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// How many requests it made.
    pub requests: usize,
    /// The paths that its requests changed.
    pub paths: BTreeSet<String>,
}

/// One plugin; none if nothing is recorded of it.
pub fn show(standing: &EffectiveState, registry: &Registry, plugin: &str) -> Option<PluginDetail> {
    let summary = plugins(standing, registry).into_iter().find(|summary| summary.plugin == plugin)?;
    let found = standing.state.plugins.get(plugin).or_else(|| standing.gone.get(plugin));
    let wants = match found {
        Some(found) if !summary.gone => rows(plugin, found),
        _ => Vec::new(),
    };
    Some(PluginDetail {
        ports: wants.iter().filter(|row| row.counts()).filter_map(port).collect(),
        hooks: registry.hooks_of(plugin).cloned().collect(),
        declared: registry.declared.get(plugin).cloned(),
        requests: found.map_or(0, |found| found.requests),
        paths: found.map(|found| found.paths.iter().map(Escaped::shown).collect()).unwrap_or_default(),
        summary,
        wants,
    })
}

fn port(row: &Row) -> Option<String> {
    match &row.intent {
        Intent::Allow {
            opening: FirewallItem::Port { port, protocol },
            ..
        } => Some(format!("{port}/{protocol}")),
        _ => None,
    }
}
