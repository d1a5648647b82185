//! Settling a node that was booted: what its administrator changed since stays so while plugins
//! ask for the same as before.

use std::borrow::Cow;

use crate::backend::firewalld::keep_closed;
use crate::backend::iptables;
use crate::boot::{self, Applied, FileChange};
use crate::error::Result;
use crate::intent::Intent;
use crate::plan::Content;
use crate::root::{Kind, Root};
use crate::state::State;

use super::Prepared;

/// A plan's changes, judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The changes, and which of them are left out.
    pub files: Vec<FileChange>,
    /// Openings of firewalld's zones that were closed on the node and stay so.
    pub closed: Vec<String>,
}

/// Judges what settling would change. `applied` is what was applied on the node.
pub(crate) fn judge(root: &Root, prepared: &Prepared, applied: &Applied) -> Result<Judged> {
    let before = &prepared.before;
    let settled = *released(before, applied) == prepared.fold.settled();
    let mut changes = prepared.plan.changes.clone();
    let mut closed = keep_closed(root, &before.placed, &mut changes)?;
    closed.extend(iptables::keep_closed(root, &applied.rules, &mut changes)?);
    let actual = |path: &str| digest_at(root, path);
    Ok(Judged {
        files: boot::files(&changes, applied, settled, &actual),
        closed,
    })
}

/// The state that settling left, with what the node has done since: where `/usr` cannot be written
/// it says nothing of that.
fn released<'s>(before: &'s State, applied: &Applied) -> Cow<'s, State> {
    let mut state = Cow::Borrowed(before);
    if !applied.released.is_empty() {
        let is_done = |plugin: &str, intent: &Intent| {
            applied.released.iter().any(|of| of.plugin == plugin && of.intent == *intent)
        };
        boot::release(state.to_mut(), &is_done);
    }
    state
}

fn digest_at(root: &Root, path: &str) -> String {
    let content = match root.meta(path).map(|meta| meta.kind) {
        Ok(Kind::Link) => root.read_link(path).ok().map(|target| Content::Link {
            target: target.to_string_lossy().into_owned(),
        }),
        Ok(Kind::File) => root.read(path).ok().map(|bytes| Content::File {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            mode: 0,
        }),
        _ => None,
    };
    boot::digest_of(&content.unwrap_or(Content::Nothing))
}

/// Leaves out of a plan what was changed on the node; an image that was never a node's keeps
/// nothing back. Requests to be repeated stay in it.
pub(super) fn leave_out(root: &Root, prepared: &mut Prepared) -> Result<()> {
    let applied = Applied::load(root)?;
    if applied == Applied::default() {
        return Ok(());
    }
    let judged = judge(root, prepared, &applied)?;
    let plan = &mut prepared.plan;
    for closed in &judged.closed {
        plan.note(None, format!("{closed}: closed on this node, stays closed"), &[]);
    }
    let calls = plan.changes.iter().filter(|change| change.action.is_request());
    let mut changes: Vec<_> = calls.cloned().collect();
    for file in judged.files {
        if file.kept {
            plan.note(
                None,
                format!("{}: changed on this node, stays so", file.change.path),
                &file.change.because,
            );
        } else {
            changes.push(file.change);
        }
    }
    plan.changes = changes;
    Ok(())
}
