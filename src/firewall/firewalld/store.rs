//! Where firewalld's objects lie: `/etc/firewalld/KIND/NAME.xml` replaces
//! `/usr/lib/firewalld/KIND/NAME.xml` whole. Whether a name exists is found by looking for its
//! file, never by reading the others. Where firewalld is not installed, its stock objects count too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::code::Checked;
use super::encoding::read_xml;
use super::grammar::Grammar;
use super::kind::Kind;
use super::service::Service;
use super::stock::{Stock, named_services};
use super::zone::Zone;
use crate::error::{Error, Result, if_exists};
use crate::root::{Kind as FileKind, Root};

/// Local configuration.
pub const LOCAL: &str = "/etc/firewalld";
/// Configuration that packages ship.
pub const SHIPPED: &str = "/usr/lib/firewalld";

/// Mode of files.
const FILE_MODE: u32 = 0o644;
/// Mode of directories.
const DIR_MODE: u32 = 0o750;

/// Whether a name can be part of a path: one file name, or `NAME/PART` of a split zone.
fn is_safe(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && part.len() < 200 && !part.contains('\0')
    };
    let mut parts = name.split('/');
    parts.by_ref().take(2).all(part) && parts.next().is_none()
}

/// The two places where objects lie. `--system-config` and `--default-config` name others than the
/// usual ones.
#[derive(Debug, Clone)]
pub struct Tree<'r> {
    /// The image.
    pub root: &'r Root,
    local: String,
    shipped: String,
    /// Where copies lie that count before the local files.
    running: Option<String>,
    stock: Option<Stock<'r>>,
    /// Local files that count as not there.
    passed_over: BTreeSet<(Kind, String)>,
}

impl<'r> Tree<'r> {
    /// The usual places, with stock objects.
    pub fn of(root: &'r Root) -> Self {
        Tree::at(root, LOCAL, SHIPPED).with_stock()
    }

    /// Local configuration below `local`, shipped below `shipped`.
    pub fn at(root: &'r Root, local: &str, shipped: &str) -> Self {
        let clean = |path: &str| path.trim_end_matches('/').to_owned();
        Tree {
            root,
            local: clean(local),
            shipped: clean(shipped),
            running: None,
            stock: None,
            passed_over: BTreeSet::new(),
        }
    }

    /// The same places; where firewalld is not installed, its stock zones count as shipped, and its
    /// services and ICMP types exist, until packages or requests bring files of these names.
    pub(crate) fn with_stock(self) -> Self {
        Tree {
            stock: Some(Stock::of(self.root, &self.shipped)),
            ..self
        }
    }

    /// The same places; what is read comes from below `running`, if it is there.
    pub(crate) fn beneath(self, running: &str) -> Self {
        Tree {
            running: Some(running.to_owned()),
            ..self
        }
    }

    /// Makes local objects count as not there.
    pub(crate) fn pass_over(&mut self, objects: Vec<(Kind, String)>) {
        self.passed_over.extend(objects);
    }

    fn is_passed_over(&self, kind: Kind, name: &str) -> bool {
        !self.passed_over.is_empty() && self.passed_over.contains(&(kind, name.to_owned()))
    }

    /// Whether firewalld is installed, as far as its stock zones tell.
    pub(crate) fn has_firewalld(&self) -> bool {
        self.stock.as_ref().is_none_or(|stock| !stock.supplies(Kind::Zone))
    }

    /// A file of the local configuration that is no object: `firewalld.conf`, `direct.xml`.
    pub fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}/{name}", self.local))
    }

    /// The same file where a package ships it.
    pub(crate) fn shipped_file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}/{name}", self.shipped))
    }

    /// The local file of an object, whether it exists or not.
    pub fn local(&self, kind: Kind, name: &str) -> PathBuf {
        path(&self.local, kind, name)
    }

    /// The same file where a package ships it.
    pub(crate) fn shipped(&self, kind: Kind, name: &str) -> PathBuf {
        path(&self.shipped, kind, name)
    }

    /// Whether the object has a local file.
    pub(crate) fn is_local(&self, kind: Kind, name: &str) -> bool {
        is_safe(name) && !self.is_passed_over(kind, name) && self.root.is_file(self.local(kind, name))
    }

    fn is_shipped_file(&self, kind: Kind, name: &str) -> bool {
        is_safe(name) && self.root.is_file(self.shipped(kind, name))
    }

    /// Whether a package ships the object, or it is a stock zone.
    pub(crate) fn is_shipped(&self, kind: Kind, name: &str) -> bool {
        self.is_shipped_file(kind, name) || kind == Kind::Zone && self.stock_text(kind, name).is_some()
    }

    /// Whether objects of a kind are shipped at all.
    pub fn ships(&self, kind: Kind) -> bool {
        self.root.is_dir(format!("{}/{}", self.shipped, kind.directory()))
            || self.stock.as_ref().is_some_and(|stock| stock.supplies(kind))
    }

    /// Whether the object has a file.
    pub(crate) fn has_file(&self, kind: Kind, name: &str) -> bool {
        self.is_local(kind, name) || self.is_shipped_file(kind, name)
    }

    /// Whether a new object cannot have this name. A stock service or ICMP type is not in the way: a
    /// package that brings its own knows better.
    pub(crate) fn is_taken(&self, kind: Kind, name: &str) -> bool {
        self.is_local(kind, name) || self.is_shipped(kind, name)
    }

    /// Whether the object exists.
    pub fn exists(&self, kind: Kind, name: &str) -> bool {
        self.has_file(kind, name) || self.stock_text(kind, name).is_some()
    }

    fn stock_text(&self, kind: Kind, name: &str) -> Option<String> {
        self.stock.as_ref()?.text(kind, name)
    }

    /// The file that counts. That of a stock object is where a package would ship it.
    pub fn find(&self, kind: Kind, name: &str) -> Option<PathBuf> {
        if self.is_local(kind, name) {
            return Some(self.local(kind, name));
        }
        self.exists(kind, name).then(|| self.shipped(kind, name))
    }

    /// The text of the file that counts.
    pub fn read(&self, kind: Kind, name: &str) -> Result<Option<String>> {
        if !is_safe(name) {
            return Ok(None);
        }
        let running = self.running.iter().map(|running| path(running, kind, name));
        let local = (!self.is_passed_over(kind, name)).then(|| self.local(kind, name));
        for path in running.chain(local).chain([self.shipped(kind, name)]) {
            if let Some(text) = if_exists(read_xml(self.root, path))? {
                return Ok(Some(text));
            }
        }
        Ok(self.stock_text(kind, name))
    }

    /// The text that a package ships, or would ship, for an object.
    pub(crate) fn shipped_text(&self, kind: Kind, name: &str) -> Result<Option<String>> {
        if !is_safe(name) {
            return Ok(None);
        }
        let text = if_exists(read_xml(self.root, self.shipped(kind, name)))?;
        Ok(text.or_else(|| self.stock_text(kind, name)))
    }

    /// The names of all objects of a kind, sorted.
    pub fn names(&self, kind: Kind) -> Result<BTreeSet<String>> {
        let mut names = self.shipped_names(kind)?;
        names.extend(self.local_names(kind)?);
        Ok(names)
    }

    /// The names of objects that have a local file, sorted.
    pub(crate) fn local_names(&self, kind: Kind) -> Result<BTreeSet<String>> {
        let mut names = names_in(self.root, &self.local, kind)?;
        names.retain(|name| !self.is_passed_over(kind, name));
        Ok(names)
    }

    /// The names of objects that packages ship and of stock objects, sorted.
    pub(crate) fn shipped_names(&self, kind: Kind) -> Result<BTreeSet<String>> {
        let mut names = names_in(self.root, &self.shipped, kind)?;
        let stock = self.stock.iter().flat_map(|stock| stock.names(kind));
        names.extend(stock.map(str::to_owned));
        Ok(names)
    }

    /// The stock services that an object's text names, with those that they include, which have no
    /// file: names and the text of their files.
    pub(crate) fn services_without_file(&self, text: &str) -> Vec<(String, String)> {
        let Some(stock) = self.stock.as_ref().filter(|stock| stock.supplies(Kind::Service)) else {
            return Vec::new();
        };
        let mut found: Vec<(String, String)> = Vec::new();
        let mut open = named_services(text);
        while let Some(name) = open.pop() {
            if self.has_file(Kind::Service, &name) || found.iter().any(|(known, _)| *known == name) {
                continue;
            }
            if let Some(text) = stock.text(Kind::Service, &name) {
                open.extend(named_services(&text));
                found.push((name, text));
            }
        }
        found
    }

    /// Writes an object's local file, keeping a file that was there as `NAME.xml.old`. A file that
    /// holds just this already is left alone. Returns whether anything changed.
    ///
    /// Stock services that it names are written before it: a firewalld that is installed later, or
    /// another version, may not know them, and would refuse to start.
    pub fn replace(&self, kind: Kind, name: &str, text: &str) -> Result<bool> {
        if !is_safe(name) {
            return Err(Error::Refused(format!("{} name {name:?} is no file name", kind.word())));
        }
        if matches!(kind, Kind::Zone | Kind::Policy | Kind::Service) {
            for (service, text) in self.services_without_file(text) {
                replace_file(self.root, &self.local(Kind::Service, &service), &text)?;
            }
        }
        replace_file(self.root, &self.local(kind, name), text)
    }

    /// Removes an object's local file, keeping it as `NAME.xml.old`.
    pub fn remove(&self, kind: Kind, name: &str) -> Result<()> {
        let path = self.local(kind, name);
        self.root.rename(&path, old(&path))
    }
}

/// A zone of an image: the local file, or the shipped one if there is none.
///
/// # Errors
/// The file cannot be read, or the image's firewalld would refuse it.
pub fn load_zone(root: &Root, name: &str) -> Result<Option<Zone>> {
    load(root, Kind::Zone, name, |text| Zone::parse(text, &Grammar::of(root)))
}

/// A service of an image, as [`load_zone`] loads a zone.
///
/// # Errors
/// The file cannot be read, or the image's firewalld would refuse it.
pub(crate) fn load_service(root: &Root, name: &str) -> Result<Option<Service>> {
    load(root, Kind::Service, name, |text| Service::parse(text, &Grammar::of(root)))
}

fn load<T>(root: &Root, kind: Kind, name: &str, parse: impl FnOnce(&str) -> Checked<T>) -> Result<Option<T>> {
    let tree = Tree::of(root);
    let Some(text) = tree.read(kind, name)? else {
        return Ok(None);
    };
    parse(&text)
        .map(Some)
        .map_err(|fault| Error::malformed(tree.find(kind, name).unwrap_or_default(), fault.to_string()))
}

/// The usual local file of an object, whether it exists or not.
pub fn local(kind: Kind, name: &str) -> PathBuf {
    path(LOCAL, kind, name)
}

/// Whether an object exists in the usual places.
pub fn exists(root: &Root, kind: Kind, name: &str) -> bool {
    Tree::of(root).exists(kind, name)
}

/// Whether an object has a file in the usual places.
pub(crate) fn has_file(root: &Root, kind: Kind, name: &str) -> bool {
    Tree::of(root).has_file(kind, name)
}

/// The names of objects that have a local file in the usual place, sorted.
pub(crate) fn local_names(root: &Root, kind: Kind) -> Result<BTreeSet<String>> {
    Tree::of(root).local_names(kind)
}

fn path(base: &str, kind: Kind, name: &str) -> PathBuf {
    PathBuf::from(format!("{base}/{}/{name}.xml", kind.directory()))
}

fn names_in(root: &Root, base: &str, kind: Kind) -> Result<BTreeSet<String>> {
    let directory = format!("{base}/{}", kind.directory());
    let mut names = BTreeSet::new();
    for entry in if_exists(root.list(&directory))?.unwrap_or_default() {
        let Some(name) = entry.name.to_str() else {
            continue;
        };
        if entry.kind == FileKind::Dir {
            if kind == Kind::Zone {
                for part in root.list(format!("{directory}/{name}"))? {
                    let part = part.name.to_str().and_then(|part| part.strip_suffix(".xml"));
                    names.extend(part.map(|part| format!("{name}/{part}")));
                }
            }
        } else if let Some(stem) = name.strip_suffix(".xml").filter(|stem| !stem.is_empty()) {
            names.insert(stem.to_owned());
        }
    }
    Ok(names)
}

/// Writes a file of the local configuration, keeping the one that was there as `NAME.old`.
pub fn replace_file(root: &Root, path: &Path, text: &str) -> Result<bool> {
    let before = if_exists(root.read(path))?;
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        root.create_dirs(parent, DIR_MODE)?;
    }
    if let Some(before) = before {
        root.write(old(path), &before, Some(FILE_MODE))?;
    }
    root.write(path, text.as_bytes(), Some(FILE_MODE))?;
    Ok(true)
}

fn old(path: &Path) -> PathBuf {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    PathBuf::from(old)
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn names_that_would_lead_elsewhere_are_refused() {
        for (name, safe) in [
            ("public", true),
            ("a/b", true),
            ("a/b/c", false),
            ("..", false),
            ("../x", false),
            ("x/..", false),
            ("", false),
            ("/a", false),
            ("a.b", true),
        ] {
            assert_eq!(is_safe(name), safe, "{name}");
        }
    }
}
