//! Plans: ordered changes that make an image match its state, each with the events that justify
//! it. Planning only reads; [`execute`] writes, and executing twice changes nothing more.

mod difference;
mod execute;
mod render;
pub mod words;

use serde::Serialize;

use crate::tool::Tool;

pub use difference::{Content, DesiredFile, difference};
pub use execute::execute;
pub use render::{events, render, wrapped};

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
    /// The events that justify it.
    pub because: Vec<u64>,
    /// In words.
    pub why: String,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// The file gets this content; directories above it are made.
    Write {
        /// The whole content.
        content: String,
        /// Permission bits.
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
    /// A request that failed when it was made is carried out again, or one that no longer counts
    /// is undone by its opposite.
    Call {
        /// The tool.
        tool: Tool,
        /// The words after its name.
        args: Vec<String>,
    },
}

/// A remark on a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The plugin that it concerns.
    pub plugin: Option<String>,
    /// The remark, without a final full stop.
    pub text: String,
    /// The events that it concerns.
    pub because: Vec<u64>,
}

impl Note {
    /// A remark.
    pub fn new(plugin: Option<&str>, text: impl Into<String>, because: &[u64]) -> Note {
        Note {
            plugin: plugin.map(str::to_owned),
            text: text.into(),
            because: because.to_vec(),
        }
    }
}
