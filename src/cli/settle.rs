//! `nodeshim settle` and `nodeshim plan`.

use std::process::ExitCode;

use clap::Args;
use nodeshim::error::Result;
use nodeshim::intercept::ImageLock;
use nodeshim::plan::{Plan, render};
use nodeshim::root::Root;
use nodeshim::run::repair;
use nodeshim::settle::{self, Facts, SettleOptions, SettleResult};
use serde::Serialize;

use super::output::{count, json, print, tell, width};
use super::style::lines;

/// Make the image match what the installed plugins asked for; idempotent
///
/// Exit 1 if a plugin relies on something of the firewall that is not set up, or if the image's
/// firewalld would refuse a file.
#[derive(Debug, Args)]
pub struct SettleArgs {}

/// Show what settling would change
///
/// Exit 1 as settle, for what settling would not mend.
#[derive(Debug, Args)]
pub struct PlanArgs {}

/// What `settle --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Settled<'a> {
    plan: &'a Plan,
    plugins: usize,
    gone: &'a [String],
    state_written: bool,
}

/// Settles.
pub fn settle(root: &Root, _args: SettleArgs, as_json: bool) -> Result<ExitCode> {
    let facts = Facts::load(root)?;
    let report = settle_with(root, &facts, &SettleOptions::default())?;
    if as_json {
        json(&Settled {
            plan: &report.plan,
            plugins: report.plugins,
            gone: &report.gone,
            state_written: report.state_written,
        })?;
    } else {
        tell(&text(&report))?;
    }
    Ok(exit_code(&report.plan))
}

/// Settles the image, once no other nodeshim works on it.
pub fn settle_with(root: &Root, facts: &Facts, options: &SettleOptions) -> Result<SettleResult> {
    if !settle::is_due(root)? {
        return Ok(SettleResult::default());
    }
    let hold = ImageLock::take(root, |_| false)?;
    if hold.holder_died() {
        repair(root, &hold)?;
    }
    settle::settle(root, facts, options)
}

fn text(report: &SettleResult) -> String {
    let mut text = render(&report.plan, width());
    if !report.gone.is_empty() {
        text.push_str(&format!("gone: {}\n", report.gone.join(", ")));
    }
    let changes = count(report.plan.changes.len(), "change");
    text.push_str(&format!("{changes} for {}\n", count(report.plugins, "plugin")));
    text
}

/// Plans.
pub fn plan(root: &Root, _args: PlanArgs, as_json: bool) -> Result<ExitCode> {
    let plan = settle::plan(root, &Facts::load(root)?)?;
    if as_json {
        json(&plan)?;
    } else {
        let changes = count(plan.changes.len(), "change");
        print(&lines(&format!("{}{changes}\n", render(&plan, width()))))?;
    }
    Ok(exit_code(&plan))
}

/// 1 where a plugin relies on something that is not set up, or firewalld would refuse a file.
fn exit_code(plan: &Plan) -> ExitCode {
    ExitCode::from(u8::from(plan.has_faults()))
}
