//! `changes.toml`: what each scriptlet that ran changed, in the order in which they ran.
//!
//! It has the journal's rules: appended to, one write a record, a trailer line after each, a torn
//! tail cut off by the next append.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use super::compare::state::FileState;
use crate::attribution::Origin;
use crate::digest::hex;
use crate::error::{Error, Result, if_exists};
use crate::escape::Escaped;
use crate::journal::{Event, LogFile, Torn, parse_log};
use crate::layout;
use crate::root::{Kind, Root};
use crate::tool::Tool;

/// Where the records are kept.
pub const PATH: &str = layout::CHANGES;

pub(super) const FILE: LogFile = LogFile {
    path: PATH,
    torn_path: layout::CHANGES_TORN,
    before: |_, _| Ok(0),
};

/// One run of a scriptlet, and what changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Counts up from 1 in one image.
    pub id: u64,
    /// When it began; as an event's time.
    pub time: String,
    /// How the changes were found.
    pub how: How,
    /// Whether rpm took it for a failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Made by a process that outlived the scriptlet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// How many changes are left out, because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// The programs that were run, each once; known with [`How::Events`] only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Escaped>,
    /// How often each was run; not recorded.
    #[serde(skip)]
    pub times: BTreeMap<Escaped, usize>,
    /// The journal's events that it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<u64>,
    /// Which scriptlet.
    pub origin: Origin,
    /// For what happened outside of every scriptlet that is known: the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Transaction>,
    /// What changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "change")]
    pub changes: Vec<FileChange>,
}

impl Run {
    /// A record that holds nothing yet.
    pub(super) fn new(time: String, how: How, origin: Origin) -> Run {
        Run {
            id: 0,
            time,
            how,
            failed: false,
            late: false,
            omitted: 0,
            programs: Vec::new(),
            times: BTreeMap::new(),
            requests: Vec::new(),
            origin,
            transaction: None,
            changes: Vec::new(),
        }
    }

    /// An event of the journal about it; `tool` is its kind.
    pub(super) fn event(&self, tool: Tool) -> Event {
        Event::new(self.time.clone(), tool, self.origin.clone())
    }
}

/// A command that a run executed, for changes that are no scriptlet's as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Transaction<T = Escaped> {
    /// Its words; paths below the image root are those in the image.
    pub command: Vec<T>,
    /// Packages that it installed, `name-[epoch:]version-release.arch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<String>,
    /// Packages that it erased, in the same form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
    /// Mount points in the image with file systems that the kernel reports no changes of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwatched: Vec<T>,
}

impl Transaction {
    /// For people.
    pub fn shown(&self) -> Transaction<String> {
        Transaction {
            command: self.command.iter().map(Escaped::shown).collect(),
            installed: self.installed.clone(),
            erased: self.erased.clone(),
            unwatched: self.unwatched.iter().map(Escaped::shown).collect(),
        }
    }
}

/// How changes were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The kernel reported each, with the process.
    Events,
    /// By the times at which files changed: of several scriptlets that changed a file only the last
    /// is known, and what came and went is not seen.
    Times,
}

/// One path before and after a scriptlet. Without either it came and went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange<T = Escaped> {
    /// Absolute in the image.
    pub path: T,
    /// What it was called before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<T>,
    /// The programs that did it, as paths in the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<T>,
    /// The event of the request for which a shim made the change, if nothing else changed the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// What was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Side<T>>,
    /// What was there after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Side<T>>,
}

impl FileChange {
    /// For people.
    pub fn shown(&self) -> FileChange<String> {
        FileChange {
            path: self.path.shown(),
            from: self.from.as_ref().map(Escaped::shown),
            by: self.by.iter().map(Escaped::shown).collect(),
            request: self.request,
            before: self.before.as_ref().map(Side::shown),
            after: self.after.as_ref().map(Side::shown),
        }
    }

    /// Whether something else than a directory was or is there, and did not just come and go.
    pub(super) fn is_of_content(&self) -> bool {
        let sides = [&self.before, &self.after];
        let mut there = sides.into_iter().flatten().peekable();
        there.peek().is_some() && there.all(|side| side.kind != "dir")
    }
}

/// A path at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side<T = Escaped> {
    /// `file`, `dir`, `link`, `device` or `other`.
    pub kind: String,
    /// Permission bits in octal.
    pub mode: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes, of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Digest of the content of a file, lower case hex, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where a link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<T>,
    /// Digest over the extended attributes, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<String>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Side {
    pub(super) fn of(state: &FileState) -> Side {
        let kind = match state.status.kind {
            Kind::File => "file",
            Kind::Dir => "dir",
            Kind::Link => "link",
            Kind::CharDevice => "device",
            Kind::Other => "other",
        };
        Side {
            kind: kind.into(),
            mode: format!("{:04o}", state.status.mode),
            uid: state.status.uid,
            gid: state.status.gid,
            size: (state.status.kind == Kind::File).then_some(state.status.size),
            // The record may be copied and passed on: its digests would let readers guess the contents of short
            // files.
            sha256: state.digest.as_ref().filter(|_| is_open(state)).map(|digest| hex(digest)),
            target: state.target.as_ref().map(Escaped::new),
            attributes: state.attributes.as_ref().map(|digest| hex(digest)),
        }
    }

    /// A path as it is now; none if nothing is there.
    pub fn look(root: &Root, path: &Escaped) -> Option<Side> {
        FileState::look(root, path.raw().as_bytes(), super::DIGEST_LIMIT).map(|state| Side::of(&state))
    }

    fn shown(&self) -> Side<String> {
        let side = self.clone();
        Side {
            kind: side.kind,
            mode: side.mode,
            uid: side.uid,
            gid: side.gid,
            size: side.size,
            sha256: side.sha256,
            target: side.target.as_ref().map(Escaped::shown),
            attributes: side.attributes,
        }
    }
}

/// The letters of `rpm -V` for what differs between two states of a path, in its order: `S` size,
/// `M` mode or kind, `5` digest, `L` link target, `U` owner, `G` group, `P` extended attributes
/// (capabilities are among them); `.` where nothing differs, `?` where it is not known.
pub fn letters<T: PartialEq>(a: &Side<T>, b: &Side<T>) -> String {
    let digest = match (&a.sha256, &b.sha256) {
        (Some(a), Some(b)) if a == b => '.',
        (Some(_), Some(_)) => '5',
        (None, None) if a.kind != "file" && b.kind != "file" => '.',
        _ if a.kind != b.kind => '.',
        _ => '?',
    };
    let mark = |differs: bool, letter: char| if differs { letter } else { '.' };
    [
        mark(a.size.is_some() && b.size.is_some() && a.size != b.size, 'S'),
        mark(a.mode != b.mode || a.kind != b.kind, 'M'),
        digest,
        mark(a.target != b.target, 'L'),
        mark(a.uid != b.uid, 'U'),
        mark(a.gid != b.gid, 'G'),
        mark(a.attributes != b.attributes, 'P'),
    ]
    .into_iter()
    .collect()
}

/// Whether everybody may read what a file holds.
fn is_open(state: &FileState) -> bool {
    const OTHERS_READ: u32 = 0o004;
    state.status.mode & OTHERS_READ != 0
}

pub(super) fn text(path: &[u8]) -> Escaped {
    Escaped::new(OsStr::from_bytes(path))
}

/// All records of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// In the order in which they were written.
    pub runs: Vec<Run>,
    /// A torn tail, which the next append will cut.
    pub torn: Option<Torn>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, rename = "scriptlet")]
    runs: Vec<Run>,
}

#[derive(Serialize)]
pub(super) struct One<'r> {
    pub scriptlet: [&'r Run; 1],
}

impl Audit {
    /// Reads an image's records; an image without any is not an error.
    ///
    /// # Errors
    /// A damaged file, and one of a newer format. A torn tail is no error: it is returned.
    pub fn read(root: &Root) -> Result<Audit> {
        let bytes = if_exists(root.read(PATH)).map_err(Error::of_own_file)?.unwrap_or_default();
        let mut runs = Vec::new();
        let torn = parse_log(&bytes, PATH, |document: Document| runs.extend(document.runs))?;
        Ok(Audit { runs, torn })
    }
}
