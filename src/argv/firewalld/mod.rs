//! The command lines of firewall-offline-cmd and firewall-cmd: one option table, one parser, and
//! the rules on what goes together. Pure: values of options are not looked at.

mod combinations;
mod import;
mod parser;
pub(crate) mod table;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use crate::argv::dialect::Dialect;
pub(crate) use parser::options;
pub(crate) use usage::{edits_service, lokkit_options};

/// A version of firewalld, major and minor.
pub(crate) type Version = (u16, u16);

/// Which of the two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// firewall-offline-cmd
    Offline,
    /// firewall-cmd
    Online,
}

impl Side {
    /// The command's name.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Side::Offline => "firewall-offline-cmd",
            Side::Online => "firewall-cmd",
        }
    }

    /// The line before usage errors.
    pub(crate) fn usage_line(self, version: Version) -> &'static str {
        match self {
            Side::Offline => "usage: see firewall-offline-cmd man page\n",
            Side::Online if version < (1, 2) => "usage: see firewall-cmd man page\n",
            Side::Online => {
                "usage: 'firewall-cmd --help' for usage information or see firewall-cmd(1) man page\n"
            }
        }
    }
}

/// A command line that cannot be carried out; exit status 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// What goes to standard error, whole lines.
    pub text: String,
    /// Whether it is printed even with `--quiet`.
    loud: bool,
}

impl UsageError {
    fn loud(text: impl Into<String>) -> Self {
        UsageError {
            text: text.into(),
            loud: true,
        }
    }
}

/// The result of reading a command line.
pub(crate) type Parsed = Result<Given, UsageError>;

/// Reads the words after the command's name.
pub(crate) fn parse(side: Side, args: &[OsString], dialect: &dyn Dialect) -> Parsed {
    let mut words: Vec<String> = args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if side == Side::Offline {
        words = import::imported(words, dialect)?;
    }
    let version = dialect.firewalld();
    let parsed = parser::parse(side, version, &words);
    let parsed = parsed.and_then(|given| usage::check(side, version, &given).map(|()| given));
    parsed.map_err(|mut error| {
        let quiet = words.iter().any(|word| matches!(word.as_str(), "-q" | "--quiet"));
        if quiet && !error.loud {
            error.text.clear();
        }
        error
    })
}

/// The options that were given, with their values in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    values: BTreeMap<&'static str, Vec<String>>,
    groups: BTreeSet<(&'static str, table::Group)>,
}

impl Given {
    /// Whether an option was given. One that takes a single value counts as not given if that is
    /// empty.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether one of the options was given.
    pub fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// The values of an option in the order in which they were given.
    pub fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The options that were given, by name, with their values.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.values.iter().map(|(name, values)| (*name, values.as_slice()))
    }

    /// The same without an option, or without one of its values.
    pub fn without(mut self, option: &str, value: Option<usize>) -> Given {
        match (self.values.get_mut(option), value) {
            (Some(values), Some(at)) if at < values.len() && values.len() > 1 => drop(values.remove(at)),
            _ => {
                self.values.remove(option);
                self.groups.retain(|(name, _)| *name != option);
            }
        }
        self
    }

    /// The value of an option, if it was given and is not empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first option of these that was given.
    pub fn first(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// Whether an option of a group was given.
    pub(crate) fn has_group(&self, group: table::Group) -> bool {
        self.groups.iter().any(|(name, of)| *of == group && self.has(name))
    }
}
