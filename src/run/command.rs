//! The command line and environment that make the rpm behind a command load the plugin.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::installation::PLUGIN;
use crate::attribution::{CONFIG_VARIABLE, HOME_VARIABLE, PACKAGE_MANAGERS};
use crate::error::{Result, if_exists};
use crate::root::Root;
use crate::rpmdb::place;
use crate::tempdir::PrivateDirectory;

/// Names under which rpm keeps a user's macros: in the home, and since 4.20 in the directory for
/// configuration, which comes first if it has a directory for rpm.
const MACROS: &str = ".rpmmacros";
const CONFIG_MACROS: &str = "rpm/macros";
/// The directory for configuration in a home.
const CONFIG: &str = ".config";

/// A command, ready to be started.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Variables to set.
    pub env: Vec<(OsString, OsString)>,
    /// The directory that rpm loads the plugin from.
    pub plugins: Option<PathBuf>,
    /// What the command finds the plugin by, removed with this value.
    private: Vec<PrivateDirectory>,
}

impl Prepared {
    /// From now on the commands that are started keep what was made for them.
    pub(super) fn share(&self) -> Result<()> {
        self.private.iter().try_for_each(PrivateDirectory::share)
    }
}

/// Prepares `argv` so that an rpm loads `plugin`, if it is installed, and finds the database of the image.
/// rpm itself is given macros on its command line. A program that loads rpm's library gets a home directory that looks like the
/// caller's own but for rpm's macro file; the plugin sets `HOME` right again before a scriptlet runs.
/// Anything else keeps the caller's home and finds such programs by wrappers that set it for them alone.
pub(super) fn prepare(
    root: &Root,
    argv: &[OsString],
    plugin: Option<&Path>,
    home: &Path,
    temporary: &Path,
) -> Result<Prepared> {
    let mut prepared = Prepared {
        argv: argv.to_vec(),
        env: Vec::new(),
        plugins: None,
        private: Vec::new(),
    };
    let Some(usual) = usual_places(root, argv) else {
        return Ok(prepared);
    };
    let mut macros = Vec::new();
    if let Some(plugin) = plugin {
        let plugins = private_plugins(plugin, &usual.plugins, temporary)?;
        macros.extend(plugin_macros(&plugins.path));
        prepared.plugins = Some(plugins.path.clone());
        prepared.private.push(plugins);
    }
    if let Some(database) = &usual.database {
        macros.extend(database_macro(root, home, database)?);
    }
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
        let config = std::env::var_os("XDG_CONFIG_HOME").filter(|config| !config.is_empty());
        let at = config.as_ref().map_or_else(|| home.join(".config"), PathBuf::from);
        let private = private_home(home, &at, &macros, temporary)?;
        let mut env: Vec<(OsString, OsString)> = vec![
            ("HOME".into(), private.path.clone().into()),
            (HOME_VARIABLE.into(), home.into()),
        ];
        if let Some(config) = config {
            env.push(("XDG_CONFIG_HOME".into(), private.path.join(CONFIG).into()));
            env.push((CONFIG_VARIABLE.into(), config));
        }
        prepared.private.push(private);
        if program.is_some_and(loads_rpm) {
            prepared.env = env;
        } else if program != Some(OsStr::new("chroot")) {
            let wrappers = wrappers(&env, temporary)?;
            let path = std::env::var_os("PATH").unwrap_or_default();
            let dirs = std::iter::once(wrappers.path.clone()).chain(std::env::split_paths(&path));
            let joined = std::env::join_paths(dirs).unwrap_or(path);
            prepared.env.push(("PATH".into(), joined));
            prepared.private.push(wrappers);
        }
    }
    Ok(prepared)
}

/// Programs that are no package managers, and load rpm's library or start programs that do.
const COMPOSERS: [&str; 4] = ["zypper", "livecd-creator", "livemedia-creator", "lorax"];

/// Programs that load rpm's library into themselves, so that their own home has to lead to the plugin.
fn load_rpm() -> impl Iterator<Item = &'static str> {
    PACKAGE_MANAGERS.into_iter().chain(COMPOSERS)
}

/// Whether a program, by its name, loads rpm's library.
pub(super) fn loads_rpm(program: &OsStr) -> bool {
    load_rpm().any(|name| program == name)
}

/// A directory of programs that start rpm, and those that load its library, with these variables.
fn wrappers(env: &[(OsString, OsString)], temporary: &Path) -> Result<PrivateDirectory> {
    let directory = PrivateDirectory::make(temporary, "bin")?;
    let mut line = String::new();
    for (name, value) in env {
        line += &format!("{}={} ", name.to_string_lossy(), quoted(&value.to_string_lossy()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for name in load_rpm().chain(["rpm"]) {
        let places = std::env::split_paths(&path).filter(|place| place.is_absolute());
        let found = places.map(|place| place.join(name)).find(|program| directory.host.is_file(program));
        if let Some(program) = found {
            let text = format!("#!/bin/sh\n{line}exec {} \"$@\"\n", quoted(&program.to_string_lossy()));
            directory.host.write(directory.path.join(name), text.as_bytes(), Some(0o755))?;
        }
    }
    Ok(directory)
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A home that looks like the caller's own but for rpm's macros; `config` is the caller's directory
/// for configuration.
fn private_home(
    home: &Path,
    config: &Path,
    macros: &[(&str, String)],
    temporary: &Path,
) -> Result<PrivateDirectory> {
    let private = PrivateDirectory::make(temporary, "home")?;
    private.link_all(home, "", &[MACROS, CONFIG])?;
    private.link_all(config, CONFIG, &["rpm"])?;
    let mut text = String::new();
    for file in [home.join(MACROS), config.join(CONFIG_MACROS)] {
        text += &if_exists(private.host.read_text(file))?.unwrap_or_default();
        text.push('\n');
    }
    for (name, value) in macros {
        text += &format!("%{name} {value}\n");
    }
    private.host.write(private.path.join(MACROS), text.as_bytes(), None)?;
    Ok(private)
}

/// A plugin directory that holds the host's plugins and ours: rpm loads from one directory only.
fn private_plugins(plugin: &Path, usual: &Path, temporary: &Path) -> Result<PrivateDirectory> {
    let private = PrivateDirectory::make(temporary, "plugins")?;
    private.link_all(usual, "", &[PLUGIN])?;
    private.host.symlink(plugin, private.path.join(PLUGIN))?;
    Ok(private)
}

/// Where the host's rpm has its plugins and looks for a database.
struct UsualPlaces {
    plugins: PathBuf,
    /// None where it does not matter.
    database: Option<PathBuf>,
}

/// None where there is no rpm. Where it looks for a database is not asked for in vain: Debian's `%_dbpath` starts two
/// shells each time.
fn usual_places(root: &Root, argv: &[OsString]) -> Option<UsualPlaces> {
    let matters = root.path() != Path::new("/") && !names_database(argv);
    let asked = ["--eval", "%{__plugindir}", "--eval", "%{_dbpath}"];
    let output = Command::new("rpm").args(&asked[..if matters { 4 } else { 2 }]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let plugins = lines.next()?.into();
    let database = lines.next().map(PathBuf::from);
    (output.status.success() && database.is_some() == matters).then_some(UsualPlaces { plugins, database })
}

/// Whether a command is an rpm that is told where the database is: that comes before the macro.
fn names_database(argv: &[OsString]) -> bool {
    let program = argv.first().map(Path::new).and_then(Path::file_name);
    let names = |word: &OsString| word == "--dbpath" || word.as_encoded_bytes().starts_with(b"--dbpath=");
    program == Some(OsStr::new("rpm")) && argv.iter().any(names)
}

/// The rpm macros, as names and values, that make an rpm load the plugin.
fn plugin_macros(plugins: &Path) -> [(&'static str, String); 2] {
    [
        ("__plugindir", plugins.display().to_string()),
        ("__transaction_nodeshim", plugins.join(PLUGIN).display().to_string()),
    ]
}

/// Debian's rpm keeps its database in the caller's home, `%_dbpath` of its macros, and would make one of that
/// name in an image, where the image's own rpm does not find it. Nothing where the host's rpm is like the
/// image's, and on the host itself.
fn database_macro(root: &Root, home: &Path, usual: &Path) -> Result<Option<(&'static str, String)>> {
    let is_of_caller = usual.starts_with(home) && home != Path::new("/");
    if !is_of_caller {
        return Ok(None);
    }
    Ok(Some(("_dbpath", place(root)?.display().to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_rpm_that_names_its_database_needs_no_macro_for_it() {
        let names = |line: &str| names_database(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(names("rpm --root /i --dbpath /var/lib/rpm -i a.rpm"));
        assert!(names("/usr/bin/rpm --dbpath=/var/lib/rpm -qa"));
        for line in ["rpm -i a.rpm", "dnf --dbpath /x install a", "sh -c rpm--dbpath"] {
            assert!(!names(line), "{line}");
        }
    }
}
