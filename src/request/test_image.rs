//! An image for unit tests of requests.

use std::ffi::OsString;

use super::{Call, Env, Reply, run};
use crate::config::Config;
use crate::root::Root;
use crate::tool::Tool;

/// An image, removed with the value.
pub(crate) struct TestImage {
    pub root: Root,
    pub config: Config,
    _directory: tempfile::TempDir,
}

impl TestImage {
    /// An image with nothing in it.
    pub(super) fn new() -> TestImage {
        let directory = tempfile::tempdir().unwrap();
        TestImage {
            root: Root::open(directory.path()).unwrap(),
            config: Config::default(),
            _directory: directory,
        }
    }

    /// The same with a file.
    pub(crate) fn with_file(self, path: &str, content: impl AsRef<[u8]>) -> TestImage {
        self.file(path, content);
        self
    }

    /// Writes a file.
    pub(super) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        self.root.create_dirs(path.rsplit_once('/').unwrap().0, 0o755).unwrap();
        self.root.write(path, content.as_ref(), None).unwrap();
    }

    /// Calls a tool by a name; standard input holds a drop-in file.
    pub(super) fn call(&self, tool: Tool, argv0: &str, words: &[impl Into<OsString> + Clone]) -> Reply {
        let words: Vec<OsString> = words.iter().cloned().map(Into::into).collect();
        let env = Env::default();
        let call = Call::new(&self.root, &self.config, &env, argv0);
        run(tool, &call.with_stdin(|| Ok(b"[Service]\nNice=1".to_vec())), &words)
    }
}
