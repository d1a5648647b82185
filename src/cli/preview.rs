//! `nodeshim preview`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::install::Ending;
use nodeshim::plan::render;
use nodeshim::preview::{self, ChangeKind, Effects, FileChange, Preview};
use nodeshim::root::Root;
use nodeshim::run::{Parts, Surroundings};
use nodeshim::trust::Checked;
use serde::Serialize;

use super::install::{TaskArgs, last_line, name, surroundings};
use super::list::{intents, title_line};
use super::log::entry_text;
use super::output::{complain, count, events, json, print, width, wrapped};
use super::run;
use super::style::lines;

/// Show what installing packages would do: install them in a throw-away copy of the image
#[derive(Debug, Args)]
pub struct PreviewArgs {
    #[command(flatten)]
    task: TaskArgs,
    /// A policy file to try, or the name of a shipped one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// What `preview --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Previewed<'a> {
    #[serde(flatten)]
    ending: &'a Ending,
    exit: u8,
    packages: &'a [Checked],
    messages: &'a [String],
    #[serde(flatten)]
    effects: &'a Effects,
}

/// Previews and reports. The exit code tells the ending that the installation would have.
pub fn preview(root: &Root, args: PreviewArgs, as_json: bool) -> Result<ExitCode> {
    let parts = Parts::find()?;
    let around = Surroundings {
        policy: args.policy.as_deref().map(|file| parts.policy(file)).transpose()?,
        ..surroundings()
    };
    let preview = preview::preview(root, &parts, &args.task.task(false), around)?;
    let done = &preview.done;
    if let Some(transaction) = &done.transaction {
        run::report(root, &transaction.run);
    }
    let exit = done.ending.exit();
    if as_json {
        json(&Previewed {
            ending: &done.ending,
            exit,
            packages: &done.packages,
            messages: &done.messages,
            effects: &preview.effects,
        })?;
    } else {
        report(&preview)?;
    }
    Ok(ExitCode::from(exit))
}

fn report(preview: &Preview) -> Result<()> {
    let Preview { done, effects } = preview;
    done.messages.iter().for_each(|line| complain(line.trim()));
    for package in &done.packages {
        print(&wrapped("", 4, name(package)))?;
        print(&wrapped("  ", 4, &package.reason))?;
        let of_package =
            |plugin: &&nodeshim::inspect::PluginDetail| plugin.summary.plugin == package.package.name;
        if let Some(plugin) = effects.plugins.iter().find(of_package) {
            print(&intents(plugin))?;
        }
    }
    for name in &effects.gone {
        print(&wrapped("", 4, &format!("{name}: gone; what it asked for is withdrawn")))?;
    }
    section("requests", effects.requests.iter().map(entry_text).collect())?;
    section("settling", render(&effects.plan, width()))?;
    section("files", files(&effects.files))?;
    if let Some(line) = last_line(&done.ending) {
        complain(&format!("in the copy: {line}"));
    }
    Ok(())
}

fn section(title: &str, text: String) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    print(&format!("{}{}", title_line(title), lines(&text)))
}

/// What packages ship is only counted; everything else has a line.
fn files(files: &[FileChange]) -> String {
    let mut shipped: BTreeMap<&str, usize> = BTreeMap::new();
    let mut text = String::new();
    for file in files {
        match &file.package {
            Some(package) if file.requests.is_empty() && !file.settling => {
                *shipped.entry(package).or_default() += 1;
            }
            _ => text.push_str(&line(file)),
        }
    }
    let shipped = shipped.into_iter().map(|(package, number)| {
        wrapped("          ", 10, &format!("{} that {package} ships", count(number, "path")))
    });
    text.extend(shipped);
    text
}

fn line(file: &FileChange) -> String {
    let what = match file.what {
        ChangeKind::Created => "created",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed => "removed",
    };
    let by = match (file.settling, file.by_hand) {
        (_, true) => ": changed directly by the scriptlet",
        (true, _) => ": by settling",
        (false, _) => "",
    };
    wrapped(&format!("{what:<8}  "), 10, &format!("{}{by}{}", file.path, events(&file.requests)))
}
