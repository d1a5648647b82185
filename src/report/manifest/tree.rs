//! Every path of an image with its size and owner. File systems that are mounted below the root, the
//! package managers' caches and the manifests themselves are left out.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::escape::Escaped;
use crate::root::{Kind, Root};
use crate::rpmdb::{Packaged, files};

/// Where oVirt Node keeps manifests.
pub const DIRECTORY: &str = "/etc/ovirt-plugins-manifests.d";

const LEFT_OUT: [&str; 3] = ["/var/cache/yum", "/var/cache/dnf", DIRECTORY];

/// Bytes of a KiB.
const KIB: u64 = 1024;

/// A path: whether it is a directory, and its size in KiB, of a directory that of all below.
struct Node {
    is_dir: bool,
    size: u64,
}

pub(super) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    /// The first package that owns a path.
    owners: HashMap<PathBuf, String>,
}

impl Tree {
    pub(super) fn load(root: &Root) -> Result<Tree> {
        let mut tree = Tree {
            nodes: BTreeMap::new(),
            owners: owners(root)?,
        };
        let device = root.listing("/")?.own()?.device;
        tree.visit(root, Path::new("/"), device)?;
        Ok(tree)
    }

    /// Takes in a directory, without recursion: an image may be deep.
    fn visit(&mut self, root: &Root, start: &Path, device: u64) -> Result<()> {
        let mut waiting = vec![start.to_owned()];
        while let Some(directory) = waiting.pop() {
            self.nodes.insert(
                directory.clone(),
                Node {
                    is_dir: true,
                    size: 0,
                },
            );
            let mut listing = root.listing(&directory)?;
            let names: Vec<OsString> = listing.names()?;
            for name in names {
                let path = directory.join(&name);
                let status = listing.status(&name)?;
                if status.device != device || LEFT_OUT.iter().any(|left_out| path == Path::new(left_out)) {
                    continue;
                }
                if status.kind == Kind::Dir {
                    waiting.push(path);
                    continue;
                }
                let size = if status.kind == Kind::File {
                    status.size.div_ceil(KIB)
                } else {
                    0
                };
                self.nodes.insert(path, Node { is_dir: false, size });
            }
        }
        self.add_up();
        Ok(())
    }

    /// Gives each directory the size of what is below it.
    fn add_up(&mut self) {
        let mut sums: HashMap<PathBuf, u64> = HashMap::new();
        for (path, node) in self.nodes.iter().filter(|(_, node)| !node.is_dir) {
            for above in path.ancestors().skip(1) {
                *sums.entry(above.to_owned()).or_default() += node.size;
            }
        }
        for (path, sum) in sums {
            if let Some(node) = self.nodes.get_mut(&path) {
                node.size = sum;
            }
        }
    }

    /// `SIZE<tab>PATH` of everything.
    pub(super) fn all(&self) -> String {
        self.sizes(|_| true)
    }

    /// `SIZE<tab>PATH` of directories.
    pub(super) fn directories(&self) -> String {
        self.sizes(|node| node.is_dir)
    }

    fn sizes(&self, wanted: impl Fn(&Node) -> bool) -> String {
        let chosen = self.nodes.iter().filter(|(_, node)| wanted(node));
        chosen
            .map(|(path, node)| format!("{}\t{}\n", node.size, line(path.as_os_str())))
            .collect()
    }

    /// Each path and, on the next line, the package that owns it.
    pub(super) fn owners(&self) -> String {
        let owner = |path: &Path| self.owners.get(path).map_or("Not owned by any package.", String::as_str);
        self.nodes
            .keys()
            .map(|path| format!("{}\n{}\n", line(path.as_os_str()), owner(path)))
            .collect()
    }
}

/// `name-version-release.arch`, as `rpm -qa` prints it.
fn without_epoch(nevra: &str) -> String {
    let mut parts: Vec<&str> = nevra.rsplitn(3, '-').collect();
    if let Some(version) = parts.get_mut(1) {
        *version = version.split_once(':').map_or(*version, |(_, version)| version);
    }
    parts.reverse();
    parts.join("-")
}

/// A path on one line.
fn line(path: &OsStr) -> String {
    Escaped::new(path).shown()
}

/// Owners by the paths that the image has: a package that names a path through a link owns what is
/// there.
fn owners(root: &Root) -> Result<HashMap<PathBuf, String>> {
    let mut directories: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut owners = HashMap::new();
    for (path, packages) in files(root)? {
        let path = PathBuf::from(OsStr::from_bytes(&path));
        let Some(owner) = packages.first().map(|Packaged { nevra, .. }| without_epoch(nevra)) else {
            continue;
        };
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            owners.insert(path, owner);
            continue;
        };
        let above = directories
            .entry(above.to_owned())
            .or_insert_with(|| root.resolve(above).unwrap_or_else(|_| above.to_owned()));
        owners.entry(above.join(name)).or_insert(owner);
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_rpm_lists_them() {
        assert_eq!(without_epoch("a-b-1:2-3.noarch"), "a-b-2-3.noarch");
        assert_eq!(without_epoch("a-2-3.x86_64"), "a-2-3.x86_64");
    }
}
