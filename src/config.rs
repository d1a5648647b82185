//! `/etc/nodeshim/nodeshim.toml` in the image: how the shims answer and where plans are written.

pub(crate) mod generation;

use serde::Deserialize;

use self::generation::Generation;
use crate::error::{Error, Result, if_exists};
use crate::root::Root;

/// Where the configuration lies in the image.
pub const PATH: &str = "/etc/nodeshim/nodeshim.toml";

/// The configuration, with its defaults where the file or a key is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Config {
    /// `[shims]`
    pub shims: Shims,
    /// `[firewall]`
    pub firewall: Firewall,
    /// `[journal]`
    pub journal: Journal,
}

/// `[shims]`: how the shims answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Shims {
    /// `answers = "image"` or `"strict"`.
    pub answers: Answers,
    /// `systemctl-generation = "auto"`, a systemd version, `"el8"`, `"el9"` or `"el10"`.
    pub systemctl_generation: SystemctlGeneration,
    /// `firewalld-generation = "auto"` or a firewalld version such as `"1.3"`.
    pub firewalld_generation: FirewalldGeneration,
    /// `firewall-cmd = "virtual"`, `"no-bus"` or `"no-daemon"`.
    pub firewall_cmd: FirewallCmd,
    /// `runtime-queries = "original"` or `"truthful"`.
    pub runtime_queries: RuntimeQueries,
    /// `service = "record"` or `"run"`.
    pub service: Service,
    /// `booted = "hand-over"` or `"record"`.
    pub booted: Booted,
}

/// `[firewall]`: what the plan is written in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Firewall {
    /// `backend = "auto"`, `"nftables"`, `"firewalld"` or `"iptables"`.
    pub backend: Backend,
    /// `unused = "keep"` or `"remove"`.
    pub unused: Unused,
}

/// `[journal]`: what is kept of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Journal {
    /// `keep = "all"` or a number of events.
    pub keep: Keep,
}

/// How much of the past is kept. What still counts always is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Keep {
    /// Everything.
    #[default]
    All,
    /// At least so many of the last events.
    Last(u64),
}

impl Keep {
    /// The number of events, if it is limited.
    pub fn events(self) -> Option<u64> {
        match self {
            Keep::All => None,
            Keep::Last(events) => Some(events),
        }
    }
}

impl TryFrom<toml::Value> for Keep {
    type Error = String;

    fn try_from(value: toml::Value) -> std::result::Result<Self, String> {
        match &value {
            toml::Value::String(word) if word == "all" => Ok(Keep::All),
            toml::Value::Integer(number) if *number > 0 => Ok(Keep::Last(number.unsigned_abs())),
            _ => Err(format!("keep is \"all\" or a number of events from 1 on, not {value}")),
        }
    }
}

/// How answers differ from the original's in a chroot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// Do the work, exit 0 and record where the original would fail a scriptlet for no reason
    /// that its package could help.
    #[default]
    Image,
    /// To the letter, for comparison.
    Strict,
}

/// Which systemd the systemctl shim behaves as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum SystemctlGeneration {
    /// Found out from the image.
    #[default]
    Auto,
    /// This one.
    Fixed(Generation),
}

impl TryFrom<toml::Value> for SystemctlGeneration {
    type Error = String;

    fn try_from(value: toml::Value) -> std::result::Result<Self, String> {
        let known = match &value {
            toml::Value::String(word) if word == "auto" => return Ok(SystemctlGeneration::Auto),
            toml::Value::String(word) => Generation::parse(word),
            toml::Value::Integer(number) => Generation::by_number(*number),
            _ => None,
        };
        known.map(SystemctlGeneration::Fixed).ok_or_else(|| {
            format!(
                "systemctl-generation is \"auto\", a number from {} to {}, \"el8\", \"el9\" or \"el10\", not {value}",
                Generation::OLDEST,
                Generation::NEWEST
            )
        })
    }
}

/// Which firewalld the firewall-cmd and firewall-offline-cmd shims behave as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum FirewalldGeneration {
    /// Found out from the image.
    #[default]
    Auto,
    /// This major and minor version.
    Version(u16, u16),
}

impl TryFrom<String> for FirewalldGeneration {
    type Error = String;

    fn try_from(value: String) -> std::result::Result<Self, String> {
        if value == "auto" {
            return Ok(FirewalldGeneration::Auto);
        }
        let numbers = value
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match numbers {
            // 0.9 is the oldest whose behavior is known.
            Some((major, minor)) if (major, minor) >= (0, 9) => {
                Ok(FirewalldGeneration::Version(major, minor))
            }
            _ => Err(format!("firewalld-generation is \"auto\" or a version from \"0.9\" on, not {value:?}")),
        }
    }
}

/// How the firewall-cmd shim answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallCmd {
    /// As if the daemon were running.
    #[default]
    Virtual,
    /// As without a message bus: exit 36, recorded.
    NoBus,
    /// As with a bus and no daemon: exit 252, recorded.
    NoDaemon,
}

/// How `is-active` and its like answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeQueries {
    /// As the original in a chroot: ignored, exit 0.
    #[default]
    Original,
    /// `inactive`, exit 3.
    Truthful,
}

/// What the service shim does with an init script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Record, never run it.
    #[default]
    Record,
    /// Run it, as the original does.
    Run,
}

/// What a shim does on a system that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Booted {
    /// The original does the work, and nothing else happens.
    #[default]
    HandOver,
    /// The original does the work, and the request is recorded.
    Record,
}

/// The firewall dialect of the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// By what the image enables, else nftables.
    #[default]
    Auto,
    /// One default-drop table.
    Nftables,
    /// Services and zone lines.
    Firewalld,
    /// `/etc/sysconfig/iptables` and `ip6tables`.
    Iptables,
}

impl Backend {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Backend::Auto => "auto",
            Backend::Nftables => "nftables",
            Backend::Firewalld => "firewalld",
            Backend::Iptables => "iptables",
        }
    }
}

/// What becomes of the firewall that nodeshim gave an image, once no plugin wants anything of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unused {
    /// It stays, and lets in secure shell alone.
    #[default]
    Keep,
    /// It goes, and everything is let in.
    Remove,
}

impl Config {
    /// Reads the image's configuration; a missing file gives the defaults. The second value names
    /// unknown keys, dotted: an error for the admin tool, a warning in the journal for a shim.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, and one with an invalid value; with the line.
    pub fn load(root: &Root) -> Result<(Config, Vec<String>)> {
        match if_exists(root.read(PATH))? {
            None => Ok((Config::default(), Vec::new())),
            Some(bytes) => Config::parse(&bytes),
        }
    }

    /// As [`Config::load`], for the admin tool.
    ///
    /// # Errors
    /// A file that cannot be read, or has an unknown key.
    #[cfg(feature = "admin")]
    pub fn checked(root: &Root) -> Result<Config> {
        let (config, unknown) = Config::load(root)?;
        match unknown.first() {
            None => Ok(config),
            Some(key) => Err(Error::malformed(PATH, format!("unknown key {key}"))),
        }
    }

    /// Reads the bytes of a configuration file, as [`Config::load`] does.
    ///
    /// # Errors
    /// Bytes that are not UTF-8 or not TOML, and an invalid value; with the line.
    pub fn parse(bytes: &[u8]) -> Result<(Config, Vec<String>)> {
        parse(str::from_utf8(bytes).map_err(|_| Error::malformed(PATH, "not UTF-8"))?)
    }
}

/// Every key, dotted.
pub const KNOWN: [&str; 10] = [
    "shims.answers",
    "shims.systemctl-generation",
    "shims.firewalld-generation",
    "shims.firewall-cmd",
    "shims.runtime-queries",
    "shims.service",
    "shims.booted",
    "firewall.backend",
    "firewall.unused",
    "journal.keep",
];

fn parse(text: &str) -> Result<(Config, Vec<String>)> {
    let bad = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        Error::malformed(PATH, format!("line {line}: {}", error.message()))
    };
    let table: toml::Table = text.parse().map_err(bad)?;
    let config = toml::from_str(text).map_err(bad)?;
    Ok((config, unknown_keys(&table)))
}

fn unknown_keys(table: &toml::Table) -> Vec<String> {
    let mut unknown = Vec::new();
    for (section, value) in table {
        match value.as_table() {
            Some(keys) => {
                let dotted = keys.keys().map(|key| format!("{section}.{key}"));
                unknown.extend(dotted.filter(|key| !KNOWN.contains(&key.as_str())));
            }
            None => unknown.push(section.clone()),
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let text = "[shims]\nanswers = \"strict\"\nsystemctl-generation = 252\nfirewall-cmd = \"no-bus\"\n\
                    firewalld-generation = \"2.5\"\n\
                    runtime-queries = \"truthful\"\nservice = \"run\"\nbooted = \"record\"\n[firewall]\nbackend = \"iptables\"\nunused = \"remove\"\n[journal]\nkeep = 5000\n";
        let (config, unknown) = parse(text).unwrap();
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(config.shims.answers, Answers::Strict);
        assert_eq!(config.shims.systemctl_generation, SystemctlGeneration::Fixed(Generation::release(252)));
        let of = |value: &str| {
            let text = format!("[shims]\nsystemctl-generation = {value}\n");
            parse(&text).map(|(config, _)| config.shims.systemctl_generation)
        };
        assert_eq!(of("\"el9\"").unwrap(), SystemctlGeneration::Fixed(Generation::EL9));
        assert_eq!(of("\"auto\"").unwrap(), SystemctlGeneration::Auto);
        for bad in ["\"el7\"", "263", "\"252\"", "true"] {
            let error = of(bad).unwrap_err().to_string();
            assert!(
                error.contains("line 2: systemctl-generation is \"auto\", a number from 239 to 262"),
                "{error}"
            );
        }
        assert_eq!(config.shims.firewalld_generation, FirewalldGeneration::Version(2, 5));
        assert_eq!(config.shims.firewall_cmd, FirewallCmd::NoBus);
        assert_eq!(config.shims.runtime_queries, RuntimeQueries::Truthful);
        assert_eq!(config.shims.service, Service::Run);
        assert_eq!(config.shims.booted, Booted::Record);
        assert_eq!(config.firewall.backend, Backend::Iptables);
        assert_eq!(config.firewall.unused, Unused::Remove);
        assert_eq!(config.journal.keep, Keep::Last(5000));
        assert_eq!(parse("[journal]\nkeep = \"all\"\n").unwrap().0.journal.keep, Keep::All);
        for bad in ["0", "-1", "\"some\""] {
            let error = parse(&format!("[journal]\nkeep = {bad}\n")).unwrap_err().to_string();
            assert!(error.contains("line 2: keep is \"all\" or a number of events"), "{error}");
        }
    }

    #[test]
    fn unknown_keys_are_named_and_bad_values_refused_with_their_line() {
        assert_eq!(parse("[shims]\nanswer = 1\n[x]\ny = 2\n").unwrap().1, ["shims.answer", "x.y"]);
        let error = parse("[shims]\n\nanswers = \"maybe\"\n").unwrap_err().to_string();
        assert!(error.starts_with("/etc/nodeshim/nodeshim.toml: line 3: unknown variant"), "{error}");
        for generation in ["0.8", "new", "1"] {
            let error = parse(&format!("[shims]\nfirewalld-generation = \"{generation}\"\n")).unwrap_err();
            assert!(error.to_string().contains("a version from \"0.9\" on"), "{error}");
        }
    }
}
