//! Directory listings and link targets, read once per call, and the resolution of links on top
//! of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use nix::errno::Errno;

use crate::error::if_exists;
use crate::root::{Entry, Kind, Root};
use crate::unit::name::base_name;
use crate::unit::paths::{join, parent, simplify};
use crate::unit::problem::Problem;

/// As many links as systemd follows.
pub(crate) const MAX_LINKS: usize = 32;

/// After so many single looks into a directory, it is read as a whole.
const LOOKS: usize = 6;

/// A directory: names and kinds. Names that are not UTF-8 are no unit names and left out.
pub(crate) type Listing = Rc<BTreeMap<String, Kind>>;

/// The index of one image, filled as it is asked.
#[derive(Debug)]
pub(crate) struct Index<'r> {
    root: &'r Root,
    listings: RefCell<HashMap<String, Option<Listing>>>,
    /// What single looks into a directory found, by name.
    looks: RefCell<HashMap<String, HashMap<String, Option<Kind>>>>,
    canonical: RefCell<HashMap<String, String>>,
    dirs: RefCell<HashSet<String>>,
    empty: RefCell<HashMap<String, bool>>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// Absolute, without links or `..`.
    pub path: String,
    /// Whether anything is there.
    pub exists: bool,
}

impl<'r> Index<'r> {
    /// An empty index.
    pub(crate) fn new(root: &'r Root) -> Self {
        Index {
            root,
            listings: RefCell::default(),
            looks: RefCell::default(),
            canonical: RefCell::default(),
            dirs: RefCell::default(),
            empty: RefCell::default(),
        }
    }

    /// The entries of a directory; `None` if there is no such directory.
    pub(crate) fn load(&self, dir: &str) -> Option<Listing> {
        if let Some(known) = self.listings.borrow().get(dir) {
            return known.clone();
        }
        let entries = if_exists(self.root.list(dir)).ok().flatten();
        let listing = entries.map(|entries| {
            let named = entries.into_iter().filter_map(|e| Some((e.name.into_string().ok()?, e.kind)));
            Rc::new(named.collect())
        });
        self.listings.borrow_mut().insert(dir.to_owned(), listing.clone());
        listing
    }

    /// Takes over what somebody else read of a directory.
    pub(crate) fn learn<'e>(&self, dir: &str, entries: impl Iterator<Item = &'e Entry>) {
        let named = entries.filter_map(|entry| Some((entry.name.to_str()?.to_owned(), entry.kind)));
        let listing = Some(Rc::new(named.collect()));
        self.listings.borrow_mut().entry(dir.to_owned()).or_insert(listing);
    }

    /// What lies at a path, links not followed; `None` if nothing does.
    pub(crate) fn kind(&self, path: &str) -> Result<Option<Kind>, Problem> {
        self.kind_in(parent(path), base_name(path))
    }

    /// As [`Index::kind`], of an entry of a directory.
    pub(crate) fn kind_in(&self, dir: &str, name: &str) -> Result<Option<Kind>, Problem> {
        if let Some(known) = self.listings.borrow().get(dir) {
            return Ok(known.as_ref().and_then(|listing| listing.get(name).copied()));
        }
        let looks = match self.looks.borrow().get(dir) {
            Some(known) if known.contains_key(name) => return Ok(known.get(name).copied().flatten()),
            known => known.map_or(0, HashMap::len),
        };
        if looks >= LOOKS {
            return Ok(self.load(dir).and_then(|listing| listing.get(name).copied()));
        }
        let meta = if_exists(self.root.meta(join(dir, name))).map_err(|error| Problem::from(&error))?;
        let kind = meta.map(|meta| meta.kind);
        self.looks.borrow_mut().entry(dir.to_owned()).or_default().insert(name.to_owned(), kind);
        Ok(kind)
    }

    /// Whether a path leads to a directory.
    pub(crate) fn is_dir(&self, path: &str) -> bool {
        if self.dirs.borrow().contains(path) {
            return true;
        }
        let is_dir = self.root.is_dir(path);
        if is_dir {
            self.dirs.borrow_mut().insert(path.to_owned());
        }
        is_dir
    }

    /// Whether a file, which is no link, is empty.
    pub(crate) fn is_empty_file(&self, path: &str) -> Result<bool, Problem> {
        if let Some(known) = self.empty.borrow().get(path) {
            return Ok(*known);
        }
        let meta = self.root.meta(path).map_err(|error| Problem::from(&error))?;
        self.empty.borrow_mut().insert(path.to_owned(), meta.size == 0);
        Ok(meta.size == 0)
    }

    /// Where a link points, as text.
    pub(crate) fn read_link(&self, path: &str) -> Result<String, Problem> {
        let target = self.root.read_link(path).map_err(|error| Problem::from(&error))?;
        Ok(target.to_string_lossy().into_owned())
    }

    /// Takes note of a link that was made.
    pub(crate) fn note_link(&self, path: &str) {
        self.looks.borrow_mut().remove(parent(path));
        // A directory that was made for it is forgotten by who made it.
        if let Some(Some(listing)) = self.listings.borrow_mut().get_mut(parent(path)) {
            Rc::make_mut(listing).insert(base_name(path).to_owned(), Kind::Link);
        }
    }

    /// Takes note of a file or link that was removed.
    pub(crate) fn note_removed(&self, path: &str) {
        self.empty.borrow_mut().remove(path);
        self.looks.borrow_mut().remove(parent(path));
        if let Some(Some(listing)) = self.listings.borrow_mut().get_mut(parent(path)) {
            Rc::make_mut(listing).remove(base_name(path));
        }
    }

    /// Forgets a directory that came or went.
    pub(crate) fn forget(&self, dir: &str) {
        self.listings.borrow_mut().remove(dir);
        self.looks.borrow_mut().clear();
        self.dirs.borrow_mut().clear();
        let is_below = |path: &str| {
            path.strip_prefix(dir).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
        };
        self.canonical.borrow_mut().retain(|from, to| !is_below(from) && !is_below(to));
    }

    /// Follows all links of a path; what it ends at need not exist.
    pub(crate) fn chase(&self, path: &str) -> Result<End, Problem> {
        let mut path = simplify(path);
        for _ in 0..=MAX_LINKS {
            let name = base_name(&path);
            if matches!(name, "" | "..") {
                return self.resolve(&path);
            }
            let here = join(&self.canonical_dir(parent(&path))?, name);
            match self.kind(&here)? {
                None => {
                    return Ok(End {
                        path: here,
                        exists: false,
                    });
                }
                Some(Kind::Link) => path = simplify(&absolute(&self.read_link(&here)?, parent(&here))),
                Some(_) => {
                    return Ok(End {
                        path: here,
                        exists: true,
                    });
                }
            }
        }
        Err(Problem::LinkedFile)
    }

    /// A path with all links resolved but the last component's.
    pub(crate) fn chase_parent(&self, path: &str) -> Result<String, Problem> {
        let path = simplify(path);
        match base_name(&path) {
            "" | ".." => Ok(self.resolve(&path)?.path),
            name => Ok(join(&self.canonical_dir(parent(&path))?, name)),
        }
    }

    fn resolve(&self, path: &str) -> Result<End, Problem> {
        let path = self.root.resolve(path).map_err(|error| Problem::from(&error))?;
        Ok(End {
            path: path.to_string_lossy().into_owned(),
            exists: true,
        })
    }

    /// A directory's path without links and `..`, found from that of the directory above it, so
    /// that no directory is looked at twice.
    fn canonical_dir(&self, dir: &str) -> Result<String, Problem> {
        if let Some(known) = self.canonical.borrow().get(dir) {
            return Ok(known.clone());
        }
        let name = base_name(dir);
        if name.is_empty() {
            return Ok("/".to_owned());
        }
        let above = self.canonical_dir(parent(dir))?;
        let canonical = if name == ".." {
            self.check_dir(&above)?;
            parent(&above).to_owned()
        } else {
            let here = join(&above, name);
            match self.kind(&here)? {
                Some(Kind::Link) => match self.root.resolve(&here) {
                    Ok(path) => path.to_string_lossy().into_owned(),
                    Err(error) if error.errno() == Some(Errno::ENOENT) => here,
                    Err(error) => return Err(Problem::from(&error)),
                },
                Some(_) => here,
                None => match self.check_dir(&above) {
                    Err(problem @ Problem::Os(Errno::ENOTDIR)) => return Err(problem),
                    _ => here,
                },
            }
        };
        self.canonical.borrow_mut().insert(dir.to_owned(), canonical.clone());
        Ok(canonical)
    }

    fn check_dir(&self, dir: &str) -> Result<(), Problem> {
        if dir == "/" {
            return Ok(());
        }
        match self.kind(dir)? {
            Some(Kind::Dir) => Ok(()),
            // Canonical, and still a link: one that leads nowhere.
            Some(Kind::Link) | None => Err(Problem::Missing),
            Some(_) => Err(Problem::Os(Errno::ENOTDIR)),
        }
    }
}

/// A link's target as an absolute path, `dir` being where the link lies.
pub(crate) fn absolute(target: &str, dir: &str) -> String {
    if Path::new(target).is_absolute() {
        target.to_owned()
    } else {
        join(dir, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_what_need_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/usr/lib/x", 0o755).unwrap();
        root.symlink("usr/lib", "/lib").unwrap();
        root.symlink("/lib/x/gone", "/usr/lib/x/a").unwrap();
        root.symlink("../lib/x/a", "/usr/b").unwrap();
        let index = Index::new(&root);
        let end = index.chase("/usr/b").unwrap();
        assert_eq!((end.path.as_str(), end.exists), ("/usr/lib/x/gone", false));
        root.symlink("loop", "/loop").unwrap();
        assert_eq!(index.chase("/loop"), Err(Problem::LinkedFile));
    }

    #[test]
    fn listings_follow_changes() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/d", 0o755).unwrap();
        let index = Index::new(&root);
        assert!(index.load("/d").unwrap().is_empty());
        root.symlink("x", "/d/a").unwrap();
        index.note_link("/d/a");
        assert_eq!(index.kind("/d/a").unwrap(), Some(Kind::Link));
        index.note_removed("/d/a");
        assert_eq!(index.kind("/d/a").unwrap(), None);
        assert!(index.load("/none").is_none());
    }
}
