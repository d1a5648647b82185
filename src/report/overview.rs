//! What a reader of the page looks for first, and the requests that everything else refers to.

use super::model::Report;
use super::page::Page;
use crate::inspect::Entry;

/// What deserves a look, plugin by plugin.
pub(super) fn first(page: &mut Page, report: &Report) {
    if report.plugins.iter().all(|plugin| plugin.matters.is_empty()) {
        return;
    }
    page.raw("<h2 class=\"bad\">Look at first</h2>\n<ul>\n");
    for plugin in &report.plugins {
        for line in &plugin.matters {
            page.raw("<li>");
            link(page, &plugin.name);
            page.raw(": ").text(line).raw("</li>\n");
        }
    }
    page.raw("</ul>\n");
}

fn link(page: &mut Page, plugin: &str) {
    page.raw("<a href=\"#").anchor(plugin).raw("\">").text(plugin).raw("</a>");
}

/// What the firewall lets in.
pub(super) fn ports(page: &mut Page, report: &Report) {
    if report.ports.is_empty() {
        return;
    }
    page.raw("<h2>Open ports</h2>\n<div class=\"scroll\"><table id=\"ports\">\n")
        .raw("<thead><tr><th>Port</th><th>Zone</th><th>By</th><th>Through</th></tr></thead>\n<tbody>\n");
    for port in &report.ports {
        page.raw("<tr><td><code>").text(&port.what()).raw("</code></td><td>");
        page.text(port.zone.as_deref().unwrap_or("–")).raw("</td><td>");
        page.text(&port.by).raw("</td><td>").text(&port.how());
        page.raw(" <span class=\"soft\">").events(&port.events).raw("</span></td></tr>\n");
    }
    page.raw("</tbody>\n</table></div>\n");
}

/// What starts at boot.
pub(super) fn boot(page: &mut Page, report: &Report) {
    if report.units.is_empty() {
        return;
    }
    page.raw("<h2>Starts at boot</h2>\n<div class=\"scroll\"><table id=\"units\">\n")
        .raw("<thead><tr><th>Unit</th><th>By</th><th>How</th></tr></thead>\n<tbody>\n");
    for unit in &report.units {
        page.raw("<tr><td class=\"path\">").text(&unit.unit).raw("</td><td>").text(&unit.by);
        page.raw("</td><td>").text(&unit.how);
        page.raw(" <span class=\"soft\">").events(&unit.events).raw("</span></td></tr>\n");
    }
    page.raw("</tbody>\n</table></div>\n");
}

/// The requests that the page names by their numbers, each with its command.
pub(super) fn requests(page: &mut Page, report: &Report) {
    if report.requests.is_empty() {
        return;
    }
    page.raw("<h2>Requests</h2>\n<dl id=\"requests\">\n");
    report.requests.iter().for_each(|entry| request(page, entry));
    page.raw("</dl>\n");
}

fn request(page: &mut Page, entry: &Entry) {
    let number = entry.event.to_string();
    page.raw("<dt id=\"request-")
        .text(&number)
        .raw("\">#")
        .text(&number)
        .raw("</dt><dd><code>");
    page.text(&entry.command).raw("</code>");
    if entry.exit != 0 {
        page.raw(" <span class=\"bad\">exit ").text(&entry.exit.to_string()).raw("</span>");
    }
    let arg = entry.arg.map_or(String::new(), |arg| format!("({arg})"));
    let scriptlet =
        entry.scriptlet.as_deref().map_or(String::new(), |scriptlet| format!(" {scriptlet}{arg}"));
    page.raw("<div class=\"soft\">").text(&entry.time).raw(" ");
    page.text(entry.package.as_deref().unwrap_or("(unknown)"))
        .text(&scriptlet)
        .raw("</div></dd>\n");
}
