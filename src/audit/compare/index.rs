//! What is known of every file in the image: each is read once, and again when a change of it is
//! reported.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::filesystems::Filesystems;
use super::state::FileState;
use crate::audit::kernel::dirs::Dirs;
use crate::audit::{CLOSE_LIMIT, is_looked_at, is_looked_at_closely, is_taken_apart, join};
use crate::root::{Kind, Root};
use crate::rpmdb::DATABASES;

/// How much of a file is read without a special reason.
fn limit(path: &[u8]) -> u64 {
    if is_looked_at_closely(path) || is_taken_apart(path) {
        CLOSE_LIMIT
    } else {
        0
    }
}

/// The files of an image, by absolute path.
#[derive(Debug, Default)]
pub(in crate::audit) struct FileIndex {
    files: BTreeMap<Vec<u8>, FileState>,
    /// The names of files that have several, by device and inode.
    names: HashMap<(u64, u64), BTreeSet<Vec<u8>>>,
}

impl FileIndex {
    /// Looks at everything in the image's parts. `dirs` learns the directories.
    pub(crate) fn scan(root: &Root, parts: &Filesystems, dirs: Option<&mut Dirs>) -> FileIndex {
        let mut known = FileIndex::default();
        known.scan_below(root, b"/", parts, dirs);
        known
    }

    /// Looks at everything below `top`, without crossing to what is no part of the image. What cannot
    /// be read is passed over: it may be gone by now.
    fn scan_below(&mut self, root: &Root, top: &[u8], parts: &Filesystems, mut dirs: Option<&mut Dirs>) {
        let mut todo = vec![top.to_vec()];
        while let Some(directory) = todo.pop() {
            let Ok(mut listing) = root.listing(OsStr::from_bytes(&directory)) else {
                continue;
            };
            if let Some(dirs) = dirs.as_mut() {
                dirs.learn(&listing, &directory);
            }
            for name in listing.names().unwrap_or_default() {
                let path = join(&directory, name.as_bytes());
                if !is_looked_at(&path) {
                    if let Some(dirs) = dirs.as_mut().filter(|_| is_database(&path) || is_own(&path)) {
                        // Who writes the one is an rpm, who writes the other a shim, or tampers.
                        root.listing(OsStr::from_bytes(&path)).iter().for_each(|it| dirs.learn(it, &path));
                    }
                    continue;
                }
                let Some(state) = FileState::of(root, &listing, &path, &name, limit(&path)) else {
                    continue;
                };
                if state.status.kind == Kind::Dir && parts.has(state.status.device) {
                    todo.push(path.clone());
                }
                self.set(path, Some(state));
            }
        }
    }

    /// What is known of a path.
    pub(crate) fn get(&self, path: &[u8]) -> Option<&FileState> {
        self.files.get(path)
    }

    /// All paths, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.files.keys()
    }

    /// Notes how a path is now; returns how it was.
    pub(crate) fn set(&mut self, path: Vec<u8>, state: Option<FileState>) -> Option<FileState> {
        if let Some(state) = state.as_ref().filter(|state| has_several_names(state)) {
            let key = (state.status.device, state.status.inode);
            self.names.entry(key).or_default().insert(path.clone());
        }
        match state {
            Some(state) => self.files.insert(path, state),
            None => self.files.remove(&path),
        }
    }

    /// Looks at a path again, as closely as the first time.
    pub(crate) fn refresh(&mut self, root: &Root, path: &[u8]) {
        let now = FileState::look(root, path, limit(path));
        self.set(path.to_vec(), now);
    }

    /// The further names of the file at `path`.
    pub(crate) fn other_names(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let names = self
            .files
            .get(path)
            .filter(|state| has_several_names(state))
            .and_then(|state| self.names.get(&(state.status.device, state.status.inode)));
        names.into_iter().flatten().filter(|name| *name != path).cloned().collect()
    }

    /// A directory was renamed: what is known of its content is known under the new name.
    pub(crate) fn renamed(&mut self, from: &[u8], to: &[u8]) {
        let prefix = join(from, b"");
        let below: Vec<Vec<u8>> = self
            .files
            .range(prefix.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        for path in below {
            let moved = join(to, &path[prefix.len()..]);
            let state = self.files.remove(&path);
            self.set(moved, state);
        }
    }
}

fn is_database(path: &[u8]) -> bool {
    DATABASES.iter().any(|database| path == database.as_bytes())
}

fn is_own(path: &[u8]) -> bool {
    path == crate::journal::DIRECTORY.as_bytes()
}

fn has_several_names(state: &FileState) -> bool {
    state.status.kind == Kind::File && state.status.has_other_names
}
