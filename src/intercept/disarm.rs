//! Taking the shims out of an image root, from any state that a crash or a package left it in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[cfg(feature = "admin")]
use nix::errno::Errno;

use super::armed::below;
use super::identity::{Identity, Standing, fingerprint};
use super::{ARMED_PATH, Armed, Diverted, REAL_DIRECTORY, SHIM_PATH, SUSPECT_DIRECTORY};
use crate::error::{Error, Result, if_exists};
use crate::journal::DIRECTORY;
#[cfg(feature = "admin")]
use crate::root::made_changeable;
use crate::root::{Kind, Root};

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disarmed {
    /// Paths whose original is back, or where nothing is again.
    pub restored: Vec<PathBuf>,
    /// Paths that were left as the transaction made them.
    pub kept: Vec<PathBuf>,
    /// What was not as it had been recorded, in words.
    pub problems: Vec<String>,
    /// Paths whose original came while the image was armed.
    pub newer: Vec<PathBuf>,
}

/// Restores every diverted path, and finishes what was interrupted. `None` if there is nothing to be
/// done: the image is not armed. `known` is what the process that armed the image remembers; it
/// counts more than the list in the image, which packages could change.
///
/// # Errors
/// If a path cannot be restored, or a newer nodeshim has armed the image.
pub fn disarm(root: &Root, known: Option<&Armed>) -> Result<Option<Disarmed>> {
    let mut done = Disarmed::default();
    let listed = match Armed::load(root) {
        Err(error @ (Error::Malformed { .. } | Error::Io { .. })) => {
            done.problems.push(error.to_string());
            None
        }
        listed => listed?,
    };
    let armed = match known.or(listed.as_ref()) {
        Some(armed) => armed.clone(),
        None => match Armed::without_list(root)? {
            Some(armed) => armed,
            None if done.problems.is_empty() => return Ok(None),
            None => Armed::new(None, Vec::new(), Vec::new()),
        },
    };
    match take_out(root, &armed, listed.as_ref(), &mut done) {
        #[cfg(feature = "admin")]
        Err(error) if error.errno() == Some(Errno::EPERM) => {
            // What is done already stays as it is.
            let locked = make_changeable(root, &armed)?;
            let Some(first) = locked.first() else {
                return Err(error);
            };
            done.problems.push(made_changeable(first));
            take_out(root, &armed, listed.as_ref(), &mut done)?;
        }
        taken => taken?,
    }
    Ok(Some(done))
}

/// Lets everything be changed that taking the shims out changes; returns what could not be.
#[cfg(feature = "admin")]
fn make_changeable(root: &Root, armed: &Armed) -> Result<Vec<PathBuf>> {
    let mut paths: BTreeSet<PathBuf> = [DIRECTORY, SHIM_PATH, ARMED_PATH].map(PathBuf::from).into();
    for tool in &armed.tools {
        paths.extend([tool.path.clone(), tool.incoming()]);
        paths.extend(tool.path.parent().map(Path::to_owned));
        let real = tool.real();
        paths.extend(real.ancestors().take_while(|above| *above != Path::new(DIRECTORY)).map(Path::to_owned));
    }
    root.make_all_changeable(paths)
}

fn take_out(root: &Root, armed: &Armed, listed: Option<&Armed>, done: &mut Disarmed) -> Result<()> {
    let identity = Identity::of_shim(root, armed.shim.as_deref())?;
    let is_spoilt = armed.shim.is_some() && !identity.is_whole();
    let scene = Scene {
        root,
        names: shared_names(root, armed, &identity)?,
        identity,
        listed,
        compares: armed.has_digests(),
    };
    for tool in &armed.tools {
        scene.restore(tool, done)?;
    }
    if is_spoilt && !done.restored.is_empty() {
        done.problems
            .push(format!("{SHIM_PATH}: was changed or removed while the image was armed"));
    }
    for directory in armed.directories.iter().rev() {
        // What a transaction put there since keeps it.
        if if_exists(root.list(directory))?.is_some_and(|entries| entries.is_empty()) {
            root.remove_dir(directory)?;
        }
    }
    // Nothing forgets what has to be put back before it is on the disk that it was.
    sync(root, armed)?;
    remove_empty_tree(root, Path::new(REAL_DIRECTORY))?;
    for left in [SHIM_PATH, ARMED_PATH] {
        match if_exists(root.meta(left))?.map(|meta| meta.kind) {
            None => {}
            Some(Kind::Dir) => drop(super::set_aside(root, left)?),
            Some(_) => root.remove(left)?,
        }
    }
    root.sync(DIRECTORY)
}

/// Writes the directories of the tools, of the originals that wait and of the list through to the disk.
pub(super) fn sync(root: &Root, armed: &Armed) -> Result<()> {
    let mut directories = BTreeSet::from([PathBuf::from(DIRECTORY)]);
    for tool in &armed.tools {
        directories.extend(tool.path.parent().map(Path::to_owned));
        let real = tool.real();
        let above = real.ancestors().skip(1).take_while(|above| *above != Path::new(DIRECTORY));
        directories.extend(above.map(Path::to_owned));
    }
    directories.iter().try_for_each(|directory| root.sync(directory))
}

/// If the shim's own file is gone: the files that are at the paths of several tools at once. They must
/// be the shim, even if something was written into it.
fn shared_names(root: &Root, armed: &Armed, identity: &Identity) -> Result<BTreeMap<(u64, u64), usize>> {
    if identity.is_whole() {
        return Ok(BTreeMap::new());
    }
    let mut names: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for tool in &armed.tools {
        let meta = if_exists(root.meta(&tool.path))?.filter(|meta| meta.kind == Kind::File);
        if let Some(meta) = meta {
            *names.entry((meta.device, meta.inode)).or_default() += 1;
        }
    }
    names.retain(|_, count| *count > 1);
    Ok(names)
}

/// What is needed to find out which file is at each path.
struct Scene<'a> {
    root: &'a Root,
    identity: Identity,
    /// What the image's own list says by now.
    listed: Option<&'a Armed>,
    /// See [`shared_names`].
    names: BTreeMap<(u64, u64), usize>,
    /// Whether it is known which originals wait.
    compares: bool,
}

impl Scene<'_> {
    fn at(&self, path: &Path) -> Result<Standing> {
        let standing = self.identity.at(self.root, path)?;
        if standing != Standing::Other || self.names.is_empty() {
            return Ok(standing);
        }
        let meta = self.root.meta(path)?;
        Ok(match self.names.contains_key(&(meta.device, meta.inode)) {
            true => Standing::Shim,
            false => standing,
        })
    }

    /// Restores one path.
    fn restore(&self, tool: &Diverted, done: &mut Disarmed) -> Result<()> {
        let real = tool.real();
        let incoming = tool.incoming();
        // A crash between swapping and renaming: this is the newer original.
        match self.identity.at(self.root, &incoming)? {
            Standing::Other => self.root.rename(&incoming, &real)?,
            Standing::Shim => self.root.remove(&incoming)?,
            Standing::Directory | Standing::Nothing => {}
        }
        let waits = match self.identity.at(self.root, &real)? {
            Standing::Shim => {
                done.problems
                    .push(format!("{}: a shim waited in the place of the original", real.display()));
                self.root.remove(&real)?;
                false
            }
            Standing::Directory => {
                done.problems
                    .push(format!("{}: a directory lies in the original's place", real.display()));
                super::set_aside(self.root, &real.to_string_lossy())?;
                false
            }
            standing => standing == Standing::Other,
        };
        match self.at(&tool.path)? {
            Standing::Shim if waits => self.put_back(tool, &real, done),
            Standing::Shim => {
                if self.compares && self.listed_original(tool).is_some() {
                    done.problems.push(format!("{}: its original is gone", tool.path.display()));
                }
                self.root.remove(&tool.path)?;
                done.restored.push(tool.path.clone());
                Ok(())
            }
            Standing::Other | Standing::Directory | Standing::Nothing => {
                if waits {
                    self.root.remove(&real)?;
                }
                done.kept.push(tool.path.clone());
                Ok(())
            }
        }
    }

    /// The original as the image's own list has it, if there is one, else as it was when it was armed.
    fn listed_original<'t>(&'t self, tool: &'t Diverted) -> Option<&'t str> {
        let listed = self.listed.and_then(|listed| listed.tools.iter().find(|one| one.path == tool.path));
        listed.unwrap_or(tool).original.as_deref()
    }

    /// Puts an original back that is the recorded one, or that a transaction installed since. Any
    /// other file is moved aside, and the path stays empty.
    fn put_back(&self, tool: &Diverted, real: &Path, done: &mut Disarmed) -> Result<()> {
        let found = fingerprint(self.root, real)?;
        let (path, found) = (tool.path.display(), found.as_deref());
        if !self.compares || found == tool.original.as_deref() {
            self.root.rename(real, &tool.path)?;
            done.restored.push(tool.path.clone());
            return Ok(());
        }
        if found == self.listed_original(tool) {
            self.root.rename(real, &tool.path)?;
            done.newer.push(tool.path.clone());
            return Ok(());
        }
        let suspect = below(SUSPECT_DIRECTORY, &tool.path);
        if let Some(parent) = suspect.parent() {
            self.root.create_dirs(parent, 0o700)?;
        }
        self.root.rename(real, &suspect)?;
        self.root.remove(&tool.path)?;
        done.problems.push(format!(
            "{path}: the original that waited was replaced, and is not put back but kept as {}: install its package \
             again",
            suspect.display()
        ));
        done.restored.push(tool.path.clone());
        Ok(())
    }
}

fn remove_empty_tree(root: &Root, directory: &Path) -> Result<()> {
    if if_exists(root.meta(directory))?.is_none_or(|meta| meta.kind != Kind::Dir) {
        return Ok(());
    }
    for entry in root.list(directory)? {
        if entry.kind == Kind::Dir {
            remove_empty_tree(root, &directory.join(entry.name))?;
        }
    }
    match root.list(directory)?.is_empty() {
        true => root.remove_dir(directory),
        false => Ok(()),
    }
}
