//! `origins.toml`: origins that were found after the events were written, by the digests of the
//! scripts that the events name. The journal itself is never changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FoundBy, Origin};
use crate::error::{Error, Result};
use crate::layout;
use crate::root::Root;

/// Where they are kept.
pub const PATH: &str = layout::ORIGINS;
const FORMAT: u64 = 1;

/// Origins by event id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<u64, Learned>);

/// What was found out about one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Learned {
    /// The package, as rpm prints it.
    pub nevra: String,
    /// The scriptlet, unless the package has several of this body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scriptlet: Option<String>,
    /// The process outside of the image saw it run: this counts more than what the request says of
    /// itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watched: bool,
    /// Whom the request says it is of, if that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<String>,
    /// When it was made, if it says something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u64,
    #[serde(default)]
    found: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    event: u64,
    #[serde(flatten)]
    found: Learned,
}

impl Origins {
    /// Reads what was found so far.
    ///
    /// # Errors
    /// A damaged file, and one of a newer format.
    pub fn load(root: &Root) -> Result<Origins> {
        let Some(text) = root.read_own(PATH)? else {
            return Ok(Origins::default());
        };
        let document: Document =
            toml::from_str(&text).map_err(|error| Error::damaged(PATH, error.message()))?;
        if document.format > FORMAT {
            return Err(Error::NewerFormat {
                path: PATH.into(),
                found: document.format,
                supported: FORMAT,
            });
        }
        Ok(Origins(document.found.into_iter().map(|row| (row.event, row.found)).collect()))
    }

    /// Writes them, unless there are none.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, root: &Root) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let found = self.0.iter().map(|(event, found)| Row {
            event: *event,
            found: found.clone(),
        });
        let document = Document {
            format: FORMAT,
            found: found.collect(),
        };
        let text = toml::to_string(&document).map_err(|error| Error::malformed(PATH, error.to_string()))?;
        root.write_synced(PATH, text.as_bytes(), None)
    }

    /// Notes what was found out about an event.
    pub(crate) fn learn(&mut self, event: u64, found: Learned) {
        self.0.insert(event, found);
    }

    /// Completes the origin of an event that was not known when the event was written, or was not what
    /// it said; returns what was found out.
    pub fn complete(&self, event: u64, origin: &mut Origin) -> Option<&Learned> {
        let found = self.0.get(&event)?;
        if origin.found_by != FoundBy::Unknown && !found.watched {
            return None;
        }
        origin.found_by = if found.watched {
            FoundBy::RpmPlugin
        } else {
            FoundBy::Digest
        };
        origin.nevra = Some(found.nevra.clone());
        origin.scriptlet.clone_from(&found.scriptlet);
        Some(found)
    }
}
