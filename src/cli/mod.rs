//! The command line of the admin tool: one file a verb.
//!
//! Exit codes: 0 fine, 1 differences found or failed, 2 usage. `run` ends with its command's;
//! `install` and `key` have codes of their own for what is in the way.

mod apply;
mod arm;
mod check;
mod completions;
mod diff;
mod export;
mod files;
mod firewall;
mod help;
mod image;
mod image_root;
mod install;
mod key;
mod lint;
mod list;
mod log;
mod open;
mod output;
mod policy;
mod preview;
mod progress;
mod remove;
mod repair;
mod replay;
mod report;
mod revert;
mod run;
mod run_summary;
mod serve;
mod settle;
mod style;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use ::log::LevelFilter;
use clap::{ArgAction, FromArgMatches, Parser, Subcommand};
use nodeshim::error::Result;
use nodeshim::intercept::check_is_image;
use nodeshim::root::Root;
use nodeshim::run::interrupted;
use nodeshim::serve::Changes;
use signal_hook::consts::SIGXFSZ;

/// The release, and the commit that it was built from, where the build said which.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let release = env!("CARGO_PKG_VERSION");
        option_env!("NODESHIM_COMMIT").map_or(release.to_owned(), |commit| format!("{release} ({commit})"))
    })
}

/// Where the help of a verb lists the options of all verbs, apart from its own.
const GLOBAL: &str = "Options of all verbs";

/// Records what RPM scriptlets ask of a system image, and turns it into firewall and service
/// configuration that persists.
#[derive(Debug, Parser)]
#[command(name = "nodeshim", version = version(), max_term_width = 80)]
struct Cli {
    /// The image root; verbs that change something need it unless they run in a container or chroot
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    root: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, help_heading = GLOBAL)]
    color: style::Color,
    /// Print results and errors, no progress and no remarks
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    quiet: bool,
    /// Also print steps and requests; -vv and -vvv add log messages
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = GLOBAL)]
    verbose: u8,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::RunArgs),
    Arm(arm::ArmArgs),
    Disarm(arm::DisarmArgs),
    Settle(settle::SettleArgs),
    Plan(settle::PlanArgs),
    Apply(apply::ApplyArgs),
    Firewall(firewall::FirewallArgs),
    Check(check::CheckArgs),
    Plugins(list::PluginsArgs),
    List(list::ListArgs),
    Show(list::ShowArgs),
    Ports(open::PortsArgs),
    Units(open::UnitsArgs),
    Log(log::LogArgs),
    Why(log::WhyArgs),
    Report(report::ReportArgs),
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Policy(policy::PolicyArgs),
    Lint(lint::LintArgs),
    Install(install::InstallArgs),
    Preview(preview::PreviewArgs),
    Image(image::ImageArgs),
    Key(key::KeyArgs),
    Remove(remove::RemoveArgs),
    Revert(revert::RevertArgs),
    Repair(repair::RepairArgs),
    Replay(replay::ReplayArgs),
    Serve(serve::ServeArgs),
    Completions(completions::CompletionsArgs),
}

impl Verb {
    /// Whether the verb changes the image whose root it is given; what is for the system that runs, or finds
    /// its image itself, does not.
    fn changes_image(&self) -> bool {
        match self {
            Verb::Run(_) | Verb::Arm(_) | Verb::Disarm(_) | Verb::Settle(_) => true,
            Verb::Remove(_) | Verb::Repair(_) => true,
            Verb::Install(args) => args.changes_image(),
            Verb::Revert(args) => args.changes_image(),
            Verb::Replay(args) => args.changes_image(),
            Verb::Key(args) => args.changes_image(),
            Verb::Plugins(args) => args.changes_image(),
            Verb::Firewall(args) => args.changes_image(),
            Verb::Report(args) => args.changes_image(),
            Verb::Apply(_) | Verb::Serve(_) | Verb::Image(_) => false,
            Verb::Plan(_) | Verb::Check(_) | Verb::Preview(_) | Verb::Policy(_) | Verb::Lint(_) => false,
            Verb::List(_) | Verb::Show(_) | Verb::Ports(_) | Verb::Units(_) => false,
            Verb::Log(_) | Verb::Why(_) | Verb::Diff(_) | Verb::Export(_) | Verb::Completions(_) => false,
        }
    }

    /// Whether the verb is about an image at all.
    fn needs_image(&self) -> bool {
        !matches!(
            self,
            Verb::Lint(_)
                | Verb::Image(_)
                | Verb::Policy(_)
                | Verb::Serve(_)
                | Verb::Diff(_)
                | Verb::Completions(_)
        )
    }

    /// On a booted node: what is known of plugins before a verb that may change that.
    fn changes(&self, root: &Root) -> Option<Changes> {
        match self {
            Verb::Run(_) | Verb::Install(_) | Verb::Remove(_) => Changes::watch(root, true),
            Verb::Settle(_) | Verb::Apply(_) | Verb::Firewall(_) | Verb::Revert(_) | Verb::Replay(_) => {
                Changes::watch(root, false)
            }
            _ => None,
        }
    }
}

/// Reads the command line and carries out its verb.
pub fn main() -> ExitCode {
    let color = style::named(std::env::args_os().skip(1)).unwrap_or_default();
    let cli = match Cli::from_arg_matches(&help::command().color(color.of_clap()).get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    // A file that may not grow is an error like a full disk, not the end in the middle of things. A handler, unlike
    // a signal that is ignored, is not passed on to commands.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    style::choose(cli.color, cli.quiet, cli.verbose > 0);
    log_to_stderr(cli.verbose);
    let as_json = cli.json;
    let ended = execute(cli);
    progress::end();
    let code = match ended {
        Ok(code) => code,
        Err(error) => {
            let line = match as_json {
                true => output::json_error(&error),
                false => format!("{} {error}", style::paint_error(style::Paint::Bad, "nodeshim:")),
            };
            // One readable line. If standard error is closed, there is no way to report that.
            let _ = writeln!(std::io::stderr(), "{line}");
            ExitCode::FAILURE
        }
    };
    interrupted().map_or(code, ExitCode::from)
}

/// What the code logs, from the level that `-v` or NODESHIM_LOG names; the variable says more.
fn log_to_stderr(verbose: u8) {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(match verbose {
        0 | 1 => LevelFilter::Error,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    });
    builder.parse_env("NODESHIM_LOG").init();
}

fn execute(cli: Cli) -> Result<ExitCode> {
    let root = image_root::open(cli.root.clone(), cli.verb.changes_image())?;
    if cli.verb.needs_image() {
        check_is_image(&root)?;
    }
    let changes = cli.verb.changes(&root);
    let code = dispatch(&root, cli);
    if let Some(changes) = changes {
        changes.announce(&root);
    }
    code
}

fn dispatch(root: &Root, cli: Cli) -> Result<ExitCode> {
    match cli.verb {
        Verb::Run(args) => run::run(root, args, cli.json),
        Verb::Arm(args) => arm::arm(root, args, cli.json),
        Verb::Disarm(args) => arm::disarm(root, args, cli.json),
        Verb::Settle(args) => settle::settle(root, args, cli.json),
        Verb::Plan(args) => settle::plan(root, args, cli.json),
        Verb::Apply(args) => apply::apply(root, args, cli.json),
        Verb::Firewall(args) => firewall::firewall(root, args, cli.json),
        Verb::Check(args) => check::check(root, args, cli.json),
        Verb::Plugins(args) => list::plugins(root, args, cli.json),
        Verb::List(args) => list::list(root, args, cli.json),
        Verb::Show(args) => list::show(root, args, cli.json),
        Verb::Ports(args) => open::ports(root, args, cli.json),
        Verb::Units(args) => open::units(root, args, cli.json),
        Verb::Log(args) => log::log(root, args, cli.json),
        Verb::Why(args) => log::why(root, args, cli.json),
        Verb::Install(args) => install::install(root, args, cli.json),
        Verb::Preview(args) => preview::preview(root, args, cli.json),
        Verb::Image(args) => image::image(args, cli.json),
        Verb::Remove(args) => remove::remove(root, args, cli.json),
        Verb::Revert(args) => revert::revert(root, args, cli.json),
        Verb::Key(args) => key::key(root, args, cli.json),
        Verb::Report(args) => report::report(root, args, cli.json),
        Verb::Diff(args) => diff::diff(args, cli.json),
        Verb::Export(args) => export::export(root, args, cli.json),
        Verb::Policy(args) => policy::policy(root, args, cli.json),
        Verb::Lint(args) => lint::lint(root, args, cli.json),
        Verb::Repair(args) => repair::repair(root, args, cli.json),
        Verb::Replay(args) => replay::replay(root, args, cli.json),
        Verb::Serve(args) => serve::serve(root, args, cli.json),
        Verb::Completions(args) => completions::completions(args, help::command()),
    }
}
