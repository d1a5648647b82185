//! What the image's own firewalld would refuse. A firewalld that refuses one file falls back to its
//! stock configuration (`core/fw.py` start), in which no plugin's port is open; 0.9 leaves the file out.

use std::collections::BTreeMap;

use crate::audit::Audit;
use crate::error::Result;
use crate::escape::Escaped;
use crate::firewall::firewalld::whole::{FileFault, refusals};
use crate::firewall::firewalld::{Grammar, Tree, Whole};
use crate::journal::Journal;
use crate::plan::{Note, NoteKind, PlannedChange};
use crate::root::Root;
use crate::rpmdb::owners_of;
use crate::tool::Tool;

/// A file that firewalld would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// The file.
    pub path: String,
    /// What firewalld, by its version, says of it.
    pub text: String,
    /// The package that made or ships it, as far as is known.
    pub plugin: Option<String>,
    /// The requests that wrote it.
    pub events: Vec<u64>,
}

impl RefusedFile {
    /// What firewalld says, and whose file it is.
    pub fn words(&self) -> String {
        match &self.plugin {
            Some(plugin) => format!("{}; it is of {plugin}", self.text),
            None => self.text.clone(),
        }
    }

    /// As a remark.
    pub fn note(&self) -> Note {
        let text = format!("{}: {}", self.path, self.text);
        Note {
            kind: NoteKind::Refused,
            ..Note::new(self.plugin.as_deref(), text, &self.events)
        }
    }
}

/// Holds the image's whole firewalld configuration, as it is now, to the checks of its firewalld.
/// Nothing is found where firewalld is not installed.
///
/// # Errors
/// Records, or an rpm database, that cannot be read.
pub fn refused(root: &Root, journal: &Journal) -> Result<Vec<RefusedFile>> {
    let tree = Tree::of(root);
    if !tree.has_firewalld() {
        return Ok(Vec::new());
    }
    let grammar = Grammar::of(root);
    let found = refusals(Whole::of(&tree, &grammar));
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let makers = Makers::of(root, journal, &found)?;
    let of_one = |FileFault { path, fault }: FileFault| {
        let path = path.to_string_lossy().into_owned();
        let (plugin, events) = makers.of_path(&path);
        RefusedFile {
            text: format!("firewalld {} refuses it: {fault}", grammar.generation()),
            path,
            plugin,
            events,
        }
    };
    Ok(found.into_iter().map(of_one).collect())
}

/// The same as remarks on a plan: a file that is to be written or removed says nothing yet.
pub(super) fn notes(root: &Root, journal: &Journal, changes: &[PlannedChange]) -> Result<Vec<Note>> {
    let is_left = |one: &RefusedFile| !changes.iter().any(|change| change.path == one.path);
    Ok(refused(root, journal)?.iter().filter(|one| is_left(one)).map(RefusedFile::note).collect())
}

/// Who made files: the last request that wrote one, else the last scriptlet, else the package that
/// ships it.
struct Makers {
    by_request: BTreeMap<String, (String, u64)>,
    by_scriptlet: BTreeMap<String, String>,
    shipped: BTreeMap<String, String>,
}

impl Makers {
    fn of(root: &Root, journal: &Journal, found: &[FileFault]) -> Result<Makers> {
        let paths: Vec<String> = found.iter().map(|one| one.path.to_string_lossy().into_owned()).collect();
        let is_one = |path: &String| paths.contains(path);
        let (mut by_request, mut by_scriptlet) = (BTreeMap::new(), BTreeMap::new());
        for event in journal.events.iter().filter(|event| event.tool != Tool::Nodeshim) {
            let written = event.changes.iter().map(|change| plain(&change.path)).filter(is_one);
            by_request.extend(written.map(|path| (path, (event.origin.name().into_owned(), event.id))));
        }
        for run in &Audit::read(root)?.runs {
            if let Some(name) = run.origin.package() {
                let written = run.changes.iter().map(|change| plain(&change.path)).filter(is_one);
                by_scriptlet.extend(written.map(|path| (path, name.to_owned())));
            }
        }
        Ok(Makers {
            by_request,
            by_scriptlet,
            shipped: owners_of(root, &paths)?.into_iter().collect(),
        })
    }

    fn of_path(&self, path: &str) -> (Option<String>, Vec<u64>) {
        if let Some((name, event)) = self.by_request.get(path) {
            return (Some(name.clone()), vec![*event]);
        }
        let maker = self.by_scriptlet.get(path).or_else(|| self.shipped.get(path));
        (maker.cloned(), Vec::new())
    }
}

/// A recorded path as it is.
fn plain(path: &Escaped) -> String {
    path.raw().to_string_lossy().into_owned()
}
