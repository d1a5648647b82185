//! `nodeshim image edit`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
use nodeshim::image::{self, Edit, Edited};
use nodeshim::install::Task;
use nodeshim::plan::render;
use nodeshim::root::Root;
use nodeshim::run::Parts;

use super::install::{last_line, name, surroundings};
use super::list::intents;
use super::output::{complain, json, json_text, print, width, wrapped};

/// Edit the root file system inside an image file
#[derive(Debug, Args)]
pub struct ImageArgs {
    #[command(subcommand)]
    verb: ImageVerb,
}

#[derive(Debug, Subcommand)]
enum ImageVerb {
    Edit(EditArgs),
}

/// Write a copy of a live ISO with packages installed or erased
#[derive(Debug, Args)]
struct EditArgs {
    /// The ISO to read
    #[arg(value_name = "IN.iso")]
    from: PathBuf,
    /// The ISO to write; a record of the changes is written to OUT.iso.json
    #[arg(long, value_name = "OUT.iso")]
    out: PathBuf,
    /// Replace an existing ISO
    #[arg(long)]
    force: bool,
    /// Package files, or directories of which every package is installed
    #[arg(long, num_args = 1.., value_name = "PKG|DIR", required_unless_present = "remove")]
    install: Vec<PathBuf>,
    /// Names of packages to erase
    #[arg(long, num_args = 1.., value_name = "PLUGIN")]
    remove: Vec<String>,
    /// Take from this directory, through dnf, what the packages need; may be repeated
    #[arg(long, value_name = "DIR")]
    repo: Vec<PathBuf>,
    /// Also install packages that are not signed, and record that
    #[arg(long)]
    allow_unsigned: bool,
}

/// Carries out the verb. The exit code tells the ending of the transaction.
pub fn image(args: ImageArgs, as_json: bool) -> Result<ExitCode> {
    let ImageVerb::Edit(args) = args.verb;
    let edit = Edit {
        from: args.from,
        to: args.out,
        force: args.force,
        remove: args.remove,
        task: Task {
            packages: args.install,
            repositories: args.repo,
            allow_unsigned: args.allow_unsigned,
            ..Task::default()
        },
    };
    let edited = image::edit(&edit, &Parts::find()?, &surroundings)?;
    if edited.is_made() {
        record(&edit, &edited)?;
    }
    match as_json {
        true => json(&edited)?,
        false => report(&edited)?,
    }
    Ok(ExitCode::from(edited.ending.exit()))
}

/// Writes the record of the changes next to the new ISO.
fn record(edit: &Edit, edited: &Edited) -> Result<()> {
    let text = json_text(edited)?;
    let mut path = edit.to.clone().into_os_string();
    path.push(".json");
    let path = std::path::absolute(&path).map_err(|error| Error::std_io(&path, &error))?;
    Root::open("/")?.write(path, text.as_bytes(), None)
}

fn report(edited: &Edited) -> Result<()> {
    edited.messages.iter().for_each(|line| complain(line.trim()));
    edited
        .removed
        .iter()
        .try_for_each(|name| print(&format!("removed  {}\n", printable(name))))?;
    for package in &edited.packages {
        print(&wrapped("", 4, name(package)))?;
        print(&wrapped("  ", 4, &package.reason))?;
        let of_package =
            |plugin: &&nodeshim::inspect::PluginDetail| plugin.summary.plugin == package.package.name;
        if let Some(plugin) = edited.plugins.iter().find(of_package) {
            print(&intents(plugin))?;
        }
    }
    print(&render(&edited.plan, width()))?;
    if let Some(line) = last_line(&edited.ending) {
        complain(&line);
    }
    if !edited.is_made() {
        complain("no image was made");
    }
    Ok(())
}
