//! A lokkit command line, taken together: what is asked for, in order, and how.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::argv::lokkit::{Grammar, Item, Opt, parse as parse_words};
use crate::firewall::lokkit::port::Lookup;
use crate::firewall::lokkit::selinux::{Selinux, mode};
use crate::firewall::lokkit::services::DEFAULT_SETS;
use crate::firewall::lokkit::settings::Entry;

/// Something asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// An entry for the configuration.
    Entry(Entry),
    /// On or off.
    Switch(bool),
    /// `-f`
    Force,
    /// `--default`; which set counts is [`Command::default_set`].
    Default,
    /// `--selinux` or `--selinuxtype`; what counts is [`Command::selinux`].
    Selinux,
}

/// The command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// What is asked for, in order.
    pub words: Vec<Word>,
    /// What is wrong, whole messages.
    pub errors: Vec<String>,
    /// Help is wanted.
    pub help: bool,
    /// The version is wanted.
    pub version: bool,
    /// The list of services is wanted.
    pub list_services: bool,
    /// The list of ICMP types is wanted.
    pub list_icmp_types: bool,
    /// The set of default services.
    pub default_set: Option<String>,
    /// The SELinux settings that are wanted.
    pub selinux: Selinux,
    /// Every word is about SELinux: the firewall is not touched.
    pub only_selinux: bool,
    no_start: bool,
    force: bool,
    update: bool,
}

impl Command {
    /// Parses the words after the tool's name.
    pub fn parse(args: &[OsString], names: Lookup) -> Command {
        let mut command = Command {
            only_selinux: args.iter().all(|word| word.as_bytes().starts_with(b"--selinux")),
            ..Command::default()
        };
        for item in parse_words(args, Grammar::CommandLine) {
            match item {
                Item::Flag(opt) => command.flag(opt),
                Item::Value { opt, spelling, value } => {
                    if let Err(error) = command.value(opt, &spelling, &value, names) {
                        command.errors.push(error);
                    }
                }
                Item::Error(error) => command.errors.push(error),
            }
        }
        command
    }

    /// Whether to start from nothing instead of from what is configured.
    pub fn is_forced(&self) -> bool {
        self.default_set.is_some() || self.force && !self.update
    }

    /// Whether the services are to be restarted.
    pub fn restarts(&self) -> bool {
        !self.no_start || self.update && self.default_set.is_none()
    }

    fn flag(&mut self, opt: Opt) {
        match opt {
            Opt::Help => self.help = true,
            Opt::Version => self.version = true,
            Opt::ListServices => self.list_services = true,
            Opt::ListIcmpTypes => self.list_icmp_types = true,
            Opt::NoStart => self.no_start = true,
            Opt::Update => self.update = true,
            Opt::Enabled => self.words.push(Word::Switch(true)),
            Opt::Disabled => self.words.push(Word::Switch(false)),
            Opt::Force => {
                self.force = true;
                self.words.push(Word::Force);
            }
            // Quiet and verbose change nothing here: no service is started that could talk.
            _ => {}
        }
    }

    fn value(&mut self, opt: Opt, spelling: &str, value: &OsStr, names: Lookup) -> Result<(), String> {
        match opt {
            Opt::Default => {
                self.default_set = Some(default_set(value)?);
                self.words.push(Word::Default);
            }
            Opt::Selinux => {
                self.selinux.mode = Some(mode(value)?);
                self.words.push(Word::Selinux);
            }
            Opt::SelinuxType => {
                if value.as_bytes().iter().any(u8::is_ascii_control) {
                    return Err(format!("option {spelling}: invalid policy type '{}'.", value.display()));
                }
                self.selinux.policy = Some(value.to_owned());
                self.words.push(Word::Selinux);
            }
            _ => self.words.push(Word::Entry(Entry::parse(opt, spelling, value, names)?)),
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
        Command::parse(&args, &|_| None)
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
        ] {
            assert_eq!(command(line).only_selinux, only, "{line}");
        }
    }

    #[test]
    fn choices_are_checked_and_the_last_counts() {
        let both = command("--default=server --default desktop --selinux=disabled --selinux=enforcing");
        assert_eq!(both.default_set.as_deref(), Some("desktop"));
        assert_eq!(both.selinux.mode, Some("enforcing"));
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
