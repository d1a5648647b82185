//! `nodeshim list`, `show` and `plugins`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
use nodeshim::inspect::{self, Report, Row, Summary};
use nodeshim::root::Root;
use nodeshim::settle::{self, Facts};
use nodeshim::state::Standing;

use super::output::{count, events, json, print, wrapped};

/// List everything that is wanted, what concerns the whole node first
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only of this plugin
    plugin: Option<String>,
}

/// Show one plugin
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The package's name
    plugin: String,
}

/// List the plugins: packages that asked for something
#[derive(Debug, Args)]
pub struct PluginsArgs {}

fn standing(root: &Root) -> Result<Standing> {
    settle::standing(root, &Facts::load(root)?)
}

/// Lists.
pub fn list(root: &Root, args: ListArgs, as_json: bool) -> Result<ExitCode> {
    let rows = inspect::list(&standing(root)?, args.plugin.as_deref());
    if as_json {
        json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = rows.iter().map(|row| row.plugin.len()).max().unwrap_or(0).min(24);
    for row in &rows {
        let head = format!("{:<width$}  ", printable(&row.plugin));
        print(&wrapped(&head, width + 4, &describe(row)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(row: &Row) -> String {
    let marks = [
        (row.global, "concerns the whole node"),
        (row.runtime, "asked for the running system"),
        (row.failed, "failed"),
    ];
    let marks: Vec<&str> = marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark).collect();
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!(" ({})", marks.join("; "))
    };
    let files: Vec<&str> = row.declared.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let files = match files.is_empty() {
        true => String::new(),
        false => format!(" [{}]", files.join(" ")),
    };
    format!("{}{marks}{}{files}", row.text, events(&row.events))
}

/// Shows one plugin.
pub fn show(root: &Root, args: ShowArgs, as_json: bool) -> Result<ExitCode> {
    let report = inspect::show(&standing(root)?, &args.plugin)
        .ok_or_else(|| Error::Other(format!("nothing is recorded of {}", printable(&args.plugin))))?;
    match as_json {
        true => json(&report)?,
        false => print(&text(&report))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &Report) -> String {
    let summary = &report.summary;
    let title = summary.nevra.as_deref().unwrap_or(&summary.plugin);
    let gone = if summary.gone {
        " (gone; settling withdraws what it asked for)"
    } else {
        ""
    };
    let mut text = wrapped("", 2, &format!("{title}{gone}"));
    text.push_str(&format!("  {}\n", count(report.requests, "request")));
    let sections = [("now", false), ("at boot", true)];
    for (title, deferred) in sections {
        let rows: Vec<&Row> = report.wants.iter().filter(|row| row.deferred == deferred).collect();
        if !rows.is_empty() {
            text.push_str(&format!("{title}\n"));
            rows.iter().for_each(|row| text.push_str(&wrapped("  ", 6, &describe(row))));
        }
    }
    if !report.paths.is_empty() {
        text.push_str("paths that its requests changed\n");
        report.paths.iter().for_each(|path| text.push_str(&wrapped("  ", 6, path)));
    }
    text
}

/// Lists the plugins.
pub fn plugins(root: &Root, _args: PluginsArgs, as_json: bool) -> Result<ExitCode> {
    let plugins = inspect::plugins(&standing(root)?);
    if as_json {
        json(&plugins)?;
        return Ok(ExitCode::SUCCESS);
    }
    if plugins.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let width = plugins.iter().map(|plugin| plugin.plugin.len()).max().unwrap_or(0).clamp(6, 34);
    let mut text = format!(
        "{:<width$}  {:>8}  {:>8}  {:>7}  {:>6}  {:>6}\n",
        "PLUGIN", "FIREWALL", "SERVICES", "AT BOOT", "GLOBAL", "FAILED"
    );
    plugins.iter().for_each(|plugin| text.push_str(&line(plugin, width)));
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(plugin: &Summary, width: usize) -> String {
    let name = printable(&plugin.plugin);
    if plugin.gone {
        return format!("{name:<width$}  gone; settling withdraws what it asked for\n");
    }
    let Summary {
        firewall,
        services,
        deferred,
        global,
        failed,
        ..
    } = plugin;
    format!("{name:<width$}  {firewall:>8}  {services:>8}  {deferred:>7}  {global:>6}  {failed:>6}\n")
}
