//! Reading a metadata file: the text, to what it says or to everything that is wrong with it.

use serde::Deserialize;
use toml::Spanned;

use super::model::{Group, Hook, Metadata, User};
use super::{SCHEMA, version};
use crate::error::LineError;
use crate::firewall::ports::PORT_PROTOCOLS;
use crate::firewall::ports::PortRange;
use crate::firewall::valid;
use crate::system::accounts::{is_account, is_comment, is_line, is_path, is_system_id};
use crate::system::settings::is_module;
use crate::unit::name;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    schema: Spanned<u32>,
    summary: Option<Spanned<String>>,
    minimum_node: Option<Spanned<String>>,
    #[serde(default)]
    firewall: RawFirewall,
    #[serde(default)]
    units: RawUnits,
    #[serde(default)]
    kernel: RawKernel,
    #[serde(default)]
    vdsm: RawVdsm,
    #[serde(default)]
    files: RawFiles,
    #[serde(default)]
    user: Vec<RawUser>,
    #[serde(default)]
    group: Vec<RawGroup>,
}

type Words = Vec<Spanned<String>>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFirewall {
    zone: Option<Spanned<String>>,
    ports: Words,
    services: Words,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawUnits {
    enable: Words,
    disable: Words,
    start: Words,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawKernel {
    modules: Words,
    parameters: Words,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawVdsm {
    hooks: Words,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFiles {
    changes: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUser {
    name: Spanned<String>,
    uid: Option<Spanned<u32>>,
    group: Option<Spanned<String>>,
    #[serde(default)]
    groups: Words,
    comment: Option<Spanned<String>>,
    home: Option<Spanned<String>>,
    shell: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: Spanned<String>,
    gid: Option<Spanned<u32>>,
}

/// Reads a file's text.
///
/// # Errors
/// All that is wrong with the file, each with its line.
pub fn parse(text: &str) -> Result<Metadata, Vec<LineError>> {
    let mut checker = Checker {
        text,
        problems: Vec::new(),
    };
    // A file of a newer schema may hold anything: that is all that is said of it.
    if let Some(newer) = newer_schema(text) {
        let text = format!("schema {newer} is newer than {SCHEMA}, the newest that this nodeshim reads");
        return Err(vec![LineError { line: 1, text }]);
    }
    let raw: Raw = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let line = error.span().map_or(1, |span| checker.line(span.start));
            let text = error.message().lines().next().unwrap_or("not TOML").to_owned();
            return Err(vec![LineError { line, text }]);
        }
    };
    let metadata = checker.metadata(raw);
    match checker.problems.is_empty() {
        true => Ok(metadata),
        false => Err(checker.problems),
    }
}

fn newer_schema(text: &str) -> Option<i64> {
    let table: toml::Table = text.parse().ok()?;
    table.get("schema")?.as_integer().filter(|schema| *schema > i64::from(SCHEMA))
}

struct Checker<'t> {
    text: &'t str,
    problems: Vec<LineError>,
}

impl Checker<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn problem<T>(&mut self, at: &Spanned<T>, text: String) {
        let line = self.line(at.span().start);
        self.problems.push(LineError { line, text });
    }

    fn metadata(&mut self, raw: Raw) -> Metadata {
        if *raw.schema.get_ref() == 0 {
            self.problem(&raw.schema, "schema 0 does not exist".into());
        }
        let ports = raw.firewall.ports.iter().filter_map(|port| self.port(port)).collect();
        let start = self.list(raw.units.start, "a unit's name", is_unit);
        let metadata = Metadata {
            summary: self.one(raw.summary, "one line of text", is_line),
            minimum_node: self.one(raw.minimum_node, "a version like 4.4", version::is_version),
            zone: self.one(raw.firewall.zone, "a zone's name", valid::zone),
            ports,
            services: self.list(raw.firewall.services, "a service's name", valid::service),
            enable: self.list(raw.units.enable, "a unit's name", is_unit),
            disable: self.units_to_disable(raw.units.disable),
            start,
            modules: self.list(raw.kernel.modules, "a module's name", is_module),
            parameters: self.list(raw.kernel.parameters, "a kernel parameter", is_parameter),
            users: raw.user.into_iter().map(|user| self.user(user)).collect(),
            groups: raw.group.into_iter().map(|group| self.group(group)).collect(),
            hooks: raw.vdsm.hooks.iter().filter_map(|hook| self.hook(hook)).collect(),
            changes: self.list(raw.files.changes, "an absolute path without . and ..", is_path),
        };
        let mut both = metadata.disable.iter().filter(|unit| metadata.enable.contains(unit));
        if let Some(unit) = both.next() {
            let line = self.text.lines().position(|line| line.contains(unit.as_str())).unwrap_or(0) + 1;
            let text = format!("{unit} is to be enabled and disabled");
            self.problems.push(LineError { line, text });
        }
        metadata
    }

    fn units_to_disable(&mut self, units: Words) -> Vec<String> {
        self.list(units, "a unit's name", is_unit)
    }

    fn one(&mut self, word: Option<Spanned<String>>, what: &str, fits: fn(&str) -> bool) -> Option<String> {
        let word = word?;
        if !fits(word.get_ref()) {
            self.problem(&word, format!("{:?} is not {what}", word.get_ref()));
            return None;
        }
        Some(word.into_inner())
    }

    fn list(&mut self, words: Words, what: &str, fits: fn(&str) -> bool) -> Vec<String> {
        words.into_iter().filter_map(|word| self.one(Some(word), what, fits)).collect()
    }

    /// `N/PROTOCOL` or `N-M/PROTOCOL`
    fn port(&mut self, word: &Spanned<String>) -> Option<(String, String)> {
        let text = word.get_ref();
        let found = text.split_once('/').filter(|(_, protocol)| PORT_PROTOCOLS.contains(protocol));
        let range = found.and_then(|(ports, protocol)| Some((PortRange::parse(ports)?, protocol)));
        match range {
            Some((range, protocol)) if range.low > 0 && !text.contains(':') => {
                Some((range.to_string(), protocol.to_owned()))
            }
            _ => {
                let known = PORT_PROTOCOLS.join(", ");
                let said =
                    format!("{text:?} is not PORT/PROTOCOL or FIRST-LAST/PROTOCOL with one of {known}");
                self.problem(word, said);
                None
            }
        }
    }

    /// `POINT/NAME`
    fn hook(&mut self, word: &Spanned<String>) -> Option<Hook> {
        let found = word.get_ref().split_once('/');
        match found.filter(|(point, name)| valid::name(point) && valid::name(name)) {
            Some((point, name)) => Some(Hook {
                point: point.to_owned(),
                name: name.to_owned(),
            }),
            None => {
                self.problem(word, format!("{:?} is not POINT/NAME", word.get_ref()));
                None
            }
        }
    }

    fn user(&mut self, raw: RawUser) -> User {
        User {
            name: self.one(Some(raw.name), "a user's name", is_account).unwrap_or_default(),
            uid: self.id(raw.uid),
            group: self.one(raw.group, "a group's name", is_account),
            groups: self.list(raw.groups, "a group's name", is_account),
            comment: self.one(raw.comment, "one line without colons and quotes", is_comment),
            home: self.one(raw.home, "an absolute path without . and ..", is_path),
            shell: self.one(raw.shell, "an absolute path without . and ..", is_path),
        }
    }

    fn group(&mut self, raw: RawGroup) -> Group {
        Group {
            name: self.one(Some(raw.name), "a group's name", is_account).unwrap_or_default(),
            gid: self.id(raw.gid),
        }
    }

    /// What is above 999 belongs to people, and 0 to root.
    fn id(&mut self, id: Option<Spanned<u32>>) -> Option<u32> {
        let id = id?;
        if !is_system_id(*id.get_ref()) {
            self.problem(&id, format!("{} is no number of a system account: 1 to 999", id.get_ref()));
        }
        Some(id.into_inner())
    }
}

fn is_unit(text: &str) -> bool {
    name::is_valid(text) && !name::is_template(text)
}

/// One word; nothing that a boot loader's configuration or a shell could take for more.
fn is_parameter(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.,:/=@+".contains(&byte);
    (1..=200).contains(&text.len()) && !text.starts_with(['=', '-']) && text.bytes().all(plain)
}
