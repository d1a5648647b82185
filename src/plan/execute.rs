//! Carrying a plan out.

use std::ffi::OsString;
use std::path::Path;

use nix::errno::Errno;

use super::{Action, Note, Plan, PlannedChange};
use crate::config::Config;
use crate::error::{Result, if_exists};
use crate::request::{self, Call, Env, Stream};
use crate::root::{Kind, Root};

/// Makes the changes in order; the first that fails ends it. A repeated request that fails again
/// is a remark, not an error.
pub fn execute(root: &Root, plan: &Plan) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    for change in &plan.changes {
        match &change.action {
            Action::Write { content, mode } => write(root, &change.path, content, *mode)?,
            Action::Link { target } => {
                make_parent(root, &change.path)?;
                root.replace_with_symlink(target, &change.path)?;
            }
            Action::Remove => {
                if_exists(root.remove(&change.path))?;
            }
            Action::RemoveDirectory => match root.remove_dir(&change.path) {
                // Somebody put something into it.
                Err(error) if error.errno() == Some(Errno::ENOTEMPTY) => {}
                removed => drop(if_exists(removed)?),
            },
            Action::Call { .. } => notes.extend(call(root, change)?),
        }
    }
    Ok(notes)
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
    root.write(path, content.as_bytes(), Some(mode))
}

fn call(root: &Root, change: &PlannedChange) -> Result<Option<Note>> {
    let Action::Call { tool, args } = &change.action else {
        return Ok(None);
    };
    let (config, _) = Config::load(root)?;
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let env = Env::default();
    let reply = request::run(*tool, &Call::new(root, &config, &env, tool.name()), &args);
    Ok((reply.exit != 0).then(|| {
        let said = String::from_utf8_lossy(&reply.output.all(Stream::Stderr)).into_owned();
        let first = said.lines().next().unwrap_or("no reason given");
        let text = format!("{} failed again: {first}", change.why);
        Note::new(None, text, &change.because)
    }))
}
