//! An image with init scripts, and calls of the library on it without a process in between.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsString;
use std::path::Path;

use nodeshim::config::{Answers, Config};
use nodeshim::request::{Call, Env, Reply, run};
use nodeshim::root::Root;
use nodeshim::tool::Tool;
use tempfile::TempDir;

use crate::support;

/// An image, removed with the value.
pub struct Image {
    directory: TempDir,
    /// The image, opened.
    pub root: Root,
    /// How the shims answer in it.
    pub config: Config,
}

impl Image {
    /// An image with nothing in it.
    pub fn bare() -> Image {
        let directory = support::scratch();
        let root = Root::open(directory.path()).unwrap();
        Image {
            directory,
            root,
            config: Config::default(),
        }
    }

    /// An image with the SysV directories of a Red Hat system, answering to the letter.
    pub fn new() -> Image {
        let mut image = Image::bare();
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

    /// The host's path of the image.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Calls a tool.
    pub fn call(&self, tool: Tool, words: &[&str]) -> Reply {
        let args: Vec<OsString> = words.iter().map(OsString::from).collect();
        self.call_raw(tool, &args)
    }

    /// Calls a tool with words of any bytes.
    pub fn call_raw(&self, tool: Tool, args: &[OsString]) -> Reply {
        let env = Env::default();
        run(tool, &Call::new(&self.root, &self.config, &env, tool.name()), args)
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
