//! Directories by the kernel's handles. Events name the directory in which something happened by
//! its handle; those of directories outside of the image are not in here.

use std::collections::HashMap;

use super::handle::Handle;
use crate::audit::join;
use crate::root::Listing;

/// Deeper than this no path can be.
const MAX_DEPTH: usize = 4096;

#[derive(Debug)]
struct Node {
    /// EventPath of the directory above it; the root is its own.
    parent: usize,
    name: Vec<u8>,
}

/// The tree of directories. What is known of a directory does not change when one above it is
/// renamed.
#[derive(Debug, Default)]
pub(in crate::audit) struct Dirs {
    nodes: Vec<Node>,
    by_handle: HashMap<Handle, usize>,
    /// By path, while the tree is being learnt.
    by_path: HashMap<Vec<u8>, usize>,
}

impl Dirs {
    /// Learns an open directory. Its parent has been learnt before.
    pub(crate) fn learn(&mut self, listing: &Listing, path: &[u8]) {
        let Ok(handle) = Handle::of(listing.fd()) else {
            return;
        };
        let split = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let (above, name) = (&path[..split], path.get(split + 1..).unwrap_or_default());
        let above = if above.is_empty() { b"/" } else { above };
        let parent = self.by_path.get(above).copied().unwrap_or(0);
        let place = self.put(handle, parent, name);
        self.by_path.insert(path.to_vec(), place);
    }

    /// The tree has been learnt.
    pub(crate) fn learnt(&mut self) {
        self.by_path = HashMap::new();
    }

    fn put(&mut self, handle: Handle, parent: usize, name: &[u8]) -> usize {
        let node = Node {
            parent,
            name: name.to_vec(),
        };
        match self.by_handle.get(&handle) {
            Some(&place) => {
                self.nodes[place] = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.by_handle.insert(handle, self.nodes.len() - 1);
                self.nodes.len() - 1
            }
        }
    }

    /// A directory that was made in, or moved to, another one; `false` if that one is not known.
    pub(crate) fn placed(&mut self, handle: Handle, above: &Handle, name: &[u8]) -> bool {
        let Some(&parent) = self.by_handle.get(above) else {
            return false;
        };
        self.put(handle, parent, name);
        true
    }

    /// A directory is gone, or has left the image.
    pub(crate) fn forget(&mut self, handle: &Handle) {
        self.by_handle.remove(handle);
    }

    /// The path of `name` in a directory; `.` is the directory itself. None if it is not known.
    pub(crate) fn path(&self, handle: &Handle, name: &[u8]) -> Option<Vec<u8>> {
        let mut names: Vec<&[u8]> = Vec::new();
        if !name.is_empty() && name != b"." {
            names.push(name);
        }
        let mut at = *self.by_handle.get(handle)?;
        for _ in 0..MAX_DEPTH {
            if at == 0 {
                break;
            }
            let node = self.nodes.get(at)?;
            names.push(&node.name);
            at = node.parent;
        }
        let path = names.iter().rev().fold(Vec::new(), |path, name| join(&path, name));
        Some(if path.is_empty() { b"/".to_vec() } else { path })
    }
}
