//! lokkit's configuration file, `/etc/sysconfig/system-config-firewall`: one option a line, read
//! leniently and always written in one canonical form, which other tools read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::port::Lookup;
use super::settings::{Entry, Settings};
use super::{SYSCONFIG, legacy, replace};
use crate::error::Result;
use crate::firewall::lokkit::grammar::{Grammar, Item, Opt, parse as parse_words};
use crate::root::Root;

/// The configuration file.
pub const PATH: &str = "/etc/sysconfig/system-config-firewall";

const HEADER: &str = "# Configuration file for system-config-firewall\n\n";

/// A configuration as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// What it says, as far as it could be understood.
    pub settings: Settings,
    /// What is wrong with it, whole messages; if there is any, no call may go on.
    pub errors: Vec<String>,
    /// The file that it came from.
    pub path: Option<&'static str>,
    /// Whether it came from an older file whose ports were turned into services.
    pub converted: bool,
}

/// Reads the configuration file or, unless that is a regular file, the older one; read_sysconfig_args() of
/// fw_sysconfig.py.
///
/// # Errors
/// If the file cannot be read. Wrong lines are part of [`Loaded`].
pub fn load(root: &Root, names: Lookup) -> Result<Loaded> {
    let Some(path) = [PATH, legacy::PATH].into_iter().find(|path| root.is_file(path)) else {
        return Ok(Loaded::default());
    };
    let (mut settings, errors) = parse(&root.read(path)?, names);
    let converted = path == legacy::PATH && errors.is_empty() && legacy::convert(&mut settings);
    Ok(Loaded {
        settings,
        errors: errors.into_iter().map(|error| format!("{path}: {error}")).collect(),
        path: Some(path),
        converted,
    })
}

/// Writes the configuration file. The one before it is kept as `.old`, as write_sysconfig_config() does; what
/// is there but no regular file is left alone and an error.
///
/// # Errors
/// If the file cannot be written.
pub fn save(root: &Root, settings: &Settings) -> Result<()> {
    root.create_dirs(SYSCONFIG, 0o755)?;
    replace(root, PATH, &render(settings), Some(0o600))
}

/// Parses the text of a configuration file, line by line. A line is one word of a command line, so `-s dns`
/// asks for a service called ` dns`; blanks before and behind it go, and so do lines that begin with `#`;
/// read_sysconfig_args(). The second value are messages about bad lines.
pub fn parse(text: &[u8], names: Lookup) -> (Settings, Vec<String>) {
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let words: Vec<&OsStr> = lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(OsStr::from_bytes)
        .collect();
    let mut settings = Settings::default();
    let mut errors = Vec::new();
    for item in parse_words(&words, Grammar::File) {
        match item {
            Item::Flag(Opt::Enabled) => settings.switch = Some(true),
            Item::Flag(Opt::Disabled) => settings.switch = Some(false),
            // The grammar of files lets no other flag pass.
            Item::Flag(_) => {}
            Item::Value {
                opt, spelling, value, ..
            } => match Entry::parse(opt, &spelling, &value, names) {
                Ok(entry) => {
                    settings.insert(entry);
                }
                Err(error) => errors.push(error),
            },
            Item::Error(error) => errors.push(error),
        }
    }
    (settings, errors)
}

/// The canonical text of a configuration file, kind by kind in the order of write_sysconfig_config(): others
/// read the file too, and an unchanged configuration must give the same bytes.
pub fn render(settings: &Settings) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_vec();
    text.extend(if settings.is_on() {
        &b"--enabled\n"[..]
    } else {
        b"--disabled\n"
    });
    let mut line = |option: &str, value: &[u8]| {
        text.extend(option.bytes());
        text.push(b'=');
        text.extend(value);
        text.push(b'\n');
    };
    settings.trusted.iter().for_each(|it| line("--trust", it.as_bytes()));
    settings.masq.iter().for_each(|it| line("--masq", it.as_bytes()));
    settings.ports.iter().for_each(|it| line("--port", it.to_string().as_bytes()));
    settings.custom_rules.iter().for_each(|it| line("--custom-rules", &it.to_value()));
    settings.services.iter().for_each(|it| line("--service", it.key.as_bytes()));
    settings.blocked_icmp.iter().for_each(|it| line("--block-icmp", it.key.as_bytes()));
    settings.forwards.iter().for_each(|it| line("--forward-port", it.to_value().as_bytes()));
    text
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
