//! Plans: ordered changes that make an image match its state, each with the events that justify
//! it. Planning only reads; [`execute`] writes, and executing twice changes nothing more.

mod contribution;
mod difference;
mod execute;
mod render;
pub mod words;

use serde::{Serialize, Serializer};

use crate::intent::{Intent, Scope};
use crate::tool::Tool;

pub use contribution::{Contribution, Memory};
pub use difference::{Content, DesiredFile, difference};
pub use execute::{Executed, Outcome, execute, failures};
pub use render::{Width, events, render, wrapped};

/// What is to be changed, and what an administrator should know about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In the order in which they are to be made.
    pub changes: Vec<PlannedChange>,
    /// What could not be expressed or done, in the order in which it came up.
    pub notes: Vec<Note>,
}

impl Plan {
    /// Whether the image is as it should be.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether the image lacks something that a plugin needs, which the plan cannot change.
    pub fn has_faults(&self) -> bool {
        self.notes.iter().any(Note::is_fault)
    }

    /// Adds a remark.
    pub fn note(&mut self, plugin: Option<&str>, text: impl Into<String>, because: &[u64]) {
        self.notes.push(Note::new(plugin, text, because));
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedChange {
    /// The path in the image.
    pub path: String,
    /// What is done to it.
    #[serde(flatten)]
    pub action: Action,
    /// The events that justify it; `events` in JSON, as everywhere.
    #[serde(rename = "events")]
    pub because: Vec<u64>,
    /// In words.
    pub why: String,
}

fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// The file gets this content; directories above it are made.
    Write {
        /// The whole content.
        content: String,
        /// Permission bits; in JSON octal digits, as everywhere.
        #[serde(serialize_with = "octal")]
        mode: u32,
    },
    /// The path becomes a symbolic link.
    Link {
        /// Where it points.
        target: String,
    },
    /// The file or link is removed.
    Remove,
    /// The directory is removed if nothing is in it.
    RemoveDirectory,
    /// A unit's file state is changed, as systemctl changes it.
    Unit {
        /// How.
        verb: UnitVerb,
        /// The unit, with its suffix.
        unit: String,
        /// Whose manager.
        #[serde(skip_serializing_if = "Scope::is_system")]
        scope: Scope,
    },
    /// An intent is brought about as the tool does that it is asked of.
    Intent {
        /// The intent.
        intent: Intent,
    },
    /// A recorded request is made again, since its intents do not say all of it.
    Call {
        /// The tool.
        tool: Tool,
        /// The words after its name.
        args: Vec<String>,
    },
}

impl Action {
    /// Whether it is more than a change of one path, which a difference of files would find.
    pub(crate) fn is_request(&self) -> bool {
        matches!(self, Action::Unit { .. } | Action::Intent { .. } | Action::Call { .. })
    }
}

/// What is done to a unit's file; systemctl's verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitVerb {
    /// `enable`
    Enable,
    /// `disable`
    Disable,
    /// `mask`
    Mask,
    /// `unmask`
    Unmask,
    /// `preset`
    Preset,
}

impl UnitVerb {
    /// systemctl's word for it.
    pub fn word(self) -> &'static str {
        match self {
            UnitVerb::Enable => "enable",
            UnitVerb::Disable => "disable",
            UnitVerb::Mask => "mask",
            UnitVerb::Unmask => "unmask",
            UnitVerb::Preset => "preset",
        }
    }
}

/// What a remark means for the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Something to know.
    #[default]
    Remark,
    /// A plugin relies on something that is not set up.
    Unmet,
    /// The image's firewalld would refuse a file.
    Refused,
}

/// A remark on a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The plugin that it concerns.
    pub plugin: Option<String>,
    /// The remark, without a final full stop.
    pub text: String,
    /// The events that it concerns; `events` in JSON, as everywhere.
    #[serde(rename = "events")]
    pub because: Vec<u64>,
    /// What it means.
    pub kind: NoteKind,
}

impl Note {
    /// A remark.
    pub fn new(plugin: Option<&str>, text: impl Into<String>, because: &[u64]) -> Note {
        Note {
            plugin: plugin.map(str::to_owned),
            text: text.into(),
            because: because.to_vec(),
            kind: NoteKind::Remark,
        }
    }

    /// Says that a plugin relies on something that is not set up.
    pub fn unmet(plugin: &str, text: impl Into<String>, because: &[u64]) -> Note {
        Note {
            kind: NoteKind::Unmet,
            ..Note::new(Some(plugin), text, because)
        }
    }

    /// Whether the image is not as somebody relies on it to be.
    pub fn is_fault(&self) -> bool {
        self.kind != NoteKind::Remark
    }
}
