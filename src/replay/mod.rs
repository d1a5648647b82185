//! Replaying: what plugins asked for in one image is imported into the next one. Events are
//! appended to the new image's journal with their origins and the name of the image that they come
//! from; settling then carries out what is in effect. Repeating it adds nothing.
//!
//! What the administrator reverted in the old image stays reverted. If a package of the new image makes
//! requests itself, these count; requests of a package that is not installed yet wait for it.

mod archive;
mod carry;
mod closed;
mod report;
mod reverted;
mod source;
mod target;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::attribution::SCRIPTS;
use crate::digest::digest;
use crate::error::{Result, if_exists};
use crate::journal::{Appender, Event, Journal};
use crate::plan::{self, Note};
use crate::root::Root;
use crate::settle::{Facts, SettleOptions, settle};
use crate::unrecorded;

pub use archive::{Unpacked, save};
pub use carry::Old;
pub(crate) use carry::carry;
pub(crate) use report::judge;
pub use report::{Fate, Item, TargetImage};
pub use reverted::PATH as UNDONE_PATH;
pub use source::OldImage;

/// How often an image is settled at most: one settling may write what the next one reads, such as the
/// definition of a firewalld service before a zone opens it. Nothing that settling reads depends on more
/// than one such step, so the third time only confirms that nothing is left.
const ROUNDS: usize = 3;

/// The result of a replay.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replay {
    /// What the old image is called.
    pub image: String,
    /// Every intent that was in effect in it, with its outcome.
    pub items: Vec<Item>,
    /// How many events were added to the journal.
    pub added: usize,
    /// How many changes settling made.
    pub changes: usize,
    /// What could not be expressed or done.
    pub notes: Vec<Note>,
    /// Files of what was settled that the node's persistent configuration covers.
    pub covered: Vec<String>,
}

impl Replay {
    /// Whether everything that stood in the old image applies to the new one.
    pub fn applies(&self) -> bool {
        self.items.iter().all(|item| item.fate.applies())
    }
}

/// Imports what is in effect in `old`. With `dry_run` it only returns what would become of it. The
/// caller has locked the new image.
///
/// # Errors
/// If records of one of the images or its rpm database cannot be read, or the journal cannot be written.
pub fn replay(old: &Root, root: &Root, dry_run: bool) -> Result<Replay> {
    let old = OldImage::load(old)?;
    let facts = Facts::load(root)?;
    let journal = Journal::read(root)?;
    let (known, undone) = target::look(&old, root, &facts, &journal)?;
    let items = judge(&old.side(), &known);
    let mut done = Replay {
        image: old.image.clone(),
        items,
        ..Replay::default()
    };
    if dry_run {
        return Ok(done);
    }
    // Where a node's `/etc` was laid over the image, it is the old one's.
    unrecorded::accept(root)?;
    let rules = known.undone.keys().filter_map(|(plugin, intent)| reverted::rule(plugin, intent));
    reverted::save(&old.root, root, rules)?;
    done.added = append(&old, root, &known.asked_here)?;
    for _ in 0..ROUNDS {
        let report = settle(root, &facts, &SettleOptions::default())?;
        done.changes += report.plan.changes.len();
        done.notes = report.plan.notes;
        if report.plan.changes.is_empty() {
            break;
        }
    }
    done.changes += undone.changes.len();
    done.notes.extend(plan::failures(&plan::execute(root, &undone)?));
    unrecorded::accept(root)?;
    done.covered = target::covered(root, &facts)?;
    Ok(done)
}

/// Appends what is not there yet, the scripts first.
fn append(old: &OldImage, root: &Root, left_out: &BTreeSet<String>) -> Result<usize> {
    let mut appender = Appender::open(root)?;
    let mut events = carry(&old.side(), &Journal::read(root)?.events, left_out);
    for event in &mut events {
        copy_script(&old.root, root, event)?;
        appender.append(event)?;
    }
    Ok(events.len())
}

/// Copies the body of an event's script, if the old image has what the event names.
fn copy_script(old: &Root, root: &Root, event: &Event) -> Result<()> {
    let is_digest = |text: &&String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(script) = event.origin.script.as_ref().filter(is_digest) else {
        return Ok(());
    };
    let path = Path::new(SCRIPTS).join(script);
    if root.exists(&path) {
        return Ok(());
    }
    let Some(body) = if_exists(old.read(&path))?.filter(|body| digest(body) == *script) else {
        return Ok(());
    };
    root.keep_once(SCRIPTS, script, &body, 0o644)
}
