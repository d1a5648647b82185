//! nodeshim's own parts on the build host, found relative to the running program.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::root::Root;

/// Where the shim lies, relative to the directory above the program's own.
const SHIM: &str = "libexec/nodeshim/shim";
/// Where the rpm plugin lies, relative to the same.
const PLUGIN_DIRECTORY: &str = "libexec/nodeshim/rpm-plugin";
/// Where policy files are shipped, relative to the same.
const POLICIES: &str = "lib/nodeshim/policy.d";
/// The rpm plugin's file name; its stem is the name that rpm loads it under.
pub(super) const PLUGIN: &str = "nodeshim.so";

/// What to do where a part is missing.
const INSTALL: &str = "nodeshim looks for its files beside its own program, in PREFIX/bin: install the nodeshim \
                       package, or use the program in DIR/usr/bin after packaging/stage DIR";

/// The installed parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    prefix: PathBuf,
}

impl Parts {
    /// Finds the parts relative to the running program, `PREFIX/bin/nodeshim`.
    ///
    /// # Errors
    /// If `/proc` does not name the running program.
    pub fn find() -> Result<Parts> {
        let program = std::env::current_exe().map_err(|error| Error::std_io("/proc/self/exe", &error))?;
        let prefix = program.ancestors().nth(2).unwrap_or(Path::new("/"));
        Ok(Parts {
            prefix: prefix.to_owned(),
        })
    }

    /// The shim's bytes.
    ///
    /// # Errors
    /// If it is not installed, or cannot be read.
    pub fn shim(&self) -> Result<Vec<u8>> {
        Root::open(&self.prefix)?
            .read(SHIM)
            .map_err(|error| self.missing("the shim", SHIM, error))
    }

    /// A part that is not there, with what to do about it; any other error as it is.
    fn missing(&self, what: &str, place: &str, error: Error) -> Error {
        if !error.is_missing() {
            return error;
        }
        let at = self.prefix.join(place);
        Error::Unavailable(format!("{what} is not installed: {} does not exist; {INSTALL}", at.display()))
    }

    /// The text of a policy file of the host: a path, or the bare name of one that is shipped.
    ///
    /// # Errors
    /// If there is no such file, or no shipped policy of that name.
    pub fn policy(&self, file: &Path) -> Result<String> {
        let name = file.to_str().filter(|name| !name.contains(['/', '.']));
        if let Some(name) = name {
            return self.shipped_policy(name);
        }
        let path = std::path::absolute(file).map_err(|error| Error::std_io(file, &error))?;
        Root::open("/")?.read_text(path)
    }

    /// A shipped policy by its name; in the file's name a number comes before it, so that an
    /// administrator's own files come after it.
    fn shipped_policy(&self, name: &str) -> Result<String> {
        let prefix = Root::open(&self.prefix)?;
        let is_it = |file: &str| {
            let stem = file.strip_suffix(".toml").unwrap_or_default();
            stem.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('-') == name
        };
        let files = prefix
            .list(POLICIES)
            .map_err(|error| self.missing("the shipped policy", POLICIES, error))?;
        let found = files.iter().filter_map(|entry| entry.name.to_str()).find(|file| is_it(file));
        let file = found.ok_or_else(|| {
            let place = self.prefix.join(POLICIES);
            Error::Refused(format!("no policy named {name} (looked in {})", place.display()))
        })?;
        prefix.read_text(format!("{POLICIES}/{file}"))
    }

    /// The rpm plugin; `None` if it is not installed.
    pub fn plugin(&self) -> Option<PathBuf> {
        let plugin = Path::new(PLUGIN_DIRECTORY).join(PLUGIN);
        let installed = Root::open(&self.prefix).is_ok_and(|prefix| prefix.is_file(&plugin));
        installed.then(|| self.prefix.join(plugin))
    }

    /// What a run of a package manager lacks where the rpm plugin is not installed.
    pub(super) fn without_plugin(&self) -> Option<String> {
        let at = self.prefix.join(PLUGIN_DIRECTORY).join(PLUGIN);
        self.plugin().is_none().then(|| {
            format!(
                "the rpm plugin is not installed: {} does not exist; scriptlets are told apart by their text alone",
                at.display()
            )
        })
    }
}
