//! Executing a plan.

use std::path::Path;

use nix::errno::Errno;

use super::{Action, Note, Plan, PlannedChange};
use crate::config::Config;
use crate::error::{Result, if_exists};
use crate::request::{Command, Stream};
use crate::root::{Kind, Root};

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was made.
    Done,
    /// Nothing had to be done.
    AlreadySo,
    /// The tool that it was asked of refused it: its first line on standard error.
    Failed(String),
}

/// A change that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed<'p> {
    /// The change.
    pub change: &'p PlannedChange,
    /// How it ended.
    pub outcome: Outcome,
}

impl Executed<'_> {
    /// Whether it was refused.
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

/// Makes the changes in order, and says of each how it ended.
///
/// # Errors
/// A file or link that cannot be written or removed ends it. What a tool refuses is an outcome.
pub fn execute<'p>(root: &Root, plan: &'p Plan) -> Result<Vec<Executed<'p>>> {
    let (config, _) = Config::load(root)?;
    let each = plan.changes.iter().map(|change| {
        let outcome = one(root, &config, change)?;
        Ok(Executed { change, outcome })
    });
    each.collect()
}

/// A remark on each change that was refused.
pub fn failures(executed: &[Executed]) -> Vec<Note> {
    let failed = executed.iter().filter_map(|one| match &one.outcome {
        Outcome::Failed(reason) => Some((one.change, reason)),
        Outcome::Done | Outcome::AlreadySo => None,
    });
    failed
        .map(|(change, reason)| {
            let text = format!("failed: {}: {reason}", change.why);
            Note::new(None, text, &change.because)
        })
        .collect()
}

fn one(root: &Root, config: &Config, change: &PlannedChange) -> Result<Outcome> {
    let path = change.path.as_str();
    let command = match &change.action {
        Action::Write { content, mode } => return write(root, path, content, *mode).map(|()| Outcome::Done),
        Action::Link { target } => {
            make_parent(root, path)?;
            root.replace_with_symlink(target, path)?;
            return Ok(Outcome::Done);
        }
        Action::Remove => return Ok(removed(if_exists(root.remove(path))?)),
        Action::RemoveDirectory => {
            return match root.remove_dir(path) {
                // Somebody put something into it.
                Err(error) if error.errno() == Some(Errno::ENOTEMPTY) => Ok(Outcome::AlreadySo),
                result => Ok(removed(if_exists(result)?)),
            };
        }
        Action::Unit { verb, unit, scope } => Some(Command::unit(verb.word(), unit, *scope)),
        Action::Intent { intent } => Command::for_intent(intent),
        Action::Call { tool, args } => Some(Command {
            tool: *tool,
            args: args.clone(),
        }),
    };
    Ok(match command {
        Some(command) => ask(root, config, &command),
        None => Outcome::Failed("no tool has a command for it".into()),
    })
}

fn removed(was_there: Option<()>) -> Outcome {
    match was_there {
        Some(()) => Outcome::Done,
        None => Outcome::AlreadySo,
    }
}

fn make_parent(root: &Root, path: &str) -> Result<()> {
    let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
    root.create_dirs(parent, 0o755)
}

fn write(root: &Root, path: &str, content: &str, mode: u32) -> Result<()> {
    make_parent(root, path)?;
    if if_exists(root.meta(path))?.is_some_and(|there| there.kind == Kind::Link) {
        root.remove(path)?;
    }
    root.write_synced(path, content.as_bytes(), Some(mode))
}

fn ask(root: &Root, config: &Config, command: &Command) -> Outcome {
    let reply = command.execute(root, config);
    if reply.exit != 0 {
        let said = String::from_utf8_lossy(&reply.output.all(Stream::Stderr)).into_owned();
        return Outcome::Failed(said.lines().next().unwrap_or("no reason given").to_owned());
    }
    match reply.intents.iter().any(|recorded| recorded.changed) {
        true => Outcome::Done,
        false => Outcome::AlreadySo,
    }
}
