//! An image without an rpm database, and calls of the library on it without a process in between.

use std::ffi::OsString;
use std::path::Path;

use nodeshim::config::Config;
use nodeshim::request::{Call, Env, Reply, run};
use nodeshim::root::Root;
use nodeshim::tool::Tool;
use tempfile::TempDir;

/// An image, removed with the value.
pub struct BareImage {
    directory: TempDir,
    /// The image, opened.
    pub root: Root,
    /// How the shims answer in it.
    pub config: Config,
}

impl BareImage {
    /// An image with nothing in it.
    pub fn new() -> BareImage {
        let directory = super::scratch();
        let root = Root::open(directory.path()).unwrap();
        BareImage {
            directory,
            root,
            config: Config::default(),
        }
    }

    /// The host's path of the image.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file that no request made.
    pub fn put(&self, path: &str, text: &str) {
        let (directory, _) = path.rsplit_once('/').unwrap();
        self.root.create_dirs(directory, 0o755).unwrap();
        self.root.write(path, text.as_bytes(), None).unwrap();
        self.root.take_changes();
    }

    pub fn read(&self, path: &str) -> String {
        self.root.read_text(path).unwrap_or_else(|error| panic!("{error}"))
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
}
