//! What lokkit's configuration says: on or off, and what is open, each kind a set in the order in
//! which it was asked for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::custom::CustomRules;
use super::forward::Forward;
use super::icmp::{IcmpType, icmp_type};
use super::interface;
use super::port::{Lookup, Port};
use super::services::{Service, service};
use super::set::OrderedSet;
use crate::firewall::lokkit::grammar::Opt;

/// One thing that the firewall is to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Accept everything from an interface.
    Trust(String),
    /// Masquerade what leaves by an interface.
    Masq(String),
    /// Open ports.
    Port(Port),
    /// Include a file of rules.
    CustomRules(CustomRules),
    /// Open a predefined service.
    Service(&'static Service),
    /// Reject an ICMP type.
    BlockIcmp(&'static IcmpType),
    /// Forward a port.
    Forward(Forward),
    /// Have the iptables service load a module.
    AddModule(OsString),
    /// A module that it shall not load any more; applied after all additions.
    RemoveModule(OsString),
}

impl Entry {
    /// Parses the value of an option that stands for an entry. The error is the whole message.
    pub fn parse(opt: Opt, spelling: &str, value: &OsStr, names: Lookup) -> Result<Entry, String> {
        let text = value.to_string_lossy();
        let bytes = value.as_bytes();
        let known = str::from_utf8(bytes).ok();
        let entry = match opt {
            Opt::Trust | Opt::Masq => {
                let of = if opt == Opt::Trust {
                    Entry::Trust
                } else {
                    Entry::Masq
                };
                interface::parse(value).map(of).ok_or_else(|| format!("invalid interface '{text}'."))
            }
            Opt::Port => Port::parse(bytes, names).map(Entry::Port),
            Opt::CustomRules => CustomRules::parse(value).map(Entry::CustomRules),
            Opt::Service => known
                .and_then(service)
                .map(Entry::Service)
                .ok_or_else(|| format!("invalid service '{text}'.")),
            // The option is in the text and in front of it: OptionError adds it to what _check_icmp_type()
            // says.
            Opt::BlockIcmp => known
                .and_then(icmp_type)
                .map(Entry::BlockIcmp)
                .ok_or_else(|| format!("option {spelling}: invalid icmp type '{text}'.")),
            Opt::ForwardPort => Forward::parse(bytes, names)
                .map(Entry::Forward)
                .map_err(|error| format!("option {spelling}: {error}")),
            Opt::AddModule => module(value).map(Entry::AddModule),
            Opt::RemoveModule => module(value).map(Entry::RemoveModule),
            _ => return Err(format!("no such option: {spelling}")),
        };
        entry.map_err(|error| format!("option {spelling}: {error}"))
    }
}

/// A module list is a shell assignment in double quotes: what would end or expand in there is no
/// part of a module's name.
fn module(name: &OsStr) -> Result<OsString, String> {
    let harmful = |byte: &u8| b"\"$`\\".contains(byte) || byte.is_ascii_control();
    match name.as_bytes().iter().any(harmful) {
        true => Err(format!("invalid module '{}'.", name.display())),
        false => Ok(name.to_owned()),
    }
}

/// The whole of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// On or off, if it says so.
    pub switch: Option<bool>,
    /// Interfaces from which everything is accepted.
    pub trusted: OrderedSet<String>,
    /// Interfaces by which masqueraded packets leave.
    pub masq: OrderedSet<String>,
    /// Open ports.
    pub ports: OrderedSet<Port>,
    /// Custom rules files.
    pub custom_rules: OrderedSet<CustomRules>,
    /// Open services.
    pub services: OrderedSet<&'static Service>,
    /// Rejected ICMP types.
    pub blocked_icmp: OrderedSet<&'static IcmpType>,
    /// Forwarded ports.
    pub forwards: OrderedSet<Forward>,
    /// Modules to load. Never written to the configuration file.
    pub add_modules: OrderedSet<OsString>,
    /// Modules to remove from the list. Never written to the configuration file.
    pub remove_modules: OrderedSet<OsString>,
}

impl Settings {
    /// Whether the firewall is on: unless it says off, it is (`default=True` in _addStandardOptions()). So
    /// the first call in a bare image closes everything that it does not name.
    pub(crate) fn is_on(&self) -> bool {
        self.switch != Some(false)
    }

    /// Takes an entry in; whether it was not there before.
    pub fn insert(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::Trust(interface) => self.trusted.insert(interface),
            Entry::Masq(interface) => self.masq.insert(interface),
            Entry::Port(port) => self.ports.insert(port),
            Entry::CustomRules(rules) => self.custom_rules.insert(rules),
            Entry::Service(service) => self.services.insert(service),
            Entry::BlockIcmp(icmp) => self.blocked_icmp.insert(icmp),
            Entry::Forward(forward) => self.forwards.insert(forward),
            Entry::AddModule(module) => self.add_modules.insert(module),
            Entry::RemoveModule(module) => self.remove_modules.insert(module),
        }
    }

    /// Whether an entry is there.
    pub fn contains(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Trust(interface) => self.trusted.contains(interface),
            Entry::Masq(interface) => self.masq.contains(interface),
            Entry::Port(port) => self.ports.contains(port),
            Entry::CustomRules(rules) => self.custom_rules.contains(rules),
            Entry::Service(service) => self.services.contains(service),
            Entry::BlockIcmp(icmp) => self.blocked_icmp.contains(icmp),
            Entry::Forward(forward) => self.forwards.contains(forward),
            Entry::AddModule(module) => self.add_modules.contains(module),
            Entry::RemoveModule(module) => self.remove_modules.contains(module),
        }
    }

    /// Every entry, kind by kind, modules aside.
    pub fn entries(&self) -> Vec<Entry> {
        let named = |set: &OrderedSet<String>, of: fn(String) -> Entry| {
            set.iter().cloned().map(of).collect::<Vec<_>>()
        };
        let mut entries = named(&self.trusted, Entry::Trust);
        entries.extend(named(&self.masq, Entry::Masq));
        entries.extend(self.ports.iter().copied().map(Entry::Port));
        entries.extend(self.custom_rules.iter().cloned().map(Entry::CustomRules));
        entries.extend(self.services.iter().map(|service| Entry::Service(service)));
        entries.extend(self.blocked_icmp.iter().map(|icmp| Entry::BlockIcmp(icmp)));
        entries.extend(self.forwards.iter().cloned().map(Entry::Forward));
        entries
    }

    /// Whether everything that `other` has, modules aside, is there as well.
    pub fn covers(&self, other: &Settings) -> bool {
        other.trusted.iter().all(|it| self.trusted.contains(it))
            && other.masq.iter().all(|it| self.masq.contains(it))
            && other.ports.iter().all(|it| self.ports.contains(it))
            && other.custom_rules.iter().all(|it| self.custom_rules.contains(it))
            && other.services.iter().all(|it| self.services.contains(it))
            && other.blocked_icmp.iter().all(|it| self.blocked_icmp.contains(it))
            && other.forwards.iter().all(|it| self.forwards.contains(it))
    }

    /// Whether a module option is among them.
    pub(crate) fn names_modules(&self) -> bool {
        !self.add_modules.is_empty() || !self.remove_modules.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_option_as_it_was_typed() {
        let cases = [
            (Opt::Port, "-p", "80", "option -p: invalid port definition 80."),
            (Opt::Service, "-s", "SSH", "option -s: invalid service 'SSH'."),
            (Opt::Trust, "--trust", "a b", "option --trust: invalid interface 'a b'."),
            (
                Opt::BlockIcmp,
                "--block-icmp",
                "8",
                "option --block-icmp: option --block-icmp: invalid icmp type '8'.",
            ),
            (
                Opt::ForwardPort,
                "--forward-port",
                "x",
                "option --forward-port: option --forward-port: invalid forward_port 'x': Invalid argument x.",
            ),
            (
                Opt::CustomRules,
                "--custom-rules",
                "ipv6:nat:x",
                "option --custom-rules: ipv6 has no nat support.",
            ),
            (Opt::AddModule, "--addmodule", "$(id)", "option --addmodule: invalid module '$(id)'."),
        ];
        for (opt, spelling, value, message) in cases {
            let error = Entry::parse(opt, spelling, OsStr::new(value), &|_| None).unwrap_err();
            assert_eq!(error, message);
        }
    }

    #[test]
    fn lokkit_port_asked_for_twice_is_listed_once() {
        let port = || Entry::parse(Opt::Port, "-p", OsStr::new("90-90:tcp"), &|_| None).unwrap();
        let mut settings = Settings::default();
        assert!(!settings.contains(&port()));
        assert!(settings.insert(port()));
        assert!(!settings.insert(port()));
        assert!(settings.contains(&port()));
        assert!(settings.covers(&settings.clone()));
        assert!(!Settings::default().covers(&settings));
    }
}
