//! An image with init scripts.
#![allow(dead_code, reason = "each test program uses a part of it")]

use nodeshim::config::Answers;
use nodeshim::tool::Tool;

pub use crate::support::bare_image::BareImage;

impl BareImage {
    /// An image with the SysV directories of a Red Hat system, answering to the letter.
    pub fn sysv() -> BareImage {
        let mut image = BareImage::new();
        image.config.shims.answers = Answers::Strict;
        image.root.create_dirs("/etc/rc.d/init.d", 0o755).unwrap();
        image.root.symlink("rc.d/init.d", "/etc/init.d").unwrap();
        for level in 0..7 {
            let name = format!("rc{level}.d");
            image.root.create_dirs(format!("/etc/rc.d/{name}"), 0o755).unwrap();
            image.root.symlink(format!("rc.d/{name}"), format!("/etc/{name}")).unwrap();
        }
        image
    }

    /// Puts an init script into place.
    pub fn script(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = format!("/etc/rc.d/init.d/{name}");
        self.root.write(path, text.as_ref(), Some(0o755)).unwrap();
    }

    /// Calls chkconfig, which has to succeed; whether files changed.
    pub fn chkconfig(&self, words: &[&str]) -> bool {
        self.root.take_changes();
        let reply = self.call(Tool::Chkconfig, words);
        assert_eq!(reply.exit, 0, "{words:?}: {:?}", reply.output);
        let changed = !self.root.take_changes().is_empty();
        for recorded in &reply.intents {
            assert_eq!(recorded.changed, changed, "{words:?}");
        }
        changed
    }

    /// The file names in a level's directory, sorted.
    pub fn level(&self, level: usize) -> Vec<String> {
        let entries = self.root.list(format!("/etc/rc.d/rc{level}.d")).unwrap();
        entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect()
    }

    /// All levels.
    pub fn levels(&self) -> Vec<Vec<String>> {
        (0..7).map(|level| self.level(level)).collect()
    }
}
