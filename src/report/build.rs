//! From what was read to the report. Pure: the same sources give the same report.

use std::collections::{BTreeMap, BTreeSet};

use super::load::Sources;
use super::matters::matters;
use super::model::{Item, Plugin, Provides, Report, SCHEMA, Shipped, Signature};
use crate::attribution::{UNKNOWN, package_name};
use crate::inspect::{self, Entry, Row, ScriptletEntry, Summary, list, plugins};
use crate::intent::{FirewallItem, Intent, Verdict};
use crate::journal::rfc3339;
use crate::rpmdb::About;

/// Makes the report.
pub fn build(sources: &Sources) -> Report {
    let summaries = plugins(&sources.standing, &sources.registry);
    let mut by_name: BTreeMap<String, Plugin> = summaries
        .into_iter()
        .map(|summary| (summary.plugin.clone(), plugin(sources, summary)))
        .collect();
    registered(sources, &mut by_name);
    let recorded = list(&sources.standing, None);
    let shipped = of_files(inspect::shipped(&sources.shipped, &recorded), &mut by_name);
    let requests = requests(sources, &recorded);
    for row in recorded {
        if let Some(plugin) = by_name.get_mut(&row.plugin) {
            accounts(plugin, &row, &requests);
            put(plugin, row);
        }
    }
    for entry in &sources.files {
        entry_of(&mut by_name, package_of(entry)).files.push(entry.clone());
    }
    for (package, bypass) in &sources.bypasses {
        entry_of(&mut by_name, package).bypasses.push(bypass.clone());
    }
    let mut notes = Vec::new();
    for note in &sources.notes {
        match note.plugin.as_ref().and_then(|name| by_name.get_mut(name)) {
            Some(plugin) => plugin.notes.push(note.text.clone()),
            None => notes.push(note.text.clone()),
        }
    }
    let packages = newest(sources);
    for plugin in by_name.values_mut() {
        if let Some(about) = packages.get(plugin.name.as_str()).filter(|_| !plugin.gone) {
            describe(plugin, about);
        }
        plugin.matters = matters(&plugin.name, &plugin.files, &sources.owners);
        tidy(plugin);
    }
    Report {
        schema: SCHEMA,
        image: sources.image.clone(),
        notes,
        ports: sources.ports.clone(),
        units: sources.units.clone(),
        requests,
        plugins: by_name.into_values().collect(),
        shipped,
    }
}

/// Puts what files of a plugin ask for by themselves there, and returns that of other packages.
fn of_files(rows: Vec<Row>, by_name: &mut BTreeMap<String, Plugin>) -> Vec<Shipped> {
    let mut others: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for row in rows {
        match by_name.get_mut(&row.plugin) {
            Some(plugin) => plugin.shipped.push(item(&row)),
            None => others.entry(row.plugin.clone()).or_default().push(item(&row)),
        }
    }
    others.into_iter().map(|(package, items)| Shipped { package, items }).collect()
}

/// The requests that rows name, in order.
fn requests(sources: &Sources, rows: &[Row]) -> Vec<Entry> {
    let named: BTreeSet<u64> = rows.iter().flat_map(|row| row.events.iter().copied()).collect();
    let mut requests = inspect::log(&sources.events, None, true);
    requests.retain(|request| named.contains(&request.event));
    requests
}

/// Notes what scriptlets did to accounts, for the files that they changed with it.
fn accounts(plugin: &mut Plugin, row: &Row, requests: &[Entry]) {
    let words = match &row.intent {
        Intent::User { user, .. } => format!("user {user} added"),
        Intent::Group { group, .. } => format!("group {group} added"),
        Intent::Member { user, group } => format!("{user} added to group {group}"),
        _ => return,
    };
    for request in requests.iter().filter(|request| row.events.contains(&request.event)) {
        plugin.accounts.push((request.scriptlet.clone(), request.arg, words.clone()));
    }
}

/// The package of each name; of several the one that the database lists last.
fn newest(sources: &Sources) -> BTreeMap<&str, &About> {
    let mut newest: BTreeMap<&str, &About> = BTreeMap::new();
    for about in &sources.packages {
        let listed = sources.registry.installed.nevra(&about.name);
        if listed.is_none_or(|listed| listed == about.nevra()) {
            newest.insert(&about.name, about);
        }
    }
    newest
}

/// A package that only changed files is worth a place, too.
fn entry_of<'m>(by_name: &'m mut BTreeMap<String, Plugin>, name: &str) -> &'m mut Plugin {
    by_name.entry(name.to_owned()).or_insert_with(|| Plugin {
        name: name.to_owned(),
        ..Plugin::default()
    })
}

fn package_of(entry: &ScriptletEntry) -> &str {
    entry.package.as_deref().and_then(package_name).unwrap_or(UNKNOWN)
}

fn plugin(sources: &Sources, summary: Summary) -> Plugin {
    let found = sources.standing.state.plugins.get(&summary.plugin);
    let requests = found.or_else(|| sources.standing.gone.get(&summary.plugin)).map_or(0, |one| one.requests);
    Plugin {
        declared: sources.registry.declared.get(&summary.plugin).cloned(),
        gone: summary.gone,
        requests,
        signature: summary.trust.map(|trust| Signature {
            verdict: Some(trust.signature),
            key: trust.key,
            fingerprint: trust.fingerprint,
            user: trust.user,
            text: None,
        }),
        nevra: summary.nevra,
        name: summary.plugin,
        ..Plugin::default()
    }
}

/// Adds the plugins that packages say they are, and the hooks that they ship.
fn registered(sources: &Sources, by_name: &mut BTreeMap<String, Plugin>) {
    for provided in sources.registry.installed.provided() {
        if let Some(plugin) = by_name.get_mut(&provided.package) {
            plugin.provides.push(Provides {
                plugin: provided.plugin.clone(),
                version: provided.version.clone(),
            });
        }
    }
    for hook in &sources.registry.hooks {
        for package in &hook.packages {
            if let Some(plugin) = by_name.get_mut(package) {
                plugin.hooks.push(hook.clone());
            }
        }
    }
}

/// Puts an intent where it belongs.
fn put(plugin: &mut Plugin, row: Row) {
    let allowed = row.counts() && !row.deferred;
    if let (true, Intent::Allow { opening, .. }) = (allowed, &row.intent) {
        match opening {
            FirewallItem::Port { port, protocol } => plugin.ports.push(format!("{port}/{protocol}")),
            FirewallItem::FirewallService { service } => plugin.services.push(service.clone()),
            _ => {}
        }
    }
    let item = item(&row);
    let place = match (&row.intent, row.verdict) {
        (_, Verdict::Deny | Verdict::Ignore) => &mut plugin.denied,
        _ if item.overruled.is_some() => &mut plugin.overruled,
        _ if item.failed => &mut plugin.failed,
        _ if row.deferred => &mut plugin.deferred,
        (Intent::Note { text, .. }, _) => {
            plugin.notes.push(text.clone());
            return;
        }
        (
            Intent::Allow { .. }
            | Intent::Withdraw { .. }
            | Intent::Definition { .. }
            | Intent::FirewallSwitch { .. }
            | Intent::FirewallReset { .. }
            | Intent::DefaultZone { .. }
            | Intent::FirewallModule { .. },
            _,
        ) => &mut plugin.firewall,
        (
            Intent::Unit { .. }
            | Intent::Dependency { .. }
            | Intent::Service { .. }
            | Intent::DefaultTarget { .. },
            _,
        ) => &mut plugin.units,
        _ => &mut plugin.other,
    };
    place.push(item);
}

fn item(row: &Row) -> Item {
    let row = row.clone();
    Item {
        text: row.text,
        global: row.global,
        runtime: row.runtime,
        failed: row.failed,
        overruled: row.overruled,
        events: row.events,
        declared: row.declared,
        late: row.late,
        rule: row.rule,
        denied_before: row.denied_before,
    }
}

/// Puts lists in order, each thing once.
fn tidy(plugin: &mut Plugin) {
    let key = |port: &String| {
        let (range, protocol) = port.split_once('/').unwrap_or((port, ""));
        let low = range.split('-').next().unwrap_or_default();
        (low.parse::<u32>().unwrap_or(u32::MAX), range.to_owned(), protocol.to_owned())
    };
    plugin.ports.sort_by_key(key);
    plugin.ports.dedup();
    sort(&mut plugin.services);
    sort(&mut plugin.bypasses);
    let known: BTreeSet<&String> = plugin.bypasses.iter().collect();
    plugin.notes.retain(|note| !known.contains(note));
    sort(&mut plugin.notes);
}

fn sort(list: &mut Vec<String>) {
    list.sort();
    list.dedup();
}

/// Fills in what a package says of itself.
fn describe(plugin: &mut Plugin, about: &About) {
    plugin.nevra.get_or_insert_with(|| about.nevra());
    plugin.evr = Some(about.evr.clone());
    plugin.vendor.clone_from(&about.vendor);
    plugin.summary.clone_from(&about.summary);
    plugin.description.clone_from(&about.description);
    plugin.license.clone_from(&about.license);
    plugin.url.clone_from(&about.url);
    plugin.installed = about.installed.map(rfc3339);
    let signature = plugin.signature.get_or_insert_default();
    signature.key = signature.key.take().or(about.key());
    signature.text.clone_from(&about.signature);
}
