//! The report as one page: no resources of its own, no scripts.

use super::book_keeping::shown;
use super::model::{Item, Plugin, Report, Shipped};
use super::overview::{boot, first, ports, requests};
use super::page::Page;
use crate::inspect::words;
use crate::inspect::{ChangeEntry, Declared, ScriptletEntry};
use crate::trust::Signature as Verdict;

/// The page.
pub fn html(report: &Report) -> String {
    let mut page = Page::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Plugins of ")
        .text(report.image.name.as_deref().unwrap_or("an image"))
        .raw("</title>\n<style>\n")
        .raw(include_str!("style.css"))
        .raw("</style>\n</head>\n<body>\n");
    image(&mut page, report);
    overview(&mut page, report);
    first(&mut page, report);
    ports(&mut page, report);
    boot(&mut page, report);
    if !report.notes.is_empty() {
        page.raw("<h2>Notes</h2>\n");
        list(&mut page, &report.notes);
    }
    page.raw("<h2>Plugins</h2>\n");
    report.plugins.iter().for_each(|one| plugin(&mut page, one));
    shipped(&mut page, &report.shipped);
    requests(&mut page, report);
    page.raw("<footer class=\"soft\">Written by nodeshim ")
        .raw(env!("CARGO_PKG_VERSION"))
        .raw("</footer>\n</body>\n</html>\n");
    page.finish()
}

/// What files of packages that are no plugins ask for by themselves.
fn shipped(page: &mut Page, shipped: &[Shipped]) {
    if shipped.is_empty() {
        return;
    }
    page.raw("<h2>Files of other packages that ask for something by themselves</h2>\n<dl>\n");
    for one in shipped {
        page.raw("<dt>").text(&one.package).raw("</dt><dd>");
        for item in &one.items {
            page.raw("<div>").text(&item.text).raw("</div>");
        }
        page.raw("</dd>\n");
    }
    page.raw("</dl>\n");
}

fn row(page: &mut Page, name: &'static str, value: &str) {
    page.raw("<dt>").raw(name).raw("</dt><dd>").text(value).raw("</dd>\n");
}

fn image(page: &mut Page, report: &Report) {
    let image = &report.image;
    page.raw("<header id=\"top\">\n<h1>Plugins of ")
        .text(image.name.as_deref().unwrap_or("an image"))
        .raw("</h1>\n<dl>\n");
    if let Some(version) = &image.node_version {
        row(page, "Version", version);
    }
    row(page, "Firewall", image.firewall_backend);
    row(page, "systemd", &image.systemctl_generation);
    let packages = image.packages.map_or("no rpm database".into(), |packages| packages.to_string());
    row(page, "Packages", &packages);
    let last = report
        .requests
        .last()
        .map_or(String::new(), |request| format!(", the last at {}", request.time));
    row(page, "Requests", &format!("{}{last}", image.last_event));
    page.raw("<dt>Policy</dt><dd>");
    if image.policy.is_empty() {
        page.raw("none: everything is allowed");
    }
    for (index, file) in image.policy.iter().enumerate() {
        page.raw(if index > 0 { "<br>" } else { "" })
            .raw("<code>")
            .text(&file.path)
            .raw("</code> ");
        match &file.problem {
            None => page.text(&format!("({})", counted(file.rules, "rule"))),
            Some(problem) => page.raw("<span class=\"bad\">not read: ").text(problem).raw("</span>"),
        };
    }
    page.raw("</dd>\n</dl>\n</header>\n");
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn overview(page: &mut Page, report: &Report) {
    page.raw("<h2>Overview</h2>\n<div class=\"scroll\"><table id=\"overview\" class=\"cards\">\n<thead><tr><th>Plugin</th>")
        .raw("<th>Version</th><th>Ports and services</th><th class=\"n\">Units</th><th class=\"n\">At boot</th>")
        .raw("<th class=\"n\">Hooks</th><th class=\"n\">Denied</th><th class=\"n\">Look at</th><th class=\"n\">Direct</th>")
        .raw("<th class=\"n\">Files</th></tr></thead>\n<tbody>\n");
    for plugin in &report.plugins {
        page.raw("<tr><td><a href=\"#")
            .anchor(&plugin.name)
            .raw("\">")
            .text(&plugin.name)
            .raw("</a></td><td>");
        match (&plugin.evr, plugin.gone) {
            (_, true) => page.raw("<span class=\"warn\">gone</span>"),
            (Some(evr), _) => page.text(evr),
            (None, _) => page.raw(""),
        };
        page.raw("</td><td>");
        tags(page, plugin);
        page.raw("</td>");
        number(page, "Units", plugin.units.len(), "");
        number(page, "At boot", plugin.deferred.len(), "");
        number(page, "Hooks", plugin.hooks.len(), "");
        number(page, "Denied", plugin.denied.len(), " bad");
        number(page, "Look at", plugin.matters.len(), " bad");
        number(page, "Direct", plugin.bypasses.len(), " warn");
        number(page, "Files", files_of(plugin), "");
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table></div>\n");
}

fn number(page: &mut Page, label: &'static str, number: usize, class: &'static str) {
    page.raw("<td data-label=\"").raw(label).raw("\" class=\"n");
    if number == 0 {
        page.raw(" soft\">–</td>");
    } else {
        page.raw(class).raw("\">").text(&number.to_string()).raw("</td>");
    }
}

fn files_of(plugin: &Plugin) -> usize {
    plugin.files.iter().map(|entry| entry.changes.len() + entry.omitted).sum()
}

fn tags(page: &mut Page, plugin: &Plugin) {
    for name in plugin.ports.iter().chain(&plugin.services) {
        page.raw("<span class=\"tag\">").text(name).raw("</span>");
    }
}

fn plugin(page: &mut Page, plugin: &Plugin) {
    page.raw("<section class=\"plugin\" id=\"")
        .anchor(&plugin.name)
        .raw("\">\n<a class=\"top\" href=\"#top\">top</a>");
    page.raw("<h3>").text(&plugin.name).raw("</h3>\n");
    if let Some(summary) = &plugin.summary {
        page.raw("<div>").text(summary).raw("</div>\n");
    }
    if plugin.gone {
        page.raw("<p class=\"warn\">Gone; settling withdraws what it asked for.</p>\n");
    }
    facts(page, plugin);
    if !plugin.matters.is_empty() {
        page.raw("<h4 class=\"bad\">Look at first</h4>\n");
        list(page, &plugin.matters);
    }
    items(page, "Firewall", &plugin.firewall);
    items(page, "Units and services", &plugin.units);
    items(page, "Other", &plugin.other);
    items(page, "Asked for by its files", &plugin.shipped);
    items(page, "At boot", &plugin.deferred);
    items(page, "Denied by policy", &plugin.denied);
    items(page, "Overruled", &plugin.overruled);
    items(page, "Refused by its tools", &plugin.failed);
    hooks(page, plugin);
    plugin.declared.iter().for_each(|one| declared(page, one));
    headed(page, "Direct changes", &plugin.bypasses);
    if !plugin.files.is_empty() {
        page.raw("<details><summary>Files that its scriptlets changed (")
            .text(&files_of(plugin).to_string())
            .raw(")</summary>\n");
        plugin.files.iter().for_each(|entry| scriptlet(page, plugin, entry));
        page.raw("</details>\n");
    }
    headed(page, "Notes", &plugin.notes);
    page.raw("</section>\n");
}

fn facts(page: &mut Page, plugin: &Plugin) {
    page.raw("<dl>\n");
    let named = [
        ("Package", &plugin.nevra),
        ("Vendor", &plugin.vendor),
        ("Licence", &plugin.license),
        // Not a link: a package could name any scheme.
        ("Page", &plugin.url),
        ("Installed", &plugin.installed),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            row(page, name, value);
        }
    }
    if let Some(signature) = &plugin.signature {
        page.raw("<dt>Signature</dt><dd class=\"")
            .raw(match (&signature.text, signature.verdict) {
                (Some(_), Some(Verdict::Good)) => "good",
                (Some(_), _) => "",
                (None, _) => "warn",
            })
            .raw("\">")
            .text(&signature.words())
            .raw("</dd>\n");
    }
    for provides in &plugin.provides {
        row(page, "Is plugin", format!("{} {}", provides.plugin, provides.version).trim_end());
    }
    row(page, "Requests", &plugin.requests.to_string());
    page.raw("</dl>\n");
    if let Some(description) = &plugin.description {
        page.raw("<pre>").lines(description).raw("</pre>\n");
    }
}

fn items(page: &mut Page, title: &'static str, items: &[Item]) {
    if items.is_empty() {
        return;
    }
    page.raw("<h4>").raw(title).raw("</h4>\n<ul>\n");
    for item in items {
        page.raw("<li>").text(&item.text);
        let marks = [
            (item.global, " <span class=\"warn\">affects the whole system</span>"),
            (item.runtime, " <span class=\"soft\">for the running system</span>"),
            (item.failed, " <span class=\"bad\">failed</span>"),
            (item.late, " <span class=\"warn\">after the fact</span>"),
        ];
        marks.into_iter().filter(|(set, _)| *set).for_each(|(_, mark)| _ = page.raw(mark));
        if let Some(rule) = &item.rule {
            page.raw(" <span class=\"bad\">").text(rule).raw("</span>");
        }
        if let Some(by) = &item.overruled {
            page.raw(" <span class=\"warn\">").text(by).raw("</span>");
        }
        for past in &item.denied_before {
            page.raw(" <span class=\"warn\">").text(&words::past(past)).raw("</span>");
        }
        page.raw(" <span class=\"soft\">").events(&item.events);
        item.declared.iter().for_each(|path| _ = page.raw(" ").text(path));
        page.raw("</span></li>\n");
    }
    page.raw("</ul>\n");
}

fn hooks(page: &mut Page, plugin: &Plugin) {
    if plugin.hooks.is_empty() {
        return;
    }
    page.raw("<h4>Hooks of vdsm</h4>\n<ul>\n");
    for hook in &plugin.hooks {
        page.raw("<li><code>")
            .text(&format!("{}/{}", hook.point, hook.name))
            .raw("</code> ")
            .text(&hook.mode);
        if let Some(problem) = &hook.problem {
            page.raw(" <span class=\"bad\">").text(problem).raw("</span>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}

fn declared(page: &mut Page, declared: &Declared) {
    let wrong = declared.hooks.iter().filter_map(|hook| {
        let problem = hook.problem.as_ref()?;
        Some(format!("{}/{}: {problem}", hook.point, hook.name))
    });
    let unsaid = declared.undeclared_hooks.iter().map(|hook| format!("{hook}: is not declared"));
    headed(page, "Hooks against what is declared", &wrong.chain(unsaid).collect::<Vec<_>>());
    if declared.changes.is_empty() {
        return;
    }
    page.raw("<h4>Declared changes</h4>\n<ul>\n");
    for change in &declared.changes {
        page.raw("<li class=\"path\">").text(&change.path);
        if !change.happened {
            page.raw(" <span class=\"warn\">no scriptlet of it was seen to change it</span>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}

fn headed(page: &mut Page, title: &'static str, entries: &[String]) {
    if !entries.is_empty() {
        page.raw("<h4>").raw(title).raw("</h4>\n");
        list(page, entries);
    }
}

fn list(page: &mut Page, entries: &[String]) {
    page.raw("<ul>\n");
    entries.iter().for_each(|entry| _ = page.raw("<li>").text(entry).raw("</li>\n"));
    page.raw("</ul>\n");
}

fn scriptlet(page: &mut Page, plugin: &Plugin, entry: &ScriptletEntry) {
    let shown = shown(plugin, entry);
    page.raw("<h4><code>")
        .text(&entry.actor())
        .raw("</code> <span class=\"soft\">")
        .text(&entry.time);
    page.raw("</span>");
    page.raw(if entry.failed {
        " <span class=\"bad\">failed</span>"
    } else {
        ""
    });
    page.raw(if entry.late {
        " <span class=\"warn\">by a process that outlived it</span>"
    } else {
        ""
    });
    page.raw("</h4>\n");
    for remark in entry.remarks() {
        page.raw("<p class=\"soft\">").text(&remark).raw("</p>\n");
    }
    if let Some(accounts) = &shown.accounts {
        page.raw("<p>").text(accounts).raw("</p>\n");
    }
    page.raw("<div class=\"scroll\"><table>\n");
    shown.changes.into_iter().for_each(|change| changed(page, change));
    page.raw("</table></div>\n");
    if shown.passing > 0 {
        page.raw("<p class=\"soft\">and ")
            .text(&counted(shown.passing, "file"))
            .raw(" that came and went</p>\n");
    }
    if entry.omitted > 0 {
        page.raw("<p class=\"soft\">and ")
            .text(&counted(entry.omitted, "more change"))
            .raw(" that were not recorded</p>\n");
    }
}

fn changed(page: &mut Page, entry: &ChangeEntry) {
    let what = if entry.what == "changed" {
        &entry.letters
    } else {
        entry.what
    };
    page.raw("<tr><td><code>")
        .text(what)
        .raw("</code></td><td class=\"path\">")
        .text(&entry.change.path);
    if let Some(from) = &entry.change.from {
        page.raw(" <span class=\"soft\">was ").text(from).raw("</span>");
    }
    if entry.undeclared {
        page.raw(" <span class=\"bad\">not declared</span>");
    }
    page.raw("</td><td class=\"soft\">");
    if let Some(request) = entry.change.request {
        page.raw("request ").events(&[request]);
    } else {
        page.text(&entry.change.by.join(", "));
    }
    page.raw("</td></tr>\n");
}
