//! Configuration files in several directories: sorted by file name alone. A file in a higher
//! directory hides the file of the same name in a lower one, even if it is not a regular file.

use std::collections::BTreeMap;

use crate::root::Root;
use crate::unit::paths::join;

/// The files with a name ending in `suffix`, of directories given highest first. Dangling links and
/// what is not a regular file are included; callers must handle them.
///
/// `conf_files_list_strv()` and `files_add()` of systemd's basic/conf-files.c.
pub(crate) fn list(root: &Root, dirs: &[String], suffix: &str) -> Vec<String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for dir in dirs {
        let Ok(entries) = root.list(dir) else { continue };
        let names = entries.into_iter().filter_map(|entry| entry.name.into_string().ok());
        for name in names.filter(|name| name.ends_with(suffix) && !name.starts_with('.')) {
            let path = join(dir, &name);
            files.entry(name).or_insert(path);
        }
    }
    files.into_values().collect()
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
        root.write("/a/.e.conf", b"x", None).unwrap();
        let dirs = ["/a".to_owned(), "/b".to_owned(), "/none".to_owned()];
        assert_eq!(
            list(&root, &dirs, ".conf"),
            ["/b/10-y.conf", "/a/50-x.conf", "/a/60-z.conf", "/a/d.conf"]
        );
    }
}
