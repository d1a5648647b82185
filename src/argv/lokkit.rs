//! lokkit's command line, taken together: what is asked for, in order, and how.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::firewall::lokkit::grammar::{self, Grammar, Item, Opt};
use crate::firewall::lokkit::port::Lookup;
use crate::firewall::lokkit::selinux::{Selinux, mode};
use crate::firewall::lokkit::services::DEFAULT_SETS;
use crate::firewall::lokkit::settings::Entry;

/// A command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// What is asked for, in order.
    pub arguments: Vec<Argument>,
    /// How it is asked for.
    pub options: Options,
    /// What is wrong, whole messages: the answer, if there is any.
    pub errors: Vec<String>,
}

/// An option with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// What it asks for.
    pub action: Action,
    /// The value as it was typed, or the option where it has none.
    pub typed: String,
    /// All its words begin with `--selinux`.
    only_selinux: bool,
}

/// What an argument asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// An entry for the configuration.
    Entry(Entry),
    /// On or off.
    Switch(bool),
    /// `-f`
    Force,
    /// `--default` with its set.
    Default(String),
    /// `--selinux` or `--selinuxtype`.
    Selinux(Selinux),
}

/// Options that ask for nothing by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Nothing at all was given.
    pub nothing: bool,
    /// `--help`
    pub help: bool,
    /// `--version`
    pub version: bool,
    /// `--list-services`
    pub list_services: bool,
    /// `--list-icmp-types`
    pub list_icmp_types: bool,
    /// `--nostart`
    no_start: bool,
    /// `--update`
    update: bool,
    /// Any of these, or one that changes nothing.
    any: bool,
}

/// Reads the words after the tool's name.
pub(crate) fn parse(args: &[OsString], names: Lookup) -> Request {
    let mut request = Request::default();
    request.options.nothing = args.is_empty();
    for item in grammar::parse(args, Grammar::CommandLine) {
        match item {
            Item::Flag(opt) => request.flag(opt),
            Item::Value {
                opt,
                spelling,
                value,
                same_word,
            } => match action(opt, &spelling, &value, names) {
                Ok(action) => request.arguments.push(Argument {
                    only_selinux: matches!(action, Action::Selinux(_))
                        && (same_word || value.as_bytes().starts_with(b"--selinux")),
                    action,
                    typed: value.to_string_lossy().into_owned(),
                }),
                Err(error) => request.errors.push(error),
            },
            Item::Error(error) => request.errors.push(error),
        }
    }
    request
}

fn action(opt: Opt, spelling: &str, value: &OsStr, names: Lookup) -> Result<Action, String> {
    Ok(match opt {
        Opt::Default => Action::Default(default_set(value)?),
        Opt::Selinux => Action::Selinux(Selinux {
            mode: Some(mode(value)?),
            policy: None,
        }),
        Opt::SelinuxType if value.as_bytes().iter().any(u8::is_ascii_control) => {
            return Err(format!("option {spelling}: invalid policy type '{}'.", value.display()));
        }
        Opt::SelinuxType => Action::Selinux(Selinux {
            mode: None,
            policy: Some(value.to_owned()),
        }),
        _ => Action::Entry(Entry::parse(opt, spelling, value, names)?),
    })
}

fn default_set(value: &OsStr) -> Result<String, String> {
    let [server, desktop] = DEFAULT_SETS;
    match DEFAULT_SETS.into_iter().find(|set| *set == value) {
        Some(set) => Ok(set.to_owned()),
        None => Err(format!(
            "option --default: invalid choice: '{}' (choose from '{server}', '{desktop}')",
            value.display()
        )),
    }
}

impl Request {
    fn flag(&mut self, opt: Opt) {
        let (action, typed) = match opt {
            Opt::Enabled => (Action::Switch(true), "--enabled"),
            Opt::Disabled => (Action::Switch(false), "--disabled"),
            Opt::Force => (Action::Force, "-f"),
            _ => return self.options.take(opt),
        };
        self.arguments.push(Argument {
            action,
            typed: typed.to_owned(),
            only_selinux: false,
        });
    }

    /// The set of default services: of several the last.
    pub(crate) fn default_set(&self) -> Option<&str> {
        let sets = self.arguments.iter().rev().filter_map(|argument| match &argument.action {
            Action::Default(set) => Some(set.as_str()),
            _ => None,
        });
        sets.into_iter().next()
    }

    /// The SELinux settings: of several values the last.
    pub fn selinux(&self) -> Selinux {
        let mut wanted = Selinux::default();
        for argument in &self.arguments {
            if let Action::Selinux(given) = &argument.action {
                wanted.mode = given.mode.or(wanted.mode);
                wanted.policy = given.policy.clone().or(wanted.policy);
            }
        }
        wanted
    }

    /// Whether to start from nothing instead of from what is configured: `--default` takes precedence
    /// over `--update`, and that over `-f`, in any order; loadConfig() of fw_lokkit.py.
    pub(crate) fn is_forced(&self) -> bool {
        let force = || self.arguments.iter().any(|argument| argument.action == Action::Force);
        self.default_set().is_some() || force() && !self.options.update
    }

    /// Whether the services are to be restarted. `--update` takes `--nostart` back, but is not looked at
    /// beside `--default`; the end of loadConfig().
    pub fn restarts(&self) -> bool {
        !self.options.no_start || self.options.update && self.default_set().is_none()
    }

    /// Whether every word is about SELinux: then the firewall is not touched. The words are compared as they
    /// were typed, so the value of `--selinux disabled` is a word about something else (observed with
    /// 1.2.29).
    pub(crate) fn only_selinux(&self) -> bool {
        !self.options.any && self.arguments.iter().all(|argument| argument.only_selinux)
    }
}

impl Options {
    fn take(&mut self, opt: Opt) {
        self.any = true;
        match opt {
            Opt::Help => self.help = true,
            Opt::Version => self.version = true,
            Opt::ListServices => self.list_services = true,
            Opt::ListIcmpTypes => self.list_icmp_types = true,
            Opt::NoStart => self.no_start = true,
            Opt::Update => self.update = true,
            // Quiet and verbose change nothing: the original gives them to what it has `service` print, and
            // no service is started here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Request {
        let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
        parse(&args, &|_| None)
    }

    #[test]
    fn update_cancels_force_and_nostart_but_not_default() {
        let cases = [
            ("-q", false, true),
            ("-n", false, false),
            ("-f", true, true),
            ("-nf --update", false, true),
            ("--update -nf", false, true),
            ("--default=server", true, true),
            ("--default=server --update -n", true, false),
        ];
        for (line, forced, restarts) in cases {
            let command = command(line);
            assert_eq!((command.is_forced(), command.restarts()), (forced, restarts), "{line}");
        }
    }

    #[test]
    fn selinux_only_is_decided_on_raw_words() {
        for (line, only) in [
            ("--selinux=disabled --selinuxtype=x", true),
            ("--selinux disabled", false),
            ("-q --selinux=disabled", false),
            ("--selinux=disabled -p 80:tcp", false),
        ] {
            assert_eq!(command(line).only_selinux(), only, "{line}");
        }
    }

    #[test]
    fn choices_are_checked_and_the_last_counts() {
        let both = command("--default=server --default desktop --selinux=disabled --selinux=enforcing");
        assert_eq!(both.default_set(), Some("desktop"));
        assert_eq!(both.selinux().mode, Some("enforcing"));
        assert_eq!(both.errors, Vec::<String>::new());
        assert_eq!(
            command("--default=x --selinux=off --selinuxtype=a\tb").errors,
            [
                "option --default: invalid choice: 'x' (choose from 'server', 'desktop')",
                "option --selinux: invalid choice: 'off' (choose from 'enforcing', 'permissive', 'disabled')",
                "option --selinuxtype: invalid policy type 'a\tb'.",
            ]
        );
    }
}
