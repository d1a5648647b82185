//! `nodeshim install`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use nodeshim::audit::Means;
use nodeshim::error::Result;
use nodeshim::inspect::{self, PluginDetail, Registry};
use nodeshim::install::{self, Done, Ending, Task, Transaction};
use nodeshim::lint::{Context, Forecast, forecast};
use nodeshim::plan::Note;
use nodeshim::policy;
use nodeshim::root::Root;
use nodeshim::rpmdb::PackageFile;
use nodeshim::run::{Messages, Parts, Step, Surroundings};
use nodeshim::settle::{self, Facts, SettleOptions};
use nodeshim::trust::Checked;
use serde::Serialize;

use super::list::sections;
use super::output::{complain, json, print, remark, tell, wrapped};
use super::progress;
use super::run::{self, requests};

/// What to install, and how.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// Package files, or directories of which every package is installed
    #[arg(required = true, value_name = "PKG|DIR")]
    packages: Vec<PathBuf>,
    /// Take from this directory, through dnf, what the packages need; may be repeated
    #[arg(long, value_name = "DIR")]
    repo: Vec<PathBuf>,
    /// Take what the packages need from the directories that they are in
    #[arg(long)]
    with_deps: bool,
    /// Also install packages that are not signed, and record that
    #[arg(long)]
    allow_unsigned: bool,
    /// Reinstall packages that are installed; what was reverted of them applies again
    #[arg(long)]
    reinstall: bool,
    /// Let older packages replace newer ones
    #[arg(long)]
    downgrade: bool,
}

/// Check packages against the image's keyring and install them in one transaction
#[derive(Debug, Args)]
pub struct InstallArgs {
    #[command(flatten)]
    task: TaskArgs,
    /// A policy file for this run alone, or the name of a shipped one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Check signatures, test the transaction, show what the packages would ask for; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl InstallArgs {
    /// Whether packages are installed.
    pub fn changes_image(&self) -> bool {
        !self.dry_run
    }
}

impl TaskArgs {
    /// The task, to be carried out or only tried.
    pub(super) fn task(self, dry_run: bool) -> Task {
        let mut repositories = self.repo;
        if self.with_deps {
            let directories = self.packages.iter().map(|path| directory(path));
            repositories.extend(directories);
            repositories.sort();
            repositories.dedup();
        }
        Task {
            packages: self.packages,
            repositories,
            allow_unsigned: self.allow_unsigned,
            reinstall: self.reinstall,
            downgrade: self.downgrade,
            dry_run,
        }
    }
}

/// A directory itself, or the one that a file is in.
fn directory(path: &Path) -> PathBuf {
    if Root::open(path).is_ok() {
        return path.to_owned();
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// What `install --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Installed<'a> {
    #[serde(flatten)]
    ending: &'a Ending,
    exit: u8,
    packages: &'a [Checked],
    messages: &'a [String],
    plugins: &'a [PluginDetail],
    notes: &'a [Note],
    would_ask: &'a [Asks],
}

/// What a package that is only tried would ask for.
#[derive(Serialize)]
struct Asks {
    nevra: String,
    #[serde(flatten)]
    forecast: Forecast,
}

/// Installs, settles and reports. The exit code tells the ending.
pub fn install(root: &Root, args: InstallArgs, as_json: bool) -> Result<ExitCode> {
    let parts = Parts::find()?;
    let policy = args.policy.as_deref().map(|file| parts.policy(file)).transpose()?;
    let around = Surroundings {
        policy: policy.clone(),
        ..surroundings()
    };
    let task = args.task.task(args.dry_run);
    let done = install::install(root, &parts, &task, around)?;
    let mut notes = Vec::new();
    let mut plugins = Vec::new();
    if let Some(transaction) = &done.transaction {
        run::report(root, &transaction.run);
        requests(&transaction.run.events);
        progress::of(Step::Settle);
        // The image is held until what the scriptlets asked for is settled.
        let settled = settle_after(root, &done, transaction);
        notes = policy::end_run(root).and(settled)?.plan.notes;
        let facts = Facts::load(root)?;
        let registry = Registry::load(root, &facts.installed)?;
        let standing = settle::standing(root, &facts)?;
        plugins = done
            .packages
            .iter()
            .filter_map(|package| inspect::show(&standing, &registry, &package.package.name))
            .collect();
    }
    let would_ask = match done.ending {
        Ending::Tried => would_ask(root, &done, policy.as_deref())?,
        _ => Vec::new(),
    };
    let tampered = done.transaction.iter().any(|transaction| !transaction.run.tampering.is_empty());
    let exit = match done.ending.exit() {
        0 => u8::from(tampered),
        exit => exit,
    };
    if as_json {
        json(&Installed {
            ending: &done.ending,
            exit,
            packages: &done.packages,
            messages: &done.messages,
            plugins: &plugins,
            notes: &notes,
            would_ask: &would_ask,
        })?;
    } else {
        report(&done, &plugins, &notes, &would_ask)?;
    }
    Ok(ExitCode::from(exit))
}

fn settle_after(root: &Root, done: &Done, transaction: &Transaction) -> Result<settle::SettleResult> {
    let facts = Facts::of_run(root, &transaction.run.config, &transaction.run.rules)?;
    let installed = done.packages.iter().filter(|package| facts.installed.has_nevra(&package.nevra));
    let names: Vec<&str> = installed.map(|package| package.package.name.as_str()).collect();
    settle::settle(root, &facts, &SettleOptions::installed(&names))
}

/// The surroundings of a transaction of an admin verb, which waits for other nodeshims.
pub(super) fn surroundings() -> Surroundings<'static> {
    Surroundings {
        name: None,
        home: std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
        temporary: std::env::temp_dir(),
        wait: &|busy| {
            remark(&format!("{busy}; waiting for it to finish"));
            true
        },
        step: &progress::of,
        policy: None,
        audit: Some(Means::Auto),
        share_host: false,
        keep_running: false,
        messages: Messages::Inherit,
    }
}

fn report(done: &Done, plugins: &[PluginDetail], notes: &[Note], would_ask: &[Asks]) -> Result<()> {
    done.messages.iter().for_each(|line| complain(line.trim()));
    for package in &done.packages {
        if let Ending::Refused(_) | Ending::Forbidden(_) = done.ending
            && package.signature.exit() != 0
        {
            complain(&format!("{}: {}", package.file, package.reason));
            continue;
        }
        print(&wrapped("", 4, name(package)))?;
        print(&wrapped("  ", 4, &package.reason))?;
        if let Some(plugin) = plugins.iter().find(|plugin| plugin.summary.plugin == package.package.name) {
            print(&sections(plugin))?;
        }
        for asks in would_ask.iter().filter(|asks| asks.nevra == package.nevra) {
            for (title, asked) in asks.forecast.sections() {
                print(&format!("  would ask: {title}\n"))?;
                asked.iter().try_for_each(|asked| print(&format!("  {}", super::policy::text(asked))))?;
            }
        }
    }
    for note in notes {
        let about = note.plugin.as_ref().map_or(String::new(), |plugin| format!("{plugin}: "));
        tell(&wrapped("note  ", 6, &format!("{about}{}", note.text)))?;
    }
    if let Some(line) = last_line(&done.ending) {
        complain(&line);
    }
    Ok(())
}

/// What a package is spoken of by.
pub(super) fn name(package: &Checked) -> &str {
    if package.nevra.is_empty() {
        &package.file
    } else {
        &package.nevra
    }
}

/// How it ended, in words; nothing if all went well.
pub(super) fn last_line(ending: &Ending) -> Option<String> {
    let list = |missing: &[String]| missing.join(", ");
    match ending {
        Ending::Installed => None,
        Ending::Tried => Some("dry run: nothing changed".into()),
        Ending::ScriptletFailed => Some("all packages are installed, but a scriptlet failed".into()),
        Ending::Refused(_) => Some("nothing was installed".into()),
        Ending::Forbidden(by) => Some(format!("nothing was installed: {by} forbids it")),
        Ending::Denied(lines) => {
            lines.iter().for_each(|line| complain(line));
            Some("nothing was installed: policy denies what files of the packages ask for".into())
        }
        Ending::Impossible => Some("the transaction is not possible; nothing was installed".into()),
        Ending::Failed(missing) if missing.is_empty() => Some("rpm failed".into()),
        Ending::Failed(missing) => Some(format!("rpm failed; not installed: {}", list(missing))),
        Ending::DiskFull(missing) if missing.is_empty() => {
            Some("no space left in the image; nothing was installed".into())
        }
        Ending::DiskFull(missing) => {
            Some(format!("no space left in the image; not installed: {}", list(missing)))
        }
        Ending::Killed => Some("rpm was killed after it had installed all packages".into()),
    }
}

/// What the packages would ask for, as the policy has it.
fn would_ask(root: &Root, done: &Done, of_run: Option<&str>) -> Result<Vec<Asks>> {
    let rules = policy::load_for(root, of_run).checked()?.rules;
    let context = Context::load(root, &rules)?;
    let asks = |package: &PackageFile| {
        Ok(Asks {
            nevra: package.nevra.clone(),
            forecast: forecast(&context, package)?,
        })
    };
    done.files.iter().map(asks).collect()
}
