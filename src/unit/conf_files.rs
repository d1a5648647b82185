//! Configuration files that are spread over directories: sorted by file name alone, where a file
//! in a higher directory hides one of the same name in a lower, and an empty one stands for none.

use std::collections::BTreeMap;

use crate::root::{Kind, Root};
use crate::unit::paths::join;

/// The files with a name ending in `suffix`, of directories given highest first. Links are
/// followed to tell files from masks.
pub fn list(root: &Root, dirs: &[String], suffix: &str) -> Vec<String> {
    let mut files: BTreeMap<String, Option<String>> = BTreeMap::new();
    for dir in dirs {
        let Ok(entries) = root.list(dir) else { continue };
        for entry in entries {
            let Ok(name) = entry.name.into_string() else {
                continue;
            };
            if !name.ends_with(suffix) || files.contains_key(&name) {
                continue;
            }
            let path = join(dir, &name);
            match what(root, &path, entry.kind) {
                What::File => files.insert(name, Some(path)),
                What::Mask => files.insert(name, None),
                What::Nothing => None,
            };
        }
    }
    files.into_values().flatten().collect()
}

enum What {
    File,
    Mask,
    Nothing,
}

fn what(root: &Root, path: &str, kind: Kind) -> What {
    if kind == Kind::Link && root.read_link(path).is_ok_and(|target| target.as_os_str() == "/dev/null") {
        return What::Mask;
    }
    let Ok(meta) = root.meta_followed(path) else {
        return What::Nothing;
    };
    match meta.kind {
        Kind::File if meta.size == 0 => What::Mask,
        Kind::File => What::File,
        Kind::CharDevice => What::Mask,
        _ => What::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_the_order_and_hide_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for sub in ["/a", "/b"] {
            root.create_dirs(sub, 0o755).unwrap();
        }
        for path in [
            "/a/50-x.conf",
            "/b/10-y.conf",
            "/b/50-x.conf",
            "/b/60-z.conf",
            "/b/readme",
        ] {
            root.write(path, b"x", None).unwrap();
        }
        root.symlink("/dev/null", "/a/60-z.conf").unwrap();
        root.create_dirs("/a/d.conf", 0o755).unwrap();
        let dirs = ["/a".to_owned(), "/b".to_owned(), "/none".to_owned()];
        assert_eq!(list(&root, &dirs, ".conf"), ["/b/10-y.conf", "/a/50-x.conf"]);
    }
}
