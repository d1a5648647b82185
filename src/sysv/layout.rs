//! Where init scripts and run level directories lie in an image.

use std::cell::Cell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Result, if_exists};
use crate::root::{Entry, Kind, Root};
use crate::runlevels::COUNT;

/// The names that chkconfig goes by; on Red Hat systems they are links into `/etc/rc.d`.
const INIT: &str = "/etc/init.d";
const RC_D_INIT: &str = "/etc/rc.d/init.d";
/// Override files.
pub(crate) const OVERRIDES: &str = "/etc/chkconfig.d";

/// The SysV directories of one image.
pub(crate) struct Layout<'r> {
    root: &'r Root,
    /// Whether directories that are missing are read as empty, looked for below `/etc/rc.d`, and
    /// made when something is to be written to them.
    lenient: bool,
    /// Whether a directory was found missing.
    incomplete: Cell<bool>,
    init: &'static str,
}

impl<'r> Layout<'r> {
    /// Looks where the scripts are.
    pub(crate) fn find(root: &'r Root, lenient: bool) -> Layout<'r> {
        let moved = lenient && !root.is_dir(INIT) && root.is_dir(RC_D_INIT);
        Layout {
            root,
            lenient,
            incomplete: Cell::new(false),
            init: if moved { RC_D_INIT } else { INIT },
        }
    }

    /// The image.
    pub(crate) fn root(&self) -> &'r Root {
        self.root
    }

    /// The directory of init scripts.
    pub(crate) fn init(&self) -> &'static str {
        self.init
    }

    /// The path of a script.
    pub(crate) fn script(&self, name: &OsStr) -> PathBuf {
        Path::new(self.init).join(name)
    }

    /// What is in a level's directory under names that are `wanted`, sorted. Missing is an error
    /// unless the layout is lenient.
    pub(crate) fn list(&self, level: usize, wanted: impl Fn(&OsStr) -> bool) -> Result<Vec<Entry>> {
        let listed = self.root.list_where(level_path(level), &wanted);
        if !self.lenient {
            return listed;
        }
        if let Some(entries) = if_exists(listed)? {
            return Ok(entries);
        }
        self.incomplete.set(true);
        Ok(if_exists(self.root.list_where(rc_d_path(level), &wanted))?.unwrap_or_default())
    }

    /// The path of something in a level's directory.
    pub(crate) fn in_level(&self, level: usize, name: &OsStr) -> PathBuf {
        Path::new(&level_path(level)).join(name)
    }

    /// Makes the level directories that were found missing, if the layout is lenient: as Red Hat
    /// systems have them, or next to an `/etc/init.d` that is a directory of its own.
    pub(crate) fn make_levels(&self) -> Result<()> {
        if !self.incomplete.take() {
            return Ok(());
        }
        let own_init = self.root.meta(INIT).is_ok_and(|meta| meta.kind == Kind::Dir);
        for level in (0..COUNT).filter(|level| !self.root.is_dir(level_path(*level))) {
            let path = level_path(level);
            if own_init {
                self.root.create_dirs(&path, 0o755)?;
                continue;
            }
            self.root.create_dirs(rc_d_path(level), 0o755)?;
            if !self.root.exists(&path) {
                self.root.symlink(format!("rc.d/rc{level}.d"), &path)?;
            }
        }
        Ok(())
    }
}

/// `/etc/rcN.d`.
pub(crate) fn level_path(level: usize) -> String {
    format!("/etc/rc{level}.d")
}

fn rc_d_path(level: usize) -> String {
    format!("/etc/rc.d/rc{level}.d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_level_directories_are_made_in_the_layout_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/rc.d/init.d", 0o755).unwrap();
        let layout = Layout::find(&root, true);
        assert_eq!(layout.init(), "/etc/rc.d/init.d");
        assert_eq!(layout.list(3, |_| true).unwrap(), []);
        layout.make_levels().unwrap();
        assert_eq!(root.read_link("/etc/rc3.d").unwrap(), Path::new("rc.d/rc3.d"));
        assert!(root.is_dir("/etc/rc3.d"));
    }

    #[test]
    fn an_init_directory_of_its_own_gets_level_directories_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/init.d", 0o755).unwrap();
        let layout = Layout::find(&root, true);
        layout.list(0, |_| true).unwrap();
        layout.make_levels().unwrap();
        assert_eq!(root.meta("/etc/rc0.d").unwrap().kind, Kind::Dir);
        assert!(!root.exists("/etc/rc.d"));
    }

    #[test]
    fn a_strict_layout_reports_what_is_missing_and_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let layout = Layout::find(&root, false);
        assert!(layout.list(0, |_| true).unwrap_err().is_missing());
        layout.make_levels().unwrap();
        assert!(!root.exists("/etc"));
    }
}
