//! What differs between an image and its changed copy, path by path.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Overlay;
use crate::error::{Error, Result, if_exists};
use crate::layout;
use crate::root::{Kind, Meta, Root};

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was not there.
    Created,
    /// Content, mode, owner, kind or target of a link differ.
    Changed,
    /// It is gone, with all that was below it.
    Removed,
}

/// What the comparison leaves out: the rpm database, nodeshim's own records, and what a scriptlet's
/// own files are kept in meanwhile.
const LEFT_OUT: [&str; 7] = [
    "/usr/lib/sysimage/rpm",
    "/var/lib/rpm",
    layout::DIRECTORY,
    "/var/tmp",
    "/tmp",
    "/run",
    "/dev",
];

/// Every path that differs, sorted. What was only touched does not.
pub(super) fn changes(overlay: &Overlay) -> Result<Vec<(PathBuf, ChangeKind)>> {
    let mut walk = Walk {
        overlay,
        found: Vec::new(),
    };
    walk.directory(Path::new("/"), true)?;
    walk.found.sort();
    Ok(walk.found)
}

struct Walk<'o> {
    overlay: &'o Overlay,
    found: Vec<(PathBuf, ChangeKind)>,
}

impl Walk<'_> {
    /// Looks at a directory of the upper layer, which has everything that differs. `was` says
    /// whether the image has a directory there, and no link to one.
    fn directory(&mut self, path: &Path, was: bool) -> Result<()> {
        let names = |root: &Root| -> Result<BTreeSet<OsString>> {
            let entries = if_exists(root.list(path))?.unwrap_or_default();
            Ok(entries.into_iter().map(|entry| entry.name).collect())
        };
        let before = if was {
            names(&self.overlay.base)?
        } else {
            BTreeSet::new()
        };
        let after = names(&self.overlay.merged)?;
        for name in before.difference(&after) {
            self.add(path.join(name), ChangeKind::Removed);
        }
        // A name of the upper layer that is not among them is a removal.
        for name in names(&self.overlay.upper)?.intersection(&after) {
            let path = path.join(name);
            if LEFT_OUT.iter().all(|left_out| path != Path::new(left_out)) {
                self.compare(path, before.contains(name))?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, path: PathBuf, was: bool) -> Result<()> {
        let now = self.overlay.merged.meta(&path)?;
        let before = was.then(|| self.overlay.base.meta(&path)).transpose()?;
        match &before {
            None => self.add(path.clone(), ChangeKind::Created),
            Some(before) if !self.is_same(&path, before, &now)? => {
                self.add(path.clone(), ChangeKind::Changed)
            }
            Some(_) => {}
        }
        if now.kind == Kind::Dir {
            self.directory(&path, before.is_some_and(|before| before.kind == Kind::Dir))?;
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, what: ChangeKind) {
        if LEFT_OUT.iter().all(|left_out| path != Path::new(left_out)) {
            self.found.push((path, what));
        }
    }

    fn is_same(&self, path: &Path, before: &Meta, now: &Meta) -> Result<bool> {
        let of = |meta: &Meta| (meta.kind, meta.mode, meta.uid, meta.gid);
        if of(before) != of(now) {
            return Ok(false);
        }
        let Overlay { base, merged, .. } = self.overlay;
        match now.kind {
            Kind::File => Ok(before.size == now.size && has_same_content(base, merged, path)?),
            Kind::Link => Ok(base.read_link(path)? == merged.read_link(path)?),
            _ => Ok(true),
        }
    }
}

/// Compares two files of the same length.
fn has_same_content(one: &Root, other: &Root, path: &Path) -> Result<bool> {
    const BLOCK: usize = 64 << 10;
    let failed = |error: std::io::Error| Error::std_io(path, &error);
    let (mut one, mut other) = (one.open_read(path)?, other.open_read(path)?);
    let (mut a, mut b) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    loop {
        a.clear();
        b.clear();
        one.by_ref().take(BLOCK as u64).read_to_end(&mut a).map_err(failed)?;
        other.by_ref().take(BLOCK as u64).read_to_end(&mut b).map_err(failed)?;
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}
