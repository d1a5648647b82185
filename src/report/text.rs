//! The report as text.

use super::book_keeping::shown;
use super::model::{Image, Item, Plugin, Report};
use crate::inspect::words::past;
use crate::inspect::{Declared, ScriptletEntry};
use crate::plan::{Width, events, wrapped};

/// The text.
pub fn text(report: &Report, width: Width) -> String {
    let mut text = image(&report.image, width);
    for note in &report.notes {
        text.push_str(&wrapped(width, "note        ", 12, note));
    }
    overview(&mut text, report, width);
    for one in &report.plugins {
        text.push('\n');
        text.push_str(&plugin(one, width));
    }
    if !report.shipped.is_empty() {
        text.push_str("\nfiles of other packages that ask for something by themselves\n");
    }
    for one in &report.shipped {
        let items: Vec<&str> = one.items.iter().map(|item| item.text.as_str()).collect();
        text.push_str(&wrapped(width, "  ", 6, &format!("{}: {}", one.package, items.join("; "))));
    }
    text
}

/// What deserves a look first, what is open and what starts at boot.
fn overview(text: &mut String, report: &Report, width: Width) {
    let mut row = |name: &str, value: &str| text.push_str(&wrapped(width, &format!("{name:<12}"), 12, value));
    for one in &report.plugins {
        one.matters.iter().for_each(|line| row("look at", &format!("{}: {line}", one.name)));
    }
    for port in &report.ports {
        let zone = port.zone.as_ref().map_or(String::new(), |zone| format!(" in zone {zone}"));
        row(
            "open",
            &format!("{}{zone} by {}: {}{}", port.what(), port.by, port.how(), events(&port.events)),
        );
    }
    for unit in &report.units {
        row("starts", &format!("{} by {}: {}{}", unit.unit, unit.by, unit.how, events(&unit.events)));
    }
}

fn image(image: &Image, width: Width) -> String {
    let row = |name: &str, value: &str| wrapped(width, &format!("{name:<12}"), 12, value);
    let mut text = row("image", image.name.as_deref().unwrap_or("(no os-release)"));
    if let Some(version) = &image.node_version {
        text.push_str(&row("version", version));
    }
    text.push_str(&row("firewall", image.firewall_backend));
    text.push_str(&row("systemd", &image.systemctl_generation));
    let packages = image.packages.map_or("no rpm database".to_owned(), |packages| packages.to_string());
    text.push_str(&row("packages", &packages));
    text.push_str(&row("requests", &image.last_event.to_string()));
    if image.policy.is_empty() {
        text.push_str(&row("policy", "none: everything is allowed"));
    }
    for file in &image.policy {
        let what = match &file.problem {
            None => format!("({} {})", file.rules, if file.rules == 1 { "rule" } else { "rules" }),
            Some(problem) => format!("not read: {problem}"),
        };
        text.push_str(&row("policy", &format!("{} {what}", file.path)));
    }
    text
}

fn plugin(plugin: &Plugin, width: Width) -> String {
    let mut text = wrapped(width, "", 2, plugin.nevra.as_deref().unwrap_or(&plugin.name));
    let mut put =
        |name: &str, value: &str| text.push_str(&wrapped(width, &format!("  {name:<10}"), 12, value));
    if plugin.gone {
        put("gone", "settling withdraws what it asked for");
    }
    let facts = [
        ("summary", &plugin.summary),
        ("vendor", &plugin.vendor),
        ("installed", &plugin.installed),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            put(name, value);
        }
    }
    if let Some(signature) = &plugin.signature {
        put("signature", &signature.words());
    }
    for provides in &plugin.provides {
        put("is plugin", format!("{} {}", provides.plugin, provides.version).trim_end());
    }
    plugin.matters.iter().for_each(|line| put("look at", line));
    let sections = [
        ("firewall", &plugin.firewall),
        ("units", &plugin.units),
        ("other", &plugin.other),
        ("ships", &plugin.shipped),
        ("at boot", &plugin.deferred),
        ("denied", &plugin.denied),
        ("overruled", &plugin.overruled),
        ("failed", &plugin.failed),
    ];
    for (name, items) in sections {
        items.iter().for_each(|one| put(name, &item(one)));
    }
    for hook in &plugin.hooks {
        let problem = hook.problem.as_ref().map_or(String::new(), |problem| format!(": {problem}"));
        put("hook", &format!("{}/{} {}{problem}", hook.point, hook.name, hook.mode));
    }
    plugin.declared.iter().for_each(|one| declared(&mut put, one));
    plugin.bypasses.iter().for_each(|bypass| put("direct", bypass));
    plugin.files.iter().for_each(|entry| files(&mut put, plugin, entry));
    plugin.notes.iter().for_each(|note| put("note", note));
    text
}

fn declared(put: &mut impl FnMut(&str, &str), declared: &Declared) {
    for hook in &declared.hooks {
        if let Some(problem) = &hook.problem {
            put("hook", &format!("{}/{}, which it declares: {problem}", hook.point, hook.name));
        }
    }
    declared
        .undeclared_hooks
        .iter()
        .for_each(|hook| put("hook", &format!("{hook}: is not declared")));
    for change in &declared.changes {
        let seen = match change.happened {
            true => "declared",
            false => "declared; no scriptlet of it was seen to change it",
        };
        put("changes", &format!("{} {seen}", change.path));
    }
}

fn item(item: &Item) -> String {
    let marks = [
        (item.global, "affects the whole system"),
        (item.runtime, "for the running system"),
        (item.failed, "failed"),
        (item.late, "after the fact"),
    ];
    let marks = marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark.to_owned());
    let mut marks: Vec<String> = marks.collect();
    marks.extend(item.rule.clone());
    marks.extend(item.overruled.clone());
    marks.extend(item.denied_before.iter().map(past));
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!(" ({})", marks.join("; "))
    };
    let declared: String = item.declared.iter().map(|path| format!(" [{path}]")).collect();
    format!("{}{marks}{}{declared}", item.text, events(&item.events))
}

fn files(put: &mut impl FnMut(&str, &str), plugin: &Plugin, entry: &ScriptletEntry) {
    let scriptlet = entry.actor();
    let shown = shown(plugin, entry);
    entry.remarks().iter().for_each(|remark| put("file", &format!("{scriptlet}: {remark}")));
    if let Some(accounts) = &shown.accounts {
        put("accounts", &format!("{accounts} by {scriptlet}"));
    }
    for change in shown.changes {
        let what = if change.what == "changed" {
            &change.letters
        } else {
            change.what
        };
        let mark = if change.undeclared { " (not declared)" } else { "" };
        put("file", &format!("{} {what} by {scriptlet}{mark}", change.change.path));
    }
    if shown.passing > 0 {
        put("file", &format!("{} that came and went by {scriptlet}", shown.passing));
    }
    if entry.omitted > 0 {
        put("file", &format!("and {} more by {scriptlet} that were not recorded", entry.omitted));
    }
}
