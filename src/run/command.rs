//! The command line and environment that make the rpm behind a command load the plugin.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::error::{Error, Result, if_exists};
use crate::origin::HOME_VARIABLE;
use crate::root::Root;

/// Names under which rpm keeps a user's macros, before and since 4.20, relative to the home.
const USER_MACROS: [&str; 2] = [".rpmmacros", ".config/rpm/macros"];

/// As many homes that killed runs have left are passed over.
const MAX_LEFT_HOMES: usize = 1000;

/// A command, ready to be started.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Variables to set.
    pub env: Vec<(OsString, OsString)>,
    /// A home directory with our macro file, removed when this value is dropped.
    _home: Option<PrivateHome>,
}

/// Prepares `argv`. rpm itself is given the macros on its command line. Anything else, which may
/// start an rpm or load its library at any depth, gets a home directory that looks like the
/// caller's own but for rpm's macro file; the plugin sets `HOME` right again before a scriptlet runs.
pub(super) fn prepare(
    argv: &[OsString],
    macros: &[(&str, String)],
    home: &Path,
    temporary: &Path,
) -> Result<Prepared> {
    let mut prepared = Prepared {
        argv: argv.to_vec(),
        env: Vec::new(),
        _home: None,
    };
    if macros.is_empty() {
        return Ok(prepared);
    }
    let program = argv.first().map(Path::new).and_then(Path::file_name);
    if program == Some(OsStr::new("rpm")) {
        let options = macros.iter().flat_map(|(name, value)| {
            [
                OsString::from("--define"),
                OsString::from(format!("{name} {value}")),
            ]
        });
        prepared.argv.splice(1..1, options);
    } else {
        let private = PrivateHome::make(home, macros, temporary)?;
        prepared.env.push(("HOME".into(), private.path.clone().into()));
        prepared.env.push((HOME_VARIABLE.into(), home.into()));
        prepared._home = Some(private);
    }
    Ok(prepared)
}

#[derive(Debug)]
struct PrivateHome {
    host: Root,
    path: PathBuf,
}

impl PrivateHome {
    fn make(home: &Path, macros: &[(&str, String)], temporary: &Path) -> Result<PrivateHome> {
        let host = Root::open("/")?;
        let name = format!("nodeshim-home-{}", std::process::id());
        let path = (0..MAX_LEFT_HOMES)
            .map(|n| temporary.join(format!("{name}-{n}")))
            .find_map(|path| match host.create_dir(&path, 0o700) {
                // Somebody else's, and what lies in it would be obeyed by an rpm that is root.
                Err(error) if error.errno() == Some(Errno::EEXIST) => None,
                made => Some(made.map(|()| path)),
            })
            .unwrap_or_else(|| Err(Error::io(temporary.join(&name), Errno::EEXIST)))?;
        let private = PrivateHome { host, path };
        private.fill(home, macros)?;
        Ok(private)
    }

    fn fill(&self, home: &Path, macros: &[(&str, String)]) -> Result<()> {
        for entry in if_exists(self.host.list(home))?.unwrap_or_default() {
            if entry.name != ".rpmmacros" && entry.name != ".config" {
                self.host.symlink(home.join(&entry.name), self.path.join(&entry.name))?;
            }
        }
        for entry in if_exists(self.host.list(home.join(".config")))?.unwrap_or_default() {
            self.host.create_dirs(self.path.join(".config"), 0o700)?;
            if entry.name != "rpm" {
                let name = Path::new(".config").join(&entry.name);
                self.host.symlink(home.join(&name), self.path.join(&name))?;
            }
        }
        let mut text = String::new();
        for file in USER_MACROS {
            text += &if_exists(self.host.read_text(home.join(file)))?.unwrap_or_default();
            text.push('\n');
        }
        for (name, value) in macros {
            text += &format!("%{name} {value}\n");
        }
        self.host.write(self.path.join(".rpmmacros"), text.as_bytes(), None)
    }
}

impl Drop for PrivateHome {
    fn drop(&mut self) {
        // Only links and one file are in it, unless the command made more: then it stays.
        let remove = |directory: &Path| {
            for entry in self.host.list(directory).unwrap_or_default() {
                let _ = self.host.remove(directory.join(entry.name));
            }
            let _ = self.host.remove_dir(directory);
        };
        remove(&self.path.join(".config"));
        remove(&self.path);
    }
}
