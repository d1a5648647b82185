//! `nodeshim list`, `show` and `plugins`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::audit::Audit;
use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
use nodeshim::export;
use nodeshim::inspect::{self, Declared, PluginDetail, Registry, Row, ScriptletEntry, Summary};
use nodeshim::intent::{Intent, Verdict};
use nodeshim::lint::{Context, ShippedItem, of_installed};
use nodeshim::plan::{Note, NoteKind};
use nodeshim::policy;
use nodeshim::root::Root;
use nodeshim::rpmdb::{Installed, Package};
use nodeshim::settle::{self, Facts};
use serde::Serialize;

use super::files;
use super::output::{complain, count, declared_in, events, json, json_list, print, wrapped};
use super::style::{Paint, paint};

/// List what plugins asked for, system-wide settings first
///
/// What the image's firewall cannot do of it is printed on standard error, with exit status 1.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only of this plugin
    plugin: Option<String>,
    /// Also what files of all installed packages ask for by themselves: links that start units, presets,
    /// drop-ins, firewalld's files
    #[arg(long)]
    all: bool,
}

/// Show one plugin
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The package's name
    plugin: String,
    /// Also the files that its scriptlets changed, each before and after
    #[arg(long)]
    files: bool,
}

/// List the plugins: packages that declare themselves plugins, or that asked for something
#[derive(Debug, Args)]
pub struct PluginsArgs {
    /// Only packages that declare themselves plugins: they provide ovirt-node-plugin(NAME)
    #[arg(long)]
    registered: bool,
    /// Write the records that oVirt Node keeps of plugins, in /etc/ovirt-plugins.d
    #[arg(long, conflicts_with = "registered")]
    register: bool,
}

impl PluginsArgs {
    /// Whether something is written down.
    pub fn changes_image(&self) -> bool {
        self.register
    }
}

/// Lists.
pub fn list(root: &Root, args: ListArgs, as_json: bool) -> Result<ExitCode> {
    let facts = Facts::load(root)?;
    let standing = settle::standing(root, &facts)?;
    if let Some(plugin) = &args.plugin {
        let is_known = standing.state.plugins.contains_key(plugin) || standing.gone.contains_key(plugin);
        is_known.then_some(()).ok_or_else(|| nothing_recorded(plugin))?;
    }
    let mut rows = inspect::list(&standing, args.plugin.as_deref());
    if args.all {
        let shipped = shipped(root, &facts, args.plugin.as_deref())?;
        rows.extend(inspect::shipped(&shipped, &rows));
    }
    if as_json {
        json_list(&rows)?;
    } else {
        print_rows(&rows)?;
    }
    let is_listed = |note: &Note| args.plugin.is_none() || note.plugin == args.plugin;
    let remarks = settle::remarks(root, &facts, &standing.state)?;
    let unmet: Vec<Note> = remarks
        .into_iter()
        .filter(|note| note.kind == NoteKind::Unmet && is_listed(note))
        .collect();
    for note in &unmet {
        let plugin = note.plugin.as_deref().unwrap_or_default();
        complain(&format!("{plugin}: {}", note.text));
    }
    Ok(ExitCode::from(u8::from(!unmet.is_empty())))
}

fn print_rows(rows: &[Row]) -> Result<()> {
    let width = rows.iter().map(|row| row.plugin.len()).max().unwrap_or(0).min(24);
    for row in rows {
        let head = format!("{:<width$}  ", printable(&row.plugin));
        let line = wrapped(&head, width + 4, &describe(row));
        let of = match row {
            row if row.verdict == Verdict::Deny || row.failed => Paint::Bad,
            row if row.overruled.is_some() || row.global => Paint::Careful,
            _ => Paint::Strong,
        };
        print(&format!("{}{}", paint(of, &head), &line[head.len()..]))?;
    }
    Ok(())
}

/// The error for an unknown plugin, the same for every verb that takes a name.
pub(super) fn nothing_recorded(plugin: &str) -> Error {
    Error::Refused(format!(
        "nothing is recorded of {}; nodeshim plugins lists the plugins",
        printable(plugin)
    ))
}

fn describe(row: &Row) -> String {
    let late = if row.late { " after the fact" } else { "" };
    let denied = row.rule.as_ref().map(|rule| format!("denied by policy{late}: {rule}"));
    let postponed = row.deferred && !matches!(row.intent, Intent::Defer { .. });
    let marks = [
        (denied.is_some(), denied.as_deref().unwrap_or_default()),
        (postponed, "deferred to the boot by policy"),
        (row.global, "affects the whole system"),
        (row.runtime, "runtime only"),
        (row.failed, "failed: its tool refused it"),
        (row.overruled.is_some(), row.overruled.as_deref().unwrap_or_default()),
    ];
    let marks = marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark.to_owned());
    let marks: Vec<String> = marks.chain(row.denied_before.iter().map(inspect::words::past)).collect();
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!(" ({})", marks.join("; "))
    };
    format!("{}{marks}{}{}", row.text, events(&row.events), declared_in(&row.declared))
}

/// What the files of a plugin's package, or of all packages, ask for by themselves, as policy judges it now.
fn shipped(root: &Root, facts: &Facts, plugin: Option<&str>) -> Result<Vec<ShippedItem>> {
    let is_asked = |package: &&Package| plugin.is_none_or(|plugin| plugin == package.name);
    let nevras: Vec<String> = facts.installed.iter().filter(is_asked).map(Package::nevra).collect();
    let nevras: Vec<&str> = nevras.iter().map(String::as_str).collect();
    let rules = policy::load(root).checked()?.rules;
    of_installed(&Context::load(root, &rules)?, &nevras)
}

fn shipped_text(shipped: &[ShippedItem]) -> String {
    let mut text = match shipped.is_empty() {
        true => String::new(),
        false => "shipped files that count\n".to_owned(),
    };
    for ShippedItem { item: one, .. } in shipped {
        let denied = match one.verdict {
            Verdict::Allow => String::new(),
            _ => format!(" (against policy: {})", one.rule.as_deref().unwrap_or_default()),
        };
        let line = format!(
            "{}: {}{denied}",
            one.place.as_deref().unwrap_or_default(),
            one.text.as_deref().unwrap_or_default()
        );
        text.push_str(&wrapped("  ", 6, &line));
    }
    text
}

/// What `show --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'r> {
    #[serde(flatten)]
    report: Option<&'r PluginDetail>,
    shipped: &'r [ShippedItem],
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<&'r [ScriptletEntry]>,
}

/// Shows one plugin.
pub fn show(root: &Root, args: ShowArgs, as_json: bool) -> Result<ExitCode> {
    let facts = Facts::load(root)?;
    let registry = Registry::load(root, &facts.installed)?;
    let report = inspect::show(&settle::standing(root, &facts)?, &registry, &args.plugin);
    let mut files = match args.files {
        true => inspect::files(root, &Audit::read(root)?, Some(&args.plugin)),
        false => Vec::new(),
    };
    registry.mark(&mut files);
    let shipped = shipped(root, &facts, Some(&args.plugin))?;
    if report.is_none() && files.is_empty() && shipped.is_empty() {
        return Err(nothing_recorded(&args.plugin));
    }
    if as_json {
        json(&Shown {
            report: report.as_ref(),
            shipped: &shipped,
            files: args.files.then_some(&files),
        })?;
    } else {
        print(&report.as_ref().map_or(String::new(), text))?;
        print(&shipped_text(&shipped))?;
        files::print_all(&files, false)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &PluginDetail) -> String {
    let summary = &report.summary;
    let title = summary.nevra.as_deref().unwrap_or(&summary.plugin);
    let gone = if summary.gone {
        " (gone; settling withdraws what it asked for)"
    } else {
        ""
    };
    let mut text = wrapped("", 2, &format!("{title}{gone}"));
    for registered in &summary.registered {
        text.push_str(&wrapped("  ", 6, &format!("is plugin {registered}")));
    }
    text.push_str(&format!("  {}\n", count(report.requests, "request")));
    if let Some(trust) = &summary.trust {
        text.push_str(&wrapped("  ", 4, &trust.words()));
    }
    text.push_str(&sections(report));
    text
}

/// What a plugin wants, and what its requests changed.
pub(super) fn sections(report: &PluginDetail) -> String {
    let mut text = intents(report);
    if !report.paths.is_empty() {
        text.push_str(&title_line("paths that its requests changed"));
        report.paths.iter().for_each(|path| text.push_str(&wrapped("  ", 6, path)));
    }
    text
}

/// A title of its own line.
pub(super) fn title_line(title: &str) -> String {
    format!("{}\n", paint(Paint::Strong, title))
}

/// Under which title a row is listed.
fn section(row: &Row) -> &'static str {
    match row {
        row if row.verdict == Verdict::Deny => "denied",
        row if row.overruled.is_some() => "overruled",
        row if row.failed => "failed",
        row if row.deferred => "at boot",
        _ => "now",
    }
}

/// What a plugin wants.
pub(super) fn intents(report: &PluginDetail) -> String {
    let mut text = String::new();
    for title in ["now", "at boot", "denied", "overruled", "failed"] {
        let rows: Vec<&Row> = report.wants.iter().filter(|row| section(row) == title).collect();
        if !rows.is_empty() {
            text.push_str(&title_line(title));
            rows.iter().for_each(|row| text.push_str(&wrapped("  ", 6, &describe(row))));
        }
    }
    if !report.hooks.is_empty() {
        text.push_str(&title_line("vdsm hooks"));
    }
    for hook in &report.hooks {
        let problem = hook.problem.as_ref().map_or(String::new(), |problem| format!(": {problem}"));
        let line = format!("{}/{} {}{problem}", hook.point, hook.name, hook.mode);
        text.push_str(&wrapped("  ", 6, &line));
    }
    text.push_str(&report.declared.as_ref().map_or(String::new(), declared));
    text
}

/// What its metadata declares besides intents, where that differs from what is there, and what it
/// means to change.
fn declared(declared: &Declared) -> String {
    let mut text = String::new();
    let mut put = |line: &str| text.push_str(&wrapped("  ", 6, line));
    for hook in &declared.hooks {
        if let Some(problem) = &hook.problem {
            put(&format!("{}/{}, which it declares: {problem}", hook.point, hook.name));
        }
    }
    for hook in &declared.undeclared_hooks {
        put(&format!("{hook}: is not declared"));
    }
    let mut text = match text.is_empty() {
        true => text,
        false => format!("vdsm hooks against what is declared\n{text}"),
    };
    if !declared.changes.is_empty() {
        text.push_str("declared changes\n");
    }
    for change in &declared.changes {
        let seen = match change.happened {
            true => "",
            false => ": no scriptlet of it was seen to change it",
        };
        text.push_str(&wrapped("  ", 6, &format!("{}{seen}", change.path)));
    }
    if !declared.undeclared.is_empty() {
        text.push_str("changed without being declared\n");
        declared.undeclared.iter().for_each(|path| text.push_str(&wrapped("  ", 6, path)));
    }
    text
}

/// Lists the plugins.
pub fn plugins(root: &Root, args: PluginsArgs, as_json: bool) -> Result<ExitCode> {
    if args.register {
        export::register(root)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.registered {
        return registered(root, as_json);
    }
    let facts = Facts::load(root)?;
    let registry = Registry::load(root, &facts.installed)?;
    let plugins = inspect::plugins(&settle::standing(root, &facts)?, &registry);
    if as_json {
        json_list(&plugins)?;
        return Ok(ExitCode::SUCCESS);
    }
    if plugins.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let width = plugins.iter().map(|plugin| plugin.plugin.len()).max().unwrap_or(0).clamp(6, 23);
    let head = format!(
        "{:<width$}  {:>8}  {:>8}  {:>7}  {:>6}  {:>6}  {:>9}  {:>6}",
        "PLUGIN", "FIREWALL", "SERVICES", "AT BOOT", "GLOBAL", "FAILED", "OVERRULED", "DENIED"
    );
    let mut text = title_line(&head);
    plugins.iter().for_each(|plugin| text.push_str(&line(plugin, width)));
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The same as the line of rpm that the manual gives.
fn registered(root: &Root, as_json: bool) -> Result<ExitCode> {
    let installed = Installed::load(root)?;
    if as_json {
        json_list(installed.provided())?;
        return Ok(ExitCode::SUCCESS);
    }
    for provided in installed.provided() {
        let line = format!("ovirt-node-plugin({}) {} {}", provided.plugin, provided.version, provided.nevra);
        print(&format!("{}\n", printable(&line)))?;
    }
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
        overruled,
        denied,
        ..
    } = plugin;
    format!(
        "{name:<width$}  {firewall:>8}  {services:>8}  {deferred:>7}  {global:>6}  {failed:>6}  {overruled:>9}  {denied:>6}\n"
    )
}
