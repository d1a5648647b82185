//! The command line and environment that make the rpm behind a command load the plugin.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::parts::PLUGIN;
use crate::attribution::{CONFIG_VARIABLE, HOME_VARIABLE};
use crate::error::{Result, if_exists};
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

/// Prepares `argv` so that an rpm loads `plugin`, if it is installed. rpm itself is given macros on
/// its command line. A program that loads rpm's library gets a home directory that looks like the
/// caller's own but for rpm's macro file; the plugin sets `HOME` right again before a scriptlet runs.
/// Anything else keeps the caller's home and finds such programs by wrappers that set it for them alone.
pub(super) fn prepare(
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
    let Some(plugins) = plugin.map(|plugin| private_plugins(plugin, temporary)).transpose()?.flatten() else {
        return Ok(prepared);
    };
    let macros = macros(&plugins.path);
    prepared.plugins = Some(plugins.path.clone());
    prepared.private.push(plugins);
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

/// Programs that load rpm's library into themselves, so that their own home has to lead to the plugin.
const LOAD_RPM: [&str; 11] = [
    "dnf",
    "dnf-3",
    "dnf5",
    "microdnf",
    "yum",
    "tdnf",
    "zypper",
    "rpm-ostree",
    "livecd-creator",
    "livemedia-creator",
    "lorax",
];

fn loads_rpm(program: &OsStr) -> bool {
    LOAD_RPM.iter().any(|name| program == *name)
}

/// A directory of programs that start rpm, and those that load its library, with these variables.
fn wrappers(env: &[(OsString, OsString)], temporary: &Path) -> Result<PrivateDirectory> {
    let directory = PrivateDirectory::make(temporary, "bin")?;
    let mut line = String::new();
    for (name, value) in env {
        line += &format!("{}={} ", name.to_string_lossy(), quoted(&value.to_string_lossy()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for name in LOAD_RPM.iter().chain(&["rpm"]) {
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
/// `None` where there is no rpm.
fn private_plugins(plugin: &Path, temporary: &Path) -> Result<Option<PrivateDirectory>> {
    let Some(usual) = usual_plugins() else {
        return Ok(None);
    };
    let private = PrivateDirectory::make(temporary, "plugins")?;
    private.link_all(&usual, "", &[PLUGIN])?;
    private.host.symlink(plugin, private.path.join(PLUGIN))?;
    Ok(Some(private))
}

/// Where the host's rpm has its plugins.
fn usual_plugins() -> Option<PathBuf> {
    let output = Command::new("rpm").args(["--eval", "%{__plugindir}"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim_end()))
}

/// The rpm macros, as names and values, that make an rpm load the plugin.
fn macros(plugins: &Path) -> [(&'static str, String); 2] {
    [
        ("__plugindir", plugins.display().to_string()),
        ("__transaction_nodeshim", plugins.join(PLUGIN).display().to_string()),
    ]
}
