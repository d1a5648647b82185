//! `nodeshim log` and `nodeshim why`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::audit::Audit;
use nodeshim::error::Result;
use nodeshim::inspect::{self, Answer, Entry, LoggedIntent, Reason, Registry, View};
use nodeshim::journal::{Verdict, each_part, each_part_newest_first};
use nodeshim::root::Root;
use nodeshim::rpmdb::Installed;
use nodeshim::tool::Tool;

use super::files;
use super::list::nothing_recorded;
use super::output::{json, json_list, print, wrapped};

/// Show the requests that were made, oldest first
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Only of this plugin
    plugin: Option<String>,
    /// Also queries, which change nothing
    #[arg(long)]
    all: bool,
    /// The files that each scriptlet changed, instead of the requests that it made
    #[arg(long, conflicts_with = "all")]
    files: bool,
    /// Only the last N requests
    #[arg(long, value_name = "N", conflicts_with = "files")]
    last: Option<usize>,
}

/// Explain why a port is open, a unit is enabled or a file was changed
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A port (8080, 8080/tcp), a path, or the name of a unit, service, interface or zone
    thing: String,
}

/// Shows the log.
pub fn log(root: &Root, args: LogArgs, as_json: bool) -> Result<ExitCode> {
    if args.files {
        return changed(root, args.plugin.as_deref(), as_json);
    }
    if let Some(last) = args.last {
        return newest(root, &args, last, as_json);
    }
    let mut all = Vec::new();
    let mut is_known = false;
    each_part(root, |events| {
        let mut entries = inspect::log(&events, args.plugin.as_deref(), args.all);
        is_known |= !entries.is_empty();
        if as_json {
            all.append(&mut entries);
            return Ok(());
        }
        entries.iter().try_for_each(|entry| print(&entry_text(entry)))
    })?;
    match args.plugin {
        Some(plugin) if !is_known => return Err(nothing_recorded(&plugin)),
        _ if as_json => json_list(&all)?,
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the last requests; older parts of the journal are not read.
fn newest(root: &Root, args: &LogArgs, count: usize, as_json: bool) -> Result<ExitCode> {
    let plugin = args.plugin.as_deref();
    let mut entries: Vec<Entry> = Vec::new();
    each_part_newest_first(root, |events| {
        entries.splice(0..0, inspect::log(&events, plugin, args.all));
        Ok(entries.len() < count.max(1))
    })?;
    if let Some(plugin) = plugin.filter(|_| entries.is_empty()) {
        return Err(nothing_recorded(plugin));
    }
    entries.drain(..entries.len().saturating_sub(count));
    match as_json {
        true => json_list(&entries)?,
        false => entries.iter().try_for_each(|entry| print(&entry_text(entry)))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn changed(root: &Root, plugin: Option<&str>, as_json: bool) -> Result<ExitCode> {
    let mut entries = inspect::files(root, &Audit::read(root)?, plugin);
    Registry::load(root, &Installed::load(root)?)?.mark(&mut entries);
    files::print_all(&entries, as_json)
}

const INDENT: usize = 8;

/// One request.
pub(super) fn entry_text(entry: &Entry) -> String {
    let arg = entry.arg.map_or(String::new(), |arg| format!("({arg})"));
    let scriptlet = entry.scriptlet.as_ref().map_or(String::new(), |kind| format!(" {kind}{arg}"));
    let package = entry.package.as_deref().unwrap_or(match entry.tool {
        Tool::Nodeshim => "nodeshim",
        _ => "unknown",
    });
    let image = entry.replayed.as_ref().map_or(String::new(), inspect::words::elsewhere);
    let mut text = head(entry.event, &entry.time, &format!("{package}{scriptlet}{image}"));
    text.push_str(&body(&entry.command, entry.exit, entry.verdict, &entry.intents));
    for warning in &entry.warnings {
        text.push_str(&wrapped("      ", INDENT, &format!("warning: {warning}")));
    }
    text
}

fn head(event: u64, time: &str, who: &str) -> String {
    wrapped(&format!("{:<5} {time}  ", format!("#{event}")), INDENT, who)
}

fn body(command: &str, exit: u8, verdict: Verdict, intents: &[LoggedIntent]) -> String {
    let exit = if exit == 0 {
        String::new()
    } else {
        format!(" (exit {exit})")
    };
    let verdict = match verdict {
        Verdict::Allow => "",
        Verdict::Defer => " (deferred by policy)",
        Verdict::Deny => " (denied by policy)",
        Verdict::Ignore => " (ignored by policy)",
    };
    let mut text = wrapped("      ", INDENT, &format!("{command}{exit}{verdict}"));
    for LoggedIntent {
        intent,
        outcome,
        rule,
    } in intents
    {
        let rule = rule.as_ref().map_or(String::new(), |rule| format!(" ({rule})"));
        text.push_str(&wrapped("      - ", INDENT + 2, &format!("{intent}: {outcome}{rule}")));
    }
    text
}

/// Says why. Exit 1 if no request is found.
pub fn why(root: &Root, args: WhyArgs, as_json: bool) -> Result<ExitCode> {
    let answer = inspect::why(root, &View::load(root)?, &args.thing);
    match as_json {
        true => json(&answer)?,
        false => print(&answer_text(&answer))?,
    }
    Ok(ExitCode::from(u8::from(!is_known(&answer))))
}

fn is_known(answer: &Answer) -> bool {
    !answer.reasons.is_empty()
        || answer.generated.is_some()
        || !answer.declared.is_empty()
        || !answer.denied_to.is_empty()
        || !answer.overruled.is_empty()
        || !answer.files.is_empty()
}

fn answer_text(answer: &Answer) -> String {
    let thing = &answer.thing;
    let wanted_by: Vec<&str> = answer.wanted_by.iter().map(String::as_str).collect();
    let mut text = match (wanted_by.is_empty(), is_known(answer)) {
        (_, false) => return wrapped("", 2, &format!("{thing}: no request found")),
        (true, _) if answer.reasons.is_empty() && !answer.files.is_empty() => {
            wrapped("", 2, &format!("{thing}: changed by scriptlets"))
        }
        (false, _) => wrapped("", 2, &format!("{thing}: wanted by {}", wanted_by.join(", "))),
        (true, _) => wrapped("", 2, &format!("{thing}: no plugin wants it now")),
    };
    if let Some(generated) = &answer.generated {
        text.push_str(&wrapped("", 2, &format!("{thing}: written by settling: {generated}")));
    }
    for (plugin, by) in &answer.overruled {
        text.push_str(&wrapped("", 2, &format!("asked by {plugin}, {by}")));
    }
    for plugin in &answer.denied_to {
        text.push_str(&wrapped("", 2, &format!("denied to {plugin} by policy")));
    }
    for path in &answer.declared {
        text.push_str(&wrapped("", 2, &format!("declared by {path}")));
    }
    answer.reasons.iter().for_each(|reason| text.push_str(&reason_text(reason)));
    answer.files.iter().for_each(|entry| text.push_str(&files::text(entry)));
    text
}

fn reason_text(reason: &Reason) -> String {
    let wanted = if reason.wanted { "; still wanted" } else { "" };
    let who = format!("{}{wanted}", reason.origin);
    head(reason.event, &reason.time, &who)
        + &body(&reason.command, reason.exit, reason.verdict, &reason.intents)
}
